// Native tests of how a part is found: wedges are drawn at known poses and found again.
#include "../src/shape.hpp"

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
            std::exit(1);                                                                                              \
        }                                                                                                              \
    } while (0)

namespace {

constexpr std::size_t SIDE = 300;

// 120 long; 60 wide at its left end, 30 at its right end. The middle of its box lies at cx, cy.
bool in_wedge(double x, double y, double cx, double cy, double angle) {
    const double u = (x - cx) * std::cos(angle) + (y - cy) * std::sin(angle);
    const double v = (y - cy) * std::cos(angle) - (x - cx) * std::sin(angle);
    return std::fabs(u) <= 60.0 && std::fabs(v) <= 30.0 - 15.0 * (u + 60.0) / 120.0;
}

shape::Mask wedge(double cx, double cy, double angle) {
    shape::Mask mask{SIDE, SIDE, std::vector<std::uint8_t>(SIDE * SIDE)};
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        mask.pixels[i] = in_wedge(double(i % SIDE) + 0.5, double(i / SIDE) + 0.5, cx, cy, angle);
    }
    return mask;
}

void a_pose_is_found_at_every_angle() {
    for (int degrees = -179; degrees <= 180; degrees += 7) {
        const double angle = degrees * M_PI / 180.0;
        const auto pose = shape::pose_of(wedge(140.0, 160.0, angle), 1.1);
        CHECK(pose);
        const double off = std::remainder(pose->angle - angle, 2.0 * M_PI);
        if (std::fabs(off) >= 0.02) {
            std::fprintf(stderr, "%d degrees: found %.1f\n", degrees, pose->angle * 180.0 / M_PI);
        }
        CHECK(std::fabs(off) < 0.02);
        CHECK(std::fabs(pose->x - 140.0) < 1.5 && std::fabs(pose->y - 160.0) < 1.5);
        CHECK(std::fabs(pose->width - 120.0) < 4.0 && std::fabs(pose->height - 60.0) < 4.0);
    }
}

void a_round_part_is_not_turned() {
    shape::Mask mask{SIDE, SIDE, std::vector<std::uint8_t>(SIDE * SIDE)};
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        const double x = double(i % SIDE) - 100.0, y = double(i / SIDE) - 90.0;
        mask.pixels[i] = x * x + y * y < 1600.0;
    }
    const auto pose = shape::pose_of(mask, 1.1);
    CHECK(pose && pose->angle == 0.0 && pose->elongation < 1.01);
}

void the_largest_part_stays() {
    auto mask = wedge(140.0, 160.0, 0.5);
    const auto before = shape::pose_of(mask, 1.1);
    for (std::size_t i = 0; i < 20 * SIDE; ++i) {
        if (i % SIDE < 20) {
            mask.pixels[i] = 1;
        }
    }
    const auto pixels = shape::keep_largest(mask);
    const auto after = shape::pose_of(mask, 1.1);
    CHECK(pixels > 5000 && after->x == before->x && after->angle == before->angle);
    shape::Mask empty{4, 4, std::vector<std::uint8_t>(16)};
    CHECK(shape::keep_largest(empty) == 0 && !shape::pose_of(empty, 1.1));
}

void a_part_at_the_edge_is_told() {
    CHECK(!shape::touches_edge(wedge(140.0, 160.0, 0.5)));
    CHECK(shape::touches_edge(wedge(280.0, 160.0, 0.5)));
    CHECK(shape::touches_edge(wedge(140.0, 10.0, 0.0)));
}

void otsu_divides_two_hills() {
    std::array<std::uint64_t, 256> counts = {};
    counts[40] = 500, counts[50] = 400, counts[200] = 80, counts[210] = 90;
    const auto found = shape::otsu(counts);
    CHECK(found && found->level >= 50 && found->level < 200);
    // Means 40000/900 and 34900/170.
    CHECK(std::fabs(found->contrast - (205.294 - 44.444)) < 0.01);
    std::array<std::uint64_t, 256> flat = {};
    flat[9] = 100;
    CHECK(!shape::otsu(flat));
}

void what_is_sampled_lies_upright() {
    std::vector<std::uint8_t> pixels(SIDE * SIDE * 3, 20);
    const double angle = 2.1;
    const auto mask = wedge(140.0, 160.0, angle);
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
        for (std::size_t k = 0; k < 3; ++k) {
            pixels[i * 3 + k] = mask.pixels[i] ? std::uint8_t(100 + 50 * k) : 20;
        }
    }
    const auto pose = shape::pose_of(mask, 1.1);
    const auto upright = shape::sample({pixels, SIDE, SIDE}, *pose, 1.0, 140, 80, {1, 2, 3});
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 140 * 80; ++i) {
        const double x = double(i % 140) + 0.5, y = double(i / 140) + 0.5;
        const bool in = upright[i * 3] > 60;
        wrong += in != in_wedge(x, y, 70.0, 40.0, 0.0);
        CHECK(!in || upright[i * 3 + 2] > upright[i * 3 + 1]);
    }
    CHECK(wrong < 200);
    const auto far = shape::sample({pixels, SIDE, SIDE}, {-500.0, 0.0, 0.0, 1.0, 1.0, 1.0}, 1.0, 4, 4, {1, 2, 3});
    CHECK(far[0] == 1 && far[1] == 2 && far[47] == 3);
}

void the_box_keeps_its_margin_and_the_shape_of_the_answer() {
    const shape::Pose pose{0.0, 0.0, 0.0, 100.0, 50.0, 2.0};
    CHECK(std::fabs(shape::scale_of(pose, 0.0, 100, 100) - 1.0) < 1e-9);
    CHECK(std::fabs(shape::scale_of(pose, 0.1, 100, 100) - 1.2) < 1e-9);
    CHECK(std::fabs(shape::scale_of(pose, 0.0, 400, 50) - 1.0) < 1e-9);
}

} // namespace

int main() {
    a_pose_is_found_at_every_angle();
    a_round_part_is_not_turned();
    the_largest_part_stays();
    a_part_at_the_edge_is_told();
    otsu_divides_two_hills();
    what_is_sampled_lies_upright();
    the_box_keeps_its_margin_and_the_shape_of_the_answer();
    std::puts("shape: all found");
}
