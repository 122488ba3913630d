// Does what its setting `case` says; what each case has to give stands in cases.json.
#include <assay.hpp>

#include <array>
#include <cmath>
#include <numeric>

namespace {

using Answer = assay::Result<assay::Detection>;
using Evidence = assay::Evidence;
using Bytes = std::span<const std::uint8_t>;
using Format = assay::PixelFormat;

constexpr std::array<std::uint8_t, 4> GREYS = {0, 64, 128, 255};
constexpr std::array<std::uint8_t, 3> COLOUR = {10, 20, 30};
constexpr std::array<std::uint8_t, 3> WHITE = {255, 255, 255};
constexpr std::array<std::uint8_t, 1> GREY = {7};

std::string sum(Bytes bytes) {
    return assay::format("%llu", std::accumulate(bytes.begin(), bytes.end(), 0ULL));
}

std::string known(std::optional<std::string_view> text) { return std::string(text.value_or("none")); }

Answer frame_data(const assay::Frame& frame) {
    assay::Detection to;
    to.attribute("station", std::string(frame.station()))
        .attribute("boot", std::to_string(frame.boot()))
        .attribute("trigger", std::to_string(frame.trigger()))
        .attribute("captured", std::to_string(frame.captured_at_us()))
        .attribute("source", std::string(frame.source()))
        .attribute("product", known(frame.product()))
        .attribute("serial", known(frame.serial()));
    return to;
}

Answer statistics(const Evidence& from) {
    const auto found = from.picture.statistics();
    assay::Detection to;
    to.attribute("mean", assay::format("%.3f", found.mean))
        .attribute("sd", assay::format("%.3f", found.sd))
        .attribute("laplacian-variance", assay::format("%.3f", found.laplacian_variance))
        .attribute("dark-share", assay::format("%.3f", found.dark_share))
        .attribute("bright-share", assay::format("%.3f", found.bright_share));
    for (std::size_t at = 0; at < found.channels; ++at) {
        to.attribute(assay::format("channel-mean-%zu", at), assay::format("%.3f", found.channel_means[at]));
    }
    return to;
}

Answer histogram(const Evidence& from) {
    const auto counts = from.picture.histogram();
    unsigned long long total = 0;
    unsigned long long weighted = 0;
    for (std::size_t luma = 0; luma < counts.size(); ++luma) {
        total += counts[luma];
        weighted += luma * counts[luma];
    }
    assay::Detection to;
    to.attribute("sum", std::to_string(total)).attribute("weighted", std::to_string(weighted));
    return to;
}

Answer read(const Evidence& from) {
    ASSAY_ASSIGN(const auto part, from.picture.crop({2, 3, 8, 6}));
    ASSAY_ASSIGN(const auto pixels, part.read_region({1, 1, 4, 4}));
    ASSAY_ASSIGN(const auto rows, from.picture.read_rows(2, 2));
    const auto info = part.info();
    assay::Detection to;
    to.attribute("size", assay::format("%u %u", unsigned(info.width), unsigned(info.height)))
        .attribute("region", sum(pixels))
        .attribute("rows", sum(rows));
    return to;
}

Answer make(const Evidence&) {
    ASSAY_ASSIGN(auto made, assay::Image::from_pixels(2, 2, Format::gray8, GREYS));
    ASSAY_ASSIGN(auto filled, assay::Image::filled(3, 2, Format::rgb8, COLOUR));
    assay::Detection to;
    to.image("made", std::move(made)).image("filled", std::move(filled));
    return to;
}

Answer operations(const Evidence& from) {
    const auto& picture = from.picture;
    ASSAY_ASSIGN(const auto top, assay::Image::filled(4, 4, Format::rgb8, WHITE));
    ASSAY_ASSIGN(auto crop, picture.crop({2, 3, 8, 6}));
    ASSAY_ASSIGN(auto resized, picture.resize(8, 6, assay::Filter::nearest));
    ASSAY_ASSIGN(auto converted, picture.convert(Format::gray8));
    ASSAY_ASSIGN(auto overlaid, picture.overlay(top, 10, 2));
    ASSAY_ASSIGN(auto gaussian, picture.gaussian_blur(2.0f));
    ASSAY_ASSIGN(auto median, picture.median_blur(7));
    ASSAY_ASSIGN(auto depth, picture.reduce_bit_depth(1));
    ASSAY_ASSIGN(auto jpeg, picture.jpeg_round_trip(10));
    assay::Detection to;
    to.image("crop", std::move(crop))
        .image("resize", std::move(resized))
        .image("convert", std::move(converted))
        .image("overlay", std::move(overlaid))
        .image("gaussian", std::move(gaussian))
        .image("median", std::move(median))
        .image("depth", std::move(depth))
        .image("jpeg", std::move(jpeg));
    return to;
}

std::string shape(const assay::Tensor& tensor) {
    std::string text;
    for (const auto side : tensor.shape()) {
        text.append(text.empty() ? "" : " ").append(std::to_string(side));
    }
    return text;
}

assay::Result<std::string> total(const assay::Tensor& tensor) {
    ASSAY_ASSIGN(const auto values, tensor.to_f32());
    return assay::format("%.3f", std::accumulate(values.begin(), values.end(), 0.0));
}

Answer tensor(const Evidence& from) {
    assay::TensorSpec spec;
    spec.mean = {127.0f};
    spec.scale = {128.0f};
    assay::TensorSpec as_bytes;
    as_bytes.layout = assay::Layout::nhwc;
    as_bytes.element = assay::Element::uint8;
    std::vector<assay::Image> pictures;
    for (int copy = 0; copy < 2; ++copy) {
        ASSAY_ASSIGN(auto whole, from.picture.crop({0, 0, 16, 12}));
        pictures.push_back(std::move(whole));
    }
    ASSAY_ASSIGN(const auto one, from.picture.to_tensor(spec));
    ASSAY_ASSIGN(const auto batch, assay::batch_to_tensor(pictures, as_bytes));
    ASSAY_ASSIGN(auto sum_of_one, total(one));
    const auto bytes = batch.to_bytes();
    assay::Detection to;
    to.attribute("shape", shape(one))
        .attribute("sum", std::move(sum_of_one))
        .attribute("batch-shape", shape(batch))
        .attribute("batch-sum", sum(bytes));
    return to;
}

Answer named_tensors(const Evidence& from) {
    ASSAY_ASSIGN(const auto* input, from.inputs.get("input"));
    ASSAY_ASSIGN(const auto* output, from.outputs.get("logits"));
    ASSAY_ASSIGN(auto of_input, total(*input));
    ASSAY_ASSIGN(auto of_output, total(*output));
    assay::Detection to;
    to.attribute("input-shape", shape(*input))
        .attribute("input-sum", std::move(of_input))
        .attribute("output-shape", shape(*output))
        .attribute("output-sum", std::move(of_output));
    return to;
}

Answer missing_tensor(const Evidence& from) {
    ASSAY_ASSIGN(const auto* found, from.inputs.get("nothing"));
    assay::Detection to;
    to.attribute("found", shape(*found));
    return to;
}

Answer finding(const Evidence&) {
    assay::Detection to;
    to.finding({.label = "scratch",
                .score = 0.75,
                .raised = true,
                .region = assay::Region{1, 2, 3, 4},
                .text = "Kratzer, größer als 划痕",
                .attributes = {{"length", "7"}}})
        .finding({.label = "clear", .score = 0.25});
    return to;
}

Answer score_range(const Evidence&) {
    assay::Detection to;
    to.finding({.label = "over", .score = 2.0})
        .finding({.label = "under", .score = -1.0})
        .finding({.label = "none", .score = double(NAN)});
    return to;
}

// With a space between.
std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text.append(&word == words.data() ? "" : " ").append(word);
    }
    return text;
}

std::string joined(const std::vector<double>& numbers) {
    std::vector<std::string> words;
    for (const auto number : numbers) {
        words.push_back(assay::format("%.1f", number));
    }
    return joined(words);
}

Answer all_settings(const Evidence&) {
    bool flag = true;
    std::int64_t integer = -1;
    double number = -1.0;
    std::string text = "nothing";
    std::vector<double> numbers;
    std::vector<std::string> texts;
    ASSAY_CHECK(assay::settings::flag("flag", flag));
    ASSAY_CHECK(assay::settings::integer("integer", 0, 100, integer));
    ASSAY_CHECK(assay::settings::number("number", 0.0, 100.0, number));
    ASSAY_CHECK(assay::settings::text("text", text));
    ASSAY_CHECK(assay::settings::numbers("numbers", numbers));
    ASSAY_CHECK(assay::settings::texts("texts", texts));
    assay::Detection to;
    to.attribute("flag", flag ? "true" : "false")
        .attribute("integer", std::to_string(integer))
        .attribute("number", assay::format("%.3f", number))
        .attribute("text", text)
        .attribute("numbers", joined(numbers))
        .attribute("texts", joined(texts));
    return to;
}

Answer labels(const Evidence&) {
    assay::Detection to;
    to.attribute("labels", joined(assay::settings::labels()));
    return to;
}

Answer reference(const Evidence&) {
    ASSAY_ASSIGN(const auto mean, assay::reference::number("brightness", "mean"));
    ASSAY_ASSIGN(const auto edges, assay::reference::numbers("brightness", "bins/edges"));
    ASSAY_ASSIGN(auto digest, assay::reference::digest());
    assay::Detection to;
    to.attribute("mean", assay::format("%.3f", mean))
        .attribute("edges", joined(edges))
        .attribute("digest", std::move(digest));
    return to;
}

// A square of the picture, its grey levels summed up by a model.
Answer ask(const Evidence& from, const char* name, std::uint32_t side) {
    ASSAY_ASSIGN(const auto part, from.picture.crop({2, 3, side, side}));
    ASSAY_ASSIGN(const auto grey, part.convert(Format::gray8));
    ASSAY_ASSIGN(auto input, grey.to_tensor({}));
    ASSAY_ASSIGN(const auto model, assay::Model::load(name));
    std::vector<assay::NamedTensor> inputs;
    inputs.push_back({"image", std::move(input)});
    ASSAY_ASSIGN(const auto outputs, model.compute(std::move(inputs)));
    ASSAY_ASSIGN(const auto* found, outputs.get("sum"));
    ASSAY_ASSIGN(auto summed, total(*found));
    assay::Detection to;
    to.attribute("shape", shape(*found)).attribute("sum", std::move(summed));
    return to;
}

Answer log_levels(const Evidence&) {
    assay::log_debug("one");
    assay::log_info("two");
    assay::log_warn("three");
    assay::log_error("four");
    return assay::Detection();
}

Answer log_flood(const Evidence&) {
    for (int line = 0; line < 100; ++line) {
        assay::log_info(assay::format("line %d", line));
    }
    return assay::Detection();
}

Answer bad_argument(const Evidence& from) {
    ASSAY_ASSIGN(auto part, from.picture.crop({15, 11, 4, 4}));
    assay::Detection to;
    to.image("part", std::move(part));
    return to;
}

Answer bad_region(const Evidence&) {
    assay::Detection to;
    to.finding({.label = "outside", .score = 0.5, .region = assay::Region{15, 11, 4, 4}});
    return to;
}

Answer endless(const Evidence&) {
    for (volatile unsigned turns = 0;; turns = turns + 1) {
    }
}

Answer memory(const Evidence&) {
    std::vector<std::vector<std::uint8_t>> held;
    for (;;) {
        held.emplace_back(std::size_t{1} << 20, std::uint8_t{1});
    }
}

Answer handles(const Evidence& from) {
    std::vector<assay::Image> held;
    for (;;) {
        ASSAY_ASSIGN(auto part, from.picture.crop({0, 0, 1, 1}));
        held.push_back(std::move(part));
    }
}

Answer host_bytes(const Evidence&) {
    std::vector<assay::Image> held;
    for (;;) {
        ASSAY_ASSIGN(auto made, assay::Image::filled(1024, 1024, Format::gray8, GREY));
        held.push_back(std::move(made));
    }
}

struct Case {
    std::string_view name;
    Answer (*work)(const Evidence&);
};

constexpr Case CASES[] = {
    {"statistics", statistics},
    {"histogram", histogram},
    {"read", read},
    {"make", make},
    {"operations", operations},
    {"tensor", tensor},
    {"evidence", named_tensors},
    {"missing-tensor", missing_tensor},
    {"finding", finding},
    {"score-range", score_range},
    {"settings", all_settings},
    {"labels", labels},
    {"reference", reference},
    {"inference", [](const Evidence& from) { return ask(from, "demo", 8); }},
    {"unknown-model", [](const Evidence& from) { return ask(from, "other", 8); }},
    {"model-refuses", [](const Evidence& from) { return ask(from, "demo", 4); }},
    {"log", log_levels},
    {"log-flood", log_flood},
    {"unsupported-input", [](const Evidence&) -> Answer { return assay::unsupported_input("no part in sight"); }},
    {"bad-setting", [](const Evidence&) -> Answer { return assay::bad_setting("integer", "less", "more"); }},
    {"other", [](const Evidence&) -> Answer { return assay::other_error("4 holes, expected 5"); }},
    {"bad-argument", bad_argument},
    {"bad-region", bad_region},
    {"endless", endless},
    {"memory", memory},
    {"handles", handles},
    {"host-bytes", host_bytes},
};

class Plugin final : public assay::Detector {
    std::string wanted_;

  public:
    assay::Status start() override { return assay::settings::text("case", wanted_); }

    Answer detect(const assay::Frame& frame, const Evidence& evidence) override {
        if (wanted_ == "frame") {
            return frame_data(frame);
        }
        for (const auto& one : CASES) {
            if (wanted_ == one.name) {
                return one.work(evidence);
            }
        }
        return assay::bad_setting("case", "a case", wanted_);
    }
};

} // namespace

ASSAY_EXPORT_DETECTOR(Plugin)
