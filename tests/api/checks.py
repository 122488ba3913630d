"""Loaded by schemathesis (SCHEMATHESIS_HOOKS): who may do what, as the document itself says."""

import os

import schemathesis

ROLES = ["viewer", "operator", "engineer", "admin"]


@schemathesis.check
def role_is_kept(ctx, response, case):
    """A role below that of the operation gets nothing but a refusal; one that suffices is never told that it does not."""
    mine = os.environ["ASSAY_ROLE"]
    needed = case.operation.definition.raw.get("x-assay-role")
    assert needed in ROLES, f"{case.operation.label} does not say who may ask"
    problem = response.json().get("type", "") if "problem+json" in content_type(response) else ""
    if response.request.headers.get("Authorization") != f"Bearer {os.environ['ASSAY_TOKEN']}":
        return None  # `ignored_auth` looks at those.
    if ROLES.index(mine) < ROLES.index(needed):
        assert response.status_code in (401, 403, 405), f"{mine} got {response.status_code} from what needs {needed}"
        assert problem.startswith("urn:assay:problem:"), f"{mine} got data from what needs {needed}"
    else:
        assert problem != "urn:assay:problem:wrong-role", f"{mine} is refused what {needed} may do"
    return None


def content_type(response):
    values = response.headers.get("content-type") or []
    return values[0] if isinstance(values, list) and values else str(values)
