//! The picture that regions of findings are in.

use super::super::judge::keep_replaced;
use super::*;
use crate::domain::{Finding, MAX_FRAME_IMAGES, NamedImage, PixelBuffer, PluginRun, REPLACED_PICTURE, Region};

fn picture(side: u32) -> Image {
    let pixels = PixelBuffer::from(vec![7; (side * side) as usize]);
    Image::new(side, side, PixelFormat::Gray8, pixels).unwrap()
}

fn judged(raised: bool, region: Option<Region>) -> Judgement {
    let finding = Finding { label: "spot".to_owned(), score: 0.9, raised, region, text: None, attributes: Vec::new() };
    let run = PluginRun {
        plugin: "finder".to_owned(),
        kind: PluginKind::Detector,
        component: Digest::of(b"finder"),
        micros: 1,
        host_micros: 0,
        memory_bytes: 0,
        host_bytes: 0,
        findings: vec![finding],
        attributes: Vec::new(),
        replaced: None,
        failure: None,
    };
    Judgement { runs: vec![run], ..Judgement::default() }
}

const REGION: Region = Region { x: 1, y: 2, width: 3, height: 4 };

fn kept(judgement: &Judgement) -> Vec<(&str, &str, u32)> {
    judgement.images.iter().map(|(by, image)| (by.as_str(), image.name.as_str(), image.image.width())).collect()
}

#[test]
fn the_picture_behind_a_raised_region_is_kept_in_place_of_a_plugins_own_of_that_name() {
    let mut judgement = judged(true, Some(REGION));
    let own = |name: &str| ("align".to_owned(), NamedImage { name: name.to_owned(), image: picture(2) });
    judgement.images = vec![own("picture"), own("edges")];
    keep_replaced(&mut judgement, "align", &picture(16));
    assert_eq!(kept(&judgement), [("align", "edges", 2), ("align", REPLACED_PICTURE, 16)]);
}

#[test]
fn nothing_is_kept_where_there_is_no_raised_region() {
    for mut judgement in [judged(true, None), judged(false, Some(REGION))] {
        keep_replaced(&mut judgement, "align", &picture(16));
        assert!(judgement.images.is_empty());
    }
}

#[test]
fn it_is_never_one_picture_more_than_can_be_recorded() {
    let mut judgement = judged(true, Some(REGION));
    let image = picture(2);
    judgement.images = (0..MAX_FRAME_IMAGES)
        .map(|n| ("a".to_owned(), NamedImage { name: n.to_string(), image: image.clone() }))
        .collect();
    keep_replaced(&mut judgement, "align", &picture(16));
    assert_eq!(judgement.images.len(), MAX_FRAME_IMAGES);
}

#[test]
fn a_picture_that_is_handed_back_is_the_same_one() {
    let (one, equal) = (picture(4), picture(4));
    assert!(one.is_same(&one.clone()) && !one.is_same(&equal));
}
