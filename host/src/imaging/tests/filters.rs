use super::*;
use proptest::prelude::*;

fn median(image: &Image, size: u32) -> Image {
    median_blur(image, size, &pool()).unwrap()
}

/// scipy 1.17.1, `ndimage.median_filter(size=3, mode="reflect")` of the 7x5 test picture.
const MEDIAN_3: [u8; 35] = [
    24, 63, 63, 128, 128, 198, 198, 68, 68, 110, 128, 128, 173, 198, 125, 125, 110, 136, 136, 173, 173, 182, 125, 112,
    143, 160, 148, 148, 182, 112, 112, 143, 143, 143, 123,
];

/// As `MEDIAN_3`, `size=5`.
const MEDIAN_5: [u8; 35] = [
    68, 68, 110, 110, 136, 173, 173, 63, 68, 110, 110, 148, 173, 174, 110, 112, 125, 120, 143, 148, 148, 112, 125, 136,
    120, 143, 143, 143, 125, 152, 143, 143, 148, 148, 148,
];

/// As `MEDIAN_3`, `size=7`.
const MEDIAN_7: [u8; 35] = [
    68, 110, 110, 128, 152, 160, 160, 68, 110, 110, 125, 136, 143, 143, 110, 112, 120, 125, 128, 136, 143, 112, 125,
    128, 136, 143, 148, 148, 125, 125, 143, 143, 148, 148, 148,
];

/// As `MEDIAN_3`, of the second and third channel.
const MEDIAN_3_GREEN: [u8; 35] = [
    107, 107, 146, 146, 163, 50, 50, 151, 120, 120, 136, 136, 55, 50, 151, 120, 120, 131, 109, 55, 25, 66, 109, 120,
    131, 131, 136, 203, 66, 94, 109, 94, 131, 206, 206,
];
const MEDIAN_3_BLUE: [u8; 35] = [
    177, 190, 182, 129, 129, 133, 133, 177, 177, 106, 129, 138, 133, 133, 92, 92, 106, 136, 138, 108, 84, 92, 106, 106,
    136, 102, 83, 58, 149, 149, 102, 102, 84, 53, 33,
];

#[test]
fn median_of_grey_agrees_with_scipy() {
    let base = grey_image(7, 5);
    assert_eq!(median(&base, 3).bytes(), MEDIAN_3);
    assert_eq!(median(&base, 5).bytes(), MEDIAN_5);
    assert_eq!(median(&base, 7).bytes(), MEDIAN_7);
}

#[test]
fn median_of_colour_agrees_with_scipy_channel_by_channel() {
    let blurred = median(&colour_image(7, 5), 3);
    assert_eq!(channel(blurred.bytes(), 0, 3), MEDIAN_3);
    assert_eq!(channel(blurred.bytes(), 1, 3), MEDIAN_3_GREEN);
    assert_eq!(channel(blurred.bytes(), 2, 3), MEDIAN_3_BLUE);
}

#[test]
fn median_of_16_bits_keeps_all_of_them() {
    let raised = |value: u8| u16::from(value) * 251 + 7;
    let deep: Vec<u16> = grey(7, 5).into_iter().map(raised).collect();
    let base = image(7, 5, PixelFormat::Gray16, &wide(&deep));
    // The median commutes with any rising function.
    assert_eq!(samples_16(&median(&base, 3)), MEDIAN_3.map(raised));
    assert_eq!(samples_16(&median(&base, 5)), MEDIAN_5.map(raised));
}

/// Adversarial Robustness Toolbox 1.20.1, tests of `SpatialSmoothing`: a constant picture does not change.
#[test]
fn median_leaves_a_constant_picture_as_it_is() {
    for size in [3, 5, 7] {
        let flat = filled(11, 3, PixelFormat::Rgba8, &[1, 2, 3, 4], &pool()).unwrap();
        assert_eq!(median(&flat, size).bytes(), flat.bytes());
    }
}

#[test]
fn median_works_on_pictures_smaller_than_its_window() {
    for (width, height) in [(1, 1), (1, 4), (2, 1)] {
        for size in [3, 5, 7] {
            let base = grey_image(width, height);
            let blurred = median(&base, size);
            assert_eq!(blurred.bytes(), by_hand(&base, size).as_slice(), "{width}x{height}, {size}");
        }
    }
}

/// The median by its definition: all samples of the window, sorted.
fn by_hand(image: &Image, size: u32) -> Vec<u8> {
    let (width, height) = (image.width() as i64, image.height() as i64);
    let mirror = |at: i64, len: i64| {
        let within = at.rem_euclid(2 * len);
        if within < len { within } else { 2 * len - 1 - within }
    };
    let radius = i64::from(size / 2);
    let median_at = |x: i64, y: i64| {
        let mut window: Vec<u8> = (-radius..=radius)
            .flat_map(|dy| (-radius..=radius).map(move |dx| (x + dx, y + dy)))
            .map(|(x, y)| image.bytes()[(mirror(y, height) * width + mirror(x, width)) as usize])
            .collect();
        window.sort_unstable();
        window[window.len() / 2]
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| median_at(x, y)).collect()
}

#[test]
fn median_takes_three_windows_only() {
    for size in [0, 1, 2, 4, 9, u32::MAX] {
        assert!(refused(median_blur(&grey_image(7, 5), size, &pool())).contains("3, 5 or 7"));
    }
}

/// scipy 1.17.1 and numpy 2.4.6, `rint(ndimage.gaussian_filter(float64, sigma, mode="reflect", truncate=4.0))`.
#[test]
fn gaussian_blur_agrees_with_scipy_to_one_level() {
    let cases: [(f32, [u8; 35]); 3] = [
        (
            0.5,
            [
                19, 36, 75, 122, 186, 104, 205, 73, 110, 135, 65, 117, 78, 183, 130, 153, 83, 120, 99, 185, 176, 168,
                75, 112, 94, 183, 174, 151, 219, 109, 50, 158, 152, 129, 126,
            ],
        ),
        (
            1.0,
            [
                46, 64, 88, 115, 133, 143, 169, 83, 93, 101, 108, 121, 139, 164, 122, 115, 107, 110, 128, 149, 164,
                148, 119, 104, 120, 143, 154, 154, 169, 122, 102, 125, 146, 144, 138,
            ],
        ),
        (
            2.5,
            [
                100, 103, 110, 118, 128, 136, 140, 104, 107, 112, 120, 129, 136, 140, 111, 113, 117, 123, 130, 137,
                140, 117, 118, 121, 126, 132, 137, 141, 121, 122, 124, 127, 133, 138, 141,
            ],
        ),
    ];
    for (sigma, expected) in cases {
        assert_near(gaussian_blur(&grey_image(7, 5), sigma, &pool()).unwrap().bytes(), &expected, 1);
        let colour = gaussian_blur(&colour_image(7, 5), sigma, &pool()).unwrap();
        assert_near(&channel(colour.bytes(), 0, 3), &expected, 1);
    }
}

/// Share of a Gaussian below `z`, by summing its density.
fn normal_share(z: f64) -> f64 {
    let step = 1e-3;
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (0..).map(|at| -8.0 + f64::from(at) * step).take_while(|x| *x < z).map(|x| density(x) * step).sum()
}

#[test]
fn a_large_blur_of_an_edge_follows_the_gaussian() {
    for sigma in [8.0f32, 8.1, 20.0, 50.0] {
        let (width, edge) = (500usize, 250usize);
        let row: Vec<u8> = (0..width).map(|x| if x < edge { 0 } else { 250 }).collect();
        let across = image(width as u32, 2, PixelFormat::Gray8, &row.repeat(2));
        let across = gaussian_blur(&across, sigma, &pool()).unwrap();
        let down: Vec<u8> = row.iter().flat_map(|value| [*value; 2]).collect();
        let down = gaussian_blur(&image(2, width as u32, PixelFormat::Gray8, &down), sigma, &pool()).unwrap();
        for x in 0..width {
            let z = (x as f64 - edge as f64 + 0.5) / f64::from(sigma);
            let expected = (250.0 * normal_share(z)).round() as u8;
            assert!(across.bytes()[x].abs_diff(expected) <= 3, "{sigma} at {x}: {} {expected}", across.bytes()[x]);
            assert!(down.bytes()[2 * x].abs_diff(across.bytes()[x]) <= 1);
        }
    }
}

#[test]
fn gaussian_blur_leaves_a_constant_picture_as_it_is() {
    for sigma in [0.1, 1.0, 8.0, 8.1, 50.0] {
        for format in [PixelFormat::Gray8, PixelFormat::Rgba8, PixelFormat::Gray16] {
            let value = &[255u8, 255, 0, 7][..format.bytes_per_pixel()];
            let flat = filled(70, 3, format, value, &pool()).unwrap();
            assert_eq!(
                gaussian_blur(&flat, sigma, &pool()).unwrap().bytes(),
                flat.bytes(),
                "{sigma} {}",
                format.name()
            );
        }
    }
}

#[test]
fn gaussian_blur_takes_sigmas_in_its_range_only() {
    for sigma in [0.0, 0.09, 50.1, -1.0, f32::NAN, f32::INFINITY] {
        assert!(refused(gaussian_blur(&grey_image(7, 5), sigma, &pool())).contains("0.1 to 50"));
    }
}

#[test]
fn bit_depth_follows_its_formula_for_every_byte() {
    let all: Vec<u8> = (0..=255).collect();
    let base = image(256, 1, PixelFormat::Gray8, &all);
    for bits in 1..=8u32 {
        let top = f64::from((1 << bits) - 1);
        let rint = f64::round_ties_even;
        let expected: Vec<u8> =
            all.iter().map(|v| rint(rint(f64::from(*v) * top / 255.0) * 255.0 / top) as u8).collect();
        assert_eq!(reduce_bit_depth(&base, bits, &pool()).unwrap().bytes(), expected, "{bits} bits");
    }
    assert_eq!(reduce_bit_depth(&base, 8, &pool()).unwrap().bytes(), all);
}

/// Adversarial Robustness Toolbox 1.20.1, tests of `FeatureSqueezing`: two bits of 0, 1, 2, 3, 4 in [0, 4] are 0,
/// 1.333, 2.667, 2.667, 4; ones stay ones at any depth.
#[test]
fn bit_depth_agrees_with_the_robustness_toolbox() {
    // 0 to 4 as bytes: 255 / 4 a step. Half-way cases of the toolbox round to even: 2 of 4 becomes 2.667.
    let base = image(5, 1, PixelFormat::Gray8, &[0, 64, 128, 191, 255]);
    assert_eq!(reduce_bit_depth(&base, 2, &pool()).unwrap().bytes(), [0, 85, 170, 170, 255]);
    let ones = filled(8, 12, PixelFormat::Rgb8, &[255; 3], &pool()).unwrap();
    for bits in 1..=8 {
        assert_eq!(reduce_bit_depth(&ones, bits, &pool()).unwrap().bytes(), ones.bytes());
    }
}

#[test]
fn bit_depth_takes_one_to_eight_bits_of_bytes() {
    for bits in [0, 9, u32::MAX] {
        assert!(refused(reduce_bit_depth(&grey_image(7, 5), bits, &pool())).contains("1 to 8"));
    }
    let deep = convert(&grey_image(7, 5), PixelFormat::Gray16, &pool()).unwrap();
    assert!(refused(reduce_bit_depth(&deep, 4, &pool())).contains("gray16"));
}

/// Adversarial Robustness Toolbox 1.20.1, tests of `JpegCompression`: an all-white 8x12 picture does not change.
#[test]
fn a_jpeg_round_trip_leaves_white_white_and_formats_as_they_were() {
    for format in [PixelFormat::Gray8, PixelFormat::Rgb8, PixelFormat::Bgr8, PixelFormat::Rgba8] {
        let white = filled(8, 12, format, &[255, 255, 255, 255][..format.bytes_per_pixel()], &pool()).unwrap();
        let after = jpeg_round_trip(&white, 50, &pool()).unwrap();
        assert_eq!((after.format(), after.bytes()), (format, white.bytes()));
    }
}

#[test]
fn a_jpeg_round_trip_keeps_channels_in_their_order_and_alpha_untouched() {
    let rgba = filled(16, 16, PixelFormat::Rgba8, &[200, 100, 30, 77], &pool()).unwrap();
    let after = jpeg_round_trip(&rgba, 90, &pool()).unwrap();
    assert_near(after.bytes(), rgba.bytes(), 3);
    assert!(after.bytes().chunks_exact(4).all(|pixel| pixel[3] == 77));
    let bgr = filled(16, 16, PixelFormat::Bgr8, &[30, 100, 200], &pool()).unwrap();
    assert_near(jpeg_round_trip(&bgr, 90, &pool()).unwrap().bytes(), bgr.bytes(), 3);
}

/// Pillow 13.0.0 (libjpeg-turbo), quality 75, 4:4:4, of the 16x16 colour test picture: row 3.
#[test]
fn a_jpeg_round_trip_is_what_libjpeg_makes_of_it() {
    let expected = [
        193, 14, 105, 42, 84, 204, 199, 238, 67, 14, 135, 190, 210, 34, 181, 166, 32, 147, 147, 221, 66, 139, 227, 45,
        157, 4, 48, 207, 46, 160, 56, 143, 197, 158, 239, 58, 54, 91, 206, 203, 2, 116, 79, 192, 0, 71, 133, 194,
    ];
    let after = jpeg_round_trip(&colour_image(16, 16), 75, &pool()).unwrap();
    assert_near(&after.bytes()[3 * 48..4 * 48], &expected, 6);
}

#[test]
fn a_jpeg_round_trip_takes_qualities_in_its_range_only() {
    for quality in [0, 101, u32::MAX] {
        assert!(refused(jpeg_round_trip(&grey_image(7, 5), quality, &pool())).contains("1 to 100"));
    }
    let deep = convert(&grey_image(7, 5), PixelFormat::Gray16, &pool()).unwrap();
    assert!(refused(jpeg_round_trip(&deep, 75, &pool())).contains("gray16"));
}

proptest! {
    #[test]
    fn median_is_the_middle_of_its_window(
        width in 1..80u32, height in 1..8u32, size in prop_oneof![Just(3u32), Just(5), Just(7)], seed in any::<u64>(),
    ) {
        let mut state = seed | 1;
        let pixels: Vec<u8> = (0..width * height).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        }).collect();
        let base = image(width, height, PixelFormat::Gray8, &pixels);
        let blurred = median(&base, size);
        let expected = by_hand(&base, size);
        prop_assert_eq!(blurred.bytes(), expected.as_slice());
    }

    #[test]
    fn a_blur_stays_between_the_darkest_and_the_brightest(sigma in 0.1f32..50.0, width in 1..70u32, height in 1..9u32) {
        let base = grey_image(width, height);
        let (low, high) = (base.bytes().iter().min().unwrap(), base.bytes().iter().max().unwrap());
        let blurred = gaussian_blur(&base, sigma, &pool()).unwrap();
        prop_assert!(blurred.bytes().iter().all(|value| (low..=high).contains(&value)));
    }
}
