"""Frame -> named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from wit_world.exports import preprocess as wit

from ._call import Slot, hand_over, pairs
from .frame import Frame
from .image import Image
from .tensor import Tensor


@dataclass(slots=True)
class Prepared:
    """What a preprocessor gives."""

    #: Inputs of the model by name; the detectors see them too.
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    #: Takes the frame's place for the stages behind this one.
    picture: Image | None = None
    #: Pictures for a person to look at, by name.
    images: Mapping[str, Image] = field(default_factory=dict)
    #: Further values under keys of lower-case words with hyphens.
    attributes: Mapping[str, object] = field(default_factory=dict)

    def _to_wit(self) -> Any:
        attributes = pairs(self.attributes)
        pictures = [] if self.picture is None else [self.picture]
        raw = iter(hand_over([*self.tensors.values(), *pictures, *self.images.values()]))
        tensors = [(name, next(raw)) for name in self.tensors]
        picture = next(raw) if pictures else None
        return wit.Prepared(tensors, picture, [(name, next(raw)) for name in self.images], attributes)


class Preprocessor:
    """Base class of a preprocessor. `__init__` takes no arguments; it reads and checks the settings, before the first
    frame of an instance. An instance lives for one frame mostly, for many where the recipe keeps it warm."""

    _exported: ClassVar[str] = "Preprocess"

    def preprocess(self, frame: Frame, picture: Image) -> Prepared:
        """Makes the model's inputs of one picture. Any exception makes the frame `undecided`."""
        raise NotImplementedError

    @classmethod
    def _adapter(cls) -> type:
        slot = Slot(cls)

        class Preprocess:
            def preprocess(self, frame: Any, picture: Any) -> Any:
                def work(plugin: Any) -> Any:
                    mine = Image(picture)
                    return plugin().preprocess(Frame._from_wit(frame), mine)._to_wit()

                return slot.run(work)

        return Preprocess
