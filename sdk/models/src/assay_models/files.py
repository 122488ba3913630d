"""Files that are whole or not there: every output is written beside its place and moved onto it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import KitError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes `path` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes files that only their owner reads; a result is for whoever may read the folder.
        part.chmod(0o644)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON of a file that some other command wrote."""
    try:
        return json.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path} cannot be read: {error}") from error
    except json.JSONDecodeError as error:
        raise KitError(f"{path} is not JSON: {error}") from error


def claim(folder: Path, facts: dict[str, Any]) -> None:
    """A folder of intermediate results belongs to one piece of work: other facts would mix with what is there."""
    file, facts = folder / "work.json", json.loads(json.dumps(facts))
    if not file.exists():
        write_json(file, facts)
        return
    found = read_json(file)
    other = sorted(key for key in facts.keys() | found.keys() if facts.get(key) != found.get(key))
    if other:
        raise KitError(f"{folder} has results of other work ({', '.join(other)} differ): give another --out")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
