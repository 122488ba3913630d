"""Inspections, after their verdict -> reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from wit_world.exports import observe as wit

from ._call import Slot, pairs
from .frame import Finding, Frame
from .image import Image
from .tensor import Tensors


@dataclass(slots=True)
class Inspection:
    """A judged frame."""

    #: The frame's picture, after the preprocessors.
    picture: Image
    #: `pass`, `fail` or `undecided`.
    verdict: str
    #: The top label, where the model answered.
    label: str | None
    #: In the order of the model's labels, each in [0, 1]; empty where the model did not answer.
    probabilities: list[float]
    #: Of all detectors.
    findings: list[Finding]
    #: What the model gave, by name.
    outputs: Tensors
    #: What else the host says.
    attributes: Mapping[str, str]


@dataclass(slots=True)
class Report:
    """One measure of one feature."""

    #: What was watched: `brightness`.
    feature: str
    #: How: `psi`.
    statistic: str
    value: float
    #: At and above it the value counts as drift.
    threshold: float
    #: Whether it does.
    drifted: bool
    #: Frames that the value speaks of.
    window: int
    #: Further values under keys of lower-case words with hyphens.
    attributes: Mapping[str, object] = field(default_factory=dict)

    def _to_wit(self) -> Any:
        return wit.Report(
            self.feature,
            self.statistic,
            float(self.value),
            float(self.threshold),
            bool(self.drifted),
            int(self.window),
            pairs(self.attributes),
        )


@dataclass(slots=True)
class Observation:
    """What a monitor gives: only what is new. A report whose window is not full yet is left out."""

    reports: list[Report] = field(default_factory=list)
    #: Further values under keys of lower-case words with hyphens.
    attributes: Mapping[str, object] = field(default_factory=dict)

    def _to_wit(self) -> Any:
        return wit.Observation([report._to_wit() for report in self.reports], pairs(self.attributes))


class Monitor:
    """Base class of a monitor. What it has to remember goes into `assay.state`: the instance itself may be a fresh
    one for every frame. `__init__` takes no arguments; it reads and checks the settings."""

    _exported: ClassVar[str] = "Observe"

    def observe(self, frame: Frame, inspection: Inspection) -> Observation:
        """Looks at one judged frame. Any exception becomes an alarm; the verdict stays."""
        raise NotImplementedError

    @classmethod
    def _adapter(cls) -> type:
        slot = Slot(cls)

        class Observe:
            def observe(self, frame: Any, inspection: Any) -> Any:
                def work(plugin: Any) -> Any:
                    return plugin().observe(Frame._from_wit(frame), _from_wit(inspection))._to_wit()

                return slot.run(work)

        return Observe


def _from_wit(raw: Any) -> Inspection:
    return Inspection(
        Image(raw.picture),
        raw.verdict,
        raw.label,
        list(raw.probabilities),
        [Finding._from_wit(finding) for finding in raw.findings],
        Tensors(raw.outputs),
        dict(raw.attributes),
    )
