//! Preprocessor: brings the picture to the model's size and gives it as the model's input.
const assay = @import("assay");

const Plugin = struct {
    width: u32,
    height: u32,
    mean: f32,
    scale: f32,
    input: [:0]const u8,

    pub fn init() assay.Error!Plugin {
        return .{
            .width = try assay.settings.integer(u32, "width", 1, 8192, 224),
            .height = try assay.settings.integer(u32, "height", 1, 8192, 224),
            .mean = @floatCast(try assay.settings.number("mean", 0, 255, 127)),
            .scale = @floatCast(try assay.settings.number("scale", 1, 255, 128)),
            .input = try assay.settings.text("input", "input"),
        };
    }

    pub fn preprocess(self: *Plugin, _: assay.Frame, picture: assay.Image, prepared: assay.Prepared) assay.Error!void {
        const colour = try picture.convert(.rgb8);
        const small = try colour.resize(self.width, self.height, .bilinear);
        // Shape [1, 3, height, width].
        const tensor = try small.toTensor(.{ .mean = &.{self.mean}, .scale = &.{self.scale} });
        prepared.tensor(self.input, tensor);
    }
};

comptime {
    assay.exportPreprocessor(Plugin);
}
