use super::{MAX_CHAIN, MAX_NAMES, MAX_NODES, MAX_VALUE_BYTES, short};
use crate::domain::ElementType;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a model's file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ModelFacts {
    /// What wrote the file, as it says.
    pub producer: String,
    /// Of the format: `onnx 17`, `ir 11`, `tflite 3`.
    pub version: String,
    pub inputs: Vec<PortFacts>,
    pub outputs: Vec<PortFacts>,
    /// How often each operator is used; one outside of the format's own domain has it before its name.
    pub operators: BTreeMap<String, u64>,
    pub nodes: u64,
    /// Most nodes one behind the other.
    pub longest_chain: u32,
    /// Elements of all constants.
    pub parameters: u64,
    pub parameter_bytes: u64,
}

/// An input or an output, as the file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PortFacts {
    /// The first is the usual one.
    pub names: Vec<String>,
    /// As the file writes it, where it is no type of `wasi:nn`.
    #[serde(rename = "type")]
    pub type_name: String,
    #[serde(skip)]
    pub ty: Option<ElementType>,
    /// Of a side that is not fixed: none. None at all where the file states no shape.
    pub shape: Option<Vec<Option<u64>>>,
}

impl PortFacts {
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// `f32 [?, 3, 224, 224]`
    #[must_use]
    pub fn describe(&self) -> String {
        let side = |side: &Option<u64>| side.map_or_else(|| "?".to_owned(), |side| side.to_string());
        let shape = self.shape.as_ref().map(|sides| sides.iter().map(side).collect::<Vec<_>>().join(", "));
        format!("{} {}", self.type_name, shape.map_or_else(|| "of no stated shape".to_owned(), |s| format!("[{s}]")))
    }
}

/// What is being found out about a file: the facts, the reasons against it, and how much was read.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub facts: ModelFacts,
    pub reasons: Vec<String>,
    names: u64,
}

impl Walk {
    /// A reason against the file, once.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        // A file may give more reasons than anybody reads.
        if self.reasons.len() < 100 && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Counts what is kept in memory while the file is read.
    pub fn name(&mut self) -> Result<(), String> {
        self.names += 1;
        if self.names > MAX_NAMES {
            return Err(format!("more than {MAX_NAMES} names of values; no model of this field has so many"));
        }
        Ok(())
    }

    pub fn node(&mut self, operator: String) -> Result<(), String> {
        self.facts.nodes += 1;
        if self.facts.nodes > MAX_NODES {
            return Err(format!("more than {MAX_NODES} nodes; no model of this field has so many"));
        }
        *self.facts.operators.entry(operator).or_default() += 1;
        Ok(())
    }

    pub fn constant(&mut self, elements: u64, bytes: u64) {
        self.facts.parameters = self.facts.parameters.saturating_add(elements);
        self.facts.parameter_bytes = self.facts.parameter_bytes.saturating_add(bytes);
    }

    /// A value whose fixed sides alone make it too large.
    pub fn value(&mut self, name: &str, sides: impl Iterator<Item = Option<u64>>, bits: u64) {
        let bytes = elements(sides.flatten()).and_then(|elements| bytes_of(elements, bits));
        if bytes.is_none_or(|bytes| bytes > MAX_VALUE_BYTES) {
            let name = short(name);
            self.refuse(format!("value {name:?} is larger than {MAX_VALUE_BYTES} bytes by its stated shape"));
        }
    }

    /// The longest chain of one graph: pairs of a node and one that reads what it writes.
    pub fn chain(&mut self, nodes: usize, edges: &[(u32, u32)]) -> Result<(), String> {
        let Some(longest) = longest_chain(nodes, edges) else {
            return Err("its nodes form a circle: one reads what is made from its own answer".to_owned());
        };
        self.facts.longest_chain = self.facts.longest_chain.max(longest);
        if longest > MAX_CHAIN {
            self.refuse(format!("{longest} nodes one behind the other, at most {MAX_CHAIN} are taken"));
        }
        Ok(())
    }
}

/// The product of all sides; none where it does not fit.
pub(super) fn elements(mut sides: impl Iterator<Item = u64>) -> Option<u64> {
    sides.try_fold(1u64, u64::checked_mul)
}

pub(super) fn bytes_of(elements: u64, bits: u64) -> Option<u64> {
    elements.checked_mul(bits).map(|bits| bits.div_ceil(8))
}

/// None where the nodes form a circle. Every number of an edge is below `nodes`.
fn longest_chain(nodes: usize, edges: &[(u32, u32)]) -> Option<u32> {
    let mut after: Vec<Vec<u32>> = vec![Vec::new(); nodes];
    let mut waits_for = vec![0u32; nodes];
    for (from, to) in edges {
        after.get_mut(*from as usize)?.push(*to);
        *waits_for.get_mut(*to as usize)? += 1;
    }
    let mut depth = vec![1u32; nodes];
    let mut free: Vec<u32> = (0u32..).zip(&waits_for).filter(|(_, waits)| **waits == 0).map(|(node, _)| node).collect();
    let (mut done, mut longest) = (0usize, 0u32);
    while let Some(node) = free.pop() {
        let here = *depth.get(node as usize)?;
        (done, longest) = (done + 1, longest.max(here));
        for next in after.get(node as usize)? {
            let theirs = depth.get_mut(*next as usize)?;
            *theirs = (*theirs).max(here.saturating_add(1));
            let waits = waits_for.get_mut(*next as usize)?;
            *waits -= 1;
            if *waits == 0 {
                free.push(*next);
            }
        }
    }
    (done == nodes).then_some(longest)
}
