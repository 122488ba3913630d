// Preprocessor: finds the part, turns it upright, cuts it out and gives it in the model's size.
#include "shape.hpp"

#include <assay.hpp>

#include <algorithm>

namespace {

// The part is looked for on a picture of at most this size: its pose needs no more, and 1 MiB of memory is enough.
constexpr std::uint32_t SEARCH_SIDE = 512;
// Largest size of the answer, pixels.
constexpr std::int64_t MAX_SIDE = 2048;

class FixtureAlign final : public assay::Preprocessor {
    std::uint32_t width_ = 224;
    std::uint32_t height_ = 224;
    bool bright_ = true;
    double margin_ = 0.05;
    double min_area_ = 0.01;
    double max_area_ = 0.9;
    double min_elongation_ = 1.1;
    double min_contrast_ = 20.0;
    bool cut_ = false;
    std::array<std::uint8_t, 3> pad_ = {127, 127, 127};
    std::string input_ = "input";
    assay::TensorSpec spec_;

    assay::Status read_pad() {
        std::vector<double> pad = {127.0};
        ASSAY_CHECK(assay::settings::numbers("pad", pad));
        const bool bytes = std::all_of(pad.begin(), pad.end(), [](double v) { return v >= 0.0 && v <= 255.0; });
        if (!bytes || (pad.size() != 1 && pad.size() != 3)) {
            return assay::bad_setting("pad", "1 number, or 3, from 0 to 255", assay::format("%zu numbers", pad.size()));
        }
        for (std::size_t i = 0; i < 3; ++i) {
            pad_[i] = static_cast<std::uint8_t>(pad[pad.size() == 1 ? 0 : i]);
        }
        return {};
    }

    assay::Status read_spec() {
        spec_.mean = {127.0f};
        spec_.scale = {128.0f};
        ASSAY_CHECK(assay::settings::numbers("mean", spec_.mean));
        ASSAY_CHECK(assay::settings::numbers("scale", spec_.scale));
        for (const auto& [key, values] : {std::pair{"mean", &spec_.mean}, std::pair{"scale", &spec_.scale}}) {
            if (values->size() != 1 && values->size() != 3) {
                return assay::bad_setting(key, "1 number, or 3", assay::format("%zu numbers", values->size()));
            }
        }
        if (std::find(spec_.scale.begin(), spec_.scale.end(), 0.0f) != spec_.scale.end()) {
            return assay::bad_setting("scale", "numbers other than 0", "0");
        }
        return {};
    }

    // The part on a smaller picture, and its pose in pixels of the whole one.
    assay::Result<shape::Pose> find(const assay::Image& picture) const {
        const auto size = picture.info();
        ASSAY_ASSIGN(const auto grey, picture.convert(assay::PixelFormat::gray8));
        const double factor = std::min(1.0, double(SEARCH_SIDE) / double(std::max(size.width, size.height)));
        const auto width = std::max<std::uint32_t>(1, std::uint32_t(std::lround(size.width * factor)));
        const auto height = std::max<std::uint32_t>(1, std::uint32_t(std::lround(size.height * factor)));
        std::optional<assay::Image> smaller;
        if (factor < 1.0) {
            ASSAY_ASSIGN(smaller, grey.resize(width, height, assay::Filter::box));
        }
        const auto& small = smaller ? *smaller : grey;
        const auto division = shape::otsu(small.histogram());
        const double contrast = division ? division->contrast : 0.0;
        if (!division || contrast < min_contrast_) {
            return assay::unsupported_input(
                assay::format("no part found: it would differ from its background by %.1f grey levels, expected %.1f",
                              contrast, min_contrast_));
        }
        ASSAY_ASSIGN(const auto pixels, small.read_rows(0, height));
        auto mask = shape::divide(pixels.span(), width, height, division->level, bright_);
        const double area = double(shape::keep_largest(mask)) / (double(width) * double(height));
        if (area < min_area_ || area > max_area_) {
            return assay::unsupported_input(assay::format(
                "no part found: the largest %s area takes %.1f %% of the picture, expected %.1f %% to %.1f %%",
                bright_ ? "bright" : "dark", 100.0 * area, 100.0 * min_area_, 100.0 * max_area_));
        }
        if (!cut_ && shape::touches_edge(mask)) {
            return assay::unsupported_input("the part reaches the edge of the picture: some of it may be missing");
        }
        auto pose = shape::pose_of(mask, min_elongation_);
        if (!pose) {
            return assay::unsupported_input("no part found");
        }
        pose->x *= double(size.width) / width;
        pose->y *= double(size.height) / height;
        pose->width *= double(size.width) / width;
        pose->height *= double(size.height) / height;
        return *pose;
    }

    // The part of the picture that the answer can show, made smaller by the host where the answer is: bilinear sampling
    // alone would leave pixels out.
    assay::Result<assay::Image> cut_out(const assay::Image& picture, const shape::Pose& pose, double scale,
                                        shape::Pose& inside) const {
        const auto size = picture.info();
        const double reach = 0.5 * scale * std::hypot(double(width_), double(height_)) + 2.0;
        const auto bound = [](double value, double most) { return std::uint32_t(std::clamp(value, 0.0, most)); };
        const auto left = bound(std::floor(pose.x - reach), size.width - 1.0);
        const auto top = bound(std::floor(pose.y - reach), size.height - 1.0);
        const auto right = std::max(left + 1, bound(std::ceil(pose.x + reach), size.width));
        const auto bottom = std::max(top + 1, bound(std::ceil(pose.y + reach), size.height));
        ASSAY_ASSIGN(const auto part, picture.crop({left, top, right - left, bottom - top}));
        ASSAY_ASSIGN(auto colour, part.convert(assay::PixelFormat::rgb8));
        inside = pose;
        inside.x -= left;
        inside.y -= top;
        if (scale <= 1.0) {
            return colour;
        }
        const auto width = std::max<std::uint32_t>(1, std::uint32_t(std::lround((right - left) / scale)));
        const auto height = std::max<std::uint32_t>(1, std::uint32_t(std::lround((bottom - top) / scale)));
        inside.x *= double(width) / (right - left);
        inside.y *= double(height) / (bottom - top);
        return colour.resize(width, height, assay::Filter::box);
    }

  public:
    assay::Status start() override {
        std::string part = "bright";
        ASSAY_CHECK(assay::settings::integer("width", 1, MAX_SIDE, width_));
        ASSAY_CHECK(assay::settings::integer("height", 1, MAX_SIDE, height_));
        ASSAY_CHECK(assay::settings::text("part", part));
        if (part != "bright" && part != "dark") {
            return assay::bad_setting("part", "bright or dark", part);
        }
        bright_ = part == "bright";
        ASSAY_CHECK(assay::settings::number("margin", 0.0, 1.0, margin_));
        ASSAY_CHECK(assay::settings::number("min-area", 0.0, 1.0, min_area_));
        ASSAY_CHECK(assay::settings::number("max-area", min_area_, 1.0, max_area_));
        ASSAY_CHECK(assay::settings::number("min-elongation", 1.0, 100.0, min_elongation_));
        ASSAY_CHECK(assay::settings::number("min-contrast", 0.0, 255.0, min_contrast_));
        ASSAY_CHECK(assay::settings::flag("cut", cut_));
        ASSAY_CHECK(assay::settings::text("input", input_));
        ASSAY_CHECK(read_pad());
        return read_spec();
    }

    assay::Result<assay::Prepared> preprocess(const assay::Frame&, const assay::Image& picture) override {
        ASSAY_ASSIGN(const auto pose, find(picture));
        const double scale = shape::scale_of(pose, margin_, width_, height_);
        shape::Pose inside;
        ASSAY_ASSIGN(const auto part, cut_out(picture, pose, scale, inside));
        const auto size = part.info();
        ASSAY_ASSIGN(const auto pixels, part.read_rows(0, size.height));
        const shape::Source source{pixels.span(), size.width, size.height};
        const auto upright = shape::sample(source, inside, std::min(scale, 1.0), width_, height_, pad_);
        ASSAY_ASSIGN(auto answer, assay::Image::from_pixels(width_, height_, assay::PixelFormat::rgb8, upright));
        ASSAY_ASSIGN(auto tensor, answer.to_tensor(spec_));
        assay::Prepared prepared;
        prepared.tensor(input_, std::move(tensor));
        prepared.picture = std::move(answer);
        prepared.attribute("part-x", assay::format("%.1f", pose.x));
        prepared.attribute("part-y", assay::format("%.1f", pose.y));
        prepared.attribute("part-angle", assay::format("%.1f", pose.angle * 180.0 / M_PI));
        prepared.attribute("part-elongation", assay::format("%.2f", pose.elongation));
        return prepared;
    }
};

} // namespace

ASSAY_EXPORT_PREPROCESSOR(FixtureAlign)
