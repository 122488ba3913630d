//! Detector: raises a finding where the picture is brighter than a limit.
const assay = @import("assay");

const Plugin = struct {
    limit: f64,

    pub fn init() assay.Error!Plugin {
        return .{ .limit = try assay.settings.number("limit", 0, 1, 0.8) };
    }

    pub fn detect(self: *Plugin, _: assay.Frame, evidence: assay.Evidence, detection: assay.Detection) assay.Error!void {
        const brightness = evidence.picture.statistics().mean / 255.0;
        detection.finding(.{
            .label = "too-bright",
            .score = brightness,
            .raised = brightness > self.limit,
            .text = assay.print("brightness {d:.2}, limit {d:.2}", .{ brightness, self.limit }),
        });
    }
};

comptime {
    assay.exportDetector(Plugin);
}
