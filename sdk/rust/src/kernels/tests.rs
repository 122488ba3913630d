#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
use super::{box_blur_3x3, count_at_least, histogram, mscn, ninth, normalise, sum, threshold};

/// Bytes without a pattern that a block length could hide.
fn pixels(count: usize) -> Vec<u8> {
    let mut state = 12_345u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// Around every block length, and none at all.
const COUNTS: [usize; 12] = [0, 1, 63, 64, 65, 127, 128, 129, 239, 240, 241, 1000];

#[test]
fn normalise_equals_the_plain_formula() {
    for count in COUNTS {
        let pixels = pixels(count);
        let mut out = vec![0.0; count];
        normalise(&pixels, 127.0, 128.0, &mut out);
        for (pixel, value) in pixels.iter().zip(&out) {
            assert_eq!(*value, (f32::from(*pixel) - 127.0) / 128.0, "of {count}");
        }
    }
}

#[test]
fn normalise_writes_no_more_than_there_is_room_for() {
    let mut out = [9.0; 70];
    normalise(&[127; 200], 127.0, 1.0, &mut out[..69]);
    assert!(out[..64].iter().all(|value| *value == 0.0));
    assert_eq!(out[69], 9.0);
}

#[test]
fn counts_and_sums_equal_the_plain_loops() {
    for count in COUNTS {
        let pixels = pixels(count);
        assert_eq!(count_at_least(&pixels, 200), pixels.iter().filter(|p| **p >= 200).count() as u64);
        assert_eq!(sum(&pixels), pixels.iter().map(|p| u64::from(*p)).sum::<u64>());
        let counts = histogram(&pixels);
        for value in 0..=255u8 {
            assert_eq!(counts[usize::from(value)] as usize, pixels.iter().filter(|p| **p == value).count());
        }
    }
    assert_eq!(count_at_least(&[255; 1280], 1), 1280, "a block that counts all does not overflow");
    assert_eq!(sum(&[255; 1280]), 1280 * 255);
}

#[test]
fn a_ninth_is_rounded_to_the_nearest() {
    for sum in 0..=9 * 255u16 {
        assert_eq!(f64::from(ninth(sum)), (f64::from(sum) / 9.0).round(), "{sum}");
    }
}

#[test]
fn box_blur_equals_the_plain_mean() {
    for (width, height) in [(1, 1), (1, 5), (5, 1), (64, 3), (66, 4), (130, 7)] {
        let pixels = pixels(width * height);
        let mut out = vec![0; width * height];
        box_blur_3x3(&pixels, width, height, &mut out).unwrap();
        for y in 0..height {
            for x in 0..width {
                let at = |dx: isize, dy: isize| {
                    let column = x.saturating_add_signed(dx).min(width - 1);
                    let row = y.saturating_add_signed(dy).min(height - 1);
                    u32::from(pixels[row * width + column])
                };
                let sum: u32 = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))).map(|(x, y)| at(x, y)).sum();
                assert_eq!(u32::from(out[y * width + x]), (sum * 2 + 9) / 18, "{x},{y} of {width}x{height}");
            }
        }
    }
}

#[test]
fn a_picture_of_another_size_is_refused() {
    assert_eq!(box_blur_3x3(&[0; 5], 2, 3, &mut [0; 6]), None);
    assert_eq!(box_blur_3x3(&[0; 6], 2, 3, &mut [0; 5]), None);
    assert_eq!(box_blur_3x3(&[], 0, 0, &mut []), None);
}

#[test]
fn a_mask_is_set_where_a_pixel_is_at_least_the_threshold() {
    for count in COUNTS {
        let pixels = pixels(count);
        let mut mask = vec![7; count + 1];
        threshold(&pixels, 100, &mut mask);
        let expected = pixels.iter().map(|pixel| if *pixel >= 100 { 255 } else { 0 });
        assert_eq!(mask[..count], expected.collect::<Vec<u8>>());
        assert_eq!(mask[count], 7, "no more than there are pixels");
        let mut short = vec![7; count / 2];
        threshold(&pixels, 100, &mut short);
        assert_eq!(short, mask[..count / 2]);
    }
}

/// The formula of the paper in double precision, pixel by pixel.
fn plain_mscn(pixels: &[u8], width: usize, height: usize) -> Vec<f64> {
    let bell: Vec<f64> = (-3..=3).map(|k: i32| (-f64::from(k * k) / (2.0 * (7.0 / 6.0f64).powi(2))).exp()).collect();
    let all: f64 = bell.iter().sum();
    let weight = |dx: isize, dy: isize| bell[(dx + 3) as usize] * bell[(dy + 3) as usize] / (all * all);
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let at = |dx: isize, dy: isize| {
                let column = (x as isize + dx).clamp(0, width as isize - 1) as usize;
                let row = (y as isize + dy).clamp(0, height as isize - 1) as usize;
                f64::from(pixels[row * width + column])
            };
            let window = || (-3..=3).flat_map(|dy| (-3..=3).map(move |dx| (dx, dy)));
            let mean: f64 = window().map(|(dx, dy)| weight(dx, dy) * at(dx, dy)).sum();
            let variance: f64 = window().map(|(dx, dy)| weight(dx, dy) * (at(dx, dy) - mean).powi(2)).sum();
            out.push((at(0, 0) - mean) / (variance.sqrt() + 1.0));
        }
    }
    out
}

#[test]
fn mscn_equals_the_formula_of_the_paper() {
    for (width, height) in [(1, 1), (1, 9), (9, 1), (5, 4), (64, 8), (66, 9), (130, 7)] {
        let pixels = pixels(width * height);
        let mut out = vec![0.0; width * height];
        mscn(&pixels, width, height, &mut out).unwrap();
        for (at, (found, expected)) in out.iter().zip(plain_mscn(&pixels, width, height)).enumerate() {
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{at} of {width}x{height}: {found}, not {expected}");
        }
    }
    let mut flat = vec![1.0f32; 70 * 3];
    mscn(&[200; 70 * 3], 70, 3, &mut flat).unwrap();
    assert!(flat.iter().all(|value| value.abs() < 1e-3), "nothing varies in a flat picture");
    assert_eq!(mscn(&[1; 6], 4, 2, &mut [0.0; 8]), None);
    assert_eq!(mscn(&[1; 8], 4, 2, &mut [0.0; 7]), None);
    assert_eq!(mscn(&[], 0, 2, &mut []), None);
}
