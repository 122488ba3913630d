// Monitor: the mean brightness of the last frames against the mean of the first ones.
#include <assay.hpp>

#include <cmath>

class Plugin final : public assay::Monitor {
    double window_ = 50.0;
    double limit_ = 10.0;

  public:
    assay::Status start() override {
        ASSAY_CHECK(assay::settings::number("window", 2.0, 10000.0, window_));
        return assay::settings::number("limit", 0.1, 255.0, limit_);
    }

    assay::Result<assay::Observation> observe(const assay::Frame&, const assay::Inspection& inspection) override {
        // Frames and sum of the first window, frames and sum of the one that is filling.
        double memory[4] = {};
        if (const auto kept = assay::state::get_numbers("brightness"); kept && kept->size() == 4) {
            std::copy(kept->begin(), kept->end(), memory);
        }
        auto& [first_count, first_sum, count, sum] = memory;
        const double brightness = inspection.picture.statistics().mean;
        assay::Observation observation;
        if (first_count < window_) {
            first_count += 1.0;
            first_sum += brightness;
        } else {
            count += 1.0;
            sum += brightness;
        }
        if (count >= window_) {
            const double moved = std::abs(sum / count - first_sum / first_count);
            observation.report({.feature = "brightness",
                                .statistic = "mean",
                                .value = moved,
                                .threshold = limit_,
                                .drifted = moved >= limit_,
                                .window = static_cast<std::uint64_t>(window_)});
            count = sum = 0.0;
        }
        ASSAY_CHECK(assay::state::set_numbers("brightness", memory));
        return observation;
    }
};

ASSAY_EXPORT_MONITOR(Plugin)
