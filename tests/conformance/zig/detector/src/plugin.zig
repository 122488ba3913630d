//! Does what its setting `case` says; what each case has to give stands in cases.json.
const std = @import("std");
const assay = @import("assay");

const Error = assay.Error;
const Evidence = assay.Evidence;
const Answer = assay.Detection;

const Plugin = struct {
    wanted: [:0]const u8,

    pub fn init() Error!Plugin {
        return .{ .wanted = try assay.settings.text("case", "") };
    }

    pub fn detect(self: *Plugin, frame: assay.Frame, evidence: Evidence, detection: Answer) Error!void {
        if (std.mem.eql(u8, self.wanted, "frame")) return frameData(frame, detection);
        inline for (cases) |case| {
            if (std.mem.eql(u8, self.wanted, case[0])) return case[1](evidence, detection);
        }
        return assay.badSetting("case", "a case", self.wanted);
    }
};

const cases = .{
    .{ "statistics", statistics },
    .{ "histogram", histogram },
    .{ "read", read },
    .{ "make", make },
    .{ "operations", operations },
    .{ "tensor", tensors },
    .{ "evidence", namedTensors },
    .{ "missing-tensor", missingTensor },
    .{ "finding", finding },
    .{ "score-range", scoreRange },
    .{ "settings", allSettings },
    .{ "labels", labels },
    .{ "reference", reference },
    .{ "inference", inference },
    .{ "unknown-model", unknownModel },
    .{ "model-refuses", modelRefuses },
    .{ "log", logLevels },
    .{ "log-flood", logFlood },
    .{ "unsupported-input", unsupportedInput },
    .{ "bad-setting", badSetting },
    .{ "other", other },
    .{ "bad-argument", badArgument },
    .{ "bad-region", badRegion },
    .{ "endless", endless },
    .{ "memory", memory },
    .{ "handles", handles },
    .{ "host-bytes", hostBytes },
};

fn region(x: u32, y: u32, width: u32, height: u32) assay.Region {
    return .{ .x = x, .y = y, .width = width, .height = height };
}

fn sum(bytes: []const u8) u64 {
    var total_: u64 = 0;
    for (bytes) |byte| total_ += byte;
    return total_;
}

fn frameData(frame: assay.Frame, to: Answer) Error!void {
    to.attribute("station", "{s}", .{frame.station});
    to.attribute("boot", "{d}", .{frame.boot});
    to.attribute("trigger", "{d}", .{frame.trigger});
    to.attribute("captured", "{d}", .{frame.captured_at_us});
    to.attribute("source", "{s}", .{frame.source});
    to.attribute("product", "{s}", .{frame.product orelse "none"});
    to.attribute("serial", "{s}", .{frame.serial orelse "none"});
}

fn statistics(from: Evidence, to: Answer) Error!void {
    const found = from.picture.statistics();
    to.attribute("mean", "{d:.3}", .{found.mean});
    to.attribute("sd", "{d:.3}", .{found.sd});
    to.attribute("laplacian-variance", "{d:.3}", .{found.laplacian_variance});
    to.attribute("dark-share", "{d:.3}", .{found.dark_share});
    to.attribute("bright-share", "{d:.3}", .{found.bright_share});
    for (found.channel_means[0..found.channels], 0..) |mean, at| {
        to.attribute(assay.print("channel-mean-{d}", .{at}), "{d:.3}", .{mean});
    }
}

fn histogram(from: Evidence, to: Answer) Error!void {
    var all: u64 = 0;
    var weighted: u64 = 0;
    for (from.picture.histogram(), 0..) |count, luma| {
        all += count;
        weighted += luma * count;
    }
    to.attribute("sum", "{d}", .{all});
    to.attribute("weighted", "{d}", .{weighted});
}

fn read(from: Evidence, to: Answer) Error!void {
    const part = try from.picture.crop(region(2, 3, 8, 6));
    const pixels = try part.readRegion(region(1, 1, 4, 4));
    const rows = try from.picture.readRows(2, 2);
    const info = part.info();
    to.attribute("size", "{d} {d}", .{ info.width, info.height });
    to.attribute("region", "{d}", .{sum(pixels)});
    to.attribute("rows", "{d}", .{sum(rows)});
}

fn make(_: Evidence, to: Answer) Error!void {
    to.image("made", try assay.Image.fromPixels(2, 2, .gray8, &.{ 0, 64, 128, 255 }));
    to.image("filled", try assay.Image.filled(3, 2, .rgb8, &.{ 10, 20, 30 }));
}

fn operations(from: Evidence, to: Answer) Error!void {
    const picture = from.picture;
    const top = try assay.Image.filled(4, 4, .rgb8, &.{ 255, 255, 255 });
    to.image("crop", try picture.crop(region(2, 3, 8, 6)));
    to.image("resize", try picture.resize(8, 6, .nearest));
    to.image("convert", try picture.convert(.gray8));
    to.image("overlay", try picture.overlay(top, 10, 2));
    to.image("gaussian", try picture.gaussianBlur(2));
    to.image("median", try picture.medianBlur(7));
    to.image("depth", try picture.reduceBitDepth(1));
    to.image("jpeg", try picture.jpegRoundTrip(10));
}

/// The items with a space between.
fn joined(comptime format: []const u8, items: anytype) [:0]const u8 {
    var text: [:0]const u8 = "";
    for (items, 0..) |item, at| {
        text = assay.print("{s}{s}" ++ format, .{ text, if (at == 0) "" else " ", item });
    }
    return text;
}

fn shape(tensor: assay.Tensor) [:0]const u8 {
    return joined("{d}", tensor.shape());
}

fn total(tensor: assay.Tensor) Error!f64 {
    var found: f64 = 0;
    for (try tensor.toF32()) |value| found += value;
    return found;
}

fn tensors(from: Evidence, to: Answer) Error!void {
    const one = try from.picture.toTensor(.{ .mean = &.{127}, .scale = &.{128} });
    const pictures: [2]assay.Image = .{ from.picture, from.picture };
    const batch = try assay.Image.batchToTensor(&pictures, .{ .layout = .nhwc, .element = .uint8 });
    to.attribute("shape", "{s}", .{shape(one)});
    to.attribute("sum", "{d:.3}", .{try total(one)});
    to.attribute("batch-shape", "{s}", .{shape(batch)});
    to.attribute("batch-sum", "{d}", .{sum(batch.toBytes())});
}

fn namedTensors(from: Evidence, to: Answer) Error!void {
    const input = try from.inputs.get("input");
    const output = try from.outputs.get("logits");
    to.attribute("input-shape", "{s}", .{shape(input)});
    to.attribute("input-sum", "{d:.3}", .{try total(input)});
    to.attribute("output-shape", "{s}", .{shape(output)});
    to.attribute("output-sum", "{d:.3}", .{try total(output)});
}

fn missingTensor(from: Evidence, to: Answer) Error!void {
    to.attribute("found", "{s}", .{shape(try from.inputs.get("nothing"))});
}

fn finding(_: Evidence, to: Answer) Error!void {
    to.finding(.{
        .label = "scratch",
        .score = 0.75,
        .raised = true,
        .region = region(1, 2, 3, 4),
        .text = "Kratzer, größer als 划痕",
        .attributes = &.{.{ .key = "length", .value = "7" }},
    });
    to.finding(.{ .label = "clear", .score = 0.25 });
}

fn scoreRange(_: Evidence, to: Answer) Error!void {
    to.finding(.{ .label = "over", .score = 2 });
    to.finding(.{ .label = "under", .score = -1 });
    to.finding(.{ .label = "none", .score = std.math.nan(f64) });
}

fn allSettings(_: Evidence, to: Answer) Error!void {
    const settings = assay.settings;
    to.attribute("flag", "{}", .{try settings.flag("flag", true)});
    to.attribute("integer", "{d}", .{try settings.integer(u32, "integer", 0, 100, 99)});
    to.attribute("number", "{d:.3}", .{try settings.number("number", 0, 100, 99)});
    to.attribute("text", "{s}", .{try settings.text("text", "nothing")});
    to.attribute("numbers", "{s}", .{joined("{d:.1}", try settings.numbers("numbers", &.{}))});
    to.attribute("texts", "{s}", .{joined("{s}", try settings.texts("texts", &.{}))});
}

fn labels(_: Evidence, to: Answer) Error!void {
    to.attribute("labels", "{s}", .{joined("{s}", assay.settings.labels())});
}

fn reference(_: Evidence, to: Answer) Error!void {
    to.attribute("mean", "{d:.3}", .{try assay.reference.number("brightness", "mean")});
    to.attribute("edges", "{s}", .{joined("{d:.1}", try assay.reference.numbers("brightness", "bins/edges"))});
    to.attribute("digest", "{s}", .{try assay.reference.digest()});
}

/// A square of the picture, its grey levels summed up by a model.
fn ask(from: Evidence, to: Answer, name: [:0]const u8, side: u32) Error!void {
    const part = try from.picture.crop(region(2, 3, side, side));
    const grey = try part.convert(.gray8);
    const input = try grey.toTensor(.{});
    const model = try assay.Model.load(name);
    const outputs = try model.compute(&.{.{ .name = "image", .tensor = input }});
    const found = try outputs.get("sum");
    to.attribute("shape", "{s}", .{shape(found)});
    to.attribute("sum", "{d:.3}", .{try total(found)});
}

fn inference(from: Evidence, to: Answer) Error!void {
    return ask(from, to, "demo", 8);
}

fn unknownModel(from: Evidence, to: Answer) Error!void {
    return ask(from, to, "other", 8);
}

fn modelRefuses(from: Evidence, to: Answer) Error!void {
    return ask(from, to, "demo", 4);
}

fn logLevels(_: Evidence, _: Answer) Error!void {
    assay.log.debug("one", .{});
    assay.log.info("two", .{});
    assay.log.warn("three", .{});
    assay.log.err("four", .{});
}

fn logFlood(_: Evidence, _: Answer) Error!void {
    for (0..100) |line| assay.log.info("line {d}", .{line});
}

fn unsupportedInput(_: Evidence, _: Answer) Error!void {
    return assay.fail(error.UnsupportedInput, "no part in sight", .{});
}

fn badSetting(_: Evidence, _: Answer) Error!void {
    return assay.badSetting("integer", "less", "more");
}

fn other(_: Evidence, _: Answer) Error!void {
    return assay.fail(error.Other, "{d} holes, expected 5", .{4});
}

fn badArgument(from: Evidence, to: Answer) Error!void {
    to.image("part", try from.picture.crop(region(15, 11, 4, 4)));
}

fn badRegion(_: Evidence, to: Answer) Error!void {
    to.finding(.{ .label = "outside", .score = 0.5, .region = region(15, 11, 4, 4) });
}

fn endless(_: Evidence, _: Answer) Error!void {
    var turns: u32 = 0;
    while (true) {
        turns +%= 1;
        std.mem.doNotOptimizeAway(turns);
    }
}

fn memory(_: Evidence, _: Answer) Error!void {
    while (true) {
        const block = assay.allocator.alloc(u8, 1 << 20) catch unreachable;
        @memset(block, 1);
        std.mem.doNotOptimizeAway(block.ptr);
    }
}

fn handles(from: Evidence, _: Answer) Error!void {
    while (true) _ = try from.picture.crop(region(0, 0, 1, 1));
}

fn hostBytes(_: Evidence, _: Answer) Error!void {
    while (true) _ = try assay.Image.filled(1024, 1024, .gray8, &.{7});
}

comptime {
    assay.exportDetector(Plugin);
}
