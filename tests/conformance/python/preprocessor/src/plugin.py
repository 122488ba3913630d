"""Does what its setting `case` says; what each case has to give stands in cases.json."""

from assay import (
    BadSetting,
    Frame,
    Image,
    Prepared,
    Preprocessor,
    Region,
    Tensor,
    TensorSpec,
    UnsupportedInput,
    export,
    settings,
)


def tensors(picture: Image) -> Prepared:
    spec = TensorSpec(layout="nhwc", mean=(10, 20, 30), scale=(2, 4, 8))
    numbers = Tensor.from_f32([1, 4], [1, 2.5, -3, 0.5])
    return Prepared({"pixels": picture.to_tensor(spec), "numbers": numbers, "bytes": Tensor.from_u8([3], [1, 2, 3])})


@export
class Plugin(Preprocessor):
    def __init__(self) -> None:
        self.wanted = settings.text("case")

    def preprocess(self, frame: Frame, picture: Image) -> Prepared:
        match self.wanted:
            case "tensors":
                return tensors(picture)
            case "replace-picture":
                return Prepared(picture=picture.crop(Region(2, 3, 8, 6)), attributes={"replaced": "yes"})
            case "images":
                filled = Image.filled(3, 2, "rgb8", [10, 20, 30])
                return Prepared(images={"grey": picture.convert("gray8"), "filled": filled})
            case "unsupported-input":
                raise UnsupportedInput("no part in sight")
            case "wrong-count":
                return Prepared({"wrong": Tensor.from_f32([2, 2], [1, 2, 3])})
        raise BadSetting.of("case", "a case", self.wanted)
