"""Lines for the station's log, under the plugin's name. Needs the capability `log`.

    from assay import log
    log.info(f"{count} pits")

Lines are bounded in number and length by the plugin's limits. Once this module is imported, `print` goes to the log
too, and an exception that leaves the plugin is logged with the places it came through.
"""

from __future__ import annotations

from enum import Enum

from wit_world.imports import log as wit


class Level(Enum):
    """How urgent a line is."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


_WIT = {level: wit.Level[level.name] for level in Level}


def write(level: Level, message: str) -> None:
    """One line."""
    wit.log(_WIT[level], message)


def debug(message: str) -> None:
    """A line for the author while a plugin is being written."""
    write(Level.DEBUG, message)


def info(message: str) -> None:
    """A line for the station engineer."""
    write(Level.INFO, message)


def warn(message: str) -> None:
    """A line about something that is not as it should be."""
    write(Level.WARN, message)


def error(message: str) -> None:
    """A line about something that failed."""
    write(Level.ERROR, message)
