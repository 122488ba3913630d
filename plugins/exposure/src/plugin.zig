//! Detector: clipped highlights and shadows, and a picture too dark or too bright as a whole. Each finding's region is
//! the tile of a grid where the fault is worst: it says which light to look at.
const std = @import("std");
const assay = @import("assay");
const measures = @import("measure.zig");
const Fault = measures.Fault;

const Plugin = struct {
    limits: measures.Limits,
    columns: u32,
    rows: u32,

    pub fn init() assay.Error!Plugin {
        const usual: measures.Limits = .{};
        const limits: measures.Limits = .{
            .highlight = try assay.settings.integer(u32, "highlight", 1, 255, usual.highlight),
            .shadow = try assay.settings.integer(u32, "shadow", 0, 254, usual.shadow),
            .max_highlights = try assay.settings.number("max-highlights", 0, 1, usual.max_highlights),
            .max_shadows = try assay.settings.number("max-shadows", 0, 1, usual.max_shadows),
            .min_median = try assay.settings.number("min-median", 0, 255, usual.min_median),
            .max_median = try assay.settings.number("max-median", 0, 255, usual.max_median),
        };
        if (limits.shadow >= limits.highlight) {
            return assay.badSetting("shadow", "less than highlight", assay.print("{d}", .{limits.shadow}));
        }
        if (limits.min_median >= limits.max_median) {
            return assay.badSetting("min-median", "less than max-median", assay.print("{d}", .{limits.min_median}));
        }
        return .{
            .limits = limits,
            .columns = try assay.settings.integer(u32, "columns", 1, 32, 4),
            .rows = try assay.settings.integer(u32, "rows", 1, 32, 4),
        };
    }

    pub fn detect(self: *Plugin, _: assay.Frame, evidence: assay.Evidence, detection: assay.Detection) assay.Error!void {
        const found = self.measureOf(evidence.picture);
        for (std.enums.values(Fault)) |fault| {
            const score = measures.score(fault, found, self.limits);
            if (score > 0.5) {
                detection.finding(.{
                    .label = @tagName(fault),
                    .score = score,
                    .raised = true,
                    .region = try self.worstTile(evidence.picture, fault),
                    .text = self.text(fault, found),
                });
            }
        }
        detection.attribute("highlights", "{d:.4}", .{found.highlights});
        detection.attribute("shadows", "{d:.4}", .{found.shadows});
        detection.attribute("median", "{d:.0}", .{found.median});
    }

    fn measureOf(self: *const Plugin, picture: assay.Image) measures.Measure {
        const counts = picture.histogram();
        return measures.measure(&counts, self.limits);
    }

    /// Where the fault's measure is highest. Pictures smaller than the grid get fewer tiles.
    fn worstTile(self: *const Plugin, picture: assay.Image, fault: Fault) assay.Error!assay.Region {
        const info = picture.info();
        const columns = @min(self.columns, info.width);
        const rows = @min(self.rows, info.height);
        var worst: assay.Region = .{ .x = 0, .y = 0, .width = info.width, .height = info.height };
        var most: f64 = -1;
        for (0..rows) |row| {
            for (0..columns) |column| {
                const across = measures.tile(info.width, columns, @intCast(column));
                const down = measures.tile(info.height, rows, @intCast(row));
                const region: assay.Region = .{ .x = across.start, .y = down.start, .width = across.length, .height = down.length };
                const part = try picture.crop(region);
                defer part.deinit();
                const value = severity(fault, self.measureOf(part));
                if (value > most) {
                    most = value;
                    worst = region;
                }
            }
        }
        return worst;
    }

    fn text(self: *const Plugin, fault: Fault, found: measures.Measure) [:0]const u8 {
        const limits = self.limits;
        return switch (fault) {
            .@"clipped-highlights" => assay.print("{d:.1} % of the pixels at luma {d} or more, at most {d:.1} %", .{
                100 * found.highlights, limits.highlight, 100 * limits.max_highlights,
            }),
            .@"clipped-shadows" => assay.print("{d:.1} % of the pixels at luma {d} or less, at most {d:.1} %", .{
                100 * found.shadows, limits.shadow, 100 * limits.max_shadows,
            }),
            .@"under-exposed" => assay.print("median luma {d:.0}, at least {d:.0}", .{ found.median, limits.min_median }),
            .@"over-exposed" => assay.print("median luma {d:.0}, at most {d:.0}", .{ found.median, limits.max_median }),
        };
    }
};

/// What makes one tile worse than another. Not cut at 1, as the score is.
fn severity(fault: Fault, found: measures.Measure) f64 {
    return switch (fault) {
        .@"clipped-highlights" => found.highlights,
        .@"clipped-shadows" => found.shadows,
        .@"under-exposed" => 255 - found.median,
        .@"over-exposed" => found.median,
    };
}

comptime {
    assay.exportDetector(Plugin);
}
