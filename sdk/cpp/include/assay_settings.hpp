// Settings and the model's reference: part of assay.hpp.
#ifndef ASSAY_SETTINGS_HPP
#define ASSAY_SETTINGS_HPP

// The manifest's defaults with the recipe's values over them. Needs the capability `config`. Each function leaves the
// value as it is where neither has the key. Code::bad_setting where the setting has another type or range.
namespace assay::settings {

inline Status flag(const char* key, bool& value) { return detail::to_status(assay_setting_flag(key, &value)); }

template <std::integral T> Status integer(const char* key, std::int64_t low, std::int64_t high, T& value) {
    std::int64_t found = static_cast<std::int64_t>(value);
    auto status = detail::to_status(assay_setting_integer(key, low, high, &found));
    value = static_cast<T>(found);
    return status;
}

template <std::floating_point T> Status number(const char* key, double low, double high, T& value) {
    double found = static_cast<double>(value);
    auto status = detail::to_status(assay_setting_number(key, low, high, &found));
    value = static_cast<T>(found);
    return status;
}

inline Status text(const char* key, std::string& value) {
    const char* found = nullptr;
    auto status = detail::to_status(assay_setting_text(key, &found));
    if (found != nullptr) {
        value = found;
    }
    return status;
}

// A list of numbers; one number is a list of one.
template <std::floating_point T> Status numbers(const char* key, std::vector<T>& values) {
    const double* found = nullptr;
    std::size_t count = SIZE_MAX;
    auto status = detail::to_status(assay_setting_numbers(key, &found, &count));
    if (status && count != SIZE_MAX) {
        values.assign(found, found + count);
    }
    return status;
}

inline Status texts(const char* key, std::vector<std::string>& values) {
    assay_texts found = {nullptr, SIZE_MAX};
    auto status = detail::to_status(assay_setting_texts(key, &found));
    if (status && found.count != SIZE_MAX) {
        values.assign(found.items, found.items + found.count);
    }
    return status;
}

// Code::bad_setting where neither manifest nor recipe has the key.
inline Status required(const char* key) { return detail::to_status(assay_setting_required(key)); }

// Labels of the recipe's model, in the order of its outputs.
inline std::vector<std::string> labels() {
    const assay_texts found = assay_labels();
    return {found.items, found.items + found.count};
}

} // namespace assay::settings

// The reference distributions that the model bundle carries. All give Code::bad_setting where it has none.
namespace assay::reference {

// "mean", "sd", "min", "max".
inline Result<double> number(const char* feature, const char* key) {
    double value = 0.0;
    const auto status = assay_reference_number(feature, key, &value);
    return status == ASSAY_OK ? Result<double>(value) : detail::last_error(status);
}

// "quantiles", "samples", "bins/edges", "bins/shares": at least one number.
inline Result<std::vector<double>> numbers(const char* feature, const char* path) {
    const double* values = nullptr;
    std::size_t count = 0;
    const auto status = assay_reference_numbers(feature, path, &values, &count);
    if (status != ASSAY_OK) {
        return detail::last_error(status);
    }
    return std::vector<double>(values, values + count);
}

// SHA-256 as 64 hexadecimal digits: the same digest, the same reference.
inline Result<std::string> digest() {
    const char* found = nullptr;
    const auto status = assay_reference_digest(&found);
    return status == ASSAY_OK ? Result<std::string>(found) : detail::last_error(status);
}

} // namespace assay::reference

#endif
