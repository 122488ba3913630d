"""Finds pictures that are too bright or too dark."""

from assay import Detection, Detector, Evidence, Finding, Frame, export, log, settings


@export
class Plugin(Detector):
    def __init__(self) -> None:
        # Read once per instance; a wrong value is an error that names the setting.
        self.low = settings.number("low", default=40.0, low=0, high=255)
        self.high = settings.number("high", default=220.0, low=0, high=255)

    def detect(self, frame: Frame, evidence: Evidence) -> Detection:
        mean = evidence.picture.statistics().mean  # luma, 0 to 255, computed by the host
        log.debug(f"{frame.source} {frame.trigger}: mean luma {mean:.1f}")
        label = "too-dark" if mean < self.low else "too-bright"
        raised = not self.low <= mean <= self.high
        finding = Finding(label, 1.0 if raised else 0.0, raised=raised, text=f"mean luma {mean:.1f}")
        return Detection([finding] if raised else [], attributes={"mean-luma": f"{mean:.3f}"})
