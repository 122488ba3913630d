//! Write a plugin for Assay in Zig: a struct with one function, exported by one line.
//!
//!     const assay = @import("assay");
//!
//!     const Bright = struct {
//!         limit: f64 = 0.8,
//!
//!         pub fn init() assay.Error!Bright {
//!             return .{ .limit = try assay.settings.number("limit", 0, 1, 0.8) };
//!         }
//!
//!         pub fn detect(self: *Bright, _: assay.Frame, evidence: assay.Evidence, detection: assay.Detection) assay.Error!void {
//!             const mean = evidence.picture.statistics().mean / 255.0;
//!             detection.finding(.{ .label = "too-bright", .score = mean, .raised = mean > self.limit });
//!         }
//!     };
//!
//!     comptime {
//!         assay.exportDetector(Bright);
//!     }
//!
//! Memory. Everything that this SDK gives (pictures, tensors, slices) is freed when the call ends. `deinit` and
//! `assay.free` free something earlier: worth it in a loop, because it counts against the plugin's limits. `keep` takes
//! something out of the call. What is made inside `init` lives as long as the instance. `assay.allocator` is memory of
//! the call. An instance that runs out of memory traps.
//!
//! Errors. `return assay.fail(error.Other, "{d} holes, expected 4", .{holes})` makes the frame `undecided`, with that
//! text for a person; a monitor's error is only an alarm. A panic traps.
//!
//! Units, ranges and errors of each operation: assay.h, under the same name.
const std = @import("std");

pub const c = @cImport({
    @cInclude("assay.h");
});

pub const Error = error{
    /// The picture or a tensor is not what this plugin works on.
    UnsupportedInput,
    /// A setting is missing or out of its range.
    BadSetting,
    /// Inference gave an error.
    Inference,
    /// Everything else: also a limit that would be passed.
    Other,
};

fn statusOf(err: Error) c_uint {
    return switch (err) {
        error.UnsupportedInput => c.ASSAY_UNSUPPORTED_INPUT,
        error.BadSetting => c.ASSAY_BAD_SETTING,
        error.Inference => c.ASSAY_INFERENCE,
        error.Other => c.ASSAY_OTHER,
    };
}

fn check(status: c_uint) Error!void {
    return switch (status) {
        c.ASSAY_OK => {},
        c.ASSAY_UNSUPPORTED_INPUT => error.UnsupportedInput,
        c.ASSAY_BAD_SETTING => error.BadSetting,
        c.ASSAY_INFERENCE => error.Inference,
        else => error.Other,
    };
}

/// Keeps the reason and gives the error back. Say what was found, what is expected, and what to change.
pub fn fail(err: Error, comptime format: []const u8, args: anytype) Error {
    var buffer: [1024]u8 = undefined;
    const line = cut(&buffer, format, args);
    _ = c.assay_fail(statusOf(err), "%.*s", @as(c_int, @intCast(line.len)), line.ptr);
    return err;
}

/// The setting's error: its key, what was expected, what was found.
pub fn badSetting(key: [:0]const u8, expected: [:0]const u8, found: [:0]const u8) Error {
    _ = c.assay_bad_setting(key, expected, found);
    return error.BadSetting;
}

/// As much of the line as the buffer holds.
fn cut(buffer: []u8, comptime format: []const u8, args: anytype) []const u8 {
    var writer = std.Io.Writer.fixed(buffer);
    writer.print(format, args) catch {};
    return writer.buffered();
}

/// A text that lives as long as the call; what is longer than 4095 bytes is cut. `std.fmt.allocPrint` would import files.
pub fn print(comptime format: []const u8, args: anytype) [:0]const u8 {
    var buffer: [4095]u8 = undefined;
    const line = cut(&buffer, format, args);
    return allocator.dupeZ(u8, line) catch unreachable;
}

/// Frees a slice that a function of this SDK gave, before the call ends.
pub fn free(slice: anytype) void {
    if (slice.len > 0) c.assay_free(@ptrCast(slice.ptr));
}

/// Memory that is freed when the call ends. Never fails: an instance without memory traps.
pub const allocator: std.mem.Allocator = .{ .ptr = undefined, .vtable = &.{
    .alloc = allocate,
    .resize = std.mem.Allocator.noResize,
    .remap = std.mem.Allocator.noRemap,
    .free = release,
} };

fn allocate(_: *anyopaque, bytes: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
    // The SDK's memory is aligned to 16 bytes.
    if (alignment.toByteUnits() > 16) return null;
    return @ptrCast(c.assay_alloc(bytes));
}

fn release(_: *anyopaque, memory: []u8, _: std.mem.Alignment, _: usize) void {
    c.assay_free(memory.ptr);
}

/// Lines for the station's log: `assay.log.info("{d} pits", .{count})`. Needs the capability `log`.
pub const log = struct {
    pub fn debug(comptime format: []const u8, args: anytype) void {
        write(c.ASSAY_DEBUG, format, args);
    }
    pub fn info(comptime format: []const u8, args: anytype) void {
        write(c.ASSAY_INFO, format, args);
    }
    pub fn warn(comptime format: []const u8, args: anytype) void {
        write(c.ASSAY_WARN, format, args);
    }
    pub fn err(comptime format: []const u8, args: anytype) void {
        write(c.ASSAY_ERROR, format, args);
    }
    fn write(level: c_uint, comptime format: []const u8, args: anytype) void {
        var buffer: [1024]u8 = undefined;
        const line = cut(&buffer, format, args);
        c.assay_log(level, "%.*s", @as(c_int, @intCast(line.len)), line.ptr);
    }
};

/// A rectangle in pixels, top-left origin.
pub const Region = c.assay_region;
/// Statistics of luma; `channel_means` has `channels` values.
pub const Statistics = c.assay_statistics;
/// Packed rows, top row first.
pub const PixelFormat = enum(c_uint) { gray8, rgb8, bgr8, rgba8, gray16 };
pub const Filter = enum(c_uint) { nearest, box, bilinear, catmull_rom, lanczos3 };
/// Batch, channel, row, column; or batch, row, column, channel.
pub const Layout = enum(c_uint) { nchw, nhwc };
pub const Element = enum(c_uint) { fp32, uint8 };
pub const ImageInfo = struct { width: u32, height: u32, format: PixelFormat };

/// How pixels become numbers: `(pixel - mean) / scale`, channel by channel, pixels in 0..255.
pub const TensorSpec = struct {
    layout: Layout = .nchw,
    element: Element = .fp32,
    /// One value for all channels, or one per channel.
    mean: []const f32 = &.{0},
    /// As `mean`; none may be 0.
    scale: []const f32 = &.{1},

    fn toC(self: TensorSpec) c.assay_tensor_spec {
        return .{
            .layout = @intFromEnum(self.layout),
            .element = @intFromEnum(self.element),
            .mean = self.mean.ptr,
            .mean_count = self.mean.len,
            .scale = self.scale.ptr,
            .scale_count = self.scale.len,
        };
    }
};

/// A picture that the host holds. Every operation is done by the host and gives a new picture. Errors of all operations:
/// `UnsupportedInput` where a region, size or format cannot be used, `Other` where a limit would be passed.
pub const Image = struct {
    raw: *c.assay_image,

    /// Makes a picture from packed pixels, top row first.
    pub fn fromPixels(width: u32, height: u32, format: PixelFormat, pixels: []const u8) Error!Image {
        var made: ?*c.assay_image = null;
        try check(c.assay_image_from_pixels(width, height, @intFromEnum(format), pixels.ptr, pixels.len, &made));
        return .{ .raw = made.? };
    }
    /// A picture of one colour; `value` holds one byte per channel.
    pub fn filled(width: u32, height: u32, format: PixelFormat, value: []const u8) Error!Image {
        var made: ?*c.assay_image = null;
        try check(c.assay_image_filled(width, height, @intFromEnum(format), value.ptr, value.len, &made));
        return .{ .raw = made.? };
    }
    /// Frees it before the call ends.
    pub fn deinit(self: Image) void {
        c.assay_free(self.raw);
    }
    /// Takes it out of the call: it stays until `deinit`.
    pub fn keep(self: Image) Image {
        _ = c.assay_keep(self.raw);
        return self;
    }
    pub fn info(self: Image) ImageInfo {
        const found = c.assay_image_get_info(self.raw);
        return .{ .width = found.width, .height = found.height, .format = @enumFromInt(found.format) };
    }
    /// The pixels of a region, packed.
    pub fn readRegion(self: Image, region: Region) Error![]u8 {
        var pixels: [*c]u8 = null;
        var count: usize = 0;
        try check(c.assay_image_read_region(self.raw, region, &pixels, &count));
        return pixels[0..count];
    }
    /// The pixels of `rows` rows from row `first`, packed.
    pub fn readRows(self: Image, first: u32, rows: u32) Error![]u8 {
        var pixels: [*c]u8 = null;
        var count: usize = 0;
        try check(c.assay_image_read_rows(self.raw, first, rows, &pixels, &count));
        return pixels[0..count];
    }
    /// A part of the picture.
    pub fn crop(self: Image, region: Region) Error!Image {
        return self.apply(c.assay_image_crop, .{region});
    }
    /// The picture in another size; its shape is not kept.
    pub fn resize(self: Image, width: u32, height: u32, filter: Filter) Error!Image {
        return self.apply(c.assay_image_resize, .{ width, height, @intFromEnum(filter) });
    }
    /// This picture with `top` laid over it, its top-left corner at `x`, `y`. Formats have to be equal.
    pub fn overlay(self: Image, top: Image, x: u32, y: u32) Error!Image {
        return self.apply(c.assay_image_overlay, .{ top.raw, x, y });
    }
    pub fn convert(self: Image, format: PixelFormat) Error!Image {
        return self.apply(c.assay_image_convert, .{@intFromEnum(format)});
    }
    /// `sigma` in pixels, 0.1 to 50.
    pub fn gaussianBlur(self: Image, sigma: f32) Error!Image {
        return self.apply(c.assay_image_gaussian_blur, .{sigma});
    }
    /// Over a square window of `size` pixels: 3, 5 or 7; edges are mirrored.
    pub fn medianBlur(self: Image, size: u32) Error!Image {
        return self.apply(c.assay_image_median_blur, .{size});
    }
    /// Keeps the upper `bits` (1 to 8) of each byte.
    pub fn reduceBitDepth(self: Image, bits: u32) Error!Image {
        return self.apply(c.assay_image_reduce_bit_depth, .{bits});
    }
    /// Encodes as JPEG and decodes again; `quality` 1 to 100.
    pub fn jpegRoundTrip(self: Image, quality: u32) Error!Image {
        return self.apply(c.assay_image_jpeg_round_trip, .{quality});
    }
    /// Counts of luma 0 to 255.
    pub fn histogram(self: Image) [256]u64 {
        var counts: [256]u64 = undefined;
        c.assay_image_histogram(self.raw, &counts);
        return counts;
    }
    pub fn statistics(self: Image) Statistics {
        return c.assay_image_statistics(self.raw);
    }
    /// Batch size 1: [1, C, H, W] or [1, H, W, C].
    pub fn toTensor(self: Image, spec: TensorSpec) Error!Tensor {
        var tensor: ?*c.assay_tensor = null;
        const by = spec.toC();
        try check(c.assay_image_to_tensor(self.raw, &by, &tensor));
        return .{ .raw = tensor.? };
    }

    /// One tensor of several pictures of one size and format, as a batch in their order.
    pub fn batchToTensor(pictures: []const Image, spec: TensorSpec) Error!Tensor {
        const raw = allocator.alloc(*const c.assay_image, pictures.len) catch unreachable;
        for (raw, pictures) |*to, from| to.* = from.raw;
        var tensor: ?*c.assay_tensor = null;
        const by = spec.toC();
        try check(c.assay_images_to_tensor(@ptrCast(raw.ptr), raw.len, &by, &tensor));
        return .{ .raw = tensor.? };
    }

    fn apply(self: Image, comptime operation: anytype, args: anytype) Error!Image {
        var result: ?*c.assay_image = null;
        try check(@call(.auto, operation, .{self.raw} ++ args ++ .{&result}));
        return .{ .raw = result.? };
    }
};

/// A tensor that the host holds. Handing one on copies nothing.
pub const Tensor = struct {
    raw: *c.assay_tensor,

    /// Row-major numbers; as many as the shape says, or `UnsupportedInput`.
    pub fn fromF32(sides: []const u32, values: []const f32) Error!Tensor {
        var made: ?*c.assay_tensor = null;
        try check(c.assay_tensor_from_f32(sides.ptr, sides.len, values.ptr, values.len, &made));
        return .{ .raw = made.? };
    }
    pub fn fromU8(sides: []const u32, values: []const u8) Error!Tensor {
        var made: ?*c.assay_tensor = null;
        try check(c.assay_tensor_from_u8(sides.ptr, sides.len, values.ptr, values.len, &made));
        return .{ .raw = made.? };
    }
    /// Frees it before the call ends.
    pub fn deinit(self: Tensor) void {
        c.assay_free(self.raw);
    }
    /// Sides, outermost first: [1, 3, 224, 224] for one colour picture in NCHW.
    pub fn shape(self: Tensor) []u32 {
        var sides: [*c]u32 = null;
        var rank: usize = 0;
        c.assay_tensor_shape(self.raw, &sides, &rank);
        return sides[0..rank];
    }
    /// The numbers, row-major. `UnsupportedInput` where it holds another type than f32.
    pub fn toF32(self: Tensor) Error![]f32 {
        var values: [*c]f32 = null;
        var count: usize = 0;
        try check(c.assay_tensor_to_f32(self.raw, &values, &count));
        return values[0..count];
    }
    /// The bytes as they lie in memory: little-endian, row-major.
    pub fn toBytes(self: Tensor) []u8 {
        var bytes: [*c]u8 = null;
        var count: usize = 0;
        c.assay_tensor_to_bytes(self.raw, &bytes, &count);
        return bytes[0..count];
    }
};

/// Tensors by name, in the order in which the host gave them.
pub const Tensors = struct {
    raw: c.assay_tensors,

    /// `UnsupportedInput`, with the names that are there, where there is none of that name.
    pub fn get(self: Tensors, name: [:0]const u8) Error!Tensor {
        var found: ?*c.assay_tensor = null;
        try check(c.assay_tensors_get(&self.raw, name, &found));
        return .{ .raw = found.? };
    }
    pub fn count(self: Tensors) usize {
        return self.raw.count;
    }
};

pub const settings = @import("settings.zig");
const worlds = @import("worlds.zig");

pub const reference = settings.reference;
pub const Frame = worlds.Frame;
pub const Attribute = worlds.Attribute;
pub const Finding = worlds.Finding;
pub const Evidence = worlds.Evidence;
pub const Prepared = worlds.Prepared;
pub const Detection = worlds.Detection;
pub const Inspection = worlds.Inspection;
pub const Report = worlds.Report;
pub const Observation = worlds.Observation;
pub const Model = worlds.Model;
pub const state = worlds.state;
pub const exportPreprocessor = worlds.exportPreprocessor;
pub const exportDetector = worlds.exportDetector;
pub const exportMonitor = worlds.exportMonitor;

/// For the files of this SDK.
pub const internal = struct {
    pub const tryStatus = check;
    pub const toStatus = statusOf;
};
