use super::{Use, admit, far, meta, pool, spec, texture};
use assay::domain::{FailureCode, Image, PixelFormat, PluginReport, Region, SettingValue, Tensor};
use assay::imaging::{self, ResizeFilter};

fn run(picture: &Image) -> PluginReport {
    admit("letterbox", Use::default()).preprocess(&meta(), picture, far()).result.unwrap()
}

/// The one tensor `input`, and no picture in the frame's place.
fn input(report: &PluginReport) -> &Tensor {
    let [input] = report.tensors.as_slice() else { panic!("{:?}", report.tensors) };
    assert_eq!(input.name, "input");
    assert!(report.picture.is_none() && report.images.is_empty());
    &input.tensor
}

#[test]
fn a_picture_of_the_models_size_is_only_normalised() {
    let picture = texture(224, 224, PixelFormat::Rgb8, 1, 120.0, 100.0);
    let report = run(&picture);
    let expected = imaging::to_tensor(&[&picture], &spec()).unwrap();
    assert_eq!(input(&report).shape(), [1, 3, 224, 224]);
    assert_eq!(input(&report).bytes(), expected.bytes());
}

#[test]
fn a_wide_grey_picture_equals_the_hosts_own_operations() {
    let picture = texture(320, 200, PixelFormat::Gray8, 2, 120.0, 100.0);
    let report = run(&picture);
    let colour = imaging::convert(&picture, PixelFormat::Rgb8, &pool()).unwrap();
    let small = imaging::resize(&colour, 224, 140, ResizeFilter::Bilinear, &pool()).unwrap();
    let border = imaging::filled(224, 224, PixelFormat::Rgb8, &[127; 3], &pool()).unwrap();
    let whole = imaging::overlay(&border, &small, 0, 42, &pool()).unwrap();
    let expected = imaging::to_tensor(&[&whole], &spec()).unwrap();
    assert_eq!(input(&report).bytes(), expected.bytes());
    assert!(expected.as_f32().unwrap()[..224 * 42].iter().all(|value| *value == 0.0), "the border is the mean");
}

#[test]
fn a_larger_square_is_resized_without_a_border() {
    let picture = texture(300, 300, PixelFormat::Rgb8, 3, 120.0, 100.0);
    let small = imaging::resize(&picture, 224, 224, ResizeFilter::Bilinear, &pool()).unwrap();
    let expected = imaging::to_tensor(&[&small], &spec()).unwrap();
    assert_eq!(input(&run(&picture)).bytes(), expected.bytes());
}

#[test]
fn a_region_is_cut_out_before_it_is_resized() {
    let region = vec![20.0, 10.0, 112.0, 112.0];
    let settings = vec![("region", SettingValue::Numbers(region))];
    let plugin = admit("letterbox", Use { settings, ..Use::default() });
    let picture = texture(160, 140, PixelFormat::Rgb8, 5, 120.0, 100.0);
    let report = plugin.preprocess(&meta(), &picture, far()).result.unwrap();
    let part = imaging::crop(&picture, &Region { x: 20, y: 10, width: 112, height: 112 }, &pool()).unwrap();
    let large = imaging::resize(&part, 224, 224, ResizeFilter::Bilinear, &pool()).unwrap();
    let expected = imaging::to_tensor(&[&large], &spec()).unwrap();
    assert_eq!(input(&report).bytes(), expected.bytes());

    let narrow = texture(131, 140, PixelFormat::Rgb8, 6, 120.0, 100.0);
    let failure = plugin.preprocess(&meta(), &narrow, far()).result.unwrap_err();
    assert!(failure.detail.contains("region") && failure.detail.contains("131 x 140"), "{}", failure.detail);
}

#[test]
fn a_bad_setting_is_an_answer_that_names_it() {
    let settings = vec![("filter", SettingValue::Text("cubic".to_owned()))];
    let plugin = admit("letterbox", Use { settings, ..Use::default() });
    let picture = texture(8, 8, PixelFormat::Rgb8, 4, 120.0, 10.0);
    let failure = plugin.preprocess(&meta(), &picture, far()).result.unwrap_err();
    assert_eq!(failure.code, FailureCode::PluginError);
    assert!(failure.detail.contains("filter") && failure.detail.contains("lanczos3"), "{}", failure.detail);
}
