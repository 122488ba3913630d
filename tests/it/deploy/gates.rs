//! What the station measures and reads before a model drives.

use super::*;
use assay::domain::{ElementType, ModelFormat, ModelSpec, Port};
use assay::trust::{BlobRole, BundleKind, Manifest, ModelManifest, NewBlob, PrivateKey, SCHEMA, pack, sign};

/// Packs the demo's recipe with `change` made to it, as release 1.3.0.
fn packed(station: &TestStation, change: impl FnOnce(String) -> String) -> PathBuf {
    let recipe = assay_tests::station::recipe_manifest().unwrap();
    let recipe = recipe.replace("version = \"1.0.0\"\ncounter = 1", "version = \"1.3.0\"\ncounter = 9");
    let manifest = station.dir.path().join("release.toml");
    std::fs::write(&manifest, change(recipe)).unwrap();
    let out = station.dir.path().join("release.assay");
    let mut command = assay().unwrap();
    command.args(["bundle", "pack", "--manifest"]).arg(&manifest).arg("--bundles").arg(&station.bundles);
    let key = demo().unwrap().join("keys/demo.pem");
    let output = command.arg("--key").arg(key).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    out
}

#[test]
fn a_release_that_is_too_large_too_slow_and_wrong_is_refused_with_every_row() {
    let _alone = alone();
    let station = station(QUICK);
    let other = wrong_self_test(station.dir.path()).unwrap();
    let place = format!("{}/selftest/expected.json", root().join("sdk/models/demo").display());
    let release = packed(&station, |recipe| {
        // No machine takes a picture through three plugins and four inferences in a millisecond.
        let limits = "max_p95_ms = 1\nmax_model_bytes = 1000\nmax_load_ms = 600000";
        recipe.replace("max_p95_ms = 10000", limits).replace(&place, &other.display().to_string())
    });
    let running = station.start().unwrap();
    let output = deploy(&running, &release, &[]);
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    for words in [
        "FAILED  model size",
        "asked at most 1000 bytes",
        "ok      load time",
        "ok      device",
        "FAILED  self-test good.png",
        "ok      self-test pit.png",
        "FAILED  latency p95",
        "asked at most 1 ms",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    let deployment = get(&running, &format!("{DEPLOYMENTS}/1"));
    let failed: Vec<&str> = deployment["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["passed"] == false)
        .map(|check| check["what"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["model size", "self-test good.png", "latency p95"], "{deployment}");
    assert_eq!((deployment["state"].as_str(), version(&running).as_str()), (Some("failed"), "1.0.0"));
    let page = agent().get(format!("{}/deployments", running.address)).header("cookie", "lang=zh-CN");
    let page = page.call().unwrap().body_mut().read_to_string().unwrap();
    for words in ["模型大小", "最多 1000 bytes", "加载时间", "自检 good.png", "延迟 p95"] {
        assert!(page.contains(words), "{words}:\n{page}");
    }
    assert_eq!(running.end().unwrap(), Some(0));
}

/// A model's bundle with the demo's signature, whatever is in it: `assay bundle pack` would not make it.
fn signed_model(bytes: Vec<u8>) -> Vec<u8> {
    let port = |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
    let outputs = vec![port("logits", &[5]), port("embedding", &[12])];
    let spec = ModelSpec { inputs: vec![port("input", &[3, 16, 16])], outputs, batch_sizes: vec![1] };
    let manifest = Manifest {
        schema: SCHEMA,
        kind: BundleKind::Model,
        name: "tiny".to_owned(),
        version: semver::Version::new(1, 0, 0),
        counter: 1,
        created: "2026-01-01T00:00:00Z".to_owned(),
        not_after: None,
        description: None,
        blobs: Vec::new(),
        plugin: None,
        model: Some(ModelManifest {
            format: ModelFormat::Onnx,
            spec,
            labels: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
            logits: "logits".to_owned(),
            temperature: 1.0,
            encoding: None,
            heatmap: None,
        }),
        recipe: None,
    };
    let key = PrivateKey::load(&demo().unwrap().join("keys/demo.pem")).unwrap();
    let blob = NewBlob { name: "model.onnx".to_owned(), role: BlobRole::Model, bytes };
    sign(&pack(manifest, &[blob]).unwrap(), &key).unwrap()
}

#[test]
fn a_model_is_read_before_it_is_stored() {
    let _alone = alone();
    let station = station(QUICK);
    let running = station.start().unwrap();
    let whole = std::fs::read(root().join("tests/fixtures/models/tiny.onnx")).unwrap();
    let at = whole.windows(4).position(|four| four == b"Relu").unwrap();
    let custom = [&whole[..at], b"Evil", &whole[at + 4..]].concat();
    let answer = post(&running, DEPLOYMENTS, BYTES, &signed_model(custom));
    assert_eq!(answer.status, 422, "{}", answer.body);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("by the model check") && detail.contains("operator \"Evil\" is not known"), "{detail}");

    let mut tampered = signed_model(whole.clone());
    let last = tampered.len() - 1;
    tampered[last] ^= 1;
    let answer = post(&running, DEPLOYMENTS, BYTES, &tampered);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(answer.status == 422 && detail.contains("by the blobs check"), "{}", answer.body);

    let stored = post(&running, DEPLOYMENTS, BYTES, &signed_model(whole));
    assert_eq!((stored.status, stored.body["state"].as_str()), (201, Some("stored")), "{}", stored.body);
    assert_eq!(running.end().unwrap(), Some(0));
}
