"""What can go wrong, said to the person who can change it."""

from __future__ import annotations


class KitError(Exception):
    """A message for the user: what was found, what is expected, what to do."""


class Interrupted(KitError):
    """Ctrl-C, after the state was saved."""


def missing_extra(package: str, extra: str) -> KitError:
    """A library of an extra is not installed."""
    return KitError(f"{package} is not installed, and this command needs it: pip install 'assay-models[{extra}]'")
