// Does what its setting `case` says; what each case has to give stands in cases.json.
#include <assay.hpp>

#include <array>
#include <numeric>

namespace {

using Answer = assay::Result<assay::Observation>;
using Inspection = assay::Inspection;

assay::Report report(std::string feature, std::string statistic, double value, double threshold) {
    return {.feature = std::move(feature),
            .statistic = std::move(statistic),
            .value = value,
            .threshold = threshold,
            .drifted = value >= threshold,
            .window = 9};
}

// One report per part of the inspection.
Answer all(const Inspection& from) {
    if (from.findings.empty()) {
        return assay::other_error("no finding");
    }
    ASSAY_ASSIGN(const auto* output, from.outputs.get("logits"));
    ASSAY_ASSIGN(const auto values, output->to_f32());
    const double probabilities = std::accumulate(from.probabilities.begin(), from.probabilities.end(), 0.0);
    const auto& first = from.findings.front();
    assay::Observation to;
    to.report(report("picture", "mean", from.picture.statistics().mean, 1000.0))
        .report(report("verdict", std::string(from.verdict), 1.0, 1000.0))
        .report(report("label", std::string(from.label.value_or("none")), 1.0, 1000.0))
        .report(report("probabilities", "sum", probabilities, 1000.0))
        .report(report("finding", first.label, first.score, 1000.0))
        .report(report("output", "sum", std::accumulate(values.begin(), values.end(), 0.0), 1000.0));
    return to;
}

Answer reports() {
    assay::Observation to;
    to.report(report("brightness", "psi", 0.5, 0.25)).report(report("sharpness", "ks", 0.1, 0.2));
    return to;
}

// Counts frames; forgets after the third.
Answer state_count() {
    const auto before = assay::state::get_numbers("frames");
    const double now = before && before->size() == 1 ? (*before)[0] + 1.0 : 1.0;
    if (now < 3.0) {
        ASSAY_CHECK(assay::state::set_numbers("frames", std::array{now}));
    } else {
        assay::state::forget("frames");
    }
    assay::Observation to;
    to.report(report("frames", "count", now, 1000.0));
    return to;
}

// Every byte comes back.
Answer state_bytes() {
    std::array<std::uint8_t, 256> values{};
    std::iota(values.begin(), values.end(), std::uint8_t{0});
    ASSAY_CHECK(assay::state::set("bytes", values));
    const auto found = assay::state::get("bytes");
    double weighted = 0.0;
    for (std::size_t at = 0; found && at < found->size(); ++at) {
        weighted += double(at) * (*found)[at];
    }
    assay::Observation to;
    to.report(report("bytes", "weighted", weighted, 1e9));
    return to;
}

Answer state_limit() {
    const std::vector<std::uint8_t> big(4096, 7);
    ASSAY_CHECK(assay::state::set("big", big));
    return assay::Observation();
}

Answer state_undone() {
    ASSAY_CHECK(assay::state::set_numbers("undone", std::array{1.0}));
    const auto found = assay::state::get("undone");
    return assay::other_error(assay::format("%zu is kept for now", found ? found->size() : 0));
}

class Plugin final : public assay::Monitor {
    std::string wanted_;

  public:
    assay::Status start() override { return assay::settings::text("case", wanted_); }

    Answer observe(const assay::Frame&, const Inspection& inspection) override {
        if (wanted_ == "inspection") {
            return all(inspection);
        }
        if (wanted_ == "reports") {
            return reports();
        }
        if (wanted_ == "quiet") {
            return assay::Observation();
        }
        if (wanted_ == "state-count") {
            return state_count();
        }
        if (wanted_ == "state-bytes") {
            return state_bytes();
        }
        if (wanted_ == "state-limit") {
            return state_limit();
        }
        if (wanted_ == "state-undone") {
            return state_undone();
        }
        return assay::bad_setting("case", "a case", wanted_);
    }
};

} // namespace

ASSAY_EXPORT_MONITOR(Plugin)
