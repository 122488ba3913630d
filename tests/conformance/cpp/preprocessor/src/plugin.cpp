// Does what its setting `case` says; what each case has to give stands in cases.json.
#include <assay.hpp>

#include <array>

namespace {

using Answer = assay::Result<assay::Prepared>;
using Shape = std::vector<std::uint32_t>;

constexpr std::array<std::uint8_t, 3> BYTES = {1, 2, 3};
constexpr std::array<std::uint8_t, 3> COLOUR = {10, 20, 30};

assay::Result<assay::Tensor> wrong_count() {
    return assay::Tensor::from_f32(Shape{2, 2}, std::array{1.0f, 2.0f, 3.0f});
}

Answer tensors(const assay::Image& picture) {
    assay::TensorSpec spec;
    spec.layout = assay::Layout::nhwc;
    spec.mean = {10.0f, 20.0f, 30.0f};
    spec.scale = {2.0f, 4.0f, 8.0f};
    const std::array<float, 4> values = {1.0f, 2.5f, -3.0f, 0.5f};
    ASSAY_ASSIGN(auto pixels, picture.to_tensor(spec));
    ASSAY_ASSIGN(auto numbers, assay::Tensor::from_f32(Shape{1, 4}, values));
    ASSAY_ASSIGN(auto bytes, assay::Tensor::from_u8(Shape{3}, BYTES));
    assay::Prepared to;
    to.tensor("pixels", std::move(pixels)).tensor("numbers", std::move(numbers)).tensor("bytes", std::move(bytes));
    return to;
}

Answer images(const assay::Image& picture) {
    ASSAY_ASSIGN(auto grey, picture.convert(assay::PixelFormat::gray8));
    ASSAY_ASSIGN(auto filled, assay::Image::filled(3, 2, assay::PixelFormat::rgb8, COLOUR));
    assay::Prepared to;
    to.image("grey", std::move(grey)).image("filled", std::move(filled));
    return to;
}

class Plugin final : public assay::Preprocessor {
    std::string wanted_;

  public:
    assay::Status start() override { return assay::settings::text("case", wanted_); }

    Answer preprocess(const assay::Frame&, const assay::Image& picture) override {
        if (wanted_ == "tensors") {
            return tensors(picture);
        }
        if (wanted_ == "images") {
            return images(picture);
        }
        assay::Prepared to;
        if (wanted_ == "replace-picture") {
            ASSAY_ASSIGN(to.picture, picture.crop({2, 3, 8, 6}));
            to.attribute("replaced", "yes");
            return to;
        }
        if (wanted_ == "unsupported-input") {
            return assay::unsupported_input("no part in sight");
        }
        if (wanted_ == "wrong-count") {
            ASSAY_ASSIGN(auto wrong, wrong_count());
            to.tensor("wrong", std::move(wrong));
            return to;
        }
        return assay::bad_setting("case", "a case", wanted_);
    }
};

} // namespace

ASSAY_EXPORT_PREPROCESSOR(Plugin)
