// Write a plugin for Assay in C++20: a class with one function, exported by one line.
//
//     #include <assay.hpp>
//
//     class Bright final : public assay::Detector {
//         double limit_ = 0.8;
//         assay::Status start() override { return assay::settings::number("limit", 0.0, 1.0, limit_); }
//         assay::Result<assay::Detection> detect(const assay::Frame&, const assay::Evidence& evidence) override {
//             const double mean = evidence.picture.statistics().mean / 255.0;
//             assay::Detection detection;
//             detection.finding({.label = "too-bright", .score = mean, .raised = mean > limit_});
//             return detection;
//         }
//     };
//     ASSAY_EXPORT_DETECTOR(Bright)
//
// It is compiled without exceptions and without RTTI. What can fail gives a `Result`; `ASSAY_ASSIGN(name, call)` takes
// its value or returns its error. An error makes the frame `undecided`, with its text for a person; a monitor's error is
// only an alarm. An instance that runs out of memory traps.
//
// Pictures, tensors, models and what is read from them are objects that free themselves: nothing is freed by hand, and
// everything may be kept in the class. Only `Frame`, `Evidence` and `Inspection`, and the views that they hold, live no
// longer than the call. Units, ranges and errors of each operation: assay.h, under the same name.
#ifndef ASSAY_HPP
#define ASSAY_HPP

#include <assay.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace assay {

// ---- Errors ----

enum class Code {
    // The picture or a tensor is not what this plugin works on.
    unsupported_input = ASSAY_UNSUPPORTED_INPUT,
    // A setting is missing or out of its range.
    bad_setting = ASSAY_BAD_SETTING,
    // Inference gave an error.
    inference = ASSAY_INFERENCE,
    // Everything else: also a limit that would be passed.
    other = ASSAY_OTHER,
};

// Why there is no answer: what was found, what is expected, what to change.
struct Error {
    Code code = Code::other;
    std::string text;
};

inline Error unsupported_input(std::string text) { return {Code::unsupported_input, std::move(text)}; }
inline Error inference_error(std::string text) { return {Code::inference, std::move(text)}; }
inline Error other_error(std::string text) { return {Code::other, std::move(text)}; }
inline Error bad_setting(std::string_view key, std::string_view expected, std::string_view found) {
    std::string text = "setting ";
    text.append(key).append(": expected ").append(expected).append(", found ").append(found);
    return {Code::bad_setting, std::move(text)};
}

// A value, or why there is none. `value()` of an error traps.
template <class T> class [[nodiscard]] Result {
  public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return content_.index() == 0; }
    T& value() & { return *checked(std::get_if<0>(&content_)); }
    const T& value() const& { return *checked(std::get_if<0>(&content_)); }
    T&& value() && { return std::move(*checked(std::get_if<0>(&content_))); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T* operator->() { return &value(); }
    Error& error() & { return *checked(std::get_if<1>(&content_)); }
    const Error& error() const& { return *checked(std::get_if<1>(&content_)); }
    Error&& error() && { return std::move(*checked(std::get_if<1>(&content_))); }

  private:
    template <class P> static P* checked(P* pointer) {
        if (pointer == nullptr) {
            __builtin_trap();
        }
        return pointer;
    }
    std::variant<T, Error> content_;
};

// Nothing, or why it failed.
class [[nodiscard]] Status {
  public:
    Status() = default;
    Status(Error error) : error_(std::move(error)) {}
    explicit operator bool() const { return !error_.has_value(); }
    const Error& error() const {
        if (!error_) {
            __builtin_trap();
        }
        return *error_;
    }

  private:
    std::optional<Error> error_;
};

#define ASSAY_JOIN_(a, b) a##b
#define ASSAY_JOIN(a, b) ASSAY_JOIN_(a, b)

// `ASSAY_ASSIGN(auto small, picture.resize(64, 64, Filter::box));`: the value, or returns the error.
#define ASSAY_ASSIGN(target, call)                                                                                     \
    auto ASSAY_JOIN(assay_result_, __LINE__) = (call);                                                                 \
    if (!ASSAY_JOIN(assay_result_, __LINE__)) {                                                                        \
        return std::move(ASSAY_JOIN(assay_result_, __LINE__)).error();                                                 \
    }                                                                                                                  \
    target = std::move(ASSAY_JOIN(assay_result_, __LINE__)).value()

// Returns the error of a `Status`, where it has one.
#define ASSAY_CHECK(call)                                                                                              \
    do {                                                                                                               \
        if (auto assay_status_ = (call); !assay_status_) {                                                             \
            return assay_status_.error();                                                                              \
        }                                                                                                              \
    } while (0)

namespace detail {

inline Error last_error(assay_status status) { return {static_cast<Code>(status), assay_error_text()}; }

inline Status to_status(assay_status status) { return status == ASSAY_OK ? Status() : Status(last_error(status)); }

inline assay_status to_c(const Error& error) {
    return assay_fail(static_cast<assay_status>(error.code), "%s", error.text.c_str());
}

// Owns one thing of the C SDK's.
template <class T> class Owned {
  public:
    Owned() = default;
    explicit Owned(T* thing) : thing_(static_cast<T*>(assay_keep(thing))) {}
    Owned(Owned&& from) noexcept : thing_(std::exchange(from.thing_, nullptr)) {}
    Owned& operator=(Owned&& from) noexcept {
        if (this != &from) {
            assay_free(std::exchange(thing_, std::exchange(from.thing_, nullptr)));
        }
        return *this;
    }
    ~Owned() { assay_free(thing_); }

    // What was moved away must not be used any more.
    T* get() const {
        if (thing_ == nullptr) {
            __builtin_trap();
        }
        return thing_;
    }
    T* release() {
        T* thing = get();
        thing_ = nullptr;
        return thing;
    }

  private:
    T* thing_ = nullptr;
};

} // namespace detail

// Numbers that the host wrote into the plugin's memory: an array that frees itself.
template <class T> class Buffer {
  public:
    Buffer() = default;
    Buffer(T* values, std::size_t count) : values_(values), count_(count) {}

    operator std::span<T>() { return span(); }
    operator std::span<const T>() const { return span(); }
    std::span<T> span() { return {begin(), count_}; }
    std::span<const T> span() const { return {begin(), count_}; }
    T* begin() const { return count_ == 0 ? nullptr : values_.get(); }
    T* end() const { return begin() + count_; }
    T& operator[](std::size_t at) { return span()[at]; }
    const T& operator[](std::size_t at) const { return span()[at]; }
    std::size_t size() const { return count_; }
    bool empty() const { return count_ == 0; }

  private:
    detail::Owned<T> values_;
    std::size_t count_ = 0;
};

// ---- Log: needs the capability `log` ----

inline void log_debug(std::string_view line) { assay_log(ASSAY_DEBUG, "%.*s", int(line.size()), line.data()); }
inline void log_info(std::string_view line) { assay_log(ASSAY_INFO, "%.*s", int(line.size()), line.data()); }
inline void log_warn(std::string_view line) { assay_log(ASSAY_WARN, "%.*s", int(line.size()), line.data()); }
inline void log_error(std::string_view line) { assay_log(ASSAY_ERROR, "%.*s", int(line.size()), line.data()); }

// As `printf` would write it: `format("%.2f", x)`.
template <class... Args> std::string format(const char* pattern, Args... args) {
    const int length = std::snprintf(nullptr, 0, pattern, args...);
    std::string text(length < 0 ? 0 : static_cast<std::size_t>(length), '\0');
    std::snprintf(text.data(), text.size() + 1, pattern, args...);
    return text;
}

// ---- The frame ----

using Region = assay_region;
using Statistics = assay_statistics;

struct Attribute {
    std::string key;
    std::string value;
};

// What is known of a frame but its pixels. The views live as long as the call.
class Frame {
  public:
    explicit Frame(const assay_frame& from) : from_(from) {}
    std::string_view station() const { return from_.station; }
    // Counts the starts of the station, from 1.
    std::uint64_t boot() const { return from_.boot; }
    // Counts the frames since that start, from 1.
    std::uint64_t trigger() const { return from_.trigger; }
    // Microseconds since 1970-01-01 UTC.
    std::int64_t captured_at_us() const { return from_.captured_at_us; }
    std::string_view source() const { return from_.source; }
    std::optional<std::string_view> product() const { return optional(from_.product); }
    std::optional<std::string_view> serial() const { return optional(from_.serial); }
    std::span<const assay_attribute> attributes() const { return {from_.attributes.items, from_.attributes.count}; }

  private:
    static std::optional<std::string_view> optional(const char* text) {
        return text == nullptr ? std::nullopt : std::optional<std::string_view>(text);
    }
    const assay_frame& from_;
};

// ---- Tensors ----

// A tensor that the host holds. Handing one on copies nothing.
class Tensor {
  public:
    explicit Tensor(assay_tensor* owned) : owned_(owned) {}

    // Row-major numbers; as many as the shape says, or Code::unsupported_input.
    static Result<Tensor> from_f32(std::span<const std::uint32_t> shape, std::span<const float> values) {
        assay_tensor* made = nullptr;
        const auto status = assay_tensor_from_f32(shape.data(), shape.size(), values.data(), values.size(), &made);
        return status == ASSAY_OK ? Result<Tensor>(Tensor(made)) : detail::last_error(status);
    }
    static Result<Tensor> from_u8(std::span<const std::uint32_t> shape, std::span<const std::uint8_t> values) {
        assay_tensor* made = nullptr;
        const auto status = assay_tensor_from_u8(shape.data(), shape.size(), values.data(), values.size(), &made);
        return status == ASSAY_OK ? Result<Tensor>(Tensor(made)) : detail::last_error(status);
    }

    // Sides, outermost first: {1, 3, 224, 224} for one colour picture in NCHW.
    Buffer<std::uint32_t> shape() const {
        std::uint32_t* sides = nullptr;
        std::size_t rank = 0;
        assay_tensor_shape(owned_.get(), &sides, &rank);
        return {sides, rank};
    }
    // The numbers, row-major. Code::unsupported_input where it holds another type than float.
    Result<Buffer<float>> to_f32() const {
        float* values = nullptr;
        std::size_t count = 0;
        const auto status = assay_tensor_to_f32(owned_.get(), &values, &count);
        if (status != ASSAY_OK) {
            return detail::last_error(status);
        }
        return Buffer<float>(values, count);
    }
    // The bytes as they lie in memory: little-endian, row-major.
    Buffer<std::uint8_t> to_bytes() const {
        std::uint8_t* bytes = nullptr;
        std::size_t count = 0;
        assay_tensor_to_bytes(owned_.get(), &bytes, &count);
        return {bytes, count};
    }

    assay_tensor* release() { return owned_.release(); }

  private:
    detail::Owned<assay_tensor> owned_;
};

struct NamedTensor {
    std::string name;
    Tensor tensor;
};

// Tensors by name, in the order in which the host gave them.
class Tensors {
  public:
    Tensors() = default;
    explicit Tensors(const assay_tensors& from) {
        items_.reserve(from.count);
        for (const auto& item : std::span(from.items, from.count)) {
            items_.push_back({item.name, Tensor(item.tensor)});
        }
    }
    // Code::unsupported_input, with the names that are there, where there is none of that name.
    Result<const Tensor*> get(std::string_view name) const {
        std::string names;
        for (const auto& item : items_) {
            if (item.name == name) {
                return &item.tensor;
            }
            names.append(names.empty() ? "" : ", ").append(item.name);
        }
        return unsupported_input("there is no tensor " + std::string(name) + ", only: " + names);
    }
    std::span<const NamedTensor> items() const { return items_; }

  private:
    std::vector<NamedTensor> items_;
};

} // namespace assay

#include "assay_image.hpp"

#include "assay_settings.hpp"

#include "assay_worlds.hpp"

#endif
