// Finds a part on its background and says how it lies. Pure: the tests compile it natively.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace shape {

// Where a histogram is divided into two classes.
struct Division {
    // Up to this grey level is dark.
    int level;
    // Between the means of the two classes, grey levels.
    double contrast;
};

// The division whose classes differ most (Otsu). Nothing where all pixels are alike.
inline std::optional<Division> otsu(std::span<const std::uint64_t> counts) {
    double total = 0.0;
    double sum = 0.0;
    for (std::size_t level = 0; level < counts.size(); ++level) {
        total += double(counts[level]);
        sum += double(level) * double(counts[level]);
    }
    double below = 0.0;
    double sum_below = 0.0;
    double best = 0.0;
    std::optional<Division> division;
    for (std::size_t level = 0; level + 1 < counts.size(); ++level) {
        below += double(counts[level]);
        sum_below += double(level) * double(counts[level]);
        const double above = total - below;
        if (below == 0.0 || above == 0.0) {
            continue;
        }
        const double apart = sum_below / below - (sum - sum_below) / above;
        const double between = below * above * apart * apart;
        if (between > best) {
            best = between;
            division = Division{int(level), std::fabs(apart)};
        }
    }
    return division;
}

// Pixels of the part: 1, all else: 0.
struct Mask {
    std::size_t width = 0;
    std::size_t height = 0;
    std::vector<std::uint8_t> pixels;
};

inline Mask divide(std::span<const std::uint8_t> grey, std::size_t width, std::size_t height, int threshold, bool bright) {
    Mask mask{width, height, std::vector<std::uint8_t>(width * height)};
    for (std::size_t i = 0; i < mask.pixels.size() && i < grey.size(); ++i) {
        mask.pixels[i] = (grey[i] > threshold) == bright ? 1 : 0;
    }
    return mask;
}

// Leaves the largest connected part (4 neighbours) as 1 and makes all else 0. Gives its pixels.
inline std::size_t keep_largest(Mask& mask) {
    std::vector<std::uint32_t> names(mask.pixels.size(), 0);
    std::vector<std::uint32_t> open;
    std::uint32_t name = 0;
    std::uint32_t largest = 0;
    std::size_t most = 0;
    for (std::size_t seed = 0; seed < names.size(); ++seed) {
        if (mask.pixels[seed] == 0 || names[seed] != 0) {
            continue;
        }
        ++name;
        names[seed] = name;
        open.push_back(std::uint32_t(seed));
        std::size_t count = 0;
        while (!open.empty()) {
            const std::size_t at = open.back();
            open.pop_back();
            ++count;
            const auto visit = [&](std::size_t next) {
                if (mask.pixels[next] != 0 && names[next] == 0) {
                    names[next] = name;
                    open.push_back(std::uint32_t(next));
                }
            };
            const std::size_t x = at % mask.width;
            if (x > 0) visit(at - 1);
            if (x + 1 < mask.width) visit(at + 1);
            if (at >= mask.width) visit(at - mask.width);
            if (at + mask.width < names.size()) visit(at + mask.width);
        }
        if (count > most) {
            most = count;
            largest = name;
        }
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        mask.pixels[i] = largest != 0 && names[i] == largest ? 1 : 0;
    }
    return most;
}

// Whether the part reaches the picture's edge: some of it may lie outside.
inline bool touches_edge(const Mask& mask) {
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        const std::size_t x = i % mask.width, y = i / mask.width;
        if (mask.pixels[i] != 0 && (x == 0 || y == 0 || x + 1 == mask.width || y + 1 == mask.height)) {
            return true;
        }
    }
    return false;
}

// A rectangle that may be turned: its middle, its long axis, and its sides.
struct Pose {
    // Pixels, from the picture's top-left corner.
    double x = 0.0;
    double y = 0.0;
    // Radians from the picture's x axis to the part's, clockwise as pictures are seen: -pi to pi.
    double angle = 0.0;
    // Along the part's axis, and across it, pixels.
    double width = 0.0;
    double height = 0.0;
    // Length of the axes to each other: 1 where it has no direction.
    double elongation = 1.0;
};

// Sums over the part's pixels around its centre of gravity, up to the third order along `angle`.
inline double skew_along(const Mask& mask, double cx, double cy, double angle) {
    double skew = 0.0;
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        if (mask.pixels[i] != 0) {
            const double along = (double(i % mask.width) - cx) * std::cos(angle) + (double(i / mask.width) - cy) * std::sin(angle);
            skew += along * along * along;
        }
    }
    return skew;
}

// The box of the part along its axes, around the centre of gravity.
inline void fit_box(const Mask& mask, double cx, double cy, Pose& pose) {
    const double c = std::cos(pose.angle);
    const double s = std::sin(pose.angle);
    double left = 1e30, right = -1e30, top = 1e30, bottom = -1e30;
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        if (mask.pixels[i] == 0) {
            continue;
        }
        const double dx = double(i % mask.width) - cx;
        const double dy = double(i / mask.width) - cy;
        const double u = dx * c + dy * s;
        const double v = dy * c - dx * s;
        left = std::fmin(left, u);
        right = std::fmax(right, u);
        top = std::fmin(top, v);
        bottom = std::fmax(bottom, v);
    }
    const double u = (left + right) / 2.0;
    const double v = (top + bottom) / 2.0;
    // Pixels are squares: their middles lie half a pixel from their corners.
    pose.x = cx + u * c - v * s + 0.5;
    pose.y = cy + u * s + v * c + 0.5;
    pose.width = right - left + 1.0;
    pose.height = bottom - top + 1.0;
}

// How the part lies: its axis from its second moments, and which end is which from its third ones (the heavier end is on
// the left). A part with axes of nearly the same length is not turned: `min_elongation`.
inline std::optional<Pose> pose_of(const Mask& mask, double min_elongation) {
    double count = 0.0, sx = 0.0, sy = 0.0;
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        if (mask.pixels[i] != 0) {
            count += 1.0;
            sx += double(i % mask.width);
            sy += double(i / mask.width);
        }
    }
    if (count == 0.0) {
        return std::nullopt;
    }
    const double cx = sx / count;
    const double cy = sy / count;
    double xx = 0.0, yy = 0.0, xy = 0.0;
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        if (mask.pixels[i] != 0) {
            const double dx = double(i % mask.width) - cx;
            const double dy = double(i / mask.width) - cy;
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
    }
    Pose pose;
    const double middle = (xx + yy) / 2.0;
    const double apart = std::sqrt((xx - yy) * (xx - yy) / 4.0 + xy * xy);
    // The twelfth of a pixel's own width keeps a line of one pixel from being endlessly long.
    pose.elongation = std::sqrt((middle + apart + count / 12.0) / (middle - apart + count / 12.0));
    if (pose.elongation >= min_elongation) {
        pose.angle = 0.5 * std::atan2(2.0 * xy, xx - yy);
        const double skew = skew_along(mask, cx, cy, pose.angle);
        // Too even to tell its ends apart: noise must not turn it around.
        const double scale = std::pow((middle + apart) / count, 1.5) * count;
        if (skew < -0.02 * scale) {
            pose.angle += pose.angle > 0.0 ? -M_PI : M_PI;
        }
    }
    fit_box(mask, cx, cy, pose);
    return pose;
}

// Widens the box to the shape of the output, with `margin` of its larger side around, and gives pixels of the picture per
// pixel of the output.
inline double scale_of(const Pose& pose, double margin, std::uint32_t width, std::uint32_t height) {
    const double around = 2.0 * margin * std::fmax(pose.width, pose.height);
    return std::fmax((pose.width + around) / double(width), (pose.height + around) / double(height));
}

// One picture of three channels, turned and cut out by bilinear sampling; what lies outside is `pad`.
struct Source {
    std::span<const std::uint8_t> pixels;
    std::size_t width;
    std::size_t height;
};

inline std::vector<std::uint8_t> sample(const Source& from, const Pose& pose, double scale, std::uint32_t width,
                                        std::uint32_t height, std::array<std::uint8_t, 3> pad) {
    std::vector<std::uint8_t> to(std::size_t(width) * height * 3);
    const double c = std::cos(pose.angle) * scale;
    const double s = std::sin(pose.angle) * scale;
    for (std::uint32_t row = 0; row < height; ++row) {
        for (std::uint32_t column = 0; column < width; ++column) {
            const double u = double(column) + 0.5 - double(width) / 2.0;
            const double v = double(row) + 0.5 - double(height) / 2.0;
            const double x = pose.x + u * c - v * s - 0.5;
            const double y = pose.y + u * s + v * c - 0.5;
            std::uint8_t* pixel = &to[(std::size_t(row) * width + column) * 3];
            if (x < -0.5 || y < -0.5 || x > double(from.width) - 0.5 || y > double(from.height) - 0.5) {
                pixel[0] = pad[0], pixel[1] = pad[1], pixel[2] = pad[2];
                continue;
            }
            const double inside_x = x < 0.0 ? 0.0 : x;
            const double inside_y = y < 0.0 ? 0.0 : y;
            const std::size_t x0 = std::size_t(inside_x), y0 = std::size_t(inside_y);
            const std::size_t across = x0 + 1 < from.width ? 3 : 0;
            const std::size_t down = y0 + 1 < from.height ? from.width * 3 : 0;
            const float fx = float(inside_x - double(x0));
            const float fy = float(inside_y - double(y0));
            const std::uint8_t* at = &from.pixels[(y0 * from.width + x0) * 3];
            for (std::size_t k = 0; k < 3; ++k, ++at) {
                const float upper = float(at[0]) * (1.0f - fx) + float(at[across]) * fx;
                const float lower = float(at[down]) * (1.0f - fx) + float(at[down + across]) * fx;
                pixel[k] = std::uint8_t(upper * (1.0f - fy) + lower * fy + 0.5f);
            }
        }
    }
    return to;
}

} // namespace shape
