"""Why a plugin gives no answer.

The frame becomes `undecided` (a monitor's error is only an alarm), and the station shows the text to a person: say
what was found, what is expected, and what to change. Any other exception that leaves a plugin becomes a `PluginError`
with its type, its text and its line.
"""

from __future__ import annotations


class PluginError(Exception):
    """Anything that has no class of its own below."""


class UnsupportedInput(PluginError):
    """The picture or a tensor is not what this plugin works on."""


class BadSetting(PluginError):
    """A setting is missing or out of its range."""

    @classmethod
    def of(cls, key: str, expected: str, found: object) -> BadSetting:
        """Names the setting and what it has to be."""
        return cls(f"setting {key}: expected {expected}, found {found}")


class InferenceError(PluginError):
    """A model gave no answer: a tensor that does not fit, the deadline, the device."""
