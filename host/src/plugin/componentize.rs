use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// The first eight bytes of a component: `\0asm`, version 13, layer 1.
const COMPONENT_HEADER: [u8; 8] = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

/// The bytes cannot become a component.
#[derive(Debug, thiserror::Error)]
#[error(
    "not a component and not a core module that can become one (it needs the WIT metadata that wit-bindgen embeds): \
     {detail}"
)]
pub struct ComponentizeError {
    pub detail: String,
}

/// Makes a component of a core module with embedded WIT metadata; a finished component passes unchanged.
///
/// # Errors
/// When the bytes are neither, or the module's imports and exports do not fit its metadata.
pub fn componentize(bytes: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    if bytes.starts_with(&COMPONENT_HEADER) {
        return Ok(bytes.to_vec());
    }
    if !has_metadata(bytes) {
        return Err(ComponentizeError { detail: "there is no `component-type` section".to_owned() });
    }
    let encode = || ComponentEncoder::default().validate(true).module(bytes)?.encode();
    encode().map_err(|error| ComponentizeError {
        detail: match wasi_import(bytes) {
            Some(function) => format!(
                "it imports {function} of WASI, and a station has no console, files, environment or clock: take out what \
                 wants them (printf, std::cout, assert, std::debug::print and the like); the SDK's log takes their place"
            ),
            None => format!("{error:#}"),
        },
    })
}

/// The first function that the module wants of a system.
fn wasi_import(bytes: &[u8]) -> Option<String> {
    let mut sections = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let imports = sections.find_map(|payload| match payload {
        Payload::ImportSection(imports) => Some(imports),
        _ => None,
    })?;
    let mut functions = imports.into_imports().map_while(Result::ok);
    functions.find(|import| import.module.starts_with("wasi_")).map(|import| import.name.to_owned())
}

/// The encoder itself would make an empty component of a module without metadata.
fn has_metadata(bytes: &[u8]) -> bool {
    let is_metadata = |payload: &Payload<'_>| matches!(payload, Payload::CustomSection(section) if section.name().starts_with("component-type"));
    Parser::new(0).parse_all(bytes).map_while(Result::ok).any(|payload| is_metadata(&payload))
}
