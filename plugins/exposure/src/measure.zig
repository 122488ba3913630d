//! What a histogram says of the exposure. Pure: `zig test src/measure.zig` runs it natively.
const std = @import("std");

pub const Limits = struct {
    /// Luma from which a pixel has lost its highlights, 0 to 255.
    highlight: u32 = 250,
    /// Luma up to which a pixel has lost its shadows, 0 to 255.
    shadow: u32 = 5,
    /// Largest share of such pixels, 0 to 1.
    max_highlights: f64 = 0.02,
    max_shadows: f64 = 0.05,
    /// The median luma has to lie between these, 0 to 255.
    min_median: f64 = 40,
    max_median: f64 = 215,
};

pub const Measure = struct {
    /// Shares of clipped pixels, 0 to 1.
    highlights: f64,
    shadows: f64,
    /// Median luma, 0 to 255.
    median: f64,
};

/// `counts` are pixels by luma.
pub fn measure(counts: *const [256]u64, limits: Limits) Measure {
    var total: u64 = 0;
    var high: u64 = 0;
    var low: u64 = 0;
    for (counts, 0..) |count, luma| {
        total += count;
        if (luma >= limits.highlight) high += count;
        if (luma <= limits.shadow) low += count;
    }
    if (total == 0) return .{ .highlights = 0, .shadows = 0, .median = 0 };
    var below: u64 = 0;
    var median: f64 = 255;
    for (counts, 0..) |count, luma| {
        below += count;
        if (below * 2 >= total) {
            median = @floatFromInt(luma);
            break;
        }
    }
    const all: f64 = @floatFromInt(total);
    return .{ .highlights = toF64(high) / all, .shadows = toF64(low) / all, .median = median };
}

fn toF64(count: u64) f64 {
    return @floatFromInt(count);
}

pub const Fault = enum { @"clipped-highlights", @"clipped-shadows", @"under-exposed", @"over-exposed" };

/// How bad a fault is: 0.5 at its limit, 1 at twice the limit or at the end of the scale.
pub fn score(fault: Fault, found: Measure, limits: Limits) f64 {
    return switch (fault) {
        .@"clipped-highlights" => share(found.highlights, limits.max_highlights),
        .@"clipped-shadows" => share(found.shadows, limits.max_shadows),
        .@"under-exposed" => distance(255 - found.median, 255 - limits.min_median),
        .@"over-exposed" => distance(found.median, limits.max_median),
    };
}

fn share(value: f64, limit: f64) f64 {
    if (limit <= 0) return if (value > 0) 1 else 0;
    return @min(1, value / (2 * limit));
}

/// 0 at 0, 0.5 at the limit, 1 at 255.
fn distance(value: f64, limit: f64) f64 {
    if (value <= limit) return if (limit <= 0) 0 else 0.5 * value / limit;
    return @min(1, 0.5 + 0.5 * (value - limit) / (255 - limit));
}

/// A part of a side that is cut into `parts`: where it begins, and its length. All parts together are the side.
pub fn tile(side: u32, parts: u32, at: u32) struct { start: u32, length: u32 } {
    const start: u32 = @intCast(@as(u64, side) * at / parts);
    const end: u32 = @intCast(@as(u64, side) * (at + 1) / parts);
    return .{ .start = start, .length = end - start };
}

test "shares and median are those of the pixels" {
    var counts = std.mem.zeroes([256]u64);
    counts[0] = 10;
    counts[100] = 60;
    counts[255] = 30;
    const found = measure(&counts, .{});
    try std.testing.expectEqual(0.3, found.highlights);
    try std.testing.expectEqual(0.1, found.shadows);
    try std.testing.expectEqual(100.0, found.median);
}

test "limits belong to the pixels that are clipped" {
    var counts = std.mem.zeroes([256]u64);
    counts[5] = 1;
    counts[6] = 1;
    counts[249] = 1;
    counts[250] = 1;
    const found = measure(&counts, .{});
    try std.testing.expectEqual(0.25, found.shadows);
    try std.testing.expectEqual(0.25, found.highlights);
}

test "a picture without pixels has no fault of clipping" {
    const counts = std.mem.zeroes([256]u64);
    const found = measure(&counts, .{});
    try std.testing.expectEqual(0.0, score(.@"clipped-highlights", found, .{}));
}

test "a score is half at the limit and one at its double" {
    const limits: Limits = .{};
    const at: Measure = .{ .highlights = 0.02, .shadows = 0.1, .median = 215 };
    try std.testing.expectEqual(0.5, score(.@"clipped-highlights", at, limits));
    try std.testing.expectEqual(1.0, score(.@"clipped-shadows", at, limits));
    try std.testing.expectEqual(0.5, score(.@"over-exposed", at, limits));
    try std.testing.expect(score(.@"under-exposed", at, limits) < 0.5);
    const black: Measure = .{ .highlights = 0, .shadows = 1, .median = 0 };
    try std.testing.expectEqual(1.0, score(.@"under-exposed", black, limits));
}

test "a limit of nothing allows nothing" {
    const limits: Limits = .{ .max_highlights = 0 };
    try std.testing.expectEqual(1.0, score(.@"clipped-highlights", .{ .highlights = 1e-6, .shadows = 0, .median = 9 }, limits));
    try std.testing.expectEqual(0.0, score(.@"clipped-highlights", .{ .highlights = 0, .shadows = 0, .median = 9 }, limits));
}

test "tiles cover a side that they do not divide" {
    var sum: u32 = 0;
    for (0..4) |at| {
        const part = tile(10, 4, @intCast(at));
        try std.testing.expectEqual(sum, part.start);
        sum += part.length;
    }
    try std.testing.expectEqual(10, sum);
    try std.testing.expectEqual(4_294_967_295, tile(4_294_967_295, 1, 0).length);
}
