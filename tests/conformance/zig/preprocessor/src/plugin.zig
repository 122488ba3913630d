//! Does what its setting `case` says; what each case has to give stands in cases.json.
const std = @import("std");
const assay = @import("assay");

const Error = assay.Error;

const Case = enum { tensors, @"replace-picture", images, @"unsupported-input", @"wrong-count" };

const Plugin = struct {
    wanted: [:0]const u8,

    pub fn init() Error!Plugin {
        return .{ .wanted = try assay.settings.text("case", "") };
    }

    pub fn preprocess(self: *Plugin, _: assay.Frame, picture: assay.Image, prepared: assay.Prepared) Error!void {
        const case = std.meta.stringToEnum(Case, self.wanted) orelse
            return assay.badSetting("case", "a case", self.wanted);
        switch (case) {
            .tensors => try tensors(picture, prepared),
            .@"replace-picture" => {
                prepared.picture(try picture.crop(.{ .x = 2, .y = 3, .width = 8, .height = 6 }));
                prepared.attribute("replaced", "yes", .{});
            },
            .images => {
                prepared.image("grey", try picture.convert(.gray8));
                prepared.image("filled", try assay.Image.filled(3, 2, .rgb8, &.{ 10, 20, 30 }));
            },
            .@"unsupported-input" => return assay.fail(error.UnsupportedInput, "no part in sight", .{}),
            .@"wrong-count" => prepared.tensor("wrong", try assay.Tensor.fromF32(&.{ 2, 2 }, &.{ 1, 2, 3 })),
        }
    }
};

fn tensors(picture: assay.Image, to: assay.Prepared) Error!void {
    const spec: assay.TensorSpec = .{ .layout = .nhwc, .mean = &.{ 10, 20, 30 }, .scale = &.{ 2, 4, 8 } };
    to.tensor("pixels", try picture.toTensor(spec));
    to.tensor("numbers", try assay.Tensor.fromF32(&.{ 1, 4 }, &.{ 1, 2.5, -3, 0.5 }));
    to.tensor("bytes", try assay.Tensor.fromU8(&.{3}, &.{ 1, 2, 3 }));
}

comptime {
    assay.exportPreprocessor(Plugin);
}
