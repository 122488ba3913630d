//! Which backend and device a model comes to.

use super::*;

#[test]
fn a_backend_that_is_not_there_is_reported_with_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let backends = Backends::discover(&BackendOptions {
        openvino_dir: Some(empty.path().to_owned()),
        onnxruntime_dir: Some(empty.path().to_owned()),
        order: ["openvino", "onnxruntime", "tensorrt", "tract"].map(str::to_owned).to_vec(),
    });
    let missing = backends.missing();
    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["openvino", "onnxruntime", "tensorrt"]);
    assert!(missing[0].1.contains("cargo xtask openvino") && missing[0].1.contains("openvino_dir"), "{missing:?}");
    assert!(missing[1].1.contains("cargo xtask onnxruntime"), "{missing:?}");
    assert!(missing[2].1.contains("no backend \"tensorrt\"") && missing[2].1.contains("tract"), "{missing:?}");
    assert_eq!(backends.available().len(), 1);

    let mut source = tiny(TINY);
    source.format = ModelFormat::OpenvinoIr;
    let error = backends.load(&source, &cpu(), &options()).err().unwrap();
    assert!(matches!(error, InferenceError::BackendMissing { backend: "openvino", .. }), "{error}");
    assert!(error.to_string().contains("openvino-ir") && error.to_string().contains("cargo xtask openvino"), "{error}");
}

#[test]
fn a_file_that_is_no_library_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("libopenvino_c.so.1"), b"no library").unwrap();
    std::fs::write(dir.path().join("libonnxruntime.so.1"), b"no library").unwrap();
    let backends = Backends::discover(&BackendOptions {
        openvino_dir: Some(dir.path().to_owned()),
        onnxruntime_dir: Some(dir.path().to_owned()),
        order: ["openvino", "onnxruntime"].map(str::to_owned).to_vec(),
    });
    assert_eq!(backends.missing().len(), 2);
    for (name, reason) in backends.missing() {
        assert!(
            reason.contains(&format!("lib{}", if name == "openvino" { "openvino_c" } else { "onnxruntime" })),
            "{reason}"
        );
    }
}

#[test]
fn a_device_that_is_not_there_is_refused_and_never_replaced() {
    for wish in [vec!["NPU".to_owned()], vec!["GPU".to_owned(), "tpu".to_owned()], Vec::new()] {
        let request = DeviceRequest { wish: wish.clone(), precision: Precision::Fast };
        let error = tract().load(&tiny(TINY), &request, &options()).err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, InferenceError::DeviceMissing { .. }), "{text}");
        assert!(text.contains(&format!("{wish:?}")) && text.contains("[\"CPU\"]"), "{text}");
    }
}

#[test]
fn the_first_wished_device_that_is_there_is_used_and_recorded() {
    let wish = vec!["NPU".to_owned(), "CPU".to_owned()];
    let request = DeviceRequest { wish: wish.clone(), precision: Precision::Fast };
    let model = tract().load(&tiny(TINY), &request, &options()).unwrap();
    let device = &model.placement().device;
    assert_eq!((device.asked.clone(), device.used.as_str()), (wish, "CPU"));
    assert_eq!((device.backend.as_str(), device.precision.as_str()), ("tract", "f32-exact"));
}

#[test]
fn malformed_model_bytes_are_an_error_and_never_a_panic() {
    let mut corpus: Vec<Vec<u8>> = vec![Vec::new(), vec![0], vec![0xff; 64], b"not a model".to_vec()];
    corpus.extend((1..TINY.len()).step_by(61).map(|length| TINY[..length].to_vec()));
    for bytes in &corpus {
        let error = load(&tiny(bytes)).err().expect("a truncated model must not load");
        assert!(matches!(error, InferenceError::Refused { .. }), "{error}");
    }
    for flipped in (0..TINY.len()).step_by(17) {
        let mut bytes = TINY.to_vec();
        bytes[flipped] ^= 0x55;
        // A changed weight loads; whatever comes out must be a model or an error.
        let _ = load(&tiny(&bytes));
    }
}

#[test]
fn a_model_that_differs_from_its_specification_is_refused() {
    let breaks: [(Change, &str); 5] = [
        (|s| s.inputs[0].name = "image".to_owned(), "no input \"image\""),
        (|s| s.outputs[0].name = "scores".to_owned(), "no output \"scores\""),
        (|s| s.inputs.push(port("second", &[1], ElementType::F32)), "no input \"second\""),
        (|s| s.outputs[1].shape = vec![11], "[1, 11] is specified"),
        (|s| s.outputs[1].ty = ElementType::I64, "i64"),
    ];
    for (damage, part) in breaks {
        let mut source = tiny(TINY);
        damage(&mut source.spec);
        let error = load(&source).err().unwrap().to_string();
        assert!(error.contains(part), "{error} lacks {part}");
    }
}

#[test]
fn two_inferences_at_one_time_give_what_one_gives() {
    let model = load(&tiny(TINY)).unwrap();
    let values: Vec<f32> = (0..3 * 3 * 16 * 16).map(|i| (i % 31) as f32 / 31.0).collect();
    let input = [NamedTensor { name: "input".to_owned(), tensor: Tensor::from_f32(&[3, 3, 16, 16], &values).unwrap() }];
    let alone = model.infer(&input, soon()).unwrap();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| model.infer(&input, soon()).unwrap())).collect();
        for run in runs {
            let outputs = run.join().unwrap();
            assert!(outputs.iter().zip(&alone).all(|(a, b)| a.tensor.bytes() == b.tensor.bytes()));
        }
    });
}
