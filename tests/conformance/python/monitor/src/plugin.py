"""Does what its setting `case` says; what each case has to give stands in cases.json."""

from assay import BadSetting, Frame, Inspection, Monitor, Observation, PluginError, Report, export, settings, state


def report(feature: str, statistic: str, value: float, threshold: float) -> Report:
    return Report(feature, statistic, value, threshold, value >= threshold, 9)


def everything(inspection: Inspection) -> Observation:
    """One report per part of the inspection."""
    first, output = inspection.findings[0], inspection.outputs["logits"]
    return Observation(
        [
            report("picture", "mean", inspection.picture.statistics().mean, 1000),
            report("verdict", inspection.verdict, 1, 1000),
            report("label", inspection.label or "none", 1, 1000),
            report("probabilities", "sum", sum(inspection.probabilities), 1000),
            report("finding", first.label, first.score, 1000),
            report("output", "sum", sum(output.to_f32()), 1000),
        ]
    )


def state_count() -> Observation:
    """Counts frames; forgets after the third."""
    now = (state.get_numbers("frames") or [0.0])[0] + 1
    if now < 3:
        state.set_numbers("frames", [now])
    else:
        state.delete("frames")
    return Observation([report("frames", "count", now, 1000)])


def state_bytes() -> Observation:
    """Every byte comes back."""
    state.set("bytes", bytes(range(256)))
    found = state.get("bytes") or b""
    return Observation([report("bytes", "weighted", sum(at * byte for at, byte in enumerate(found)), 1e9)])


def state_limit() -> Observation:
    state.set("big", bytes([7]) * 4096)
    return Observation()


def state_undone() -> Observation:
    state.set_numbers("undone", [1])
    raise PluginError(f"{len(state.get('undone') or b'')} is kept for now")


@export
class Plugin(Monitor):
    def __init__(self) -> None:
        self.wanted = settings.text("case")

    def observe(self, frame: Frame, inspection: Inspection) -> Observation:
        match self.wanted:
            case "inspection":
                return everything(inspection)
            case "reports":
                two = [report("brightness", "psi", 0.5, 0.25), report("sharpness", "ks", 0.1, 0.2)]
                return Observation(two)
            case "quiet":
                return Observation()
            case "state-count":
                return state_count()
            case "state-bytes":
                return state_bytes()
            case "state-limit":
                return state_limit()
            case "state-undone":
                return state_undone()
        raise BadSetting.of("case", "a case", self.wanted)
