// What a plugin implements, a class per world: part of assay.hpp.
#ifndef ASSAY_WORLDS_HPP
#define ASSAY_WORLDS_HPP

namespace assay {

// What a detector says about a frame.
struct Finding {
    // A short word, the same for the same thing: "too-dark".
    std::string label;
    // Brought into 0..1; what is no number becomes 1, so that a broken measurement is seen.
    double score = 0.0;
    // True asks for the recipe's consequence; false is only shown.
    bool raised = false;
    // Inside the picture.
    std::optional<Region> region = {};
    // For a person, at most a line.
    std::optional<std::string> text = {};
    std::vector<Attribute> attributes = {};
};

namespace detail {

inline std::vector<assay_attribute> to_c(const std::vector<Attribute>& from) {
    std::vector<assay_attribute> to;
    for (const auto& attribute : from) {
        to.push_back({attribute.key.c_str(), attribute.value.c_str()});
    }
    return to;
}

} // namespace detail

struct NamedImage {
    std::string name;
    Image image;
};

// ---- World `preprocessor`: frame -> named tensors ----

// What a preprocessor gives.
struct Prepared {
    // Inputs of the model by name; detectors see them too.
    std::vector<NamedTensor> tensors;
    // Takes the frame's place for the stages behind.
    std::optional<Image> picture;
    // For a person to look at.
    std::vector<NamedImage> images;
    std::vector<Attribute> attributes;

    Prepared& tensor(std::string name, Tensor tensor) {
        tensors.push_back({std::move(name), std::move(tensor)});
        return *this;
    }
    Prepared& image(std::string name, Image image) {
        images.push_back({std::move(name), std::move(image)});
        return *this;
    }
    // Keys are lower-case words with hyphens.
    Prepared& attribute(std::string key, std::string value) {
        attributes.push_back({std::move(key), std::move(value)});
        return *this;
    }
};

class Preprocessor {
  public:
    // Reads and checks the settings. Called once per instance, before the first frame.
    virtual Status start() { return {}; }
    virtual Result<Prepared> preprocess(const Frame& frame, const Image& picture) = 0;

  protected:
    ~Preprocessor() = default;
};

// ---- World `detector`: frame, tensors and model outputs -> findings ----

// The frame as the stages before left it.
struct Evidence {
    // After the preprocessors.
    Image picture;
    // What the preprocessors gave.
    Tensors inputs;
    // What the model gave.
    Tensors outputs;
    std::span<const assay_attribute> attributes;
};

// What a detector gives.
struct Detection {
    std::vector<Finding> findings;
    // For a person to look at.
    std::vector<NamedImage> images;
    std::vector<Attribute> attributes;

    Detection& finding(Finding finding) {
        findings.push_back(std::move(finding));
        return *this;
    }
    Detection& image(std::string name, Image image) {
        images.push_back({std::move(name), std::move(image)});
        return *this;
    }
    // Keys are lower-case words with hyphens.
    Detection& attribute(std::string key, std::string value) {
        attributes.push_back({std::move(key), std::move(value)});
        return *this;
    }
};

class Detector {
  public:
    // Reads and checks the settings. Called once per instance, before the first frame.
    virtual Status start() { return {}; }
    virtual Result<Detection> detect(const Frame& frame, const Evidence& evidence) = 0;

  protected:
    ~Detector() = default;
};

// A model that the recipe grants this plugin: its manifest asks for the capability `inference:NAME`.
class Model {
  public:
    // Code::inference where the model is not known or not granted.
    static Result<Model> load(const char* name) {
        assay_model* found = nullptr;
        const auto status = assay_model_load(name, &found);
        return status == ASSAY_OK ? Result<Model>(Model(found)) : detail::last_error(status);
    }
    // Inputs and outputs by the model's names. Code::inference with the host's words.
    Result<Tensors> compute(std::vector<NamedTensor> inputs) const {
        std::vector<assay_named_tensor> given;
        for (auto& input : inputs) {
            given.push_back({input.name.c_str(), input.tensor.release()});
        }
        assay_tensors outputs = {nullptr, 0};
        const auto status = assay_model_compute(owned_.get(), given.data(), given.size(), &outputs);
        return status == ASSAY_OK ? Result<Tensors>(Tensors(outputs)) : detail::last_error(status);
    }

  private:
    explicit Model(assay_model* owned) : owned_(owned) {}
    detail::Owned<assay_model> owned_;
};

// ---- World `monitor`: sees every inspection after its verdict ----

// A judged frame. The views live as long as the call.
struct Inspection {
    // After the preprocessors.
    Image picture;
    // "pass", "fail" or "undecided".
    std::string_view verdict;
    // The top label, where the model answered.
    std::optional<std::string_view> label;
    // In the order of the model's labels, 0 to 1; empty where the model did not answer.
    std::span<const float> probabilities;
    // Of all detectors.
    std::span<const assay_finding> findings;
    // What the model gave.
    Tensors outputs;
    std::span<const assay_attribute> attributes;
};

// One measure of one feature.
struct Report {
    // What was watched: "brightness".
    std::string feature;
    // How: "psi".
    std::string statistic;
    double value = 0.0;
    // At and above it the value counts as drift.
    double threshold = 0.0;
    // Whether it does.
    bool drifted = false;
    // Frames that the value speaks of.
    std::uint64_t window = 0;
    std::vector<Attribute> attributes = {};
};

// What a monitor gives: only what is new.
struct Observation {
    std::vector<Report> reports;
    std::vector<Attribute> attributes;

    Observation& report(Report report) {
        reports.push_back(std::move(report));
        return *this;
    }
};

class Monitor {
  public:
    // Reads and checks the settings. Called once per instance, before the first frame.
    virtual Status start() { return {}; }
    virtual Result<Observation> observe(const Frame& frame, const Inspection& inspection) = 0;

  protected:
    ~Monitor() = default;
};

// What a monitor remembers between frames; needs the capability `state`. The host keeps it.
namespace state {

inline std::optional<Buffer<std::uint8_t>> get(const char* key) {
    std::uint8_t* bytes = nullptr;
    std::size_t count = 0;
    if (!assay_state_get(key, &bytes, &count)) {
        return std::nullopt;
    }
    return Buffer<std::uint8_t>(bytes, count);
}
// Nothing where the bytes are no numbers.
inline std::optional<Buffer<double>> get_numbers(const char* key) {
    double* values = nullptr;
    std::size_t count = 0;
    if (!assay_state_get_numbers(key, &values, &count)) {
        return std::nullopt;
    }
    return Buffer<double>(values, count);
}
// Code::other where the plugin's limit `state_bytes` would be passed.
inline Status set(const char* key, std::span<const std::uint8_t> bytes) {
    return detail::to_status(assay_state_set(key, bytes.data(), bytes.size()));
}
// 8 bytes each.
inline Status set_numbers(const char* key, std::span<const double> values) {
    return detail::to_status(assay_state_set_numbers(key, values.data(), values.size()));
}
inline void forget(const char* key) { assay_state_delete(key); }

} // namespace state

namespace detail {

// The plugin's object: made once, never destroyed.
template <class T> T& plugin() {
    alignas(T) static unsigned char memory[sizeof(T)];
    static T* made = nullptr;
    if (made == nullptr) {
        made = new (memory) T();
    }
    return *made;
}

template <class T> assay_status start() {
    const Status status = plugin<T>().start();
    return status ? ASSAY_OK : to_c(status.error());
}

inline assay_status give(Prepared prepared, assay_prepared* to) {
    for (auto& item : prepared.tensors) {
        assay_prepared_tensor(to, item.name.c_str(), item.tensor.release());
    }
    if (prepared.picture) {
        assay_prepared_picture(to, prepared.picture->release());
    }
    for (auto& item : prepared.images) {
        assay_prepared_image(to, item.name.c_str(), item.image.release());
    }
    for (const auto& item : prepared.attributes) {
        assay_prepared_attribute(to, item.key.c_str(), "%s", item.value.c_str());
    }
    return ASSAY_OK;
}

inline assay_status give(Detection detection, assay_detection* to) {
    for (const auto& item : detection.findings) {
        const auto attributes = to_c(item.attributes);
        const assay_finding finding = {item.label.c_str(),
                                       item.score,
                                       item.raised,
                                       item.region ? &*item.region : nullptr,
                                       item.text ? item.text->c_str() : nullptr,
                                       {attributes.data(), attributes.size()}};
        assay_detection_finding(to, &finding);
    }
    for (auto& item : detection.images) {
        assay_detection_image(to, item.name.c_str(), item.image.release());
    }
    for (const auto& item : detection.attributes) {
        assay_detection_attribute(to, item.key.c_str(), "%s", item.value.c_str());
    }
    return ASSAY_OK;
}

inline assay_status give(Observation observation, assay_observation* to) {
    for (const auto& item : observation.reports) {
        const auto attributes = to_c(item.attributes);
        const assay_report report = {item.feature.c_str(), item.statistic.c_str(), item.value,
                                     item.threshold,       item.drifted,           item.window,
                                     {attributes.data(), attributes.size()}};
        assay_observation_report(to, &report);
    }
    for (const auto& item : observation.attributes) {
        assay_observation_attribute(to, item.key.c_str(), "%s", item.value.c_str());
    }
    return ASSAY_OK;
}

template <class T> assay_status preprocess(const assay_frame* frame, const assay_image* picture, assay_prepared* to) {
    // The host gave the picture to this call: it is the object's from here on.
    const Image seen(const_cast<assay_image*>(picture));
    auto prepared = static_cast<Preprocessor&>(plugin<T>()).preprocess(Frame(*frame), seen);
    return prepared ? give(std::move(prepared).value(), to) : to_c(prepared.error());
}

template <class T> assay_status detect(const assay_frame* frame, const assay_evidence* from, assay_detection* to) {
    const Evidence evidence{Image(const_cast<assay_image*>(from->picture)), Tensors(from->inputs),
                            Tensors(from->outputs), {from->attributes.items, from->attributes.count}};
    auto detection = static_cast<Detector&>(plugin<T>()).detect(Frame(*frame), evidence);
    return detection ? give(std::move(detection).value(), to) : to_c(detection.error());
}

template <class T> assay_status observe(const assay_frame* frame, const assay_inspection* from, assay_observation* to) {
    const Inspection inspection{
        Image(const_cast<assay_image*>(from->picture)),
        from->verdict,
        from->label == nullptr ? std::nullopt : std::optional<std::string_view>(from->label),
        {from->probabilities, from->probability_count},
        {from->findings, from->finding_count},
        Tensors(from->outputs),
        {from->attributes.items, from->attributes.count}};
    auto observation = static_cast<Monitor&>(plugin<T>()).observe(Frame(*frame), inspection);
    return observation ? give(std::move(observation).value(), to) : to_c(observation.error());
}

} // namespace detail

} // namespace assay

// What libc++ calls where a check of its own fails: its own one would want a console.
#define ASSAY_NO_CONSOLE_                                                                                              \
    namespace std {                                                                                                    \
    inline namespace __1 {                                                                                             \
    [[noreturn]] void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }                          \
    }                                                                                                                  \
    }                                                                                                                  \
    void* operator new(std::size_t bytes) {                                                                            \
        void* made = __builtin_malloc(bytes == 0 ? 1 : bytes);                                                         \
        if (made == nullptr) {                                                                                         \
            __builtin_trap();                                                                                          \
        }                                                                                                              \
        return made;                                                                                                   \
    }                                                                                                                  \
    void operator delete(void* memory) noexcept { __builtin_free(memory); }                                            \
    void operator delete(void* memory, std::size_t) noexcept { __builtin_free(memory); }                               \
    extern "C" void __cxa_pure_virtual() { __builtin_trap(); }

// Makes a class the plugin. One of these stands once in a plugin, outside of every namespace.
#define ASSAY_EXPORT_PREPROCESSOR(Class)                                                                               \
    ASSAY_NO_CONSOLE_                                                                                                  \
    extern "C" assay_status assay_start(void) { return assay::detail::start<Class>(); }                                \
    extern "C" assay_status assay_preprocess(const assay_frame* frame, const assay_image* picture,                     \
                                             assay_prepared* prepared) {                                               \
        return assay::detail::preprocess<Class>(frame, picture, prepared);                                             \
    }

#define ASSAY_EXPORT_DETECTOR(Class)                                                                                   \
    ASSAY_NO_CONSOLE_                                                                                                  \
    extern "C" assay_status assay_start(void) { return assay::detail::start<Class>(); }                                \
    extern "C" assay_status assay_detect(const assay_frame* frame, const assay_evidence* evidence,                     \
                                         assay_detection* detection) {                                                 \
        return assay::detail::detect<Class>(frame, evidence, detection);                                               \
    }

#define ASSAY_EXPORT_MONITOR(Class)                                                                                    \
    ASSAY_NO_CONSOLE_                                                                                                  \
    extern "C" assay_status assay_start(void) { return assay::detail::start<Class>(); }                                \
    extern "C" assay_status assay_observe(const assay_frame* frame, const assay_inspection* inspection,                \
                                          assay_observation* observation) {                                            \
        return assay::detail::observe<Class>(frame, inspection, observation);                                          \
    }

#endif
