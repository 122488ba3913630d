use super::{Check, Status};
use crate::cli::plugin::doctor::found;
use crate::config::Language;
use crate::toolbox::Tools;

/// What only those need who write plugins: none of it is missing on a station. Nothing is installed here.
pub fn checks() -> Vec<Check> {
    let quiet = |_: &str| ();
    let tools = Tools::new(true, &quiet);
    let check = |language: Language| {
        let name = format!("plugins in {language}");
        match tools
            .as_ref()
            .map_err(ToString::to_string)
            .and_then(|tools| found(tools, language).map_err(|e| e.to_string()))
        {
            Ok(what) => Check::new("for authors", name, Status::Ok, what),
            Err(reason) => Check::new("for authors", name, Status::Absent, reason),
        }
    };
    Language::ALL.into_iter().map(check).collect()
}
