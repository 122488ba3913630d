//! The plugin's settings: the manifest's defaults with the recipe's values over them. Needs the capability `config`.
//! `default` counts where neither has the key. `BadSetting` where the setting has another type or range.
const std = @import("std");
const assay = @import("assay.zig");
const c = assay.c;
const check = assay.internal.tryStatus;

pub fn flag(key: [:0]const u8, default: bool) assay.Error!bool {
    var value = default;
    try check(c.assay_setting_flag(key, &value));
    return value;
}

pub fn integer(comptime T: type, key: [:0]const u8, low: T, high: T, default: T) assay.Error!T {
    var value: i64 = default;
    try check(c.assay_setting_integer(key, low, high, &value));
    return @intCast(value);
}

pub fn number(key: [:0]const u8, low: f64, high: f64, default: f64) assay.Error!f64 {
    var value = default;
    try check(c.assay_setting_number(key, low, high, &value));
    return value;
}

pub fn text(key: [:0]const u8, default: [:0]const u8) assay.Error![:0]const u8 {
    var value: [*c]const u8 = default.ptr;
    try check(c.assay_setting_text(key, &value));
    return std.mem.span(value);
}

/// A list of numbers; one number is a list of one.
pub fn numbers(key: [:0]const u8, default: []const f64) assay.Error![]const f64 {
    var values: [*c]const f64 = default.ptr;
    var count: usize = default.len;
    try check(c.assay_setting_numbers(key, &values, &count));
    return if (count == 0) &.{} else values[0..count];
}

/// A list of texts.
pub fn texts(key: [:0]const u8, default: []const [*:0]const u8) assay.Error![]const [*:0]const u8 {
    var found: c.assay_texts = .{ .items = null, .count = std.math.maxInt(usize) };
    try check(c.assay_setting_texts(key, &found));
    return if (found.count == std.math.maxInt(usize)) default else listed(found);
}

/// `BadSetting` where neither manifest nor recipe has the key.
pub fn required(key: [:0]const u8) assay.Error!void {
    try check(c.assay_setting_required(key));
}

/// Labels of the recipe's model, in the order of its outputs.
pub fn labels() []const [*:0]const u8 {
    return listed(c.assay_labels());
}

fn listed(found: c.assay_texts) []const [*:0]const u8 {
    return if (found.count == 0) &.{} else @as([*]const [*:0]const u8, @ptrCast(found.items))[0..found.count];
}

/// The reference distributions that the model bundle carries. All give `BadSetting` where it has none.
pub const reference = struct {
    /// "mean", "sd", "min", "max".
    pub fn number(feature: [:0]const u8, key: [:0]const u8) assay.Error!f64 {
        var value: f64 = 0;
        try check(c.assay_reference_number(feature, key, &value));
        return value;
    }
    /// "quantiles", "samples", "bins/edges", "bins/shares": at least one number.
    pub fn numbers(feature: [:0]const u8, path: [:0]const u8) assay.Error![]const f64 {
        var values: [*c]const f64 = null;
        var count: usize = 0;
        try check(c.assay_reference_numbers(feature, path, &values, &count));
        return values[0..count];
    }
    /// SHA-256 as 64 hexadecimal digits: the same digest, the same reference.
    pub fn digest() assay.Error![:0]const u8 {
        var found: [*c]const u8 = null;
        try check(c.assay_reference_digest(&found));
        return std.mem.span(found);
    }
};
