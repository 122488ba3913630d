use super::graph::{ModelFacts, PortFacts, Walk, bytes_of, elements};
use super::wire::{Fields, Value};
use super::{MAX_LEVELS, short};
use crate::domain::ElementType;
use std::collections::{BTreeSet, HashMap};

/// Operators by domain, one a line.
const OPERATORS: &str = include_str!("onnx-operators.txt");
/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: u64 = 1;
/// A sparse constant is made whole by some backends.
const MAX_SPARSE_ELEMENTS: u64 = 1 << 26;
const MAX_SIDES: usize = 16;
/// Longer than what a specification may name.
const MAX_NAME_CHARS: usize = 512;

/// Reads an ONNX file.
pub(super) fn read(bytes: &[u8]) -> Result<(ModelFacts, Vec<String>), String> {
    let mut reader =
        Reader { walk: Walk::default(), known: OPERATORS.lines().filter(|line| !line.starts_with('#')).collect() };
    reader.model(bytes).map_err(|damage| format!("not an ONNX model: {damage}"))?;
    Ok((reader.walk.facts, reader.walk.reasons))
}

struct Reader {
    walk: Walk,
    known: BTreeSet<&'static str>,
}

/// What a graph needs to be put together.
#[derive(Default)]
struct Wires<'a> {
    made_by: HashMap<&'a str, u32>,
    reads: Vec<(&'a str, u32)>,
    nodes: u32,
}

impl Reader {
    /// `ModelProto`
    fn model(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (mut fields, mut graph, mut domains) = (Fields::of(bytes), None, Vec::new());
        while let Some((field, value)) = fields.next()? {
            match field {
                2 => self.walk.facts.producer = short(value.text()?),
                7 if graph.is_some() => return Err("damaged: it has two graphs".to_owned()),
                7 => graph = Some(value.bytes()?),
                8 => domains.push(opset(value.bytes()?)?),
                20 => self.walk.refuse("it carries what training needs (training_info): export it for inference"),
                25 => self.walk.refuse(
                    "it defines functions of its own: inline them first, with onnx.inliner.inline_local_functions",
                ),
                _ => {}
            }
            if domains.len() > 64 {
                return Err("damaged: more than 64 sets of operators".to_owned());
            }
        }
        let Some(graph) = graph else { return Err("there is no graph in it".to_owned()) };
        let standard = domains.iter().find(|(domain, _)| is_standard(domain));
        self.walk.facts.version = standard.map_or_else(|| "onnx".to_owned(), |(_, version)| format!("onnx {version}"));
        self.graph(graph, 0)
    }

    /// `GraphProto`
    fn graph(&mut self, bytes: &[u8], level: u32) -> Result<(), String> {
        if level > MAX_LEVELS {
            return Err(format!("graphs inside of graphs, more than {MAX_LEVELS} levels"));
        }
        let (mut fields, mut wires, mut constants) = (Fields::of(bytes), Wires::default(), BTreeSet::new());
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => self.node(value.bytes()?, level, &mut wires)?,
                5 => {
                    let name = self.tensor(value.bytes()?)?;
                    self.walk.name()?;
                    constants.insert(name);
                }
                11 => inputs.push(self.port(value.bytes()?)?),
                12 => outputs.push(self.port(value.bytes()?)?),
                13 => drop(self.port(value.bytes()?)?),
                15 => self.sparse(value.bytes()?)?,
                _ => {}
            }
        }
        let edge = |(name, reader): &(&str, u32)| wires.made_by.get(name).map(|maker| (*maker, *reader));
        let edges: Vec<(u32, u32)> = wires.reads.iter().filter_map(edge).collect();
        self.walk.chain(wires.nodes as usize, &edges)?;
        if level == 0 {
            // Files from before IR version 4 name constants among the inputs.
            inputs.retain(|port: &PortFacts| !constants.contains(port.name()));
            self.walk.facts.inputs = inputs;
            self.walk.facts.outputs = outputs;
        }
        Ok(())
    }

    /// `NodeProto`
    fn node<'a>(&mut self, bytes: &'a [u8], level: u32, wires: &mut Wires<'a>) -> Result<(), String> {
        let (mut fields, mut operator, mut domain) = (Fields::of(bytes), "", "");
        let node = wires.nodes;
        while let Some((field, value)) = fields.next()? {
            match field {
                1 | 2 => {
                    self.walk.name()?;
                    let name = value.text()?;
                    if field == 1 {
                        wires.reads.push((name, node));
                    } else if !name.is_empty() {
                        wires.made_by.insert(name, node);
                    }
                }
                4 => operator = value.text()?,
                5 => self.attribute(value.bytes()?, level)?,
                7 => domain = value.text()?,
                _ => {}
            }
        }
        wires.nodes += 1;
        let name = if is_standard(domain) { operator.to_owned() } else { format!("{domain}:{operator}") };
        if !self.known.contains(name.as_str()) {
            self.unknown(&name, domain);
        }
        self.walk.node(short(&name))
    }

    fn unknown(&mut self, name: &str, domain: &str) {
        let belongs = self.known.iter().any(|known| known.split_once(':').is_some_and(|(known, _)| known == domain));
        let name = short(name);
        if belongs || is_standard(domain) {
            self.walk.refuse(format!("operator {name:?} is not known; export the model without it"));
        } else {
            self.walk.refuse(format!(
                "operator {name:?} is a custom one; taken are those of ONNX and of its domains ai.onnx.ml and com.microsoft"
            ));
        }
    }

    /// `AttributeProto`: what holds data or graphs.
    fn attribute(&mut self, bytes: &[u8], level: u32) -> Result<(), String> {
        let mut fields = Fields::of(bytes);
        while let Some((field, value)) = fields.next()? {
            match field {
                5 | 10 => drop(self.tensor(value.bytes()?)?),
                6 | 11 => self.graph(value.bytes()?, level + 1)?,
                22 | 23 => self.sparse(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `SparseTensorProto`
    fn sparse(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (mut fields, mut sides) = (Fields::of(bytes), Vec::new());
        while let Some((field, value)) = fields.next()? {
            match field {
                1 | 2 => drop(self.tensor(value.bytes()?)?),
                3 => numbers(value, &mut sides)?,
                _ => {}
            }
        }
        if elements(sides.iter().copied()).is_none_or(|elements| elements > MAX_SPARSE_ELEMENTS) {
            self.walk.refuse(format!("a sparse constant of shape {sides:?}, at most {MAX_SPARSE_ELEMENTS} elements"));
        }
        Ok(())
    }

    /// `TensorProto`. Its data has to be there, and to be as long as it says.
    fn tensor<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a str, String> {
        let (mut fields, mut name, mut sides) = (Fields::of(bytes), "", Vec::new());
        let (mut ty, mut external, mut raw, mut typed) = (0, false, None, 0u64);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => numbers(value, &mut sides)?,
                2 => ty = value.number()?,
                4 | 5 | 6 | 7 | 10 | 11 => {
                    let length = if let Value::Bytes(bytes) = value { bytes.len() as u64 } else { 1 };
                    // A text may be empty.
                    typed = typed.saturating_add(length.max(u64::from(field == 6)));
                }
                8 => name = value.text()?,
                9 => raw = Some(value.bytes()?.len() as u64),
                13 => external = true,
                14 => external |= value.number()? == EXTERNAL,
                _ => {}
            }
        }
        self.data(name, &sides, ty, external, raw, typed);
        Ok(name)
    }

    fn data(&mut self, name: &str, sides: &[u64], ty: u64, external: bool, raw: Option<u64>, typed: u64) {
        let shown = short(name);
        if external {
            let advice = "put the weights into the file (onnx.save with save_as_external_data=False)";
            return self.walk.refuse(format!("constant {shown:?} keeps its data in another file: {advice}"));
        }
        let Some((_, bits)) = element(ty) else {
            return self.walk.refuse(format!("constant {shown:?} is of type {ty}, which is not known"));
        };
        let Some(count) = elements(sides.iter().copied()) else {
            return self.walk.refuse(format!("constant {shown:?} has the shape {sides:?}, which no memory holds"));
        };
        let needed = bytes_of(count, bits);
        let fits = match raw {
            Some(length) => needed == Some(length),
            // Numbers are packed, the small types several in one: no element takes less than an eighth of a byte.
            None => count <= typed.saturating_mul(8),
        };
        if !fits {
            let found = raw.unwrap_or(typed);
            return self.walk.refuse(format!("constant {shown:?} of shape {sides:?} has {found} bytes of data"));
        }
        self.walk.constant(count, raw.or(needed).unwrap_or(typed));
    }

    /// `ValueInfoProto`
    fn port(&mut self, bytes: &[u8]) -> Result<PortFacts, String> {
        self.walk.name()?;
        let (mut fields, mut name, mut kind) = (Fields::of(bytes), "", None);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => name = value.text()?,
                2 if kind.is_some() => return Err("damaged: a value has two types".to_owned()),
                2 => kind = Some(value.bytes()?),
                _ => {}
            }
        }
        let mut port = PortFacts { names: vec![name.chars().take(MAX_NAME_CHARS).collect()], ..PortFacts::default() };
        let bits = port_type(kind.unwrap_or_default(), &mut port)?;
        if let Some(shape) = &port.shape {
            self.walk.value(name, shape.iter().copied(), bits);
        }
        Ok(port)
    }
}

/// `TypeProto`: type and shape of a tensor. Gives the bits of an element.
fn port_type(bytes: &[u8], port: &mut PortFacts) -> Result<u64, String> {
    let (mut fields, mut tensor) = (Fields::of(bytes), None);
    "of no stated type".clone_into(&mut port.type_name);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 if tensor.is_some() => return Err("damaged: a value is two tensors".to_owned()),
            1 => tensor = Some(value.bytes()?),
            4 => "sequence".clone_into(&mut port.type_name),
            5 => "map".clone_into(&mut port.type_name),
            8 => "sparse tensor".clone_into(&mut port.type_name),
            9 => "optional".clone_into(&mut port.type_name),
            _ => {}
        }
    }
    let Some(tensor) = tensor else { return Ok(8) };
    let (mut fields, mut ty) = (Fields::of(tensor), 0);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => ty = value.number()?,
            2 if port.shape.is_some() => return Err("damaged: a tensor has two shapes".to_owned()),
            2 => port.shape = Some(shape(value.bytes()?)?),
            _ => {}
        }
    }
    let (name, bits) = element(ty).unwrap_or(("unknown", 64));
    name.clone_into(&mut port.type_name);
    port.ty = element_type(ty);
    Ok(bits)
}

/// `TensorShapeProto`
fn shape(bytes: &[u8]) -> Result<Vec<Option<u64>>, String> {
    let (mut fields, mut sides) = (Fields::of(bytes), Vec::new());
    while let Some((field, value)) = fields.next()? {
        if field != 1 {
            continue;
        }
        let (mut dimension, mut side) = (Fields::of(value.bytes()?), None);
        while let Some((field, value)) = dimension.next()? {
            if field == 1 {
                // Some write a side that is not fixed as -1 or as 0.
                side = i64::try_from(value.number()?).ok().filter(|side| *side > 0).map(i64::unsigned_abs);
            }
        }
        sides.push(side);
        if sides.len() > MAX_SIDES {
            return Err(format!("a value with more than {MAX_SIDES} sides"));
        }
    }
    Ok(sides)
}

/// `OperatorSetIdProto`
fn opset(bytes: &[u8]) -> Result<(&str, u64), String> {
    let (mut fields, mut domain, mut version) = (Fields::of(bytes), "", 0);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => domain = value.text()?,
            2 => version = value.number()?,
            _ => {}
        }
    }
    Ok((domain, version))
}

/// The sides of a constant, packed or one by one.
fn numbers(value: Value<'_>, sides: &mut Vec<u64>) -> Result<(), String> {
    match value {
        Value::Number(side) => sides.push(side),
        Value::Bytes(packed) => {
            let mut packed = Fields::of(packed);
            while let Some(side) = packed.packed()? {
                sides.push(side);
                if sides.len() > MAX_SIDES {
                    break;
                }
            }
        }
    }
    if sides.len() > MAX_SIDES {
        return Err(format!("a constant with more than {MAX_SIDES} sides"));
    }
    Ok(())
}

fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// Name and bits of `TensorProto.DataType`. A text is counted as one byte.
const fn element(ty: u64) -> Option<(&'static str, u64)> {
    Some(match ty {
        1 => ("f32", 32),
        2 => ("u8", 8),
        3 => ("i8", 8),
        4 => ("u16", 16),
        5 => ("i16", 16),
        6 => ("i32", 32),
        7 => ("i64", 64),
        8 => ("string", 8),
        9 => ("bool", 8),
        10 => ("f16", 16),
        11 => ("f64", 64),
        12 => ("u32", 32),
        13 => ("u64", 64),
        14 => ("c64", 64),
        15 => ("c128", 128),
        16 => ("bf16", 16),
        17..=20 | 24 => ("f8", 8),
        21..=23 => ("4 bits", 4),
        25 | 26 => ("2 bits", 2),
        _ => return None,
    })
}

const fn element_type(ty: u64) -> Option<ElementType> {
    Some(match ty {
        1 => ElementType::F32,
        2 => ElementType::U8,
        6 => ElementType::I32,
        7 => ElementType::I64,
        10 => ElementType::F16,
        11 => ElementType::F64,
        16 => ElementType::Bf16,
        _ => return None,
    })
}
