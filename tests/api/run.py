"""The API of a running station against its own OpenAPI document, as each role: schemathesis.

    python tests/api/run.py --assay PATH --config STATION.toml [--examples N] [--seed N] [--role ROLE]

No answer of 500 and above, none that the document does not have, no data without authorisation or for a role below
that of the operation. Prints one line per role and, last, "N passed, N failed". Exit code 1 when one failed.
"""

import argparse
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROLES = ["viewer", "operator", "engineer", "admin"]
START_LIMIT_S = 60
# schemathesis itself ends long before: it is bounded by its number of examples.
ROLE_LIMIT_S = 900
# `positive_data_acceptance`: what fits the schema may still be refused (a time range turned round, a stale review).
CHECKS = [
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
    "not_a_server_error",
    "role_is_kept",
]


def start(assay, config):
    """Starts the station on a free port; gives its process and address."""
    child = subprocess.Popen(
        [assay, "run", "--config", config, "--bind", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    )
    # Read to its end, so that the station never waits for who reads it.
    lines = queue.SimpleQueue()
    threading.Thread(target=lambda: [lines.put(line) for line in child.stdout], daemon=True).start()
    said, deadline = "", time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and child.poll() is None:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            continue
        said += line
        found = re.search(r"admin: (http://127\.0\.0\.1:\d+)", line)
        if found:
            return child, found.group(1)
    child.kill()
    raise SystemExit(f"the station gave no address within {START_LIMIT_S} s:\n{said}")


def make_users(assay, config):
    """A user, so that the station is not open, and a token of each role."""
    why = ["--config", config, "--reason", "tests of the API"]
    add = [assay, "user", "add", "ada", "--role", "admin", *why]
    subprocess.run(add, input="canada-goose-7\n", text=True, check=True, stdout=subprocess.DEVNULL)
    tokens = {}
    for role in ROLES:
        create = [assay, "token", "create", f"machine-{role}", "--role", role, "--days", "1", *why]
        said = subprocess.run(create, text=True, check=True, capture_output=True).stdout
        tokens[role] = re.search(r"assay_[0-9A-Za-z_]+", said).group(0)
    return tokens


def ask(address, path, token=None, method="GET"):
    request = urllib.request.Request(address + path, method=method)
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def anonymous(address, document):
    """Without authorisation every operation is refused, whatever its parameters are."""
    for path, item in document["paths"].items():
        for method in item:
            concrete = re.sub(r"\{[^}]*\}", "1", path)
            status, body = ask(address, concrete, method=method.upper())
            kind = json.loads(body)["type"]
            if status != 401 or not kind.startswith("urn:assay:problem:"):
                return f"{method.upper()} {path} answers nobody with {status}: {body[:200]}"
    return None


def schemathesis(options, address, document, role, token):
    report = ["--report", "junit", "--report-junit-path", str(options.out / f"{role}.xml")] if options.out else []
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", str(document), "--url", address,
        "--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(options.examples), "--seed", str(options.seed),
        # Has no end: what it answers is tested in host/src/admin/tests/events.rs.
        "--exclude-path", "/api/v1/events",
        "--suppress-health-check", "all", "--request-timeout", "30", "--continue-on-failure", "--no-color",
        "--warnings", "off", *report,
    ]  # fmt: skip
    here = Path(__file__).parent
    environment = os.environ | {
        "ASSAY_ROLE": role, "ASSAY_TOKEN": token, "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(here), "PYTHONDONTWRITEBYTECODE": "1"
    }  # fmt: skip
    folder = options.out or here
    run = subprocess.run(command, env=environment, cwd=folder, text=True, capture_output=True, timeout=ROLE_LIMIT_S)
    return run.stdout[-6000:] + run.stderr[-2000:] if run.returncode else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--assay", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--out", type=Path, help="where what it found is left")
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--role", choices=ROLES, help="only this one")
    options = parser.parse_args()
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        options.out = options.out.resolve()
    child, address = start(options.assay, options.config)
    failures, count = [], 0
    try:
        tokens = make_users(options.assay, options.config)
        status, body = ask(address, "/api/v1/openapi.json", tokens["viewer"])
        assert status == 200, f"the document: {status}"
        file = (options.out or Path(options.config).parent) / "openapi.json"
        file.write_bytes(body)
        parts = {"nobody": lambda: anonymous(address, json.loads(body))}
        for role in ROLES if options.role is None else [options.role]:
            parts[role] = lambda role=role: schemathesis(options, address, file, role, tokens[role])
        for name, part in parts.items():
            began, count = time.monotonic(), count + 1
            found = part()
            print(f"{'FAIL' if found else 'ok  '}  api: {name} ({time.monotonic() - began:.0f} s)", flush=True)
            if found:
                failures.append(name)
                print(found)
    finally:
        child.send_signal(signal.SIGINT)
        ended = child.wait(timeout=60)
    if ended != 0:
        failures.append("end")
        print(f"FAIL  api: the station ended with {ended}")
    print(f"{count + 1 - len(failures)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
