"""Where the rule looks, and what it allows: read from the settings, checked, in the order in which they are written."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from assay import BadSetting, Region, settings

#: Setting -> field of the picture's statistics, finding below, finding above.
MEASURES = {
    "mean": ("mean", "too-dark", "too-bright"),
    "sd": ("sd", "low-contrast", "high-contrast"),
    "focus": ("laplacian_variance", "out-of-focus", "too-sharp"),
}
#: More would not be looked at by anybody, and each costs a pass over its pixels.
MOST_AREAS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """What one measure may be; both ends are allowed."""

    name: str
    low: float
    high: float

    @property
    def measure(self) -> str:
        return MEASURES[self.name][0]

    def broken_by(self, value: float) -> str | None:
        """The finding's label."""
        if value < self.low:
            return MEASURES[self.name][1]
        return MEASURES[self.name][2] if value > self.high else None

    def score(self, value: float) -> float:
        """0.5 at the limit, towards 1 with the distance: twice beyond is 0.75."""
        smaller, larger = (value, self.low) if value < self.low else (self.high, value)
        return 1 - smaller / larger / 2


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the picture, in percent of its sides."""

    name: str
    x: float
    y: float
    width: float
    height: float
    limits: tuple[Limit, ...]

    def inside(self, width: int, height: int) -> Region:
        """All pixels that the area touches; at least one, and never outside."""
        left, right = _span(self.x, self.width, width)
        top, bottom = _span(self.y, self.height, height)
        return Region(left, top, right - left, bottom - top)


def areas() -> list[Area]:
    """The regions of the settings, or the cells of the grid."""
    boxes = _grid() or _boxes()
    limits = {name: _limits(name, len(boxes)) for name in MEASURES}
    return [
        Area(name, *box, tuple(limits[measure][at] for measure in MEASURES)) for at, (name, *box) in enumerate(boxes)
    ]


def _boxes() -> list[tuple[str, float, float, float, float]]:
    names, numbers = settings.texts("regions", default=["all"]), settings.numbers("boxes", default=[0, 0, 100, 100])
    if not 1 <= len(names) <= MOST_AREAS or len(set(names)) != len(names):
        raise BadSetting.of("regions", f"1 to {MOST_AREAS} names, each once", names)
    if any(not name or not set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names):
        raise BadSetting.of("regions", "names of lower-case letters, digits and hyphens", names)
    if len(numbers) != 4 * len(names):
        raise BadSetting.of("boxes", f"4 numbers for each of the {len(names)} regions", f"{len(numbers)} numbers")
    boxes = [(name, *numbers[4 * at : 4 * at + 4]) for at, name in enumerate(names)]
    for name, x, y, width, height in boxes:
        if min(x, y) < 0 or min(width, height) <= 0 or x + width > 100 or y + height > 100:
            expected = f"x, y, width and height of {name} inside 0 to 100 percent"
            raise BadSetting.of("boxes", expected, [x, y, width, height])
    return boxes


def _grid() -> list[tuple[str, float, float, float, float]]:
    grid = settings.numbers("grid", default=[])
    if not grid:
        return []
    if len(grid) != 2 or any(side != int(side) or side < 1 for side in grid) or grid[0] * grid[1] > MOST_AREAS:
        raise BadSetting.of("grid", f"columns and rows, at most {MOST_AREAS} cells, or an empty list", grid)
    columns, rows = int(grid[0]), int(grid[1])
    width, height = 100 / columns, 100 / rows
    return [
        (f"r{row + 1}c{column + 1}", column * width, row * height, width, height)
        for row in range(rows)
        for column in range(columns)
    ]


def _limits(name: str, count: int) -> list[Limit]:
    low, high = _per_area(f"min-{name}", 0.0, count), _per_area(f"max-{name}", float("inf"), count)
    for least, most in zip(low, high, strict=True):
        if least < 0 or least > most:
            raise BadSetting.of(f"min-{name}", f"0 or more, and at most max-{name} ({most:g})", f"{least:g}")
    return [Limit(name, least, most) for least, most in zip(low, high, strict=True)]


def _per_area(key: str, default: float, count: int) -> list[float]:
    if settings.get(key) is None:
        return [default] * count
    numbers = settings.numbers(key)
    if len(numbers) not in (1, count):
        raise BadSetting.of(key, f"1 number, or {count}: one per region", f"{len(numbers)} numbers")
    return numbers * count if len(numbers) == 1 else numbers


def _span(start: float, length: float, side: int) -> tuple[int, int]:
    # A millionth of a pixel is no pixel: cells whose edge is a whole pixel must not overlap.
    first = min(floor(start * side / 100 + 1e-6), side - 1)
    return first, min(max(ceil((start + length) * side / 100 - 1e-6), first + 1), side)
