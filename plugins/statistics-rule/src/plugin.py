"""A quality engineer's rule: brightness, contrast and focus have to stay inside limits, region by region.

The rule itself is `detect`; regions.py reads where it looks and what it allows."""

from assay import Detection, Detector, Evidence, Finding, Frame, export
from regions import areas


@export
class StatisticsRule(Detector):
    def __init__(self) -> None:
        self.areas = areas()

    def detect(self, frame: Frame, evidence: Evidence) -> Detection:
        answer = Detection([], attributes={})
        info = evidence.picture.info
        for area in self.areas:
            region = area.inside(info.width, info.height)
            found = evidence.picture.crop(region).statistics()  # by the host, in one pass
            for limit in area.limits:
                value = getattr(found, limit.measure)
                answer.attributes[f"{area.name}-{limit.name}"] = f"{value:.3f}"
                if label := limit.broken_by(value):
                    text = f"{area.name}: {limit.name} {value:.1f}, allowed {limit.low:g} to {limit.high:g}"
                    answer.findings.append(
                        Finding(label, limit.score(value), True, region, text, {"area": area.name, "value": value})
                    )
        return answer
