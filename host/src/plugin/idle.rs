use super::componentize::{ComponentizeError, componentize};
use crate::domain::PluginKind;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

/// The plugin boundary, as text: the WIT that the host itself is built on.
const WIT: [(&str, &str); 6] = [
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("imaging.wit", include_str!("../../../wit/imaging.wit")),
    ("host.wit", include_str!("../../../wit/host.wit")),
    ("preprocess.wit", include_str!("../../../wit/preprocess.wit")),
    ("detect.wit", include_str!("../../../wit/detect.wit")),
    ("monitor.wit", include_str!("../../../wit/monitor.wit")),
];
const WASI_NN: &str = include_str!("../../../wit/deps/wasi-nn/wasi-nn.wit");

/// A component that answers nothing: the measure for what a call costs by itself.
///
/// # Errors
/// Never, while `wit/` and the texts below belong together: a test says so.
pub fn idle_component(kind: PluginKind) -> Result<Vec<u8>, ComponentizeError> {
    let broken = |detail: String| ComponentizeError { detail };
    let mut module = wat::parse_str(text(kind)).map_err(|error| broken(error.to_string()))?;
    let embed = |module: &mut Vec<u8>| {
        let mut resolve = Resolve::default();
        let mut nn = SourceMap::new();
        nn.push_str("wasi-nn.wit", WASI_NN);
        resolve.push_group(nn.parse().map_err(|(_, error)| error)?)?;
        let mut own = SourceMap::new();
        WIT.iter().for_each(|(name, text)| own.push_str(name, *text));
        let package = resolve.push_group(own.parse().map_err(|(_, error)| error)?)?;
        let world = resolve.select_world(&[package], Some(kind.name()))?;
        embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
    };
    embed(&mut module).map_err(|error| broken(format!("{error:#}")))?;
    componentize(&module)
}

/// A frame's metadata and picture are 16 flat values; the other worlds pass more than fit and get a pointer. The
/// answer at 64 is all zeros: no error, empty lists.
fn text(kind: PluginKind) -> String {
    let (export, parameters) = match kind {
        PluginKind::Preprocessor => {
            ("preprocess#preprocess", "i32 i32 i64 i64 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32")
        }
        PluginKind::Detector => ("detect#detect", "i32"),
        PluginKind::Monitor => ("observe#observe", "i32"),
    };
    let export = export.replace('#', "@0.1.0#");
    format!(
        r#"(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "assay:plugin/{export}") (param {parameters}) (result i32) (i32.const 64)))"#
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn there_is_an_idle_plugin_of_every_kind() {
        for kind in [PluginKind::Preprocessor, PluginKind::Detector, PluginKind::Monitor] {
            idle_component(kind).unwrap();
        }
    }
}
