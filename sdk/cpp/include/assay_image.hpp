// Pictures: part of assay.hpp.
#ifndef ASSAY_IMAGE_HPP
#define ASSAY_IMAGE_HPP

namespace assay {

// How pixels lie in memory: rows packed, top row first.
enum class PixelFormat {
    // One byte per pixel.
    gray8 = ASSAY_GRAY8,
    // Red, green, blue; one byte each.
    rgb8 = ASSAY_RGB8,
    // Blue, green, red; one byte each.
    bgr8 = ASSAY_BGR8,
    // Red, green, blue, alpha; one byte each.
    rgba8 = ASSAY_RGBA8,
    // Two bytes per pixel, little-endian.
    gray16 = ASSAY_GRAY16,
};

enum class Filter {
    nearest = ASSAY_NEAREST,
    // Area average when it shrinks: no aliasing, cheap.
    box = ASSAY_BOX,
    bilinear = ASSAY_BILINEAR,
    catmull_rom = ASSAY_CATMULL_ROM,
    lanczos3 = ASSAY_LANCZOS3,
};

// Order of the sides: batch, channel, row, column; or batch, row, column, channel.
enum class Layout { nchw = ASSAY_NCHW, nhwc = ASSAY_NHWC };

// float, or bytes as they are.
enum class Element { fp32 = ASSAY_FP32, uint8 = ASSAY_UINT8 };

// How pixels become numbers: (pixel - mean) / scale, channel by channel, pixels in 0..255.
struct TensorSpec {
    Layout layout = Layout::nchw;
    Element element = Element::fp32;
    // One value for all channels, or one per channel.
    std::vector<float> mean = {0.0f};
    // As `mean`; none may be 0.
    std::vector<float> scale = {1.0f};

    assay_tensor_spec to_c() const {
        return {static_cast<assay_layout>(layout), static_cast<assay_element>(element), mean.data(), mean.size(),
                scale.data(), scale.size()};
    }
};

struct ImageInfo {
    // Pixels.
    std::uint32_t width;
    // Pixels.
    std::uint32_t height;
    PixelFormat format;
};

// A picture that the host holds. Every operation is done by the host and gives a new picture, which counts against the
// plugin's `host_bytes` until it is gone. Errors of all operations: Code::unsupported_input where a region, size or
// format cannot be used, Code::other where a limit would be passed.
class Image {
  public:
    explicit Image(assay_image* owned) : owned_(owned) {}

    // Makes a picture from packed pixels, top row first.
    static Result<Image> from_pixels(std::uint32_t width, std::uint32_t height, PixelFormat format,
                                     std::span<const std::uint8_t> pixels) {
        assay_image* made = nullptr;
        return result(assay_image_from_pixels(width, height, c(format), pixels.data(), pixels.size(), &made), made);
    }
    // A picture of one colour; `value` holds one byte per channel.
    static Result<Image> filled(std::uint32_t width, std::uint32_t height, PixelFormat format,
                                std::span<const std::uint8_t> value) {
        assay_image* made = nullptr;
        return result(assay_image_filled(width, height, c(format), value.data(), value.size(), &made), made);
    }

    ImageInfo info() const {
        const auto info = assay_image_get_info(owned_.get());
        return {info.width, info.height, static_cast<PixelFormat>(info.format)};
    }
    // The pixels of a region, packed.
    Result<Buffer<std::uint8_t>> read_region(Region region) const {
        std::uint8_t* pixels = nullptr;
        std::size_t count = 0;
        return bytes(assay_image_read_region(owned_.get(), region, &pixels, &count), pixels, count);
    }
    // The pixels of `rows` rows from row `first`, packed.
    Result<Buffer<std::uint8_t>> read_rows(std::uint32_t first, std::uint32_t rows) const {
        std::uint8_t* pixels = nullptr;
        std::size_t count = 0;
        return bytes(assay_image_read_rows(owned_.get(), first, rows, &pixels, &count), pixels, count);
    }

    // A part of the picture.
    Result<Image> crop(Region region) const {
        assay_image* made = nullptr;
        return result(assay_image_crop(owned_.get(), region, &made), made);
    }
    // The picture in another size; its shape is not kept.
    Result<Image> resize(std::uint32_t width, std::uint32_t height, Filter filter) const {
        assay_image* made = nullptr;
        const auto by = static_cast<assay_filter>(filter);
        return result(assay_image_resize(owned_.get(), width, height, by, &made), made);
    }
    // This picture with `top` laid over it, its top-left corner at `x`, `y`. Formats have to be equal.
    Result<Image> overlay(const Image& top, std::uint32_t x, std::uint32_t y) const {
        assay_image* made = nullptr;
        return result(assay_image_overlay(owned_.get(), top.owned_.get(), x, y, &made), made);
    }
    Result<Image> convert(PixelFormat format) const {
        assay_image* made = nullptr;
        return result(assay_image_convert(owned_.get(), c(format), &made), made);
    }
    // `sigma` in pixels, 0.1 to 50.
    Result<Image> gaussian_blur(float sigma) const {
        assay_image* made = nullptr;
        return result(assay_image_gaussian_blur(owned_.get(), sigma, &made), made);
    }
    // Over a square window of `size` pixels: 3, 5 or 7; edges are mirrored.
    Result<Image> median_blur(std::uint32_t size) const {
        assay_image* made = nullptr;
        return result(assay_image_median_blur(owned_.get(), size, &made), made);
    }
    // Keeps the upper `bits` (1 to 8) of each byte.
    Result<Image> reduce_bit_depth(std::uint32_t bits) const {
        assay_image* made = nullptr;
        return result(assay_image_reduce_bit_depth(owned_.get(), bits, &made), made);
    }
    // Encodes as JPEG and decodes again; `quality` 1 to 100.
    Result<Image> jpeg_round_trip(std::uint32_t quality) const {
        assay_image* made = nullptr;
        return result(assay_image_jpeg_round_trip(owned_.get(), quality, &made), made);
    }
    // Counts of luma 0 to 255.
    std::vector<std::uint64_t> histogram() const {
        std::vector<std::uint64_t> counts(256);
        assay_image_histogram(owned_.get(), counts.data());
        return counts;
    }
    // Mean and sd of luma (0 to 255), sharpness, dark and bright shares, means of the channels.
    Statistics statistics() const { return assay_image_statistics(owned_.get()); }
    // Batch size 1: {1, C, H, W} or {1, H, W, C}.
    Result<Tensor> to_tensor(const TensorSpec& spec) const {
        assay_tensor* made = nullptr;
        const auto by = spec.to_c();
        const auto status = assay_image_to_tensor(owned_.get(), &by, &made);
        return status == ASSAY_OK ? Result<Tensor>(Tensor(made)) : detail::last_error(status);
    }

    const assay_image* get() const { return owned_.get(); }
    assay_image* release() { return owned_.release(); }

  private:
    static assay_pixel_format c(PixelFormat format) { return static_cast<assay_pixel_format>(format); }
    static Result<Image> result(assay_status status, assay_image* made) {
        return status == ASSAY_OK ? Result<Image>(Image(made)) : detail::last_error(status);
    }
    static Result<Buffer<std::uint8_t>> bytes(assay_status status, std::uint8_t* pixels, std::size_t count) {
        if (status != ASSAY_OK) {
            return detail::last_error(status);
        }
        return Buffer<std::uint8_t>(pixels, count);
    }
    detail::Owned<assay_image> owned_;
};

// One tensor of several pictures of one size and format, as a batch in their order.
inline Result<Tensor> batch_to_tensor(std::span<const Image> images, const TensorSpec& spec) {
    std::vector<const assay_image*> pictures;
    for (const auto& image : images) {
        pictures.push_back(image.get());
    }
    assay_tensor* made = nullptr;
    const auto by = spec.to_c();
    const auto status = assay_images_to_tensor(pictures.data(), pictures.size(), &by, &made);
    return status == ASSAY_OK ? Result<Tensor>(Tensor(made)) : detail::last_error(status);
}

} // namespace assay

#endif
