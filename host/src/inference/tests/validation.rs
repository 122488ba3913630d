//! What a tensor and a specification have to be.

use super::super::validate::{check_outputs, check_spec};
use super::*;

#[test]
fn inputs_that_fit_are_handed_on_in_the_order_of_the_specification() {
    let inputs = good(3);
    let spec = spec();
    let checked = check_inputs("m", &spec, &inputs).unwrap();
    assert_eq!(checked.batch(), Some(3));
    let shapes: Vec<&[u32]> = checked.tensors().iter().map(|tensor| tensor.shape()).collect();
    assert_eq!(shapes, [[3, 3, 4].as_slice(), [3, 2].as_slice()]);
}

#[test]
fn an_input_that_the_model_does_not_have_is_refused() {
    let mut inputs = good(1);
    inputs.push(tensor("extra", &[1], ElementType::F32));
    let text = refusal(&inputs);
    assert!(text.contains("\"extra\"") && text.contains("picture") && text.contains("mask"), "{text}");
}

#[test]
fn a_missing_input_is_refused() {
    let text = refusal(&good(1)[..1]);
    assert!(text.contains("\"picture\" is missing") && text.contains("given were [\"mask\"]"), "{text}");
    assert!(refusal(&[]).contains("is missing"));
}

#[test]
fn an_input_that_is_given_twice_is_refused() {
    let mut inputs = good(1);
    inputs.push(inputs[0].clone());
    assert!(refusal(&inputs).contains("\"mask\" is given more than once"));
}

#[test]
fn a_wrong_element_type_is_refused() {
    let mut inputs = good(1);
    inputs[1] = tensor("picture", &[1, 3, 4], ElementType::I32);
    let text = refusal(&inputs);
    assert!(text.contains("expected elements of type f32, found i32"), "{text}");
}

#[test]
fn a_wrong_rank_is_refused() {
    let mut inputs = good(1);
    for (shape, found) in [(&[3u32, 4] as &[u32], "found 2"), (&[1, 1, 3, 4], "found 4")] {
        inputs[1] = tensor("picture", shape, ElementType::F32);
        let text = refusal(&inputs);
        assert!(text.contains("expected 3 dimensions") && text.contains(found), "{text}");
    }
    inputs[1] = tensor("picture", &[], ElementType::F32);
    assert!(refusal(&inputs).contains("found a scalar"));
}

#[test]
fn a_wrong_side_is_refused_even_where_the_number_of_bytes_fits() {
    let mut inputs = good(1);
    inputs[1] = tensor("picture", &[1, 4, 3], ElementType::F32);
    let text = refusal(&inputs);
    assert!(text.contains("expected f32 [N, 3, 4]") && text.contains("found f32 [1, 4, 3]"), "{text}");
}

#[test]
fn a_batch_size_that_was_not_prepared_is_refused() {
    let text = refusal(&good(2));
    assert!(text.contains("batch size 2") && text.contains("[1, 3]"), "{text}");
}

#[test]
fn inputs_of_different_batch_sizes_are_refused() {
    let mut inputs = good(1);
    inputs[0] = tensor("mask", &[3, 2], ElementType::U8);
    assert!(refusal(&inputs).contains("has batch"));
}

/// Two inputs without a batch, one of them a scalar.
fn whole() -> ModelSpec {
    ModelSpec {
        inputs: vec![port("a", &[3, 4], ElementType::F32), port("scale", &[], ElementType::F32)],
        outputs: vec![port("b", &[2], ElementType::F32)],
        batch_sizes: vec![],
    }
}

#[test]
fn a_model_without_a_batch_takes_whole_shapes_and_scalars() {
    let spec = whole();
    check_spec(&spec).unwrap();
    let (a, scale) = (tensor("a", &[3, 4], ElementType::F32), tensor("scale", &[], ElementType::F32));
    let inputs = [scale.clone(), a.clone()];
    let checked = check_inputs("m", &spec, &inputs).unwrap();
    assert_eq!((checked.batch(), checked.tensors().len()), (None, 2));
    for (index, shape) in [(0, &[1u32] as &[u32]), (1, &[4]), (1, &[4, 3]), (1, &[1, 3, 4]), (1, &[])] {
        let mut wrong = [scale.clone(), a.clone()];
        wrong[index] = tensor(&wrong[index].name.clone(), shape, ElementType::F32);
        assert!(matches!(check_inputs("m", &spec, &wrong), Err(InferenceError::BadTensor { .. })), "{shape:?}");
    }
    let output = |shape: &[u32]| [Tensor::build(shape, ElementType::F32, |_| ()).unwrap()];
    check_outputs(&spec, None, &output(&[2])).unwrap();
    check_outputs(&spec, None, &output(&[1, 2])).unwrap_err();
}

#[test]
fn a_specification_with_any_mistake_is_refused() {
    let breaks: [(Change, &str); 10] = [
        (|s| s.inputs.clear(), "inputs, found 0"),
        (|s| s.outputs.clear(), "outputs, found 0"),
        (|s| s.inputs = vec![port("a", &[1], ElementType::F32); 33], "found 33"),
        (|s| s.outputs.push(s.outputs[0].clone()), "named twice"),
        (|s| s.inputs[0].name.clear(), "without NUL"),
        (|s| s.inputs[0].name = "a\0b".to_owned(), "without NUL"),
        (|s| s.batch_sizes = (1..=9).collect(), "at most 8 batch sizes, found 9"),
        (|s| s.batch_sizes = vec![0], "found 0"),
        (|s| s.batch_sizes = vec![1, 1], "once"),
        (|s| s.inputs[0].shape = vec![u32::MAX, u32::MAX, u32::MAX], "larger than this machine"),
    ];
    check_spec(&spec()).unwrap();
    for (damage, part) in breaks {
        let mut broken = spec();
        damage(&mut broken);
        let text = check_spec(&broken).unwrap_err();
        assert!(text.contains(part), "{text} lacks {part}");
    }
    let mut zero = spec();
    zero.outputs[0].shape = vec![0];
    assert!(check_spec(&zero).unwrap_err().contains("dimension of 0"));
}
