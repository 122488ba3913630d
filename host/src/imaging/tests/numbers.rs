use super::*;
use crate::domain::{ElementType, Tensor};

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

fn spec(layout: TensorLayout, mean: &[f32], scale: &[f32]) -> TensorSpec {
    TensorSpec { layout, element: PixelElement::F32, mean: mean.to_vec(), scale: scale.to_vec() }
}

fn tensor(images: &[&Image], spec: &TensorSpec) -> Tensor {
    to_tensor(images, spec).unwrap()
}

#[test]
fn a_scale_that_makes_pixels_infinite_is_refused() {
    let image = grey_image(7, 5);
    for (mean, scale) in [(0.0, 1e-40), (f32::MAX, 0.5), (0.0, -1e-38)] {
        let spec = spec(TensorLayout::Nchw, &[mean], &[scale]);
        assert!(matches!(to_tensor(&[&image], &spec), Err(OpError::InvalidArgument { .. })), "{mean} {scale}");
    }
}

/// numpy 2.4.6 and scipy 1.17.1 on the 7x5 test picture: `mean`, `std`, and `var` of
/// `ndimage.convolve([[0,1,0],[1,-4,1],[0,1,0]])` without its border.
#[test]
fn statistics_of_grey_agree_with_numpy() {
    let found = statistics(&grey_image(7, 5));
    near(found.mean, 124.228_571_428_571_43);
    near(found.sd, 71.085_094_163_579_04);
    near(found.laplacian_variance, 213_792.995_555_555_56);
    assert_eq!((found.dark_share, found.bright_share), (0.0, 0.0));
    assert_eq!(found.channel_means, [found.mean]);
}

/// As above, of the luma of the colour test picture.
#[test]
fn statistics_of_colour_agree_with_numpy() {
    let found = statistics(&colour_image(7, 5));
    near(found.mean, 120.742_857_142_857_15);
    near(found.sd, 39.973_807_751_106_83);
    near(found.laplacian_variance, 50_094.666_666_666_664);
    let expected = [124.228_571_428_571_43, 119.457_142_857_142_86, 122.0];
    found.channel_means.iter().zip(expected).for_each(|(found, expected)| near(*found, expected));
    let turned = statistics(&convert(&colour_image(7, 5), PixelFormat::Bgr8, &pool()).unwrap());
    near(turned.mean, found.mean);
    near(turned.channel_means[0], 122.0);
    let opaque = statistics(&convert(&colour_image(7, 5), PixelFormat::Rgba8, &pool()).unwrap());
    near(opaque.sd, found.sd);
    near(opaque.channel_means[3], 255.0);
}

#[test]
fn statistics_of_16_bits_are_of_8_bit_luma_with_channel_means_in_16() {
    let deep = statistics(&convert(&grey_image(7, 5), PixelFormat::Gray16, &pool()).unwrap());
    near(deep.mean, 124.228_571_428_571_43);
    near(deep.laplacian_variance, 213_792.995_555_555_56);
    near(deep.channel_means[0], 124.228_571_428_571_43 * 257.0);
}

#[test]
fn dark_and_bright_begin_at_4_and_251() {
    let found = statistics(&image(8, 1, PixelFormat::Gray8, &[0, 4, 5, 100, 250, 251, 255, 255]));
    assert_eq!((found.dark_share, found.bright_share), (0.25, 0.375));
    assert_eq!(found.laplacian_variance, 0.0, "there is no interior");
}

#[test]
fn the_laplacian_needs_three_pixels_each_way() {
    assert_eq!(statistics(&grey_image(2, 9)).laplacian_variance, 0.0);
    assert_eq!(statistics(&grey_image(9, 2)).laplacian_variance, 0.0);
    // Interior values: 4 neighbours of 0 around 255 is -1020; its neighbours see it once: 255.
    let mut pixels = [0u8; 15];
    pixels[7] = 255;
    let found = statistics(&image(5, 3, PixelFormat::Gray8, &pixels));
    near(found.laplacian_variance, (1020.0f64.powi(2) + 2.0 * 255.0f64.powi(2)) / 3.0 - (510.0f64 / 3.0).powi(2));
}

#[test]
fn sums_of_extreme_wide_rows_do_not_overflow() {
    let width = 16_384;
    let stripes: Vec<u8> =
        (0..3).flat_map(|y| (0..width).map(move |x| if (x + y) % 2 == 0 { 255 } else { 0 })).collect();
    let found = statistics(&image(width, 3, PixelFormat::Gray8, &stripes));
    near(found.mean, 127.5);
    near(found.sd, 127.5);
    near(found.laplacian_variance, 1020.0 * 1020.0);
    let white = filled(width, 3, PixelFormat::Rgba8, &[255; 4], &pool()).unwrap();
    assert_eq!(statistics(&white).channel_means, [255.0; 4]);
    assert_eq!(statistics(&white).sd, 0.0);
}

#[test]
fn the_histogram_counts_every_pixel_once() {
    let base = colour_image(37, 11);
    let mut expected = [0u64; 256];
    convert(&base, PixelFormat::Gray8, &pool())
        .unwrap()
        .bytes()
        .iter()
        .for_each(|luma| expected[usize::from(*luma)] += 1);
    assert_eq!(histogram(&base), expected);
    assert_eq!(histogram(&base).iter().sum::<u64>(), 37 * 11);
}

#[test]
fn a_tensor_holds_every_channel_in_its_place() {
    let base = colour_image(7, 5);
    let (mean, scale) = ([10.0, 20.0, 30.0], [2.0, 4.0, 0.5]);
    let number = |x, y, channel: usize| (f32::from(value(x, y, channel)) - mean[channel]) / scale[channel];
    let planes = tensor(&[&base], &spec(TensorLayout::Nchw, &mean, &scale));
    assert_eq!(planes.shape(), [1, 3, 5, 7]);
    let expected: Vec<f32> = (0..3)
        .flat_map(|c| (0..5).flat_map(move |y| (0..7).map(move |x| (x, y, c))))
        .map(|(x, y, c)| number(x, y, c))
        .collect();
    assert_eq!(planes.as_f32().unwrap(), expected);
    let woven = tensor(&[&base], &spec(TensorLayout::Nhwc, &mean, &scale));
    assert_eq!(woven.shape(), [1, 5, 7, 3]);
    let expected: Vec<f32> = (0..5)
        .flat_map(|y| (0..7).flat_map(move |x| (0..3).map(move |c| (x, y, c))))
        .map(|(x, y, c)| number(x, y, c))
        .collect();
    assert_eq!(woven.as_f32().unwrap(), expected);
}

#[test]
fn one_mean_and_scale_serve_all_channels() {
    let base = colour_image(7, 5);
    let one = tensor(&[&base], &spec(TensorLayout::Nchw, &[127.0], &[128.0]));
    let three = tensor(&[&base], &spec(TensorLayout::Nchw, &[127.0; 3], &[128.0; 3]));
    assert_eq!(one.as_f32().unwrap(), three.as_f32().unwrap());
    assert_eq!(one.as_f32().unwrap()[0], (11.0 - 127.0) / 128.0);
}

#[test]
fn bytes_go_into_a_tensor_as_they_are() {
    let base = colour_image(7, 5);
    let bytes = |layout| TensorSpec { element: PixelElement::U8, ..spec(layout, &[], &[0.0]) };
    let woven = tensor(&[&base], &bytes(TensorLayout::Nhwc));
    assert_eq!((woven.element_type(), woven.bytes()), (ElementType::U8, base.bytes()));
    let planes = tensor(&[&base], &bytes(TensorLayout::Nchw));
    let expected: Vec<u8> = (0..3).flat_map(|index| channel(base.bytes(), index, 3)).collect();
    assert_eq!(planes.bytes(), expected);
    let four = convert(&base, PixelFormat::Rgba8, &pool()).unwrap();
    let expected: Vec<u8> = (0..4).flat_map(|index| channel(four.bytes(), index, 4)).collect();
    assert_eq!(tensor(&[&four], &bytes(TensorLayout::Nchw)).bytes(), expected);
}

#[test]
fn grey_and_16_bit_pictures_have_one_channel() {
    let grey = grey_image(7, 5);
    let deep = convert(&grey, PixelFormat::Gray16, &pool()).unwrap();
    for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
        let from_grey = tensor(&[&grey], &spec(layout, &[0.0], &[1.0]));
        let from_deep = tensor(&[&deep], &spec(layout, &[0.0], &[257.0]));
        assert_eq!(from_grey.as_f32().unwrap(), from_deep.as_f32().unwrap());
        assert_eq!(from_grey.shape().iter().product::<u32>(), 35);
    }
    let bytes = TensorSpec { element: PixelElement::U8, ..spec(TensorLayout::Nchw, &[0.0], &[1.0]) };
    assert!(refused(to_tensor(&[&deep], &bytes)).contains("gray8 first"));
}

#[test]
fn a_batch_is_its_pictures_in_order() {
    let (first, second) = (colour_image(7, 5), filled(7, 5, PixelFormat::Rgb8, &[1, 2, 3], &pool()).unwrap());
    let spec = spec(TensorLayout::Nchw, &[0.0], &[255.0]);
    let both = tensor(&[&first, &second], &spec);
    assert_eq!(both.shape(), [2, 3, 5, 7]);
    let expected = [tensor(&[&first], &spec).as_f32().unwrap(), tensor(&[&second], &spec).as_f32().unwrap()].concat();
    assert_eq!(both.as_f32().unwrap(), expected);
}

#[test]
fn a_batch_of_unlike_or_no_pictures_is_refused() {
    let spec = spec(TensorLayout::Nchw, &[0.0], &[1.0]);
    assert!(refused(to_tensor(&[], &spec)).contains("at least 1"));
    let unlike = refused(to_tensor(&[&grey_image(7, 5), &grey_image(5, 7)], &spec));
    assert!(unlike.contains("5x7 gray8") && unlike.contains("7x5 gray8"), "{unlike}");
    assert!(to_tensor(&[&grey_image(7, 5), &colour_image(7, 5)], &spec).is_err());
}

#[test]
fn mean_and_scale_must_fit_the_channels_and_be_numbers() {
    let base = colour_image(7, 5);
    let refusal = |mean: &[f32], scale: &[f32]| refused(to_tensor(&[&base], &spec(TensorLayout::Nchw, mean, scale)));
    assert!(refusal(&[], &[1.0]).contains("0 values, allowed is 1 or 3"));
    assert!(refusal(&[1.0; 2], &[1.0]).contains("2 values"));
    assert!(refusal(&[1.0], &[1.0; 4]).contains("4 values"));
    assert!(refusal(&[f32::NAN], &[1.0]).contains("finite"));
    assert!(refusal(&[1.0], &[f32::INFINITY]).contains("finite"));
    assert!(refusal(&[1.0], &[1.0, 0.0, 1.0]).contains("scale: found 0"));
    assert!(refusal(&[1.0], &[-0.0]).contains("scale: found 0"));
}
