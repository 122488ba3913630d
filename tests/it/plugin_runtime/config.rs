//! What `config` gives to plugins of today and of yesterday.

use super::*;

const REFERENCE: &str = r#"{"features":[{"name":"focus","mean":2.5,"quantiles":[1,2.5]}],"labels":["a"]}"#;

fn with_config(guest: &str) -> PluginSource {
    let mut source = source(guest, PluginKind::Detector);
    source.settings.insert("threshold".to_owned(), SettingValue::Number(0.25));
    source.reference = Some(REFERENCE.into());
    source
}

fn attributes(source: PluginSource) -> BTreeMap<String, String> {
    let plugin = host().admit(source).unwrap();
    detect(&plugin, &picture(8, 51), &[]).result.unwrap().attributes.into_iter().collect()
}

fn of<'a>(attributes: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    attributes.get(key).unwrap_or_else(|| panic!("no {key} in {attributes:?}"))
}

#[test]
fn a_plugin_built_before_typed_settings_is_admitted_and_served() {
    let found = attributes(with_config("built-before"));
    assert_eq!(of(&found, "threshold"), "0.25");
    assert_eq!(of(&found, "gone"), "none");
    assert_eq!(of(&found, "labels"), "good,scratch");
    assert_eq!(of(&found, "reference"), REFERENCE);
}

#[test]
fn every_type_of_setting_arrives_as_itself() {
    let numbers = SettingValue::Numbers(vec![127.0, 0.5]);
    let texts = SettingValue::Texts(vec!["a".to_owned(), "ä".to_owned()]);
    let cases = [
        ("flag", SettingValue::Bool(true), "Value::Flag(true)", "true"),
        ("integer", SettingValue::Integer(-3), "Value::Integer(-3)", "-3"),
        ("number", SettingValue::Number(0.1), "Value::Number(0.1)", "0.1"),
        ("text", SettingValue::Text("surface".to_owned()), "Value::Text(\"surface\")", "\"surface\""),
        ("numbers", numbers, "Value::Numbers([127.0, 0.5])", "[127.0,0.5]"),
        ("texts", texts, "Value::Texts([\"a\", \"ä\"])", "[\"a\",\"ä\"]"),
    ];
    let mut source = with_config("reads-config");
    let keys = cases.iter().map(|(key, ..)| (*key).to_owned()).chain(["gone".to_owned()]).collect();
    source.settings.insert("keys".to_owned(), SettingValue::Texts(keys));
    for (key, value, ..) in &cases {
        source.settings.insert((*key).to_owned(), value.clone());
    }
    let found = attributes(source);
    for (key, _, typed, json) in cases {
        assert_eq!(of(&found, &format!("typed-{key}")), format!("Some({typed})"));
        assert_eq!(of(&found, &format!("json-{key}")), format!("Some({json:?})"), "as before");
    }
    assert_eq!((of(&found, "typed-gone"), of(&found, "json-gone")), ("None", "None"));
}

#[test]
fn values_of_the_reference_come_by_path_and_its_digest_tells_it_from_others() {
    let paths = ["features/focus/mean", "features/focus/quantiles", "labels", "features/other/mean", "features"];
    let mut source = with_config("reads-config");
    source.settings.insert("paths".to_owned(), SettingValue::Texts(paths.map(str::to_owned).to_vec()));
    let found = attributes(source.clone());
    let expected =
        ["Some(Value::Number(2.5))", "Some(Value::Numbers([1.0, 2.5]))", "Some(Value::Texts([\"a\"]))", "None", "None"];
    for (path, expected) in paths.into_iter().zip(expected) {
        assert_eq!(of(&found, path), expected, "{path}");
    }
    assert_eq!(of(&found, "digest"), format!("Some(\"{}\")", Digest::of(REFERENCE.as_bytes())));
    source.reference = None;
    let without = attributes(source);
    assert_eq!((of(&without, paths[0]), of(&without, "digest")), ("None", "None"));
}
