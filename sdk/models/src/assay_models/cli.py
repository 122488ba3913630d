"""`assay-models`: one command per step; `assay-models COMMAND --help` has the rest."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from . import __version__
from .errors import Interrupted, KitError, missing_extra
from .progress import say, stoppable

EXTRAS = {"torch": "train", "cv2": "train", "skimage": "train", "art": "attack", "foolbox": "attack"}
"""Libraries that a command may find missing, and the extra that brings them."""


def parser() -> argparse.ArgumentParser:
    # Heavy libraries are imported by the commands that need them, not here.
    from .commands import anomaly, calibrating, case, optimising, reporting, training

    top = argparse.ArgumentParser(
        prog="assay-models", description="Shrink, harden, calibrate and pack a classifier for an inspection station."
    )
    top.add_argument("--version", action="version", version=f"assay-models {__version__}")
    parsers = top.add_subparsers(metavar="COMMAND", required=True)
    for group in (reporting, optimising, training, calibrating, anomaly, case):
        group.add(parsers)
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command; a message and 1 for what the user can change, 130 for Ctrl-C."""
    args = parser().parse_args(words)
    # Threads that wait for each other in a busy loop starve everybody else on a shared machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    warnings.filterwarnings("ignore", module=r"torch\.onnx.*")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    logging.getLogger().setLevel(logging.ERROR)
    say(f"seed {args.seed}")
    try:
        with stoppable() as stop:
            args.handler(args, stop)
    except Interrupted as error:
        say(str(error))
        return 130
    except KeyboardInterrupt:
        say("stopped at once; results that were not whole are gone")
        return 130
    except KitError as error:
        say(f"error: {error}")
        return 1
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        say(f"error: {missing_extra(str(error.name), extra)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
