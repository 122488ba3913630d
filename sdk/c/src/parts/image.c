/* Pictures: what the host does on them. */
#include "internal.h"

#include <string.h>

typedef assay_plugin_imaging_own_image_t own_image;
typedef assay_plugin_imaging_imaging_error_t imaging_error;

static assay_plugin_imaging_borrow_image_t borrow_image(const assay_image *image) {
    return (assay_plugin_imaging_borrow_image_t){handle_of(image)};
}

/* All cases of the variant hold a text at the same place. */
static assay_status imaging_failed(const imaging_error *error) {
    bool invalid = error->tag == ASSAY_PLUGIN_IMAGING_IMAGING_ERROR_INVALID_ARGUMENT;
    return fail_with(invalid ? ASSAY_UNSUPPORTED_INPUT : ASSAY_OTHER, error->val.other);
}

static assay_status image_made(bool ok, own_image made, const imaging_error *error, assay_image **image) {
    if (!ok) {
        return imaging_failed(error);
    }
    *image = scope_handle(BLOCK_IMAGE, made.__handle);
    return ASSAY_OK;
}

static assay_status bytes_read(bool ok, wit_bytes_t found, const imaging_error *error, uint8_t **pixels,
                               size_t *count) {
    if (!ok) {
        return imaging_failed(error);
    }
    *pixels = found.ptr;
    *count = found.len;
    return ASSAY_OK;
}

size_t assay_pixel_bytes(assay_pixel_format format) {
    switch (format) {
    case ASSAY_GRAY8:
        return 1;
    case ASSAY_GRAY16:
        return 2;
    case ASSAY_RGBA8:
        return 4;
    default:
        return 3;
    }
}

assay_status assay_image_from_pixels(uint32_t width, uint32_t height, assay_pixel_format format, const uint8_t *pixels,
                                     size_t count, assay_image **image) {
    wit_bytes_t bytes = {(uint8_t *)pixels, count};
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_static_image_from_pixels(width, height, (uint8_t)format, &bytes, &made, &error);
    return image_made(ok, made, &error, image);
}

assay_status assay_image_filled(uint32_t width, uint32_t height, assay_pixel_format format, const uint8_t *value,
                                size_t count, assay_image **image) {
    wit_bytes_t bytes = {(uint8_t *)value, count};
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_static_image_filled(width, height, (uint8_t)format, &bytes, &made, &error);
    return image_made(ok, made, &error, image);
}

assay_image_info assay_image_get_info(const assay_image *image) {
    assay_plugin_imaging_image_info_t info;
    assay_plugin_imaging_method_image_info(borrow_image(image), &info);
    return (assay_image_info){info.width, info.height, (assay_pixel_format)info.format};
}

assay_status assay_image_read_region(const assay_image *image, assay_region region, uint8_t **pixels, size_t *count) {
    assay_plugin_imaging_region_t part = {region.x, region.y, region.width, region.height};
    wit_bytes_t found;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_read_region(borrow_image(image), &part, &found, &error);
    return bytes_read(ok, found, &error, pixels, count);
}

assay_status assay_image_read_rows(const assay_image *image, uint32_t first, uint32_t rows, uint8_t **pixels,
                                   size_t *count) {
    wit_bytes_t found;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_read_rows(borrow_image(image), first, rows, &found, &error);
    return bytes_read(ok, found, &error, pixels, count);
}

assay_status assay_image_crop(const assay_image *image, assay_region region, assay_image **result) {
    assay_plugin_imaging_region_t part = {region.x, region.y, region.width, region.height};
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_crop(borrow_image(image), &part, &made, &error);
    return image_made(ok, made, &error, result);
}

assay_status assay_image_resize(const assay_image *image, uint32_t width, uint32_t height, assay_filter filter,
                                assay_image **result) {
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_resize(borrow_image(image), width, height, (uint8_t)filter, &made, &error);
    return image_made(ok, made, &error, result);
}

assay_status assay_image_overlay(const assay_image *image, const assay_image *top, uint32_t x, uint32_t y,
                                 assay_image **result) {
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_overlay(borrow_image(image), borrow_image(top), x, y, &made, &error);
    return image_made(ok, made, &error, result);
}

assay_status assay_image_convert(const assay_image *image, assay_pixel_format format, assay_image **result) {
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_convert(borrow_image(image), (uint8_t)format, &made, &error);
    return image_made(ok, made, &error, result);
}

assay_status assay_image_gaussian_blur(const assay_image *image, float sigma, assay_image **result) {
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_gaussian_blur(borrow_image(image), sigma, &made, &error);
    return image_made(ok, made, &error, result);
}

assay_status assay_image_median_blur(const assay_image *image, uint32_t size, assay_image **result) {
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_median_blur(borrow_image(image), size, &made, &error);
    return image_made(ok, made, &error, result);
}

assay_status assay_image_reduce_bit_depth(const assay_image *image, uint32_t bits, assay_image **result) {
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_reduce_bit_depth(borrow_image(image), bits, &made, &error);
    return image_made(ok, made, &error, result);
}

assay_status assay_image_jpeg_round_trip(const assay_image *image, uint32_t quality, assay_image **result) {
    own_image made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_jpeg_round_trip(borrow_image(image), quality, &made, &error);
    return image_made(ok, made, &error, result);
}

void assay_image_histogram(const assay_image *image, uint64_t counts[256]) {
    WIT_WORLD(list_u64_t) found;
    assay_plugin_imaging_method_image_histogram(borrow_image(image), &found);
    memset(counts, 0, 256 * sizeof *counts);
    memcpy(counts, found.ptr, (found.len < 256 ? found.len : 256) * sizeof *counts);
    assay_free(found.ptr);
}

assay_statistics assay_image_statistics(const assay_image *image) {
    assay_plugin_imaging_statistics_t from;
    assay_plugin_imaging_method_image_statistics(borrow_image(image), &from);
    assay_statistics to = {
        .mean = from.mean,
        .sd = from.sd,
        .laplacian_variance = from.laplacian_variance,
        .dark_share = from.dark_share,
        .bright_share = from.bright_share,
        .channels = from.channel_means.len < 4 ? from.channel_means.len : 4,
    };
    memcpy(to.channel_means, from.channel_means.ptr, to.channels * sizeof(double));
    assay_free(from.channel_means.ptr);
    return to;
}

static assay_plugin_imaging_tensor_spec_t spec_to_wit(const assay_tensor_spec *from) {
    return (assay_plugin_imaging_tensor_spec_t){
        .layout = (uint8_t)from->layout,
        .element = (uint8_t)from->element,
        .mean = {(float *)from->mean, from->mean_count},
        .scale = {(float *)from->scale, from->scale_count},
    };
}

static assay_status tensor_made(bool ok, wasi_nn_tensor_own_tensor_t made, const imaging_error *error,
                                assay_tensor **tensor) {
    if (!ok) {
        return imaging_failed(error);
    }
    *tensor = scope_handle(BLOCK_TENSOR, made.__handle);
    return ASSAY_OK;
}

assay_status assay_image_to_tensor(const assay_image *image, const assay_tensor_spec *spec, assay_tensor **tensor) {
    assay_plugin_imaging_tensor_spec_t by = spec_to_wit(spec);
    wasi_nn_tensor_own_tensor_t made;
    imaging_error error;
    bool ok = assay_plugin_imaging_method_image_to_tensor(borrow_image(image), &by, &made, &error);
    return tensor_made(ok, made, &error, tensor);
}

assay_status assay_images_to_tensor(const assay_image *const *images, size_t count, const assay_tensor_spec *spec,
                                    assay_tensor **tensor) {
    if (count > SIZE_MAX / sizeof(assay_plugin_imaging_borrow_image_t)) {
        return assay_fail(ASSAY_OTHER, "a batch of %zu pictures is too large", count);
    }
    assay_plugin_imaging_list_borrow_image_t batch = {scope_alloc(count * sizeof *batch.ptr), count};
    for (size_t i = 0; i < count; i++) {
        batch.ptr[i] = borrow_image(images[i]);
    }
    assay_plugin_imaging_tensor_spec_t by = spec_to_wit(spec);
    wasi_nn_tensor_own_tensor_t made;
    imaging_error error;
    bool ok = assay_plugin_imaging_batch_to_tensor(&batch, &by, &made, &error);
    assay_free(batch.ptr);
    return tensor_made(ok, made, &error, tensor);
}
