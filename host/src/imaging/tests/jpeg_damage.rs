//! A JPEG of which data is missing or out of step is refused: a decoder alone fills it up.

use super::*;
use crate::domain::FailureCode;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const END: [u8; 2] = [0xff, 0xd9];

/// Progressive with successive approximation: the picture of [`colour`], 40x24, saved by Pillow 12 (libjpeg-turbo) at
/// quality 60, 4:2:0. Made for this test, under the licence of this project.
const REFINED: &[u8] = include_bytes!("refined.jpg");

fn encoded(width: u16, height: u16, set: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    set(&mut encoder);
    encoder.encode(&colour(width.into(), height.into()), width, height, ColorType::Rgb).unwrap();
    file
}

/// One of each kind that cameras and tools write.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("baseline", encoded(100, 75, |_| {})),
        ("4:2:0", encoded(100, 75, |encoder| encoder.set_sampling_factor(SamplingFactor::F_2_2))),
        ("own tables", encoded(100, 75, |encoder| encoder.set_optimized_huffman_tables(true))),
        ("restarts", encoded(100, 75, |encoder| encoder.set_restart_interval(5))),
        ("progressive", encoded(100, 75, |encoder| encoder.set_progressive(true))),
        ("refined", REFINED.to_vec()),
        ("grey", encode_jpeg(&grey_image(100, 75), 90).unwrap()),
    ]
}

fn found(file: &[u8]) -> Result<(), FailureCode> {
    decode(file, &DecodeLimits::default(), &pool()).map(|_| ()).map_err(|error| error.code())
}

#[track_caller]
fn assert_damaged(file: &[u8], what: &str) {
    assert_eq!(found(file), Err(FailureCode::DamagedImage), "{what}");
}

fn place(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xff, marker]).unwrap()
}

/// Where the data of the first scan begins.
fn data_of(file: &[u8]) -> usize {
    let scan = place(file, 0xda);
    scan + 2 + usize::from(u16::from_be_bytes([file[scan + 2], file[scan + 3]]))
}

#[test]
fn every_kind_of_whole_jpeg_is_decoded() {
    for (kind, file) in kinds() {
        assert_eq!(found(&file), Ok(()), "{kind}");
    }
}

#[test]
fn a_jpeg_cut_anywhere_in_its_data_is_damaged_though_it_has_an_end() {
    for (kind, file) in kinds() {
        for len in data_of(&file)..file.len() - 2 {
            assert_damaged(&[&file[..len], &END].concat(), &format!("{kind} at {len} of {}", file.len()));
        }
    }
}

#[test]
fn data_that_is_zeroed_or_taken_out_of_the_middle_is_damage() {
    for (kind, file) in kinds() {
        let from = data_of(&file);
        let mut zeroed = file.clone();
        let end = zeroed.len() - 2;
        zeroed[from..end].fill(0);
        assert_damaged(&zeroed, &format!("{kind} zeroed"));
        // A few bytes less can leave as many codes as before, and nobody can tell.
        let third = (end - from) / 3;
        let without = [&file[..from + third], &file[from + 2 * third..]].concat();
        assert_damaged(&without, &format!("{kind} without {third} bytes"));
    }
}

#[test]
fn data_behind_the_last_block_is_damage() {
    for (kind, file) in kinds() {
        let data = &file[..file.len() - 2];
        for more in [&[0x55][..], &[0, 0x55], &[0; 4]] {
            assert_damaged(&[data, more, &END].concat(), &format!("{kind} with {more:?}"));
        }
    }
}

#[test]
fn zeros_that_align_the_data_to_words_are_no_damage() {
    for (kind, file) in kinds() {
        for padding in [&[0][..], &[0; 2], &[0; 3]] {
            let padded = [&file[..file.len() - 2], padding, &END].concat();
            assert_eq!(found(&padded), Ok(()), "{kind} with {padding:?}");
        }
    }
    let file = encoded(100, 75, |encoder| encoder.set_restart_interval(5));
    let restart = data_of(&file) + place(&file[data_of(&file)..], 0xd0);
    assert_eq!(found(&[&file[..restart], &[0, 0], &file[restart..]].concat()), Ok(()), "before a restart marker");
}

#[test]
fn more_tables_than_its_scans_could_use_are_refused() {
    let file = encoded(16, 16, |_| {});
    let tables = [&[0xff, 0xc4, 0, 19][..], &[0; 17]].concat();
    let with = |count: usize| [&file[..2], &tables.repeat(count), &file[2..]].concat();
    assert_eq!(found(&with(20)), Ok(()));
    assert_damaged(&with(1000), "1000 tables");
}

#[test]
fn restart_markers_come_in_their_order_and_nowhere_else() {
    let file = encoded(100, 75, |encoder| encoder.set_restart_interval(5));
    let from = data_of(&file);
    let restarts: Vec<usize> =
        (from..file.len() - 2).filter(|at| file[*at] == 0xff && (0xd0..=0xd7).contains(&file[at + 1])).collect();
    assert!(restarts.len() > 10);
    for at in &restarts {
        let mut wrong = file.clone();
        wrong[at + 1] = 0xd0 + (wrong[at + 1] + 1) % 8;
        assert_damaged(&wrong, "a wrong number");
        assert_damaged(&[&file[..*at], &file[at + 2..]].concat(), "one left out");
    }
    let (first, third) = (restarts[0], restarts[2]);
    assert_damaged(&[&file[..first], &file[third..]].concat(), "two runs left out");
    let filled = [&file[..first], &[0xff, 0xff], &file[first..]].concat();
    assert_eq!(found(&filled), Ok(()), "fill bytes before a marker are allowed");
    let plain = encoded(100, 75, |_| {});
    let middle = (data_of(&plain) + plain.len()) / 2;
    assert_damaged(&[&plain[..middle], &[0xff, 0xd0], &plain[middle..]].concat(), "one where none is due");
}

#[test]
fn a_progressive_jpeg_without_its_last_scans_is_damaged() {
    let scans: Vec<usize> =
        (0..REFINED.len() - 1).filter(|at| REFINED[*at] == 0xff && matches!(REFINED[at + 1], 0xc4 | 0xda)).collect();
    for at in &scans[1..] {
        assert_damaged(&[&REFINED[..*at], &END].concat(), &format!("cut before the scan at {at}"));
    }
}

#[test]
fn a_picture_of_a_motion_jpeg_stream_needs_no_tables_of_its_own() {
    let mut file = encoded(100, 75, |_| {});
    while let Some(at) = file.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        file.drain(at..at + 2 + length);
    }
    assert_damaged(&file, "no tables");
    let named = [&file[..2], b"\xff\xe0\x00\x0aAVI1\0\0\0\0", &file[2..]].concat();
    assert_eq!(found(&named), Ok(()));
    assert_damaged(&[&named[..named.len() - 40], &END].concat(), "cut");
}
