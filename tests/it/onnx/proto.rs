//! The few fields of ONNX's protocol buffers that a node test needs: no library for them is worth its weight here.

use anyhow::{Context, Result, bail};

/// One field: its number, and a number or bytes.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in their order.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)?),
            1 => Value::Bytes(take(&mut bytes, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?)?;
                Value::Bytes(take(&mut bytes, length)?)
            }
            5 => Value::Bytes(take(&mut bytes, 4)?),
            other => bail!("wire type {other}"),
        };
        fields.push((key >> 3, value));
    }
    Ok(fields)
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Ok(number);
        }
    }
    bail!("a number has no end")
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(count).context("the message ends too early")?;
    *bytes = rest;
    Ok(head)
}

/// The messages or texts under `number`.
fn all<'a>(fields: &[(u64, Value<'a>)], number: u64) -> Vec<&'a [u8]> {
    let of = |(found, value): &(u64, Value<'a>)| match value {
        Value::Bytes(bytes) if *found == number => Some(*bytes),
        _ => None,
    };
    fields.iter().filter_map(of).collect()
}

/// The numbers under `number`, packed or not.
fn numbers(fields: &[(u64, Value<'_>)], number: u64) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for (_, value) in fields.iter().filter(|(field, _)| *field == number) {
        match value {
            Value::Number(value) => found.push(*value),
            &Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    found.push(varint(&mut packed)?);
                }
            }
        }
    }
    Ok(found)
}

fn text(bytes: Option<&&[u8]>) -> String {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// `TensorProto`.
pub struct TensorData {
    pub shape: Vec<u64>,
    /// `TensorProto.DataType`.
    pub ty: u64,
    /// Little-endian, row-major.
    pub bytes: Vec<u8>,
}

pub fn tensor(message: &[u8]) -> Result<TensorData> {
    let fields = fields(message)?;
    let (shape, ty) = (numbers(&fields, 1)?, numbers(&fields, 2)?.first().copied().unwrap_or_default());
    let bytes = match all(&fields, 9).first() {
        Some(raw) => raw.to_vec(),
        None => typed(&fields, ty)?,
    };
    Ok(TensorData { shape, ty, bytes })
}

/// The data of a tensor that has no `raw_data`: 32-bit floats, 64-bit floats, 64-bit integers, or any smaller type in
/// 32-bit integers.
fn typed(fields: &[(u64, Value<'_>)], ty: u64) -> Result<Vec<u8>> {
    let floats = [all(fields, 4), all(fields, 10)].concat().concat();
    if !floats.is_empty() {
        return Ok(floats);
    }
    if ty == 7 {
        return Ok(numbers(fields, 7)?.into_iter().flat_map(u64::to_le_bytes).collect());
    }
    let width = element(ty).map_or(1, |(_, width)| width);
    let cut = |value: u64| value.to_le_bytes().into_iter().take(width);
    Ok(numbers(fields, 5)?.into_iter().flat_map(cut).collect())
}

/// Name and bytes of a type that the host knows too.
pub fn element(ty: u64) -> Option<(&'static str, usize)> {
    Some(match ty {
        1 => ("f32", 4),
        2 => ("u8", 1),
        6 => ("i32", 4),
        7 => ("i64", 8),
        10 => ("f16", 2),
        11 => ("f64", 8),
        16 => ("bf16", 2),
        _ => return None,
    })
}

/// How ONNX calls a type, for the table.
pub fn type_name(ty: u64) -> &'static str {
    const NAMES: [&str; 24] = [
        "undefined",
        "float",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "double",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
        "float8e4m3fn",
        "float8e4m3fnuz",
        "float8e5m2",
        "float8e5m2fnuz",
        "uint4",
        "int4",
        "float4e2m1",
    ];
    usize::try_from(ty).ok().and_then(|ty| NAMES.get(ty)).copied().unwrap_or("a newer type")
}

/// An input or output of a graph; no type where it is no tensor.
pub struct Outlet {
    pub name: String,
    pub ty: Option<u64>,
}

pub struct Graph {
    /// Types of the nodes in their order.
    pub operators: Vec<String>,
    pub inputs: Vec<Outlet>,
    pub outputs: Vec<Outlet>,
}

/// The graph of a `ModelProto`.
pub fn graph(model: &[u8]) -> Result<Graph> {
    let model = fields(model)?;
    let graph = fields(all(&model, 7).first().context("the model has no graph")?)?;
    let operators = all(&graph, 1).into_iter().map(|node| Ok(text(all(&fields(node)?, 4).first())));
    let outlets = |number| all(&graph, number).into_iter().map(outlet).collect::<Result<Vec<_>>>();
    Ok(Graph { operators: operators.collect::<Result<_>>()?, inputs: outlets(11)?, outputs: outlets(12)? })
}

/// The same `ModelProto` with tensors (name, `TensorProto`) in the place of the inputs of those names.
pub fn with_constants(model: &[u8], constants: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut changed = Vec::new();
    for (number, value) in fields(model)? {
        match value {
            Value::Bytes(graph) if number == 7 => put(&mut changed, 7, &graph_with(graph, constants)?),
            Value::Bytes(bytes) => put(&mut changed, number, bytes),
            Value::Number(value) => {
                put_varint(&mut changed, number << 3);
                put_varint(&mut changed, value);
            }
        }
    }
    Ok(changed)
}

/// A `GraphProto` holds nothing but texts and messages.
fn graph_with(graph: &[u8], constants: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut changed = Vec::new();
    for (number, value) in fields(graph)? {
        let Value::Bytes(bytes) = value else { bail!("field {number} of the graph is a number") };
        if number != 11 || !constants.iter().any(|(name, _)| outlet(bytes).is_ok_and(|found| found.name == *name)) {
            put(&mut changed, number, bytes);
        }
    }
    for (name, tensor) in constants {
        let mut named = tensor.to_vec();
        // Of two names the last counts.
        put(&mut named, 8, name.as_bytes());
        put(&mut changed, 5, &named);
    }
    Ok(changed)
}

fn put(message: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(message, number << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    message.push(number.to_le_bytes()[0]);
}

/// `ValueInfoProto`.
fn outlet(message: &[u8]) -> Result<Outlet> {
    let value = fields(message)?;
    let ty = fields(all(&value, 2).first().context("a value has no type")?)?;
    let ty = match all(&ty, 1).first() {
        Some(tensor) => numbers(&fields(tensor)?, 1)?.first().copied(),
        None => None,
    };
    Ok(Outlet { name: text(all(&value, 1).first()), ty })
}
