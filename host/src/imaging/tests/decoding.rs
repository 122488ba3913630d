use super::*;
use crate::domain::{Blame, Failure, FailureCode, Stage};
use proptest::prelude::*;

fn decoded(bytes: &[u8]) -> Result<Image, DecodeError> {
    decode(bytes, &DecodeLimits::default(), &pool())
}

fn code(bytes: &[u8]) -> FailureCode {
    decoded(bytes).unwrap_err().code()
}

/// CRC-32 as PNG wants it, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [name.as_slice(), data].concat();
    [&(data.len() as u32).to_be_bytes(), body.as_slice(), &crc(&body).to_be_bytes()].concat()
}

/// A PNG that says it is large and holds no pixels: 57 bytes.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let header = [width.to_be_bytes().as_slice(), &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, chunk(b"IHDR", &header), chunk(b"IDAT", &[]), chunk(b"IEND", &[])].concat()
}

fn png(width: u32, height: u32, colour: png::ColorType, depth: png::BitDepth, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette(vec![1u8, 2, 3, 40, 50, 60]);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    file
}

fn assert_pixels(file: &[u8], format: PixelFormat, pixels: &[u8]) {
    let image = decoded(file).unwrap();
    assert_eq!((image.format(), image.bytes()), (format, pixels));
}

#[test]
fn every_kind_of_png_becomes_one_of_three_formats() {
    use png::{BitDepth as Bits, ColorType as Kind};
    assert_pixels(&png(2, 1, Kind::Grayscale, Bits::Eight, &[7, 9]), PixelFormat::Gray8, &[7, 9]);
    assert_pixels(&png(2, 1, Kind::Grayscale, Bits::One, &[0b0100_0000]), PixelFormat::Gray8, &[0, 255]);
    assert_pixels(&png(1, 1, Kind::Grayscale, Bits::Sixteen, &[0x12, 0x34]), PixelFormat::Gray16, &[0x34, 0x12]);
    assert_pixels(&png(1, 1, Kind::GrayscaleAlpha, Bits::Eight, &[7, 128]), PixelFormat::Gray8, &[7]);
    let wide_alpha = png(1, 1, Kind::GrayscaleAlpha, Bits::Sixteen, &[0x12, 0x34, 0xff, 0xff]);
    assert_pixels(&wide_alpha, PixelFormat::Gray16, &[0x34, 0x12]);
    assert_pixels(&png(1, 1, Kind::Rgb, Bits::Eight, &[1, 2, 3]), PixelFormat::Rgb8, &[1, 2, 3]);
    assert_pixels(&png(1, 1, Kind::Rgba, Bits::Eight, &[1, 2, 3, 4]), PixelFormat::Rgb8, &[1, 2, 3]);
    assert_pixels(&png(1, 1, Kind::Rgb, Bits::Sixteen, &[1, 0, 2, 0, 3, 0]), PixelFormat::Rgb8, &[1, 2, 3]);
    assert_pixels(&png(1, 1, Kind::Rgba, Bits::Sixteen, &[1, 0, 2, 0, 3, 0, 4, 0]), PixelFormat::Rgb8, &[1, 2, 3]);
    assert_pixels(&png(2, 1, Kind::Indexed, Bits::Eight, &[1, 0]), PixelFormat::Rgb8, &[40, 50, 60, 1, 2, 3]);
}

#[test]
fn bmp_and_pnm_are_read() {
    let header = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0";
    let bmp = [header.as_slice(), &[0; 24], &[3, 2, 1, 0]].concat();
    assert_pixels(&bmp, PixelFormat::Rgb8, &[1, 2, 3]);
    assert_pixels(b"P5 2 1 255\n\x07\x09", PixelFormat::Gray8, &[7, 9]);
    assert_pixels(b"P5 1 1 65535\n\x12\x34", PixelFormat::Gray16, &[0x34, 0x12]);
    assert_pixels(b"P6 1 1 255\n\x01\x02\x03", PixelFormat::Rgb8, &[1, 2, 3]);
    assert_pixels(b"P6 1 1 65535\n\x01\x00\x02\x00\x03\x00", PixelFormat::Rgb8, &[1, 2, 3]);
}

#[test]
fn grey_and_colour_jpeg_come_back_nearly_as_they_were() {
    let smooth: Vec<u8> = (0..16 * 16).map(|at| (at % 16 * 10 + at / 16 * 3) as u8).collect();
    let grey = image(16, 16, PixelFormat::Gray8, &smooth);
    let back = decoded(&encode_jpeg(&grey, 95).unwrap()).unwrap();
    assert_eq!(back.format(), PixelFormat::Gray8);
    assert_near(back.bytes(), grey.bytes(), 4);
    let colour = convert(&grey, PixelFormat::Rgb8, &pool()).unwrap();
    let back = decoded(&encode_jpeg(&colour, 95).unwrap()).unwrap();
    assert_eq!(back.format(), PixelFormat::Rgb8);
    assert_near(back.bytes(), colour.bytes(), 6);
}

#[test]
fn png_loses_nothing_in_any_format() {
    for format in [PixelFormat::Gray8, PixelFormat::Gray16, PixelFormat::Rgb8, PixelFormat::Bgr8, PixelFormat::Rgba8] {
        let before = convert(&colour_image(9, 4), format, &pool()).unwrap();
        let after = decoded(&encode_png(&before).unwrap()).unwrap();
        assert_eq!(convert(&after, format, &pool()).unwrap().bytes(), before.bytes(), "{}", format.name());
    }
}

#[test]
fn a_30000_by_30000_png_without_pixels_is_refused_by_its_header() {
    let file = bomb(30_000, 30_000);
    assert_eq!(file.len(), 57);
    let failure = Failure::from(decoded(&file).unwrap_err());
    assert_eq!(
        (failure.stage, failure.blame, failure.code),
        (Stage::Decode, Blame::Source, FailureCode::ImageTooLarge)
    );
    assert!(failure.detail.contains("30000 pixels, at most 16384 pixels"), "{}", failure.detail);
    // The check is the header's: the same file within the limits goes on to its missing pixels.
    assert_eq!(code(&bomb(3, 3)), FailureCode::DamagedImage);
}

#[test]
fn each_limit_is_kept_and_named() {
    let file = encode_png(&grey_image(7, 5)).unwrap();
    let wide_open = DecodeLimits { max_file_bytes: file.len() as u64, max_width: 7, max_height: 5, max_pixels: 35 };
    assert!(decode(&file, &wide_open, &pool()).is_ok());
    let refusal = |limits| decode(&file, &limits, &pool()).unwrap_err().to_string();
    let file_limit = refusal(DecodeLimits { max_file_bytes: file.len() as u64 - 1, ..wide_open });
    assert!(file_limit.starts_with(&format!("the file is {} bytes, at most {}", file.len(), file.len() - 1)));
    assert!(
        refusal(DecodeLimits { max_width: 6, ..wide_open }).starts_with("the picture's width is 7 pixels, at most 6")
    );
    assert!(refusal(DecodeLimits { max_height: 4, ..wide_open }).starts_with("the picture's height is 5 pixels"));
    assert!(refusal(DecodeLimits { max_pixels: 34, ..wide_open }).starts_with("the picture's size is 35 pixels"));
}

#[test]
fn the_limits_hold_for_every_format() {
    let mut jpeg = encode_jpeg(&grey_image(8, 8), 90).unwrap();
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert_eq!(code(&jpeg), FailureCode::ImageTooLarge);
    assert_eq!(code(b"P5 30000 30000 255\n"), FailureCode::ImageTooLarge);
    let bmp =
        [b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x30\x75\0\0\x30\x75\0\0\x01\0\x18\0".as_slice(), &[0; 24]].concat();
    assert_eq!(code(&bmp), FailureCode::ImageTooLarge);
}

#[test]
fn what_is_no_picture_is_called_that() {
    assert_eq!(decoded(b"").unwrap_err(), DecodeError::Empty);
    assert_eq!(code(b"Shift report, Tuesday"), FailureCode::NotAnImage);
    let gif = decoded(b"GIF89a\x01\0\x01\0").unwrap_err();
    assert_eq!(gif.code(), FailureCode::NotAnImage);
    assert!(gif.to_string().contains("GIF89a"), "{gif}");
    assert!(decoded(b"\x1b[31mred").unwrap_err().to_string().contains("\\x1b"), "control characters are escaped");
}

#[test]
fn no_prefix_of_a_picture_passes_for_a_picture() {
    let picture = colour_image(21, 13);
    let files = [
        encode_png(&picture).unwrap(),
        encode_jpeg(&picture, 80).unwrap(),
        encode_jpeg(&grey_image(21, 13), 80).unwrap(),
        b"P5 2 2 255\nabcd".to_vec(),
    ];
    for file in files {
        assert!(decoded(&file).is_ok());
        for len in 0..file.len() {
            let expected = [FailureCode::NotAnImage, FailureCode::DamagedImage];
            assert!(expected.contains(&code(&file[..len])), "{len} of {} bytes", file.len());
        }
        assert_eq!(code(&file[..file.len() * 2 / 3]), FailureCode::DamagedImage);
    }
}

#[test]
fn bytes_behind_the_end_do_no_harm() {
    for file in [encode_png(&grey_image(7, 5)).unwrap(), encode_jpeg(&grey_image(7, 5), 80).unwrap()] {
        assert!(decoded(&[file.as_slice(), b"trailer"].concat()).is_ok());
    }
}

#[test]
fn an_end_marker_inside_a_thumbnail_does_not_end_the_picture() {
    let file = encode_jpeg(&grey_image(21, 13), 80).unwrap();
    let thumbnail = b"\xff\xe1\x00\x08\xff\xd8\xff\xd9\x00\x00";
    let with = [&file[..2], thumbnail, &file[2..]].concat();
    assert!(decoded(&with).is_ok());
    assert_eq!(code(&with[..with.len() - 2]), FailureCode::DamagedImage);
}

#[test]
fn a_flipped_byte_in_a_png_is_found() {
    let file = encode_png(&grey_image(7, 5)).unwrap();
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        let found = decoded(&damaged);
        // Only the name of a chunk that may be skipped can change unseen, and this file has none.
        assert!(found.is_err(), "byte {at}");
    }
}

#[test]
fn pixels_are_decoded_into_the_pools_buffer() {
    let pool = pool();
    let file = encode_png(&grey_image(64, 64)).unwrap();
    let first = decode(&file, &DecodeLimits::default(), &pool).unwrap();
    let place = first.bytes().as_ptr();
    drop(first);
    assert_eq!(decode(&file, &DecodeLimits::default(), &pool).unwrap().bytes().as_ptr(), place);
}

#[test]
fn jpeg_refuses_what_it_cannot_hold() {
    assert!(refused(encode_jpeg(&grey_image(7, 5), 0)).contains("found 0, allowed is 1 to 100"));
    assert!(refused(encode_jpeg(&grey_image(7, 5), 101)).contains("found 101"));
    let wide = convert(&grey_image(7, 5), PixelFormat::Gray16, &pool()).unwrap();
    assert!(refused(encode_jpeg(&wide, 80)).contains("gray16"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoders_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..4usize) {
        let starts: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"\xff\xd8\xff", b"BM", b"P6 "];
        bytes.splice(0..0, starts[kind].iter().copied());
        let limits = DecodeLimits { max_pixels: 10_000, ..DecodeLimits::default() };
        let _ = decode(&bytes, &limits, &pool());
    }

    #[test]
    fn no_change_to_a_jpeg_makes_its_decoder_fill_in(at in 0..10_000usize, byte in any::<u8>()) {
        let mut file = encode_jpeg(&colour_image(21, 13), 80).unwrap();
        let at = at % file.len();
        file[at] = byte;
        if let Ok(image) = decode(&file, &DecodeLimits { max_pixels: 1_000_000, ..DecodeLimits::default() }, &pool()) {
            prop_assert!(image.width() > 0 && image.height() > 0);
        }
    }
}
