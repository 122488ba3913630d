// A grey picture as numbers, made by the host or by the plugin.
#include <assay.hpp>

#include <vector>

class Plugin final : public assay::Preprocessor {
    static constexpr float mean_ = 16.0F;
    static constexpr float scale_ = 128.0F;
    std::string work_ = "nothing";

  public:
    assay::Status start() override { return assay::settings::text("work", work_); }

    assay::Result<assay::Prepared> preprocess(const assay::Frame&, const assay::Image& picture) override {
        assay::Prepared prepared;
        if (work_ == "handle") {
            assay::TensorSpec spec;
            spec.mean = {mean_};
            spec.scale = {scale_};
            ASSAY_ASSIGN(auto tensor, picture.to_tensor(spec));
            prepared.tensor("input", std::move(tensor));
        } else if (work_ == "guest") {
            ASSAY_ASSIGN(auto tensor, by_the_plugin(picture));
            prepared.tensor("input", std::move(tensor));
        }
        return prepared;
    }

  private:
    static assay::Result<assay::Tensor> by_the_plugin(const assay::Image& picture) {
        const auto info = picture.info();
        ASSAY_ASSIGN(const auto pixels, picture.read_rows(0, info.height));
        std::vector<float> numbers;
        numbers.reserve(pixels.size());
        for (const auto pixel : pixels) {
            numbers.push_back((static_cast<float>(pixel) - mean_) / scale_);
        }
        const std::uint32_t shape[] = {1, 1, info.height, info.width};
        return assay::Tensor::from_f32(shape, numbers);
    }
};

ASSAY_EXPORT_PREPROCESSOR(Plugin)
