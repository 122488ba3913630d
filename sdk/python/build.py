"""Builds one Python plugin to a component.

    python3 sdk/python/build.py --world detector --source src --wit ../../wit --out build/NAME.wasm

`--source` is the folder with `plugin.py` (or that file), `--wit` the folder of Assay's WIT files. componentize-py 0.25.1
has to be installed for the Python that runs this (`pip install componentize-py==0.25.1`), or named by `--componentize`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SDK = Path(__file__).resolve().parent
VERSION = "0.25.1"
WORLDS = ("preprocessor", "detector", "monitor")
#: `--stub-wasi` puts a trap in the place of every function of the namespace `wasi`, and would do so with `wasi:nn`,
#: which a station has. So the component is built against another name of the same length, and gets the true one last.
TRUE_NAME, WHILE_BUILT = b"wasi:nn/", b"wasx:nn/"
#: Imports that a component has only where its plugin uses them: module of the bindings -> line of the world.
OPTIONAL = {
    "log": "import log;",
    "config": "import config;",
    "state": "import state;",
    "graph": "import wasi:nn/graph@",
    "inference": "import wasi:nn/inference@",
    "errors": "import wasi:nn/errors@",
}


def main() -> None:
    options = arguments()
    source = options.source if options.source.is_dir() else options.source.parent
    if not (source / "plugin.py").is_file():
        sys.exit(f"{source}: there is no plugin.py; it has to hold the class marked with @export")
    used = loaded_interfaces(source, options.world)
    with tempfile.TemporaryDirectory() as scratch:
        wit = Path(scratch) / "wit"
        copy_wit(options.wit, wit, options.world, used)
        built = Path(scratch) / "plugin.wasm"
        # A copy, since the Python inside componentize-py leaves its compiled files beside what it loads.
        library = Path(scratch) / "sdk"
        shutil.copytree(SDK / "assay", library / "assay", ignore=shutil.ignore_patterns("__pycache__"))
        componentize(options, source, library, wit, built)
        component = built.read_bytes().replace(WHILE_BUILT, TRUE_NAME)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(component)
    print(f"{options.out} ({len(component) // 1024} KiB, uses {', '.join(used)})")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Builds one Python plugin to a component.")
    parser.add_argument("--world", required=True, choices=WORLDS)
    parser.add_argument("--source", required=True, type=Path, help="folder with plugin.py")
    parser.add_argument("--wit", required=True, type=Path, help="folder of Assay's WIT files")
    parser.add_argument("--out", required=True, type=Path, help="the component to write")
    parser.add_argument("--componentize", type=Path, help="the command componentize-py, where it is not on the path")
    return parser.parse_args()


def loaded_interfaces(source: Path, world: str) -> list[str]:
    """What the plugin and the parts of the SDK that it names load: a component imports no more than that. Asked of a
    Python of its own, so that the plugin's modules do not mix with these."""
    path = os.pathsep.join([str(source.resolve()), str(SDK)])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    code = "from assay.testing import loaded; print(' '.join(loaded.interfaces(%r)))" % world
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{source}/plugin.py cannot be imported:\n{result.stderr.strip()}")
    return result.stdout.split("\n")[-2].split()


def copy_wit(origin: Path, copy: Path, world: str, used: list[str]) -> None:
    """The WIT with a world that imports only what is used, and with the other name of `wasi:nn`."""
    shutil.copytree(origin, copy, ignore=shutil.ignore_patterns("*.md"))
    unused = [line for module, line in OPTIONAL.items() if module not in used]
    for file in copy.rglob("*.wit"):
        text = re.sub(
            rf"(world {world} \{{)(.*?)(\n\}})",
            lambda match: match[1] + "\n".join(keep(match[2].split("\n"), unused)) + match[3],
            file.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
        text = text.replace(TRUE_NAME.decode(), WHILE_BUILT.decode()).replace("package wasi:nn@", "package wasx:nn@")
        file.write_text(text, encoding="utf-8")


def keep(lines: list[str], unused: list[str]) -> list[str]:
    return [line for line in lines if not any(line.strip().startswith(start) for start in unused)]


def componentize(options: argparse.Namespace, source: Path, library: Path, wit: Path, out: Path) -> None:
    beside = Path(sys.executable).with_name("componentize-py")
    found = options.componentize or (beside if beside.is_file() else shutil.which("componentize-py"))
    if found is None:
        sys.exit(f"componentize-py is not installed: {sys.executable} -m pip install componentize-py=={VERSION}")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.split()
    if version[-1:] != [VERSION]:
        sys.exit(f"{found} is version {' '.join(version[-1:])}; install componentize-py=={VERSION}")
    command = [found, "--quiet", "--wit-path", wit, "--world", options.world, "componentize", "--stub-wasi"]
    command += ["--python-path", source, "--python-path", library, "plugin", "--output", out]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode or not out.is_file():
        sys.exit(f"componentize-py failed:\n{(result.stdout + result.stderr).strip()}")


if __name__ == "__main__":
    main()
