//! What the build makes the root: it takes the plugin in, and keeps Zig's own code away from a console.
const std = @import("std");
const assay = @import("assay");

comptime {
    _ = @import("plugin");
}

pub const panic = std.debug.FullPanic(panicked);

fn panicked(message: []const u8, _: ?usize) noreturn {
    @branchHint(.cold);
    // Not logged: a plugin without the capability `log` would then import it all the same.
    _ = message;
    @trap();
}

pub const std_options: std.Options = .{ .logFn = logged };

fn logged(
    comptime level: std.log.Level,
    comptime _: @Type(.enum_literal),
    comptime format: []const u8,
    args: anytype,
) void {
    switch (level) {
        .debug => assay.log.debug(format, args),
        .info => assay.log.info(format, args),
        .warn => assay.log.warn(format, args),
        .err => assay.log.err(format, args),
    }
}
