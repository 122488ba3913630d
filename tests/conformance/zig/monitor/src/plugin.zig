//! Does what its setting `case` says; what each case has to give stands in cases.json.
const std = @import("std");
const assay = @import("assay");

const Error = assay.Error;
const Answer = assay.Observation;
const state = assay.state;

const Case = enum { inspection, reports, quiet, @"state-count", @"state-bytes", @"state-limit", @"state-undone" };

const Plugin = struct {
    wanted: [:0]const u8,

    pub fn init() Error!Plugin {
        return .{ .wanted = try assay.settings.text("case", "") };
    }

    pub fn observe(self: *Plugin, _: assay.Frame, inspection: assay.Inspection, observation: Answer) Error!void {
        const case = std.meta.stringToEnum(Case, self.wanted) orelse
            return assay.badSetting("case", "a case", self.wanted);
        switch (case) {
            .inspection => try all(inspection, observation),
            .reports => {
                report(observation, "brightness", "psi", 0.5, 0.25);
                report(observation, "sharpness", "ks", 0.1, 0.2);
            },
            .quiet => {},
            .@"state-count" => try count(observation),
            .@"state-bytes" => try bytes(observation),
            .@"state-limit" => try state.set("big", &@as([4096]u8, @splat(7))),
            .@"state-undone" => {
                try state.setNumbers("undone", &.{1});
                const found = state.get("undone") orelse &.{};
                return assay.fail(error.Other, "{d} is kept for now", .{found.len});
            },
        }
    }
};

fn report(to: Answer, feature: [:0]const u8, statistic: [:0]const u8, value: f64, threshold: f64) void {
    to.report(.{
        .feature = feature,
        .statistic = statistic,
        .value = value,
        .threshold = threshold,
        .drifted = value >= threshold,
        .window = 9,
    });
}

/// One report per part of the inspection.
fn all(from: assay.Inspection, to: Answer) Error!void {
    if (from.findings.len == 0) return assay.fail(error.Other, "no finding", .{});
    const first = from.findings[0];
    var probabilities: f64 = 0;
    for (from.probabilities) |value| probabilities += value;
    var output: f64 = 0;
    for (try (try from.outputs.get("logits")).toF32()) |value| output += value;
    report(to, "picture", "mean", from.picture.statistics().mean, 1000);
    report(to, "verdict", from.verdict, 1, 1000);
    report(to, "label", from.label orelse "none", 1, 1000);
    report(to, "probabilities", "sum", probabilities, 1000);
    report(to, "finding", std.mem.span(first.label), first.score, 1000);
    report(to, "output", "sum", output, 1000);
}

/// Counts frames; forgets after the third.
fn count(to: Answer) Error!void {
    var now: f64 = 1;
    if (state.getNumbers("frames")) |before| {
        if (before.len == 1) now += before[0];
    }
    if (now < 3) try state.setNumbers("frames", &.{now}) else state.delete("frames");
    report(to, "frames", "count", now, 1000);
}

/// Every byte comes back.
fn bytes(to: Answer) Error!void {
    var values: [256]u8 = undefined;
    for (&values, 0..) |*value, at| value.* = @intCast(at);
    try state.set("bytes", &values);
    var weighted: f64 = 0;
    for (state.get("bytes") orelse &.{}, 0..) |byte, at| weighted += @floatFromInt(at * byte);
    report(to, "bytes", "weighted", weighted, 1e9);
}

comptime {
    assay.exportMonitor(Plugin);
}
