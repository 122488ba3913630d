// Preprocessor: brings the picture to the model's size and gives it as the model's input.
#include <assay.hpp>

class Plugin final : public assay::Preprocessor {
    std::uint32_t width_ = 224;
    std::uint32_t height_ = 224;
    std::string input_ = "input";
    assay::TensorSpec spec_;

  public:
    assay::Status start() override {
        ASSAY_CHECK(assay::settings::integer("width", 1, 8192, width_));
        ASSAY_CHECK(assay::settings::integer("height", 1, 8192, height_));
        ASSAY_CHECK(assay::settings::numbers("mean", spec_.mean));
        ASSAY_CHECK(assay::settings::numbers("scale", spec_.scale));
        return assay::settings::text("input", input_);
    }

    assay::Result<assay::Prepared> preprocess(const assay::Frame&, const assay::Image& picture) override {
        ASSAY_ASSIGN(const auto colour, picture.convert(assay::PixelFormat::rgb8));
        ASSAY_ASSIGN(const auto small, colour.resize(width_, height_, assay::Filter::bilinear));
        // Shape {1, 3, height, width}.
        ASSAY_ASSIGN(auto tensor, small.to_tensor(spec_));
        assay::Prepared prepared;
        prepared.tensor(input_, std::move(tensor));
        return prepared;
    }
};

ASSAY_EXPORT_PREPROCESSOR(Plugin)
