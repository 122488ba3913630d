//! Monitor: the mean brightness of the last frames against the mean of the first ones.
const assay = @import("assay");

/// Frames and sum of the first window, frames and sum of the one that is filling.
const Memory = [4]f64;

const Plugin = struct {
    window: f64,
    limit: f64,

    pub fn init() assay.Error!Plugin {
        return .{
            .window = try assay.settings.number("window", 2, 10000, 50),
            .limit = try assay.settings.number("limit", 0.1, 255, 10),
        };
    }

    pub fn observe(self: *Plugin, _: assay.Frame, inspection: assay.Inspection, observation: assay.Observation) assay.Error!void {
        var memory: Memory = .{ 0, 0, 0, 0 };
        if (assay.state.getNumbers("brightness")) |kept| {
            if (kept.len == memory.len) memory = kept[0..memory.len].*;
        }
        const brightness = inspection.picture.statistics().mean;
        const at: usize = if (memory[0] < self.window) 0 else 2;
        memory[at] += 1;
        memory[at + 1] += brightness;
        if (memory[2] >= self.window) {
            const moved = @abs(memory[3] / memory[2] - memory[1] / memory[0]);
            observation.report(.{
                .feature = "brightness",
                .statistic = "mean",
                .value = moved,
                .threshold = self.limit,
                .drifted = moved >= self.limit,
                .window = @intFromFloat(self.window),
            });
            memory[2] = 0;
            memory[3] = 0;
        }
        try assay.state.setNumbers("brightness", &memory);
    }
};

comptime {
    assay.exportMonitor(Plugin);
}
