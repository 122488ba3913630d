//! What a component would cost to compile, counted before the compiler sees it.
//!
//! A compiler's time grows with the code, and on code made for that faster than the code: wasmtime does not count that
//! among its duties, and a compilation cannot be stopped. So the code is walked once, in time that grows with its
//! bytes, and what would take long is refused. The limits are far above what language runtimes need.

use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// What may be compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct CompileLimits {
    /// Functions of all modules together, and adapters of the component.
    pub(super) functions: u64,
    /// Code of all modules together.
    pub(super) code_bytes: u64,
    /// The largest function.
    pub(super) function_bytes: u64,
    /// Blocks inside blocks: each case of a `switch` is one.
    pub(super) depth: u64,
    /// Locals times jumps of one function: what the compiler's data flow grows with.
    pub(super) function_flow: u64,
    /// The same over all functions.
    pub(super) flow: u64,
}

pub(super) const LIMITS: CompileLimits = CompileLimits {
    functions: 100_000,
    code_bytes: 48 << 20,
    function_bytes: 1 << 20,
    depth: 20_000,
    function_flow: 40_000_000,
    flow: 400_000_000,
};

/// Values that any function has beside its locals: parameters and the stack.
const BASE_VALUES: u64 = 16;

/// Why a component is not given to the compiler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileCostError {
    #[error("{what}: found {found}, at most {max} are allowed, so that compiling ends in a known time")]
    TooMuch { what: &'static str, found: u64, max: u64 },
    #[error("its code cannot be read: {detail}")]
    Broken { detail: String },
}

/// Counts over all modules of a component.
struct CompileCost<'a> {
    limits: &'a CompileLimits,
    functions: u64,
    code_bytes: u64,
    flow: u64,
}

/// Walks the whole code once.
pub(super) fn check(component: &[u8], limits: &CompileLimits) -> Result<(), CompileCostError> {
    let mut cost = CompileCost { limits, functions: 0, code_bytes: 0, flow: 0 };
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(broken)? {
            Payload::CodeSectionEntry(body) => cost.add(&body)?,
            Payload::ComponentCanonicalSection(section) => cost.add_functions(u64::from(section.count()))?,
            _ => {}
        }
    }
    Ok(())
}

impl CompileCost<'_> {
    fn add(&mut self, body: &FunctionBody<'_>) -> Result<(), CompileCostError> {
        self.add_functions(1)?;
        let bytes = body.range().len() as u64;
        at_most("bytes of one function", bytes, self.limits.function_bytes)?;
        self.code_bytes = self.code_bytes.saturating_add(bytes);
        at_most("bytes of code", self.code_bytes, self.limits.code_bytes)?;
        let flow = self.flow(body)?;
        at_most("locals times jumps of one function", flow, self.limits.function_flow)?;
        self.flow = self.flow.saturating_add(flow);
        at_most("locals times jumps of all functions", self.flow, self.limits.flow)
    }

    fn add_functions(&mut self, count: u64) -> Result<(), CompileCostError> {
        self.functions = self.functions.saturating_add(count);
        at_most("functions", self.functions, self.limits.functions)
    }

    /// Locals times jumps; the deepest block on the way.
    fn flow(&self, body: &FunctionBody<'_>) -> Result<u64, CompileCostError> {
        let mut values = BASE_VALUES;
        for local in body.get_locals_reader().map_err(broken)? {
            values = values.saturating_add(u64::from(local.map_err(broken)?.0));
        }
        let (mut jumps, mut depth) = (1u64, 0u64);
        for operator in body.get_operators_reader().map_err(broken)? {
            match operator.map_err(broken)? {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    depth = depth.saturating_add(1);
                    at_most("blocks inside blocks", depth, self.limits.depth)?;
                    jumps = jumps.saturating_add(1);
                }
                Operator::End => depth = depth.saturating_sub(1),
                Operator::BrTable { targets } => jumps = jumps.saturating_add(u64::from(targets.len()) + 1),
                Operator::Else | Operator::Br { .. } | Operator::BrIf { .. } => jumps = jumps.saturating_add(1),
                _ => {}
            }
        }
        Ok(values.saturating_mul(jumps))
    }
}

fn at_most(what: &'static str, found: u64, max: u64) -> Result<(), CompileCostError> {
    if found <= max { Ok(()) } else { Err(CompileCostError::TooMuch { what, found, max }) }
}

fn broken(error: wasmparser::BinaryReaderError) -> CompileCostError {
    CompileCostError::Broken { detail: super::limits::printable(&error.to_string(), 200) }
}
