use super::*;
use crate::domain::Region;
use proptest::prelude::*;

const FORMATS: [PixelFormat; 5] =
    [PixelFormat::Gray8, PixelFormat::Gray16, PixelFormat::Rgb8, PixelFormat::Bgr8, PixelFormat::Rgba8];

fn region(x: u32, y: u32, width: u32, height: u32) -> Region {
    Region { x, y, width, height }
}

#[test]
fn from_pixels_takes_exactly_the_bytes_of_the_size() {
    assert!(
        refused(from_pixels(2, 2, PixelFormat::Rgb8, &[0; 11], &pool())).contains("found 11, allowed is exactly 12")
    );
    assert!(refused(from_pixels(0, 2, PixelFormat::Rgb8, &[], &pool())).contains("0x2"));
    assert_eq!(image(1, 1, PixelFormat::Gray16, &[1, 2]).bytes(), [1, 2]);
}

#[test]
fn a_filled_picture_has_one_colour() {
    assert_eq!(filled(2, 1, PixelFormat::Rgb8, &[1, 2, 3], &pool()).unwrap().bytes(), [1, 2, 3, 1, 2, 3]);
    assert_eq!(filled(2, 2, PixelFormat::Gray8, &[9], &pool()).unwrap().bytes(), [9; 4]);
    assert!(refused(filled(2, 1, PixelFormat::Rgb8, &[1, 2], &pool())).contains("found 2, allowed is exactly 3"));
}

#[test]
fn nothing_larger_than_the_limits_is_made() {
    let side = refused(filled(MAX_SIDE + 1, 1, PixelFormat::Gray8, &[0], &pool()));
    assert!(side.contains("16385x1") && side.contains("16384 pixels a side"), "{side}");
    assert!(refused(filled(10_000, 5_001, PixelFormat::Gray8, &[0], &pool())).contains("50000000 pixels"));
    let small = grey_image(7, 5);
    assert!(refused(resize(&small, 0, 5, ResizeFilter::Box, &pool())).contains("0x5"));
    assert!(refused(resize(&small, u32::MAX, u32::MAX, ResizeFilter::Box, &pool())).contains("4294967295"));
}

#[test]
fn a_region_is_read_cropped_and_laid_back() {
    let base = colour_image(7, 5);
    let inner = region(2, 1, 3, 2);
    let expected: Vec<u8> =
        (1..3).flat_map(|y| (2..5).flat_map(move |x| (0..3).map(move |channel| value(x, y, channel)))).collect();
    assert_eq!(read_region(&base, &inner).unwrap(), expected);
    let part = crop(&base, &inner, &pool()).unwrap();
    assert_eq!((part.width(), part.height(), part.bytes()), (3, 2, expected.as_slice()));
    let blank = filled(7, 5, PixelFormat::Rgb8, &[0; 3], &pool()).unwrap();
    let laid = overlay(&blank, &part, 2, 1, &pool()).unwrap();
    assert_eq!(read_region(&laid, &inner).unwrap(), expected);
    assert_eq!(
        laid.bytes().iter().filter(|byte| **byte != 0).count(),
        expected.iter().filter(|byte| **byte != 0).count()
    );
}

#[test]
fn rows_are_read_without_a_copy() {
    let base = grey_image(7, 5);
    assert_eq!(read_rows(&base, 1, 2).unwrap(), &base.bytes()[7..21]);
    assert!(refused(read_rows(&base, 4, 2)).contains("found 2 from row 4, allowed is at least 1, inside 0 to 5"));
    assert!(read_rows(&base, 0, 0).is_err() && read_rows(&base, u32::MAX, 1).is_err());
}

#[test]
fn regions_outside_the_picture_are_refused() {
    let base = grey_image(7, 5);
    for bad in [region(5, 0, 3, 1), region(0, 5, 1, 1), region(0, 0, 0, 1), region(u32::MAX, 0, 2, 1)] {
        assert!(refused(read_region(&base, &bad)).contains("inside 7x5"));
        assert!(crop(&base, &bad, &pool()).is_err());
    }
    let top = grey_image(3, 3);
    assert!(refused(overlay(&base, &top, 5, 0, &pool())).contains("3x3 at 5,0"));
    assert!(refused(overlay(&base, &colour_image(3, 3), 0, 0, &pool())).contains("found rgb8, allowed is gray8"));
}

#[test]
fn luma_and_widths_convert_by_the_published_formulas() {
    let to = |image: &Image, format| convert(image, format, &pool()).unwrap();
    let rgb = image(2, 1, PixelFormat::Rgb8, &[200, 100, 50, 255, 255, 255]);
    // (77 * 200 + 150 * 100 + 29 * 50 + 128) >> 8 = 31978 >> 8 = 124
    assert_eq!(to(&rgb, PixelFormat::Gray8).bytes(), [124, 255]);
    assert_eq!(samples_16(&to(&rgb, PixelFormat::Gray16)), [124 * 257, 65535]);
    assert_eq!(to(&rgb, PixelFormat::Bgr8).bytes(), [50, 100, 200, 255, 255, 255]);
    assert_eq!(to(&rgb, PixelFormat::Rgba8).bytes(), [200, 100, 50, 255, 255, 255, 255, 255]);
    let deep = image(4, 1, PixelFormat::Gray16, &wide(&[128, 129, 65535, 257]));
    assert_eq!(to(&deep, PixelFormat::Gray8).bytes(), [0, 1, 255, 1]);
    assert_eq!(to(&deep, PixelFormat::Rgb8).bytes(), [0, 0, 0, 1, 1, 1, 255, 255, 255, 1, 1, 1]);
}

#[test]
fn converting_there_and_back_keeps_what_both_formats_hold() {
    let grey = grey_image(16, 16);
    for format in FORMATS {
        let there = convert(&grey, format, &pool()).unwrap();
        assert_eq!(convert(&there, PixelFormat::Gray8, &pool()).unwrap().bytes(), grey.bytes(), "{}", format.name());
    }
    let colour = colour_image(7, 5);
    for format in [PixelFormat::Bgr8, PixelFormat::Rgba8] {
        let there = convert(&colour, format, &pool()).unwrap();
        assert_eq!(convert(&there, PixelFormat::Rgb8, &pool()).unwrap().bytes(), colour.bytes());
    }
}

/// Pillow 13.0.0, `Image.resize` of the 7x5 test picture to 4x3 and 9x6.
#[test]
fn resizing_agrees_with_pillow_to_one_level() {
    let cases: [(ResizeFilter, [u8; 12], [u8; 18]); 4] = [
        (
            ResizeFilter::Box,
            [54, 97, 178, 132, 161, 99, 53, 201, 140, 101, 185, 142],
            [11, 24, 24, 63, 128, 219, 80, 80, 223, 68, 110, 110, 178, 16, 136, 26, 26, 198],
        ),
        (
            ResizeFilter::Bilinear,
            [50, 93, 129, 144, 129, 105, 120, 169, 148, 89, 158, 140],
            [11, 20, 41, 77, 128, 199, 142, 128, 223, 54, 77, 115, 126, 44, 132, 92, 94, 204],
        ),
        (
            ResizeFilter::CatmullRom,
            [46, 94, 126, 144, 133, 105, 114, 174, 151, 81, 165, 140],
            [8, 14, 34, 72, 132, 218, 137, 118, 231, 50, 69, 128, 142, 31, 144, 77, 72, 214],
        ),
        (
            ResizeFilter::Lanczos3,
            [47, 99, 119, 144, 136, 105, 110, 177, 149, 73, 174, 141],
            [9, 15, 31, 68, 136, 227, 133, 117, 235, 50, 52, 136, 140, 27, 157, 77, 65, 221],
        ),
    ];
    let base = grey_image(7, 5);
    for (filter, small, large) in cases {
        assert_near(resize(&base, 4, 3, filter, &pool()).unwrap().bytes(), &small, 1);
        assert_near(&resize(&base, 9, 6, filter, &pool()).unwrap().bytes()[..18], &large, 1);
    }
    let nearest = resize(&base, 4, 3, ResizeFilter::Nearest, &pool()).unwrap();
    assert_eq!(nearest.bytes(), [11, 63, 219, 223, 125, 37, 53, 173, 239, 11, 143, 123]);
}

#[test]
fn every_format_and_channel_is_resized_alike() {
    let base = colour_image(7, 5);
    for filter in [ResizeFilter::Nearest, ResizeFilter::Box, ResizeFilter::Bilinear] {
        let small = resize(&base, 4, 3, filter, &pool()).unwrap();
        for index in 0..3 {
            let plane = image(7, 5, PixelFormat::Gray8, &channel(base.bytes(), index, 3));
            let alone = resize(&plane, 4, 3, filter, &pool()).unwrap();
            assert_near(alone.bytes(), &channel(small.bytes(), index, 3), 1);
        }
        let deep = convert(&grey_image(7, 5), PixelFormat::Gray16, &pool()).unwrap();
        let deep = convert(&resize(&deep, 4, 3, filter, &pool()).unwrap(), PixelFormat::Gray8, &pool()).unwrap();
        assert_near(deep.bytes(), resize(&grey_image(7, 5), 4, 3, filter, &pool()).unwrap().bytes(), 1);
        let opaque = convert(&base, PixelFormat::Rgba8, &pool()).unwrap();
        let opaque = convert(&resize(&opaque, 4, 3, filter, &pool()).unwrap(), PixelFormat::Rgb8, &pool()).unwrap();
        assert_near(opaque.bytes(), small.bytes(), 1);
    }
}

#[test]
fn the_same_size_is_the_same_picture() {
    let base = colour_image(7, 5);
    assert_eq!(resize(&base, 7, 5, ResizeFilter::Lanczos3, &pool()).unwrap().bytes(), base.bytes());
}

proptest! {
    #[test]
    fn no_size_makes_resizing_panic_or_leave_the_range(width in 1..40u32, height in 1..40u32, filter in 0..5usize) {
        let filters = [
            ResizeFilter::Nearest, ResizeFilter::Box, ResizeFilter::Bilinear, ResizeFilter::CatmullRom,
            ResizeFilter::Lanczos3,
        ];
        let flat = filled(9, 7, PixelFormat::Rgb8, &[10, 128, 250], &pool()).unwrap();
        let after = resize(&flat, width, height, filters[filter], &pool()).unwrap();
        prop_assert_eq!((after.width(), after.height()), (width, height));
        prop_assert!(after.bytes().chunks_exact(3).all(|pixel| pixel == [10, 128, 250]));
    }

    #[test]
    fn a_region_is_inside_or_refused(x in 0..12u32, y in 0..12u32, width in 0..12u32, height in 0..12u32) {
        let base = grey_image(7, 5);
        let inside = width > 0 && height > 0 && x + width <= 7 && y + height <= 5;
        prop_assert_eq!(crop(&base, &region(x, y, width, height), &pool()).is_ok(), inside);
    }
}
