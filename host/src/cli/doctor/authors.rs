use super::{Check, Status};
use std::process::{Command, Stdio};

/// What only those need who write plugins: none of it is missing on a station.
pub fn checks() -> Vec<Check> {
    vec![
        tool("rustup target", "rustup", &["target", "list", "--installed"], wasm_targets).unwrap_or_else(|| {
            absent("rustup target", "`rustup target add wasm32-unknown-unknown`, for plugins in Rust")
        }),
        tool("ziglang", "python3", &["-m", "ziglang", "version"], first_line)
            .unwrap_or_else(|| absent("ziglang", "`pip install ziglang`, for plugins in C, C++ and Zig")),
        tool("componentize-py", "componentize-py", &["--version"], first_line)
            .unwrap_or_else(|| absent("componentize-py", "`pip install componentize-py`, for plugins in Python")),
        tool("node", "node", &["--version"], first_line)
            .unwrap_or_else(|| absent("node", "Node 20 or newer, for plugins in JavaScript")),
        tool("jco", "jco", &["--version"], first_line)
            .unwrap_or_else(|| absent("jco", "`npm install @bytecodealliance/jco`, for plugins in JavaScript")),
    ]
}

fn absent(name: &str, advice: &str) -> Check {
    Check::new("for authors", name, Status::Absent, "not found").advise(advice)
}

/// What a program answers, where it is there and `read` finds what is looked for in it.
fn tool(name: &str, program: &str, args: &[&str], read: fn(&str) -> Option<String>) -> Option<Check> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let said = read(&String::from_utf8_lossy(&output.stdout)).filter(|_| output.status.success())?;
    Some(Check::new("for authors", name, Status::Ok, said))
}

fn first_line(text: &str) -> Option<String> {
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn wasm_targets(text: &str) -> Option<String> {
    let targets: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("wasm32")).collect();
    (!targets.is_empty()).then(|| targets.join(", "))
}
