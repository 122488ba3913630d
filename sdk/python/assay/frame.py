"""Plain data that all kinds of plugin share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wit_world.imports import types as wit

from ._call import pairs
from .errors import PluginError

_U32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in pixels, top-left origin."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("x", "y", "width", "height"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 <= value <= _U32:
                raise PluginError(f"Region: {name} is {value!r}; expected a whole number from 0 to {_U32}")

    def _to_wit(self) -> Any:
        return wit.Region(self.x, self.y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of a frame but its pixels."""

    station: str
    #: Counts the starts of the station, from 1.
    boot: int
    #: Counts the frames since that start, from 1.
    trigger: int
    #: Microseconds since 1970-01-01 UTC.
    captured_at_us: int
    #: The source's name in the station's configuration.
    source: str
    product: str | None = None
    serial: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def _from_wit(cls, raw: Any) -> Frame:
        return cls(
            raw.station,
            raw.boot,
            raw.trigger,
            raw.captured_at_us,
            raw.source,
            raw.product,
            raw.serial,
            dict(raw.attributes),
        )


@dataclass(slots=True)
class Finding:
    """What a detector says about a frame."""

    #: A short word, the same for the same thing: `too-dark`. Recipes know it by this word.
    label: str
    #: Brought into [0, 1]; one that is no number becomes 1, so that a broken measurement is seen.
    score: float
    #: True asks for the recipe's consequence; false is only shown.
    raised: bool = False
    #: Inside the picture; anything else is a bad answer.
    region: Region | None = None
    #: For a person, at most a line.
    text: str | None = None
    #: Further values under keys of lower-case words with hyphens; values are written with `str`.
    attributes: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.score = _unit(self.score)

    @classmethod
    def _from_wit(cls, raw: Any) -> Finding:
        region = raw.region and Region(raw.region.x, raw.region.y, raw.region.width, raw.region.height)
        return cls(raw.label, raw.score, raw.raised, region, raw.text, dict(raw.attributes))

    def _to_wit(self) -> Any:
        return wit.Finding(
            self.label,
            _unit(self.score),
            bool(self.raised),
            self.region._to_wit() if self.region is not None else None,
            self.text,
            pairs(self.attributes),
        )


def _unit(score: float) -> float:
    return 1.0 if math.isnan(score) else min(1.0, max(0.0, float(score)))
