//! What a plugin implements, a struct per world, and how it is exported.
const std = @import("std");
const assay = @import("assay.zig");
const c = assay.c;
const check = assay.internal.tryStatus;
const toStatus = assay.internal.toStatus;

/// A further value under a key of lower-case words with hyphens.
pub const Attribute = c.assay_attribute;

fn optional(from: [*c]const u8) ?[:0]const u8 {
    return if (from == null) null else std.mem.span(from);
}

fn slice(comptime T: type, items: [*c]const T, count: usize) []const T {
    return if (count == 0) &.{} else items[0..count];
}

/// What is known of a frame but its pixels.
pub const Frame = struct {
    station: [:0]const u8,
    /// Counts the starts of the station, from 1.
    boot: u64,
    /// Counts the frames since that start, from 1.
    trigger: u64,
    /// Microseconds since 1970-01-01 UTC.
    captured_at_us: i64,
    source: [:0]const u8,
    product: ?[:0]const u8,
    serial: ?[:0]const u8,
    attributes: []const Attribute,

    fn from(raw: *const c.assay_frame) Frame {
        return .{
            .station = std.mem.span(raw.station),
            .boot = raw.boot,
            .trigger = raw.trigger,
            .captured_at_us = raw.captured_at_us,
            .source = std.mem.span(raw.source),
            .product = optional(raw.product),
            .serial = optional(raw.serial),
            .attributes = slice(Attribute, raw.attributes.items, raw.attributes.count),
        };
    }
};

/// What a detector says about a frame.
pub const Finding = struct {
    /// A short word, the same for the same thing: "too-dark".
    label: [:0]const u8,
    /// Brought into 0..1; what is no number becomes 1, so that a broken measurement is seen.
    score: f64,
    /// True asks for the recipe's consequence; false is only shown.
    raised: bool = false,
    /// Inside the picture.
    region: ?assay.Region = null,
    /// For a person, at most a line.
    text: ?[:0]const u8 = null,
    attributes: []const Attribute = &.{},
};

fn image_of(raw: ?*const c.assay_image) assay.Image {
    return .{ .raw = @constCast(raw.?) };
}

/// What a preprocessor gives.
pub const Prepared = struct {
    raw: *c.assay_prepared,

    /// An input of the model; detectors see it too. It is the host's from here on.
    pub fn tensor(self: Prepared, name: [:0]const u8, value: assay.Tensor) void {
        c.assay_prepared_tensor(self.raw, name, value.raw);
    }
    /// Puts another picture in the frame's place for the stages behind. It is the host's from here on.
    pub fn picture(self: Prepared, value: assay.Image) void {
        c.assay_prepared_picture(self.raw, value.raw);
    }
    /// A picture for a person to look at. It is the host's from here on.
    pub fn image(self: Prepared, name: [:0]const u8, value: assay.Image) void {
        c.assay_prepared_image(self.raw, name, value.raw);
    }
    pub fn attribute(self: Prepared, key: [:0]const u8, comptime format: []const u8, args: anytype) void {
        c.assay_prepared_attribute(self.raw, key, "%s", assay.print(format, args).ptr);
    }
};

/// The frame as the stages before left it.
pub const Evidence = struct {
    /// After the preprocessors.
    picture: assay.Image,
    /// What the preprocessors gave.
    inputs: assay.Tensors,
    /// What the model gave.
    outputs: assay.Tensors,
    attributes: []const Attribute,
};

/// What a detector gives.
pub const Detection = struct {
    raw: *c.assay_detection,

    /// All texts are copied.
    pub fn finding(self: Detection, from: Finding) void {
        const region: assay.Region = from.region orelse std.mem.zeroes(assay.Region);
        const raw: c.assay_finding = .{
            .label = from.label,
            .score = from.score,
            .raised = from.raised,
            .region = if (from.region != null) &region else null,
            .text = if (from.text) |text| text.ptr else null,
            .attributes = .{ .items = from.attributes.ptr, .count = from.attributes.len },
        };
        c.assay_detection_finding(self.raw, &raw);
    }
    /// A picture for a person to look at. It is the host's from here on.
    pub fn image(self: Detection, name: [:0]const u8, value: assay.Image) void {
        c.assay_detection_image(self.raw, name, value.raw);
    }
    pub fn attribute(self: Detection, key: [:0]const u8, comptime format: []const u8, args: anytype) void {
        c.assay_detection_attribute(self.raw, key, "%s", assay.print(format, args).ptr);
    }
};

/// A model that the recipe grants this plugin: its manifest asks for the capability `inference:NAME`.
pub const Model = struct {
    raw: *c.assay_model,

    pub const Input = struct { name: [:0]const u8, tensor: assay.Tensor };

    /// `Inference` where the model is not known or not granted.
    pub fn load(name: [:0]const u8) assay.Error!Model {
        var found: ?*c.assay_model = null;
        try check(c.assay_model_load(name, &found));
        return .{ .raw = found.? };
    }
    /// The inputs are used up. `Inference` with the host's words: a tensor that does not fit, the deadline, the device.
    pub fn compute(self: Model, inputs: []const Input) assay.Error!assay.Tensors {
        const given = assay.allocator.alloc(c.assay_named_tensor, inputs.len) catch unreachable;
        for (given, inputs) |*to, from| to.* = .{ .name = from.name, .tensor = from.tensor.raw };
        var outputs: c.assay_tensors = .{ .items = null, .count = 0 };
        try check(c.assay_model_compute(self.raw, given.ptr, given.len, &outputs));
        return .{ .raw = outputs };
    }
};

/// A judged frame.
pub const Inspection = struct {
    /// After the preprocessors.
    picture: assay.Image,
    /// "pass", "fail" or "undecided".
    verdict: [:0]const u8,
    /// The top label, where the model answered.
    label: ?[:0]const u8,
    /// In the order of the model's labels, 0 to 1; empty where the model did not answer.
    probabilities: []const f32,
    /// Of all detectors.
    findings: []const c.assay_finding,
    /// What the model gave.
    outputs: assay.Tensors,
    attributes: []const Attribute,
};

/// One measure of one feature.
pub const Report = struct {
    /// What was watched: "brightness".
    feature: [:0]const u8,
    /// How: "psi".
    statistic: [:0]const u8,
    value: f64,
    /// At and above it the value counts as drift.
    threshold: f64,
    /// Whether it does.
    drifted: bool,
    /// Frames that the value speaks of.
    window: u64,
    attributes: []const Attribute = &.{},
};

/// What a monitor gives: only what is new.
pub const Observation = struct {
    raw: *c.assay_observation,

    pub fn report(self: Observation, from: Report) void {
        const raw: c.assay_report = .{
            .feature = from.feature,
            .statistic = from.statistic,
            .value = from.value,
            .threshold = from.threshold,
            .drifted = from.drifted,
            .window = from.window,
            .attributes = .{ .items = from.attributes.ptr, .count = from.attributes.len },
        };
        c.assay_observation_report(self.raw, &raw);
    }
    pub fn attribute(self: Observation, key: [:0]const u8, comptime format: []const u8, args: anytype) void {
        c.assay_observation_attribute(self.raw, key, "%s", assay.print(format, args).ptr);
    }
};

/// What a monitor remembers between frames; needs the capability `state`. The host keeps it.
pub const state = struct {
    pub fn get(key: [:0]const u8) ?[]u8 {
        var bytes: [*c]u8 = null;
        var count: usize = 0;
        return if (c.assay_state_get(key, &bytes, &count)) bytes[0..count] else null;
    }
    /// `Other` where the plugin's limit `state_bytes` would be passed.
    pub fn set(key: [:0]const u8, bytes: []const u8) assay.Error!void {
        try check(c.assay_state_set(key, bytes.ptr, bytes.len));
    }
    pub fn delete(key: [:0]const u8) void {
        c.assay_state_delete(key);
    }
    /// Null where there are none or the bytes are no numbers.
    pub fn getNumbers(key: [:0]const u8) ?[]f64 {
        var values: [*c]f64 = null;
        var count: usize = 0;
        return if (c.assay_state_get_numbers(key, &values, &count)) values[0..count] else null;
    }
    pub fn setNumbers(key: [:0]const u8, values: []const f64) assay.Error!void {
        try check(c.assay_state_set_numbers(key, values.ptr, values.len));
    }
};

/// The plugin's value, made once per instance by its `init`, where it has one.
fn Plugin(comptime T: type) type {
    return struct {
        var value: T = undefined;

        fn start() callconv(.c) c_uint {
            if (@hasDecl(T, "init")) {
                value = T.init() catch |err| return toStatus(err);
            } else {
                value = .{};
            }
            return c.ASSAY_OK;
        }

        fn status(result: assay.Error!void) c_uint {
            result catch |err| return toStatus(err);
            return c.ASSAY_OK;
        }

        fn preprocess(frame: *const c.assay_frame, picture: ?*const c.assay_image, to: ?*c.assay_prepared) callconv(.c) c_uint {
            return status(value.preprocess(Frame.from(frame), image_of(picture), Prepared{ .raw = to.? }));
        }

        fn detect(frame: *const c.assay_frame, from: *const c.assay_evidence, to: ?*c.assay_detection) callconv(.c) c_uint {
            const evidence: Evidence = .{
                .picture = image_of(from.picture),
                .inputs = .{ .raw = from.inputs },
                .outputs = .{ .raw = from.outputs },
                .attributes = slice(Attribute, from.attributes.items, from.attributes.count),
            };
            return status(value.detect(Frame.from(frame), evidence, Detection{ .raw = to.? }));
        }

        fn observe(frame: *const c.assay_frame, from: *const c.assay_inspection, to: ?*c.assay_observation) callconv(.c) c_uint {
            const inspection: Inspection = .{
                .picture = image_of(from.picture),
                .verdict = std.mem.span(from.verdict),
                .label = optional(from.label),
                .probabilities = slice(f32, from.probabilities, from.probability_count),
                .findings = slice(c.assay_finding, from.findings, from.finding_count),
                .outputs = .{ .raw = from.outputs },
                .attributes = slice(Attribute, from.attributes.items, from.attributes.count),
            };
            return status(value.observe(Frame.from(frame), inspection, Observation{ .raw = to.? }));
        }
    };
}

/// Makes a struct with `preprocess` the plugin.
pub fn exportPreprocessor(comptime T: type) void {
    @export(&Plugin(T).start, .{ .name = "assay_start" });
    @export(&Plugin(T).preprocess, .{ .name = "assay_preprocess" });
}

/// Makes a struct with `detect` the plugin.
pub fn exportDetector(comptime T: type) void {
    @export(&Plugin(T).start, .{ .name = "assay_start" });
    @export(&Plugin(T).detect, .{ .name = "assay_detect" });
}

/// Makes a struct with `observe` the plugin.
pub fn exportMonitor(comptime T: type) void {
    @export(&Plugin(T).start, .{ .name = "assay_start" });
    @export(&Plugin(T).observe, .{ .name = "assay_observe" });
}
