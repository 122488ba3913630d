"""Does what its setting `case` says; what each case has to give stands in cases.json."""

from collections.abc import Callable
from math import nan

from assay import (
    BadSetting,
    Detection,
    Detector,
    Evidence,
    Finding,
    Frame,
    Image,
    Model,
    PluginError,
    Region,
    Tensor,
    TensorSpec,
    UnsupportedInput,
    export,
    log,
    reference,
    settings,
)


def frame_data(frame: Frame) -> Detection:
    known = {"product": frame.product or "none", "serial": frame.serial or "none"}
    counted = {"station": frame.station, "boot": frame.boot, "trigger": frame.trigger}
    return Detection(attributes={**counted, "captured": frame.captured_at_us, "source": frame.source, **known})


def statistics(evidence: Evidence) -> Detection:
    found = evidence.picture.statistics()
    values = {
        "mean": found.mean,
        "sd": found.sd,
        "laplacian-variance": found.laplacian_variance,
        "dark-share": found.dark_share,
        "bright-share": found.bright_share,
    }
    values |= {f"channel-mean-{at}": mean for at, mean in enumerate(found.channel_means)}
    return Detection(attributes={key: f"{value:.3f}" for key, value in values.items()})


def histogram(evidence: Evidence) -> Detection:
    counts = evidence.picture.histogram()
    weighted = sum(luma * count for luma, count in enumerate(counts))
    return Detection(attributes={"sum": sum(counts), "weighted": weighted})


def read(evidence: Evidence) -> Detection:
    part = evidence.picture.crop(Region(2, 3, 8, 6))
    pixels, rows = part.read_region(Region(1, 1, 4, 4)), evidence.picture.read_rows(2, 2)
    return Detection(attributes={"size": f"{part.width} {part.height}", "region": sum(pixels), "rows": sum(rows)})


def make(evidence: Evidence) -> Detection:
    made = Image.from_pixels(2, 2, "gray8", bytes([0, 64, 128, 255]))
    return Detection(images={"made": made, "filled": Image.filled(3, 2, "rgb8", [10, 20, 30])})


def operations(evidence: Evidence) -> Detection:
    picture = evidence.picture
    top = Image.filled(4, 4, "rgb8", [255, 255, 255])
    return Detection(
        images={
            "crop": picture.crop(Region(2, 3, 8, 6)),
            "resize": picture.resize(8, 6, "nearest"),
            "convert": picture.convert("gray8"),
            "overlay": picture.overlay(top, 10, 2),
            "gaussian": picture.gaussian_blur(2),
            "median": picture.median_blur(7),
            "depth": picture.reduce_bit_depth(1),
            "jpeg": picture.jpeg_round_trip(10),
        }
    )


def shape(tensor: Tensor) -> str:
    return " ".join(str(side) for side in tensor.shape)


def total(tensor: Tensor) -> str:
    return f"{sum(tensor.to_f32()):.3f}"


def tensor(evidence: Evidence) -> Detection:
    picture = evidence.picture
    one = picture.to_tensor(TensorSpec(mean=(127,), scale=(128,)))
    batch = Image.batch_to_tensor([picture, picture], TensorSpec(layout="nhwc", element="uint8"))
    of_one = {"shape": shape(one), "sum": total(one)}
    return Detection(attributes={**of_one, "batch-shape": shape(batch), "batch-sum": sum(batch.to_bytes())})


def named_tensors(evidence: Evidence) -> Detection:
    given, answered = evidence.inputs["input"], evidence.outputs["logits"]
    of_input = {"input-shape": shape(given), "input-sum": total(given)}
    return Detection(attributes={**of_input, "output-shape": shape(answered), "output-sum": total(answered)})


def finding(evidence: Evidence) -> Detection:
    text = "Kratzer, größer als 划痕"
    scratch = Finding("scratch", 0.75, raised=True, region=Region(1, 2, 3, 4), text=text, attributes={"length": 7})
    return Detection([scratch, Finding("clear", 0.25)])


def score_range(evidence: Evidence) -> Detection:
    return Detection([Finding("over", 2.0), Finding("under", -1.0), Finding("none", nan)])


def joined(numbers: list[float]) -> str:
    return " ".join(f"{number:.1f}" for number in numbers)


def all_settings(evidence: Evidence) -> Detection:
    return Detection(
        attributes={
            "flag": "true" if settings.flag("flag") else "false",
            "integer": settings.integer("integer"),
            "number": f"{settings.number('number'):.3f}",
            "text": settings.text("text"),
            "numbers": joined(settings.numbers("numbers")),
            "texts": " ".join(settings.texts("texts")),
        }
    )


def labels(evidence: Evidence) -> Detection:
    return Detection(attributes={"labels": " ".join(settings.labels())})


def model_reference(evidence: Evidence) -> Detection:
    brightness = reference.feature("brightness")
    mean, edges = f"{brightness.number('mean'):.3f}", joined(brightness.numbers("bins/edges"))
    return Detection(attributes={"mean": mean, "edges": edges, "digest": reference.digest()})


def asking(name: str, side: int) -> Callable[[Evidence], Detection]:
    """A square of the picture, its grey levels summed up by a model."""

    def work(evidence: Evidence) -> Detection:
        grey = evidence.picture.crop(Region(2, 3, side, side)).convert("gray8")
        found = Model(name).compute({"image": grey.to_tensor(TensorSpec(mean=(0,), scale=(1,)))})["sum"]
        return Detection(attributes={"shape": shape(found), "sum": total(found)})

    return work


def log_levels(evidence: Evidence) -> Detection:
    log.debug("one")
    log.info("two")
    log.warn("three")
    log.error("four")
    return Detection()


def log_flood(evidence: Evidence) -> Detection:
    for line in range(100):
        log.info(f"line {line}")
    return Detection()


def endless(evidence: Evidence) -> Detection:
    while True:
        pass


def memory(evidence: Evidence) -> Detection:
    held = []
    while True:
        held.append(b"\1" * (1 << 20))


def handles(evidence: Evidence) -> Detection:
    held = []
    while True:
        held.append(evidence.picture.crop(Region(0, 0, 1, 1)))


def host_bytes(evidence: Evidence) -> Detection:
    held = []
    while True:
        held.append(Image.filled(1024, 1024, "gray8", [7]))


def failing(error: Exception) -> Callable[[Evidence], Detection]:
    def work(evidence: Evidence) -> Detection:
        raise error

    return work


def missing_tensor(evidence: Evidence) -> Detection:
    return Detection(attributes={"found": shape(evidence.inputs["nothing"])})


def bad_argument(evidence: Evidence) -> Detection:
    return Detection(images={"part": evidence.picture.crop(Region(15, 11, 4, 4))})


def bad_region(evidence: Evidence) -> Detection:
    return Detection([Finding("outside", 0.5, region=Region(15, 11, 4, 4))])


CASES: dict[str, Callable[[Evidence], Detection]] = {
    "statistics": statistics,
    "histogram": histogram,
    "read": read,
    "make": make,
    "operations": operations,
    "tensor": tensor,
    "evidence": named_tensors,
    "missing-tensor": missing_tensor,
    "finding": finding,
    "score-range": score_range,
    "settings": all_settings,
    "labels": labels,
    "reference": model_reference,
    "inference": asking("demo", 8),
    "unknown-model": asking("other", 8),
    "model-refuses": asking("demo", 4),
    "log": log_levels,
    "log-flood": log_flood,
    "unsupported-input": failing(UnsupportedInput("no part in sight")),
    "bad-setting": failing(BadSetting.of("integer", "less", "more")),
    "other": failing(PluginError("4 holes, expected 5")),
    "bad-argument": bad_argument,
    "bad-region": bad_region,
    "endless": endless,
    "memory": memory,
    "handles": handles,
    "host-bytes": host_bytes,
}


@export
class Plugin(Detector):
    def __init__(self) -> None:
        self.wanted = settings.text("case")

    def detect(self, frame: Frame, evidence: Evidence) -> Detection:
        if self.wanted == "frame":
            return frame_data(frame)
        if self.wanted not in CASES:
            raise BadSetting.of("case", "a case", self.wanted)
        return CASES[self.wanted](evidence)
