#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;

fn policy() -> VerdictPolicy {
    VerdictPolicy {
        pass_labels: vec!["good".into()],
        min_pass_probability: 0.6,
        min_fail_probability: 0.5,
        undecided_on: vec!["adversarial".into()],
        fail_on: vec!["missing-part".into()],
    }
}

fn answer(probabilities: &[f32]) -> ModelAnswer {
    ModelAnswer {
        model: "surface".into(),
        digest: Digest::of(b"model"),
        device: DeviceUse {
            backend: "tract".into(),
            asked: vec!["CPU".into()],
            used: "CPU".into(),
            precision: "f32-exact".into(),
        },
        probabilities: probabilities.to_vec(),
        labels: ["good", "scratch", "pit"].map(String::from).to_vec(),
    }
}

fn finding(label: &str, raised: bool) -> Finding {
    Finding { label: label.into(), score: 0.9, raised, region: None, text: None, attributes: Vec::new() }
}

fn verdict(answer: Option<&ModelAnswer>, findings: &[&Finding], failure: Option<&Failure>) -> Verdict {
    decide(&policy(), &Evidence { answer, findings, failure, failed_by_policy: false })
}

#[test]
fn a_sure_good_part_passes() {
    let verdict = verdict(Some(&answer(&[0.9, 0.05, 0.05])), &[], None);
    assert_eq!(verdict, Verdict::Pass { label: "good".into(), score: 0.9 });
}

#[test]
fn a_sure_defect_fails_by_its_label() {
    let verdict = verdict(Some(&answer(&[0.1, 0.8, 0.1])), &[], None);
    assert_eq!(verdict, Verdict::Fail { reason: "scratch".into(), score: 0.8 });
}

#[test]
fn a_top_label_under_its_threshold_is_undecided() {
    assert_eq!(verdict(Some(&answer(&[0.55, 0.4, 0.05])), &[], None).kind(), VerdictKind::Undecided);
    assert_eq!(verdict(Some(&answer(&[0.3, 0.45, 0.25])), &[], None).kind(), VerdictKind::Undecided);
}

#[test]
fn nothing_at_all_is_undecided_and_never_a_pass() {
    assert_eq!(verdict(None, &[], None).kind(), VerdictKind::Undecided);
    let empty = ModelAnswer { probabilities: vec![], labels: vec![], ..answer(&[]) };
    assert_eq!(verdict(Some(&empty), &[], None).kind(), VerdictKind::Undecided);
}

#[test]
fn a_probability_that_is_not_finite_is_undecided() {
    for bad in [f32::NAN, f32::INFINITY] {
        let verdict = verdict(Some(&answer(&[bad, 0.0, 0.0])), &[], None);
        assert_eq!(verdict.kind(), VerdictKind::Undecided, "{bad}");
    }
}

#[test]
fn any_failure_is_undecided_whatever_the_model_says() {
    let sure = answer(&[1.0, 0.0, 0.0]);
    for stage in Stage::ALL {
        let failure = Failure::new(stage, Blame::Plugin, FailureCode::Trap, "unreachable").in_plugin("p");
        let Verdict::Undecided { stage: named, blame, code, .. } = verdict(Some(&sure), &[], Some(&failure)) else {
            panic!("{stage} must be undecided");
        };
        assert_eq!((named, blame, code.as_str()), (stage, Blame::Plugin, "trap"));
    }
}

#[test]
fn a_failure_fails_the_part_only_where_the_recipe_says_so() {
    let failure = Failure::new(Stage::Detect, Blame::Plugin, FailureCode::Trap, "unreachable");
    let sure = answer(&[1.0, 0.0, 0.0]);
    let evidence = Evidence { answer: Some(&sure), findings: &[], failure: Some(&failure), failed_by_policy: true };
    assert_eq!(decide(&policy(), &evidence).kind(), VerdictKind::Fail);
}

#[test]
fn a_raised_finding_has_its_consequence_and_a_quiet_one_has_none() {
    let sure = answer(&[1.0, 0.0, 0.0]);
    assert_eq!(verdict(Some(&sure), &[&finding("adversarial", true)], None).kind(), VerdictKind::Undecided);
    assert_eq!(verdict(Some(&sure), &[&finding("adversarial", false)], None).kind(), VerdictKind::Pass);
    assert_eq!(verdict(Some(&sure), &[&finding("missing-part", true)], None).kind(), VerdictKind::Fail);
    assert_eq!(verdict(Some(&sure), &[&finding("unlisted", true)], None).kind(), VerdictKind::Pass);
}

#[test]
fn failing_goes_before_undecided_when_both_are_raised() {
    let sure = answer(&[1.0, 0.0, 0.0]);
    let both = [&finding("adversarial", true), &finding("missing-part", true)];
    assert_eq!(verdict(Some(&sure), &both, None).kind(), VerdictKind::Fail);
}

#[test]
fn a_verdict_survives_its_json() {
    let failure = Failure::new(Stage::Decode, Blame::Source, FailureCode::NotAnImage, "no picture");
    for verdict in [
        Verdict::Pass { label: "good".into(), score: 0.75 },
        Verdict::Fail { reason: "pit".into(), score: 0.5 },
        Verdict::undecided_by(&failure),
    ] {
        let text = serde_json::to_string(&verdict).unwrap();
        assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
    }
}

#[test]
fn a_failure_names_stage_plugin_code_and_blame() {
    let failure = Failure::new(Stage::Detect, Blame::Plugin, FailureCode::Timeout, "50 ms passed").in_plugin("slow");
    assert_eq!(failure.to_string(), "detect slow: timeout (plugin): 50 ms passed");
}

#[test]
fn a_region_fits_only_wholly_inside() {
    let region = |x, y, width, height| Region { x, y, width, height };
    assert!(region(0, 0, 10, 10).fits(10, 10));
    assert!(!region(1, 0, 10, 10).fits(10, 10));
    assert!(!region(0, 0, 0, 1).fits(10, 10));
    assert!(!region(u32::MAX, 0, 2, 1).fits(10, 10));
}

#[test]
fn a_tensor_takes_exactly_shape_times_type() {
    assert!(Tensor::from_bytes(&[2, 3], ElementType::F32, &[0; 24]).is_ok());
    for wrong in [0, 5, 23, 25] {
        let error = Tensor::from_bytes(&[2, 3], ElementType::F32, &vec![0; wrong]).unwrap_err();
        assert!(matches!(error, TensorError::WrongLength { needed: 24, .. }), "{wrong}");
    }
}

#[test]
fn a_tensor_with_an_impossible_shape_takes_no_memory() {
    let over = Tensor::needed_bytes(&[u32::MAX; 4], ElementType::F32);
    assert!(matches!(over, Err(TensorError::TooLarge { .. })));
    assert!(matches!(Tensor::needed_bytes(&[3, 0], ElementType::U8), Err(TensorError::ZeroDimension { .. })));
    assert!(matches!(Tensor::needed_bytes(&[1; 9], ElementType::U8), Err(TensorError::TooManyDimensions { .. })));
}

#[test]
fn tensor_bytes_are_aligned_for_vector_units_and_shared_by_clones() {
    let tensor = Tensor::from_f32(&[3], &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!(tensor.bytes().as_ptr() as usize % 64, 0);
    assert_eq!(tensor.clone().bytes().as_ptr(), tensor.bytes().as_ptr());
    assert_eq!(tensor.as_f32().unwrap(), [1.0, 2.0, 3.0]);
}

#[test]
fn a_dropped_picture_gives_its_buffer_back_to_the_pool() {
    let pool = BufferPool::new(2, 1 << 20);
    let first = pool.take(100);
    let address = first.as_slice().as_ptr();
    drop(Image::new(10, 10, PixelFormat::Gray8, first).unwrap());
    assert_eq!(pool.take(50).as_slice().as_ptr(), address);
}

#[test]
fn a_pool_keeps_few_bytes_whatever_the_sizes() {
    let pool = BufferPool::new(64, 1000);
    let held: Vec<_> = (0..64).map(|_| pool.take(1000)).collect();
    drop(held);
    assert_eq!(pool.kept_bytes(), 8000);
    drop(pool.take(1001));
    assert!(pool.kept_bytes() <= 8000);
}

#[test]
fn a_small_picture_does_not_take_the_buffer_of_a_large_one() {
    let pool = BufferPool::new(4, 1000);
    let (large, small) = (pool.take(1000), pool.take(10));
    let address = large.as_slice().as_ptr();
    drop(small);
    drop(large);
    let held = pool.take(10);
    assert_eq!(pool.take(1000).as_slice().as_ptr(), address);
    drop(held);
}

#[test]
fn the_first_element_that_is_not_finite_is_found_in_every_type() {
    let tensor = |ty, bytes: Vec<u8>| {
        Tensor::from_bytes(&[u32::try_from(bytes.len()).unwrap() / ty_len(ty)], ty, &bytes).unwrap()
    };
    let mut many = vec![0u8; 4 * 5000];
    many[4 * 3000..4 * 3001].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(tensor(ElementType::F32, many).first_not_finite(), Some(3000));
    let wide = [1.0f64, f64::NEG_INFINITY].map(f64::to_le_bytes).concat();
    assert_eq!(tensor(ElementType::F64, wide).first_not_finite(), Some(1));
    assert_eq!(tensor(ElementType::F16, vec![0xff, 0x7b, 0x00, 0x7c]).first_not_finite(), Some(1));
    assert_eq!(tensor(ElementType::Bf16, vec![0x7f, 0x7f, 0xc0, 0xff]).first_not_finite(), Some(1));
    let largest = [f32::MAX, f32::MIN, -0.0].map(f32::to_le_bytes).concat();
    assert_eq!(tensor(ElementType::F32, largest).first_not_finite(), None);
    for ty in [ElementType::U8, ElementType::I32, ElementType::I64] {
        assert_eq!(tensor(ty, vec![0xff; 8]).first_not_finite(), None);
    }
}

fn ty_len(ty: ElementType) -> u32 {
    u32::try_from(ty.byte_len()).unwrap()
}

#[test]
fn a_picture_of_the_wrong_length_is_refused() {
    let short = PixelBuffer::from(vec![0; 11]);
    assert!(matches!(Image::new(2, 2, PixelFormat::Rgb8, short), Err(ImageError::WrongLength { needed: 12, .. })));
    assert!(matches!(Image::new(0, 2, PixelFormat::Gray8, vec![].into()), Err(ImageError::Empty { .. })));
}

#[test]
fn a_digest_is_read_back_and_nothing_else_is() {
    let digest = Digest::of(b"");
    assert_eq!(digest.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    assert!(digest.to_string().to_uppercase().parse::<Digest>().is_err());
    assert!("abc".parse::<Digest>().is_err());
}

#[test]
fn capabilities_are_read_from_their_words_only() {
    let model = Capability::try_from("inference:surface".to_owned()).unwrap();
    assert_eq!(model, Capability::Inference("surface".into()));
    assert!(Capability::try_from("inference:".to_owned()).is_err());
    assert!(Capability::try_from("filesystem".to_owned()).is_err());
}

#[test]
fn a_frame_id_is_read_back_and_nothing_else_is() {
    let id = FrameId { station: "line-1".into(), boot: 3, trigger: 42 };
    assert_eq!(FrameId::parse("line-1-3-42"), Some(id));
    for wrong in ["", "line", "line-1", "-1-2", "line-1-x", "line-01-2", "line-1-+2"] {
        assert_eq!(FrameId::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_setting_takes_the_place_of_one_of_its_type_only() {
    use SettingValue::{Bool, Integer, Number, Numbers, Text, Texts};
    let all = [Bool(true), Integer(1), Number(1.0), Text("a".into()), Numbers(vec![1.0]), Texts(vec!["a".into()])];
    for (row, value) in all.iter().enumerate() {
        for (column, default) in all.iter().enumerate() {
            // A whole number is a number too.
            let expected = row == column || (row, column) == (1, 2);
            assert_eq!(value.fits(default), expected, "{value:?} for {default:?}");
        }
    }
    assert!(Numbers(vec![]).fits(&Texts(vec!["a".into()])) && Texts(vec!["a".into()]).fits(&Numbers(vec![])));
    assert!(!Numbers(vec![]).fits(&Number(1.0)));
}
