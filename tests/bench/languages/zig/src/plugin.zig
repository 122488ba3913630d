//! A grey picture as numbers, made by the host or by the plugin.
const std = @import("std");
const assay = @import("assay");

const mean: f32 = 16;
const scale: f32 = 128;

const Plugin = struct {
    work: [:0]const u8,

    pub fn init() assay.Error!Plugin {
        return .{ .work = try assay.settings.text("work", "nothing") };
    }

    pub fn preprocess(self: *Plugin, _: assay.Frame, picture: assay.Image, prepared: assay.Prepared) assay.Error!void {
        if (std.mem.eql(u8, self.work, "handle")) {
            prepared.tensor("input", try picture.toTensor(.{ .mean = &.{mean}, .scale = &.{scale} }));
        } else if (std.mem.eql(u8, self.work, "guest")) {
            prepared.tensor("input", try byThePlugin(picture));
        }
    }
};

fn byThePlugin(picture: assay.Image) assay.Error!assay.Tensor {
    const info = picture.info();
    const pixels = try picture.readRows(0, info.height);
    const numbers = assay.allocator.alloc(f32, pixels.len) catch unreachable;
    for (pixels, numbers) |pixel, *number| {
        number.* = (@as(f32, @floatFromInt(pixel)) - mean) / scale;
    }
    return assay.Tensor.fromF32(&.{ 1, 1, info.height, info.width }, numbers);
}

comptime {
    assay.exportPreprocessor(Plugin);
}
