"""Frame, tensors and model outputs -> findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from wit_world.exports import detect as wit

from ._call import Slot, hand_over, pairs
from .frame import Finding, Frame
from .image import Image
from .tensor import Tensors


@dataclass(slots=True)
class Evidence:
    """The frame as the stages before left it."""

    #: The frame's picture, after the preprocessors.
    picture: Image
    #: What the preprocessors gave, by name.
    inputs: Tensors
    #: What the model gave, by name.
    outputs: Tensors
    #: What else the host says.
    attributes: Mapping[str, str]


@dataclass(slots=True)
class Detection:
    """What a detector gives."""

    findings: list[Finding] = field(default_factory=list)
    #: Pictures for a person to look at, by name.
    images: Mapping[str, Image] = field(default_factory=dict)
    #: Further values under keys of lower-case words with hyphens.
    attributes: Mapping[str, object] = field(default_factory=dict)

    def _to_wit(self) -> Any:
        findings = [finding._to_wit() for finding in self.findings]
        attributes = pairs(self.attributes)
        raw = hand_over(list(self.images.values()))
        return wit.Detection(findings, list(zip(self.images, raw, strict=True)), attributes)


class Detector:
    """Base class of a detector. `__init__` takes no arguments; it reads and checks the settings, before the first
    frame of an instance. An instance lives for one frame mostly, for many where the recipe keeps it warm."""

    _exported: ClassVar[str] = "Detect"

    def detect(self, frame: Frame, evidence: Evidence) -> Detection:
        """Looks at one frame. Any exception makes the frame `undecided`."""
        raise NotImplementedError

    @classmethod
    def _adapter(cls) -> type:
        slot = Slot(cls)

        class Detect:
            def detect(self, frame: Any, evidence: Any) -> Any:
                def work(plugin: Any) -> Any:
                    mine = Evidence(
                        Image(evidence.picture),
                        Tensors(evidence.inputs),
                        Tensors(evidence.outputs),
                        dict(evidence.attributes),
                    )
                    return plugin().detect(Frame._from_wit(frame), mine)._to_wit()

                return slot.run(work)

        return Detect
