//! What a station looks at in a model's file before any backend sees it.

use assay::domain::{ElementType, ModelFormat, ModelSpec, Port};
use assay::inference::{Examined, ModelFacts, check_import, examine, spec_of};
use assay_tests::artifacts::root;
use assay_tests::onnx_file::{F32, Message, graph, model, node, plain, port, tensor};
use proptest::prelude::*;
use std::path::PathBuf;

pub fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures/models").join(name)
}

pub fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn spec() -> ModelSpec {
    let port = |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
    ModelSpec { inputs: vec![port("image", &[3, 8, 8])], outputs: vec![port("logits", &[2])], batch_sizes: vec![1] }
}

fn image() -> Message {
    port("image", F32, Some(&[0, 3, 8, 8]))
}

fn logits() -> Message {
    port("logits", F32, Some(&[0, 2]))
}

/// The middle of a model that is fine.
fn step() -> Message {
    node("Flatten", "", &["image"], &["logits"])
}

fn whole(nodes: impl IntoIterator<Item = Message>) -> Message {
    graph(nodes, image(), logits())
}

/// Every reason not to give an ONNX file to a backend.
fn refusal(bytes: &[u8]) -> String {
    match check_import(ModelFormat::Onnx, bytes, None, &spec()) {
        Ok(facts) => panic!("it is taken: {facts:?}"),
        Err(refusal) => refusal.to_string(),
    }
}

fn assert_refused(graph: Message, words: &str) {
    let refusal = refusal(&model(graph).done());
    assert!(refusal.contains(words), "{refusal} lacks {words}");
}

fn facts(format: ModelFormat, bytes: &[u8], weights: Option<&[u8]>) -> ModelFacts {
    let Examined { facts, reasons } = examine(format, bytes, weights).unwrap();
    assert!(reasons.is_empty(), "{reasons:?}");
    facts
}

#[test]
fn a_models_file_says_what_is_in_it_in_every_format() {
    let onnx = facts(ModelFormat::Onnx, &fixture_bytes("tiny.onnx"), None);
    assert_eq!((onnx.producer.as_str(), onnx.version.as_str()), ("assay-fixtures", "onnx 17"));
    assert_eq!(onnx.inputs[0].describe(), "f32 [?, 3, 16, 16]");
    assert_eq!((onnx.outputs[0].name(), onnx.outputs[1].name()), ("logits", "embedding"));
    assert_eq!((onnx.nodes, onnx.longest_chain, onnx.operators["Conv"]), (5, 5, 1));
    // 12 kernels of 3 x 3 x 3, 12 offsets, and the same for 5 labels of 12 values.
    assert_eq!((onnx.parameters, onnx.parameter_bytes), (324 + 12 + 60 + 5, 4 * 401));

    let weights = fixture_bytes("tiny-ir.bin");
    let ir = facts(ModelFormat::OpenvinoIr, &fixture_bytes("tiny-ir.xml"), Some(&weights));
    assert_eq!((ir.version.as_str(), ir.inputs[0].describe()), ("ir 11", "f32 [?, 3, 16, 16]".to_owned()));
    assert_eq!(ir.outputs[0].names, ["logits"]);
    assert!(ir.operators["Convolution"] == 1 && ir.parameter_bytes >= 4 * 401, "{ir:?}");

    let tflite = facts(ModelFormat::Tflite, &fixture_bytes("tiny.tflite"), None);
    assert_eq!((tflite.version.as_str(), tflite.inputs[0].describe()), ("tflite 3", "f32 [1, 16, 16, 3]".to_owned()));
    assert_eq!((tflite.nodes, tflite.longest_chain), (2, 2));
    assert_eq!((tflite.operators["MEAN"], tflite.operators["FULLY_CONNECTED"]), (1, 1));
    // Two axes, 5 x 3 weights, 5 offsets.
    assert_eq!(tflite.parameters, 22);
    let spec = spec_of(&tflite).unwrap();
    assert_eq!((spec.inputs[0].shape.as_slice(), spec.batch_sizes.as_slice()), (&[16, 16, 3][..], &[1][..]));
}

#[test]
fn the_models_that_are_in_use_are_taken() {
    let demo = root().join("sdk/models/demo/surface-int8.onnx");
    for path in [demo, fixture("tiny-int8.onnx"), fixture("heavy.onnx"), fixture("tiny-heat.onnx")] {
        let bytes = std::fs::read(&path).unwrap();
        let facts = facts(ModelFormat::Onnx, &bytes, None);
        let spec = spec_of(&facts).unwrap();
        check_import(ModelFormat::Onnx, &bytes, None, &spec).unwrap();
    }
    check_import(ModelFormat::Onnx, &plain(("image", &[3, 8, 8]), ("logits", &[2])), None, &spec()).unwrap();
}

#[test]
fn data_outside_of_the_file_is_refused_wherever_it_hides() {
    let entry = Message::default().bytes(1, "location").bytes(2, "/etc/passwd");
    let outside = || Message::default().number(1, 4).number(2, F32).bytes(8, "w").message(13, entry.clone());
    let words = "constant \"w\" keeps its data in another file";
    assert_refused(whole([step()]).message(5, outside()), words);
    assert_refused(
        whole([step()]).message(5, Message::default().number(1, 1).number(2, F32).bytes(8, "w").number(14, 1)),
        words,
    );
    // As the value of a node, in a branch of a branch, and as a part of a sparse constant.
    let attribute = |tensor: Message| Message::default().bytes(1, "value").message(5, tensor);
    let constant = |tensor: Message| node("Constant", "", &[], &["c"]).message(5, attribute(tensor));
    assert_refused(whole([step(), constant(outside())]), words);
    let branch = |graph: Message| node("If", "", &["c"], &["d"]).message(5, Message::default().message(6, graph));
    assert_refused(whole([step(), branch(whole([branch(whole([constant(outside())]))]))]), words);
    assert_refused(whole([step()]).message(15, Message::default().message(1, outside()).number(3, 4)), words);
}

#[test]
fn operators_that_nobody_knows_are_refused_by_name() {
    assert_refused(whole([step(), node("Exec", "ai.evil", &[], &["a"])]), "\"ai.evil:Exec\" is a custom one");
    assert_refused(whole([step(), node("Frobnicate", "", &[], &["a"])]), "operator \"Frobnicate\" is not known");
    // It reads a file that it names.
    assert_refused(
        whole([step(), node("EPContext", "com.microsoft", &[], &["a"])]),
        "\"com.microsoft:EPContext\" is not known",
    );
    let known =
        [step(), node("QLinearAdd", "com.microsoft", &["image"], &["a"]), node("Relu", "ai.onnx", &["a"], &["b"])];
    check_import(ModelFormat::Onnx, &model(whole(known)).done(), None, &spec()).unwrap();
    let functions = model(whole([step()])).message(25, Message::default().bytes(1, "f")).done();
    assert!(refusal(&functions).contains("functions of its own"), "{}", refusal(&functions));
    let training = model(whole([step()])).message(20, Message::default()).done();
    assert!(refusal(&training).contains("training_info"), "{}", refusal(&training));
}

#[test]
fn ports_are_those_of_the_manifest_with_fixed_sides() {
    let of = |input: Message| graph([step()], input, logits());
    assert_refused(of(port("image", F32, None)), "f32 of no stated shape: export the model with fixed sides");
    assert_refused(of(port("image", F32, Some(&[0, 3, 0, 8]))), "f32 [?, 3, ?, 8], with sides that are not fixed");
    assert_refused(
        of(port("image", F32, Some(&[0, 8, 8, 3]))),
        "f32 [?, 8, 8, 3] in the file, f32 [N, 3, 8, 8] is specified",
    );
    assert_refused(of(port("image", F32, Some(&[]))), "a single number: expected a batch");
    assert_refused(of(port("image", 2, Some(&[0, 3, 8, 8]))), "elements of type u8, f32 is specified");
    assert_refused(of(port("picture", F32, Some(&[0, 3, 8, 8]))), "no input \"image\"; it has [\"picture\"]");
    assert_refused(
        whole([step()]).message(11, port("more", F32, Some(&[1]))),
        "1 inputs are specified, the model has 2",
    );
    assert_refused(graph([step()], image(), port("scores", F32, Some(&[0, 2]))), "no output \"logits\"");
    // A constant among the inputs, as old files have it, is none.
    let old = whole([step()]).message(11, port("w", F32, Some(&[1]))).message(5, tensor("w", &[1], F32, &[0; 4]));
    check_import(ModelFormat::Onnx, &model(old).done(), None, &spec()).unwrap();
}

#[test]
fn constants_hold_as_much_as_they_say_and_values_fit_into_memory() {
    let with = |tensor: Message| whole([step()]).message(5, tensor);
    assert_refused(
        with(tensor("w", &[1 << 40], F32, &[0; 4])),
        "constant \"w\" of shape [1099511627776] has 4 bytes of data",
    );
    assert_refused(with(tensor("w", &[u64::MAX, 3], F32, &[])), "which no memory holds");
    assert_refused(with(Message::default().number(1, 1 << 30).number(2, F32).bytes(8, "w")), "has 0 bytes of data");
    assert_refused(with(tensor("w", &[1], 99, &[0; 4])), "is of type 99, which is not known");
    let sparse = Message::default().number(3, 1 << 20).number(3, 1 << 20);
    assert_refused(whole([step()]).message(15, sparse), "a sparse constant of shape [1048576, 1048576]");
    let huge = port("between", F32, Some(&[0, 1 << 16, 1 << 16]));
    assert_refused(whole([step()]).message(13, huge), "value \"between\" is larger than 1073741824 bytes");
}

#[test]
fn graphs_have_limits() {
    let many = (0..20_001).map(|_| node("Relu", "", &[], &[]));
    assert_refused(whole(many), "more than 20000 nodes");
    let names: Vec<String> = (0..4_002).map(|n| n.to_string()).collect();
    let chain = names.windows(2).map(|pair| node("Relu", "", &[&pair[0]], &[&pair[1]]));
    assert_refused(whole(chain.chain([step()])), "4001 nodes one behind the other, at most 4000");
    let circle = [node("Add", "", &["image", "b"], &["a"]), node("Relu", "", &["a"], &["b"])];
    assert_refused(whole(circle), "form a circle");
    let nested = (0..12).fold(whole([step()]), |inner, _| {
        whole([node("If", "", &[], &["x"]).message(5, Message::default().message(6, inner))])
    });
    assert_refused(nested, "more than 8 levels");
    let names = (0..126).fold(step(), |node, _| node.bytes(1, "x").bytes(2, ""));
    assert_refused(whole((0..4_000).map(|_| names.clone())), "more than 500000 names");
}

#[test]
fn what_two_readers_could_take_for_different_models_is_refused() {
    let two = model(whole([step()])).message(7, whole([step()])).done();
    assert!(refusal(&two).contains("two graphs"), "{}", refusal(&two));
    let group = [&model(whole([step()])).done()[..], &[0x0b, 0x0c]].concat();
    assert!(refusal(&group).contains("wire type 3"), "{}", refusal(&group));
    for bytes in [&b""[..], b"not a model", &[0xff; 64]] {
        assert!(refusal(bytes).starts_with("not an ONNX model: "), "{}", refusal(bytes));
    }
}

fn ir(from: &str, to: &str) -> String {
    let text = String::from_utf8(fixture_bytes("tiny-ir.xml")).unwrap();
    assert!(text.contains(from), "{from}");
    let weights = fixture_bytes("tiny-ir.bin");
    match examine(ModelFormat::OpenvinoIr, text.replacen(from, to, 1).as_bytes(), Some(&weights)) {
        Ok(examined) => examined.reasons.join("; "),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn an_openvino_ir_keeps_to_the_same_rules() {
    let cases = [
        (
            "type=\"ReLU\" version=\"opset1\"",
            "type=\"ReLU\" version=\"extension\"",
            "operator \"ReLU\" of \"extension\" is a custom one",
        ),
        (
            "offset=\"0\" size=\"1296\"",
            "offset=\"4000\" size=\"1296\"",
            "a constant lies at byte 4000 + 1296 of the weights, which have 1640 bytes",
        ),
        ("offset=\"0\" size=\"1296\"", "offset=\"18446744073709551615\" size=\"1296\"", "a constant lies at byte"),
        (
            "shape=\"12, 3, 3, 3\"",
            "shape=\"12, 3, 3, 30000\"",
            "a constant of f32 [12, 3, 3, 30000] has 1296 bytes of data",
        ),
        ("<layers>", "<!DOCTYPE x [<!ENTITY a \"b\">]><layers>", "its XML defines a document type"),
        ("<layer id=\"1\"", "<layer id=\"0\"", "two layers have the number 0"),
        ("<dim>-1</dim>", "<dim>many</dim>", "a side is \"many\""),
    ];
    for (from, to, words) in cases {
        let found = ir(from, to);
        assert!(found.contains(words), "{found} lacks {words}");
    }
    let none = examine(ModelFormat::OpenvinoIr, &fixture_bytes("tiny-ir.xml"), None).unwrap();
    assert!(none.reasons.iter().any(|reason| reason.contains("which have 0 bytes")), "{:?}", none.reasons);
    let foreign = examine(ModelFormat::OpenvinoIr, b"<svg></svg>", None).unwrap_err().to_string();
    assert!(foreign.contains("there is no <net> in it"), "{foreign}");
    let deep = format!("<net version=\"11\">{}", "<a>".repeat(100));
    assert!(
        examine(ModelFormat::OpenvinoIr, deep.as_bytes(), None)
            .unwrap_err()
            .to_string()
            .contains("more than 64 levels")
    );
}

#[test]
fn a_tensorflow_lite_file_keeps_to_the_same_rules() {
    let examined = |bytes: &[u8]| match examine(ModelFormat::Tflite, bytes, None) {
        Ok(examined) => examined.reasons.join("; "),
        Err(refusal) => refusal.to_string(),
    };
    let whole = fixture_bytes("tiny.tflite");
    assert_eq!(examined(&whole), "");
    assert!(examined(b"TFL3TFL3").contains("damaged"), "{}", examined(b"TFL3TFL3"));
    assert!(examined(&fixture_bytes("tiny.onnx")).contains("does not begin as one"));
    // FULLY_CONNECTED is operator 9; as 32 it is a custom one.
    let custom: Vec<String> = (0..whole.len() - 4)
        .filter(|at| whole[*at..*at + 4] == 9u32.to_le_bytes())
        .map(|at| examined(&[&whole[..at], &32u32.to_le_bytes(), &whole[at + 4..]].concat()))
        .collect();
    assert!(custom.iter().any(|reason| reason.contains("is a custom one")), "{custom:?}");
    // The weights are 5 x 3 numbers: 60 bytes.
    let short: Vec<String> = (0..whole.len() - 4)
        .filter(|at| whole[*at..*at + 4] == 60u32.to_le_bytes())
        .map(|at| examined(&[&whole[..at], &56u32.to_le_bytes(), &whole[at + 4..]].concat()))
        .collect();
    assert!(
        short.iter().any(|reason| reason.contains("constant \"weights\" is f32 [5, 3] and has 56 bytes")),
        "{short:?}"
    );
}

#[test]
fn a_file_without_a_manifest_gives_its_ports_where_they_are_settled() {
    let of = |input: Message| {
        let bytes = model(graph([step()], input, logits())).done();
        spec_of(&examine(ModelFormat::Onnx, &bytes, None).unwrap().facts)
    };
    let spec = of(image()).unwrap();
    assert_eq!((spec.inputs[0].shape.as_slice(), spec.batch_sizes.as_slice()), (&[3, 8, 8][..], &[1][..]));
    assert!(of(port("image", F32, Some(&[0, 3, 0, 8]))).unwrap_err().contains("only the first side"));
    assert!(of(port("image", F32, None)).unwrap_err().contains("its shape is needed"));
    assert!(of(port("image", 3, Some(&[0, 3]))).unwrap_err().contains("\"image\" is i8 [?, 3]: no type"));
}

/// Changes of single bytes, cuts, and parts of the file put somewhere else.
fn damaged(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let whole = fixture_bytes(name);
    let length = whole.len();
    let flips = proptest::collection::vec((0..length, any::<u8>()), 0..6);
    (flips, 0..=length, 0..length, 0..length).prop_map(move |(flips, cut, from, to)| {
        let mut bytes = whole.clone();
        flips.into_iter().for_each(|(at, value)| bytes[at] = value);
        let moved = bytes[from.min(to)..from.max(to)].to_vec();
        bytes.truncate(cut.max(1));
        if from % 3 == 0 {
            bytes.extend(moved);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_damage_to_an_onnx_file_makes_the_reader_panic(bytes in damaged("tiny-int8.onnx")) {
        let _ = examine(ModelFormat::Onnx, &bytes, None);
    }

    #[test]
    fn no_damage_to_an_ir_makes_the_reader_panic(bytes in damaged("tiny-ir.xml")) {
        let _ = examine(ModelFormat::OpenvinoIr, &bytes, Some(&[0; 1640]));
    }

    #[test]
    fn no_damage_to_a_tensorflow_lite_file_makes_the_reader_panic(bytes in damaged("tiny.tflite")) {
        let _ = examine(ModelFormat::Tflite, &bytes, None);
    }

    #[test]
    fn no_bytes_at_all_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in [ModelFormat::Onnx, ModelFormat::OpenvinoIr, ModelFormat::Tflite] {
            let _ = examine(format, &bytes, None);
        }
        let _ = examine(ModelFormat::Tflite, &[b"\x10\0\0\0TFL3", &bytes[..]].concat(), None);
    }
}
