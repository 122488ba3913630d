"""Watches the share of parts that do not pass, window by window."""

from assay import Frame, Inspection, Monitor, Observation, Report, export, settings, state


@export
class Plugin(Monitor):
    def __init__(self) -> None:
        self.window = settings.integer("window", default=50, low=1, high=10_000)
        self.limit = settings.number("limit", default=0.2, low=0, high=1)

    def observe(self, frame: Frame, inspection: Inspection) -> Observation:
        # The host keeps what has to be remembered: the next frame may meet a fresh instance.
        seen = state.get_json("seen", default={"frames": 0, "rejects": 0})
        seen["frames"] += 1
        seen["rejects"] += inspection.verdict != "pass"
        if seen["frames"] < self.window:
            state.set_json("seen", seen)
            return Observation()
        state.delete("seen")
        rate = seen["rejects"] / seen["frames"]
        return Observation([Report("reject_rate", "share", rate, self.limit, rate >= self.limit, seen["frames"])])
