// Detector: raises a finding where the picture is brighter than a limit.
#include <assay.hpp>

class Plugin final : public assay::Detector {
    double limit_ = 0.8;

  public:
    assay::Status start() override { return assay::settings::number("limit", 0.0, 1.0, limit_); }

    assay::Result<assay::Detection> detect(const assay::Frame&, const assay::Evidence& evidence) override {
        const double brightness = evidence.picture.statistics().mean / 255.0;
        assay::Detection detection;
        detection.finding({
            .label = "too-bright",
            .score = brightness,
            .raised = brightness > limit_,
            .text = assay::format("brightness %.2f, limit %.2f", brightness, limit_),
        });
        return detection;
    }
};

ASSAY_EXPORT_DETECTOR(Plugin)
