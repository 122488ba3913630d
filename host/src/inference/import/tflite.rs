use super::MAX_NODES;
use super::flat::{Flat, List, Table};
use super::graph::{ModelFacts, PortFacts, Walk, bytes_of, elements};
use crate::domain::ElementType;
use std::collections::HashMap;

/// Names of the built-in operators, one a line, by number.
const OPERATORS: &str = include_str!("tflite-operators.txt");
/// `BuiltinOperator.CUSTOM`
const CUSTOM: usize = 32;
const IDENTIFIER: &[u8] = b"TFL3";
const MAX_SUBGRAPHS: usize = 64;
/// Each version of an operator is listed apart.
const MAX_CODES: usize = 2048;
const MAX_SIDES: usize = 16;
const MAX_NAME_BYTES: usize = 512;

/// Fields by their number in the schema.
mod model {
    pub const VERSION: usize = 0;
    pub const OPERATOR_CODES: usize = 1;
    pub const SUBGRAPHS: usize = 2;
    pub const DESCRIPTION: usize = 3;
    pub const BUFFERS: usize = 4;
}

mod subgraph {
    pub const TENSORS: usize = 0;
    pub const INPUTS: usize = 1;
    pub const OUTPUTS: usize = 2;
    pub const OPERATORS: usize = 3;
}

mod tensor {
    pub const SHAPE: usize = 0;
    pub const TYPE: usize = 1;
    pub const BUFFER: usize = 2;
    pub const NAME: usize = 3;
    pub const SHAPE_SIGNATURE: usize = 7;
}

mod operator {
    pub const CODE: usize = 0;
    pub const INPUTS: usize = 1;
    pub const OUTPUTS: usize = 2;
}

mod code {
    pub const DEPRECATED_BUILTIN: usize = 0;
    pub const CUSTOM_CODE: usize = 1;
    pub const BUILTIN: usize = 3;
}

/// Reads a TensorFlow Lite file.
pub(super) fn read(bytes: &[u8]) -> Result<(ModelFacts, Vec<String>), String> {
    if bytes.get(4..8) != Some(IDENTIFIER) {
        return Err("not a TensorFlow Lite model: it does not begin as one (TFL3)".to_owned());
    }
    let mut file = File { flat: Flat::of(bytes), walk: Walk::default(), buffers: Vec::new(), codes: Vec::new() };
    file.whole(bytes.len() as u64).map_err(|damage| format!("not a TensorFlow Lite model: {damage}"))?;
    Ok((file.walk.facts, file.walk.reasons))
}

struct File<'a> {
    flat: Flat<'a>,
    walk: Walk,
    /// Bytes of each buffer.
    buffers: Vec<u64>,
    /// Names of the operators that the graphs refer to by number.
    codes: Vec<String>,
}

impl File<'_> {
    fn whole(&mut self, file_bytes: u64) -> Result<(), String> {
        let root = self.flat.root()?;
        self.walk.facts.version = format!("tflite {}", self.flat.word(root, model::VERSION)?);
        self.walk.facts.producer = self.flat.text(root, model::DESCRIPTION, 80)?;
        let buffers = self.flat.list(root, model::BUFFERS, 4)?;
        for index in 0..buffers.len {
            self.walk.name()?;
            let bytes = self.buffer(buffers, index, file_bytes)?;
            self.buffers.push(bytes);
        }
        let codes = self.flat.list(root, model::OPERATOR_CODES, 4)?;
        if codes.len > MAX_CODES {
            return Err(format!("{} operators are listed, at most {MAX_CODES} are taken", codes.len));
        }
        for index in 0..codes.len {
            let name = self.code(codes, index)?;
            self.codes.push(name);
        }
        let graphs = self.flat.list(root, model::SUBGRAPHS, 4)?;
        if graphs.len == 0 || graphs.len > MAX_SUBGRAPHS {
            return Err(format!("{} graphs, expected 1 to {MAX_SUBGRAPHS}", graphs.len));
        }
        (0..graphs.len).try_for_each(|index| self.graph(graphs, index))
    }

    /// A buffer is inside the file's table, or behind it in the same file.
    fn buffer(&mut self, buffers: List, index: usize, file_bytes: u64) -> Result<u64, String> {
        let table = self.flat.table_of(buffers, index)?;
        let inside = self.flat.list(table, 0, 1)?;
        let (offset, size) = (self.flat.long(table, 1)?, self.flat.long(table, 2)?);
        // 0 and 1 stand for "not used".
        if offset > 1 && offset.checked_add(size).is_none_or(|end| end > file_bytes) {
            self.walk.refuse(format!("a constant lies at byte {offset} + {size}, outside of the file"));
        }
        Ok(if offset > 1 { size } else { inside.len as u64 })
    }

    fn code(&mut self, codes: List, index: usize) -> Result<String, String> {
        let table = self.flat.table_of(codes, index)?;
        // The older field holds what fits into it.
        let old = usize::from(self.flat.byte(table, code::DEPRECATED_BUILTIN)?);
        let new = self.flat.word(table, code::BUILTIN)? as usize;
        let number = old.max(new);
        if number == CUSTOM || self.flat.is_there(table, code::CUSTOM_CODE)? {
            let name = self.flat.text(table, code::CUSTOM_CODE, 80)?;
            self.walk.refuse(format!("operator {name:?} is a custom one; taken are those built into TensorFlow Lite"));
            return Ok(name);
        }
        let name = OPERATORS.lines().filter(|line| !line.starts_with('#')).nth(number);
        if name.is_none() {
            self.walk.refuse(format!("operator {number} is not known; export the model without it"));
        }
        Ok(name.map_or_else(|| format!("operator {number}"), str::to_owned))
    }

    fn graph(&mut self, graphs: List, index: usize) -> Result<(), String> {
        let table = self.flat.table_of(graphs, index)?;
        let tensors = self.flat.list(table, subgraph::TENSORS, 4)?;
        for place in 0..tensors.len {
            self.walk.name()?;
            self.tensor(tensors, place)?;
        }
        self.operators(table)?;
        if index == 0 {
            let (inputs, outputs) =
                (self.ports(table, subgraph::INPUTS, tensors)?, self.ports(table, subgraph::OUTPUTS, tensors)?);
            self.walk.facts.inputs = inputs;
            self.walk.facts.outputs = outputs;
        }
        Ok(())
    }

    fn operators(&mut self, graph: Table) -> Result<(), String> {
        let operators = self.flat.list(graph, subgraph::OPERATORS, 4)?;
        if operators.len as u64 > MAX_NODES {
            return Err(format!("more than {MAX_NODES} nodes; no model of this field has so many"));
        }
        let (mut made_by, mut reads) = (HashMap::new(), Vec::new());
        for node in 0..operators.len {
            let table = self.flat.table_of(operators, node)?;
            let code = self.flat.word(table, operator::CODE)? as usize;
            let name = self.codes.get(code).cloned();
            self.walk
                .node(name.ok_or_else(|| format!("damaged: a node names operator {code}, which is not listed"))?)?;
            let node = u32::try_from(node).map_err(|_| "too many nodes".to_owned())?;
            for (field, writes) in [(operator::INPUTS, false), (operator::OUTPUTS, true)] {
                let values = self.flat.list(table, field, 4)?;
                for place in 0..values.len {
                    self.walk.name()?;
                    let value = self.flat.number_of(values, place)?;
                    if writes {
                        made_by.insert(value, node);
                    } else {
                        reads.push((value, node));
                    }
                }
            }
        }
        let edges = reads.iter().filter_map(|(value, reader)| made_by.get(value).map(|maker| (*maker, *reader)));
        self.walk.chain(operators.len, &edges.collect::<Vec<_>>())
    }

    /// A constant has as many bytes as its shape says; every other value is one that memory holds.
    fn tensor(&mut self, tensors: List, place: usize) -> Result<(), String> {
        let table = self.flat.table_of(tensors, place)?;
        let port = self.port(table)?;
        let sides = port.shape.clone().unwrap_or_default();
        let Some(bits) = bits(self.flat.byte(table, tensor::TYPE)?) else {
            self.walk.refuse(format!("value {:?} is of a type that is not known", port.name()));
            return Ok(());
        };
        let buffer = self.flat.word(table, tensor::BUFFER)? as usize;
        let Some(&held) = self.buffers.get(buffer) else {
            return Err(format!("damaged: value {:?} names buffer {buffer}, which is not there", port.name()));
        };
        self.walk.value(port.name(), sides.iter().copied(), bits);
        let count = elements(sides.iter().copied().flatten());
        if held > 0 {
            let text = port.type_name == "string";
            if !text && count.and_then(|count| bytes_of(count, bits)) != Some(held) {
                let (name, found) = (port.name().to_owned(), port.describe());
                self.walk.refuse(format!("constant {name:?} is {found} and has {held} bytes of data"));
            }
            self.walk.constant(count.unwrap_or(0), held);
        }
        Ok(())
    }

    fn ports(&mut self, graph: Table, field: usize, tensors: List) -> Result<Vec<PortFacts>, String> {
        let numbers = self.flat.list(graph, field, 4)?;
        let mut ports = Vec::new();
        for place in 0..numbers.len {
            self.walk.name()?;
            let number = self.flat.number_of(numbers, place)?;
            let index = usize::try_from(number).ok().filter(|index| *index < tensors.len);
            let index = index.ok_or_else(|| format!("damaged: a port is value {number}, which is not there"))?;
            let table = self.flat.table_of(tensors, index)?;
            ports.push(self.port(table)?);
        }
        Ok(ports)
    }

    fn port(&mut self, table: Table) -> Result<PortFacts, String> {
        let ty = self.flat.byte(table, tensor::TYPE)?;
        let shape = self.flat.list(table, tensor::SHAPE, 4)?;
        // Where sides are free: the shape has a 1 there, and the signature says so with -1.
        let signature = self.flat.list(table, tensor::SHAPE_SIGNATURE, 4)?;
        let list = if signature.len > 0 { signature } else { shape };
        if list.len > MAX_SIDES {
            return Err(format!("a value with more than {MAX_SIDES} sides"));
        }
        let mut sides = Vec::with_capacity(list.len);
        for place in 0..list.len {
            let side = self.flat.number_of(list, place)?;
            sides.push(u64::try_from(side).ok());
        }
        Ok(PortFacts {
            names: vec![self.flat.text(table, tensor::NAME, MAX_NAME_BYTES)?],
            type_name: type_name(ty).to_owned(),
            ty: element_type(ty),
            shape: Some(sides),
        })
    }
}

const fn bits(ty: u8) -> Option<u64> {
    Some(match ty {
        17 => 4,
        3 | 5 | 6 | 9 => 8,
        1 | 7 | 16 | 18 => 16,
        0 | 2 | 15 => 32,
        4 | 8 | 10 | 12 => 64,
        11 => 128,
        _ => return None,
    })
}

const fn type_name(ty: u8) -> &'static str {
    match ty {
        0 => "f32",
        1 => "f16",
        2 => "i32",
        3 => "u8",
        4 => "i64",
        5 => "string",
        6 => "bool",
        7 => "i16",
        8 => "c64",
        9 => "i8",
        10 => "f64",
        11 => "c128",
        12 => "u64",
        15 => "u32",
        16 => "u16",
        17 => "i4",
        18 => "bf16",
        _ => "unknown",
    }
}

const fn element_type(ty: u8) -> Option<ElementType> {
    Some(match ty {
        0 => ElementType::F32,
        1 => ElementType::F16,
        2 => ElementType::I32,
        3 => ElementType::U8,
        4 => ElementType::I64,
        10 => ElementType::F64,
        18 => ElementType::Bf16,
        _ => return None,
    })
}
