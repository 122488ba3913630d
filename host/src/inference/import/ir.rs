use super::graph::{ModelFacts, PortFacts, Walk, bytes_of, elements};
use super::{MAX_LEVELS, short};
use crate::domain::ElementType;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;

const MAX_XML_BYTES: usize = 64 << 20;
const MAX_DEPTH: usize = 64;
const MAX_ATTRIBUTES: usize = 64;
const MAX_SIDES: usize = 16;
const MAX_NAMES_OF_PORT: usize = 16;

/// Reads an OpenVINO IR: the XML, with what it says of the weights beside it.
pub(super) fn read(bytes: &[u8], weights: Option<&[u8]>) -> Result<(ModelFacts, Vec<String>), String> {
    let mut ir = Ir { weight_bytes: weights.map_or(0, |weights| weights.len() as u64), ..Ir::default() };
    ir.file(bytes).map_err(|damage| format!("not an OpenVINO IR: {damage}"))?;
    Ok((ir.walk.facts, ir.walk.reasons))
}

/// The elements that mean something, each only inside of those that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Net,
    Layers,
    Layer,
    Data,
    Inputs,
    Outputs,
    Port,
    Dim,
    Edges,
    Edge,
    Body,
    Other,
}

impl Tag {
    fn of(parent: Option<Self>, name: &str) -> Self {
        match (parent, name) {
            (None, "net") => Self::Net,
            (Some(Self::Net | Self::Body), "layers") => Self::Layers,
            (Some(Self::Net | Self::Body), "edges") => Self::Edges,
            (Some(Self::Layers), "layer") => Self::Layer,
            (Some(Self::Layer), "data") => Self::Data,
            (Some(Self::Layer), "input") => Self::Inputs,
            (Some(Self::Layer), "output") => Self::Outputs,
            // A loop has one body, a branch has two.
            (Some(Self::Layer), "body" | "then_body" | "else_body") => Self::Body,
            (Some(Self::Inputs | Self::Outputs), "port") => Self::Port,
            (Some(Self::Port), "dim") => Self::Dim,
            (Some(Self::Edges), "edge") => Self::Edge,
            _ => Self::Other,
        }
    }
}

#[derive(Default)]
struct Ir {
    walk: Walk,
    weight_bytes: u64,
    open: Vec<Tag>,
    /// The graphs that are open: the net, and the body of a loop in it.
    graphs: Vec<Graph>,
}

#[derive(Default)]
struct Graph {
    /// By the number that the file gives.
    places: HashMap<u64, u32>,
    layers: Vec<Layer>,
    /// Layer and port that writes, layer that reads.
    edges: Vec<(u64, u64, u64)>,
}

#[derive(Default)]
struct Layer {
    id: u64,
    kind: String,
    no_rank: bool,
    /// Only of the net's own layers.
    outputs: Vec<(u64, PortFacts)>,
}

impl Ir {
    fn file(&mut self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() > MAX_XML_BYTES {
            return Err(format!("its XML has {} bytes, at most {MAX_XML_BYTES} are taken", bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "its XML is no UTF-8".to_owned())?;
        let mut reader = Reader::from_str(text);
        loop {
            match reader.read_event().map_err(|error| format!("its XML is damaged: {error}"))? {
                Event::Start(tag) => self.start(&tag)?,
                Event::Empty(tag) => {
                    self.start(&tag)?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) if self.open.last() == Some(&Tag::Dim) => self.dim(&text)?,
                Event::DocType(_) => return Err("its XML defines a document type".to_owned()),
                Event::Eof => break,
                _ => {}
            }
        }
        if self.walk.facts.version.is_empty() { Err("there is no <net> in it".to_owned()) } else { Ok(()) }
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("its XML has more than {MAX_DEPTH} levels"));
        }
        let kind = Tag::of(self.open.last().copied(), tag.name().as_ref());
        self.open.push(kind);
        match kind {
            Tag::Net => self.net(&Attributes::of(tag)?),
            Tag::Body => self.graph(),
            Tag::Layer => self.layer(&Attributes::of(tag)?),
            Tag::Data => self.data(&Attributes::of(tag)?),
            Tag::Port => self.port(&Attributes::of(tag)?),
            Tag::Edge => self.edge(&Attributes::of(tag)?),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(Tag::Net | Tag::Body) => self.close_graph(),
            Some(Tag::Port) => self.close_port(),
            _ => Ok(()),
        }
    }

    fn net(&mut self, tag: &Attributes) -> Result<(), String> {
        if !self.walk.facts.version.is_empty() {
            return Err("there are two nets in it".to_owned());
        }
        self.walk.facts.version = format!("ir {}", short(tag.get("version")));
        self.walk.facts.producer = short(tag.get("name"));
        self.graph()
    }

    fn graph(&mut self) -> Result<(), String> {
        if self.graphs.len() > MAX_LEVELS as usize {
            return Err(format!("graphs inside of graphs, more than {MAX_LEVELS} levels"));
        }
        self.graphs.push(Graph::default());
        Ok(())
    }

    fn layer(&mut self, tag: &Attributes) -> Result<(), String> {
        let (id, kind, version) = (tag.number("id")?, tag.get("type"), tag.get("version"));
        self.walk.name()?;
        let digits = version.strip_prefix("opset");
        if digits.is_none_or(|digits| digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
            let (kind, version) = (short(kind), short(version));
            self.walk
                .refuse(format!("operator {kind:?} of {version:?} is a custom one; taken are those of opset1 and up"));
        }
        self.walk.node(short(kind))?;
        let Some(graph) = self.graphs.last_mut() else { return Ok(()) };
        let place = u32::try_from(graph.layers.len()).map_err(|_| "too many layers".to_owned())?;
        if graph.places.insert(id, place).is_some() {
            return Err(format!("two layers have the number {id}"));
        }
        graph.layers.push(Layer { id, kind: short(kind), ..Layer::default() });
        Ok(())
    }

    fn data(&mut self, tag: &Attributes) -> Result<(), String> {
        let Some(layer) = self.graphs.last_mut().and_then(|graph| graph.layers.last_mut()) else { return Ok(()) };
        match layer.kind.as_str() {
            "Parameter" => layer.no_rank = tag.get("shape") == "...",
            "Const" => return self.constant(tag),
            _ => {}
        }
        Ok(())
    }

    /// Its data has to lie inside the weights, and to be as long as its shape says.
    fn constant(&mut self, tag: &Attributes) -> Result<(), String> {
        let (offset, size, ty) = (tag.number("offset")?, tag.number("size")?, tag.get("element_type"));
        let end = offset.checked_add(size).filter(|end| *end <= self.weight_bytes);
        if end.is_none() {
            let have = self.weight_bytes;
            self.walk
                .refuse(format!("a constant lies at byte {offset} + {size} of the weights, which have {have} bytes"));
        }
        let sides = tag.get("shape").split(',').map(str::trim).filter(|side| !side.is_empty()).take(MAX_SIDES + 1);
        let sides: Result<Vec<u64>, _> = sides.map(str::parse).collect();
        let sides = sides.map_err(|_| format!("a constant of shape {:?}", short(tag.get("shape"))))?;
        let count = elements(sides.iter().copied()).filter(|_| sides.len() <= MAX_SIDES);
        let Some(bits) = bits(ty) else {
            self.walk.refuse(format!("a constant is of type {:?}, which is not known", short(ty)));
            return Ok(());
        };
        let needed = count.and_then(|count| bytes_of(count, bits));
        if ty != "string" && needed != Some(size) {
            self.walk.refuse(format!("a constant of {} {sides:?} has {size} bytes of data", short(ty)));
        }
        self.walk.constant(count.unwrap_or(0), size);
        Ok(())
    }

    fn port(&mut self, tag: &Attributes) -> Result<(), String> {
        self.walk.name()?;
        let own = self.is_output() && self.graphs.len() == 1;
        let Some(layer) = self.graphs.last_mut().and_then(|graph| graph.layers.last_mut()).filter(|_| own) else {
            return Ok(());
        };
        let (precision, id) = (tag.get("precision"), tag.number("id")?);
        let names = tag.get("names").split(',').filter(|name| !name.is_empty()).take(MAX_NAMES_OF_PORT);
        let ty = element_type(precision);
        let type_name = ty.map_or_else(|| short(precision).to_lowercase(), |ty| ty.name().to_owned());
        let names = names.map(str::to_owned).collect();
        layer.outputs.push((id, PortFacts { names, type_name, ty, shape: Some(Vec::new()) }));
        Ok(())
    }

    /// The element that is open is a port, or inside of one, of those that a layer writes.
    fn is_output(&self) -> bool {
        self.open.iter().rev().find(|tag| matches!(tag, Tag::Inputs | Tag::Outputs)) == Some(&Tag::Outputs)
    }

    fn dim(&mut self, text: &str) -> Result<(), String> {
        if !self.is_output() || self.graphs.len() != 1 {
            return Ok(());
        }
        let side: i64 = text.trim().parse().map_err(|_| format!("a side is {:?}", short(text)))?;
        let layer = self.graphs.last_mut().and_then(|graph| graph.layers.last_mut());
        let port = layer.and_then(|layer| layer.outputs.last_mut());
        if let Some(shape) = port.and_then(|(_, port)| port.shape.as_mut()) {
            shape.push((side > 0).then_some(side.unsigned_abs()));
            if shape.len() > MAX_SIDES {
                return Err(format!("a value with more than {MAX_SIDES} sides"));
            }
        }
        Ok(())
    }

    fn close_port(&mut self) -> Result<(), String> {
        if self.graphs.len() != 1 {
            return Ok(());
        }
        let layer = self.graphs.last_mut().and_then(|graph| graph.layers.last_mut());
        let Some((no_rank, (_, port))) = layer.and_then(|layer| Some((layer.no_rank, layer.outputs.last_mut()?)))
        else {
            return Ok(());
        };
        if no_rank {
            port.shape = None;
        }
        let (sides, name) = (port.shape.clone().unwrap_or_default(), port.name().to_owned());
        let bits = port.ty.map_or(64, |ty| ty.byte_len() as u64 * 8);
        self.walk.value(&name, sides.into_iter(), bits);
        Ok(())
    }

    fn edge(&mut self, tag: &Attributes) -> Result<(), String> {
        self.walk.name()?;
        let edge = (tag.number("from-layer")?, tag.number("from-port")?, tag.number("to-layer")?);
        if let Some(graph) = self.graphs.last_mut() {
            graph.edges.push(edge);
        }
        Ok(())
    }

    fn close_graph(&mut self) -> Result<(), String> {
        let Some(graph) = self.graphs.pop() else { return Ok(()) };
        let place = |id: &u64| {
            graph.places.get(id).copied().ok_or_else(|| format!("an edge names layer {id}, which is not there"))
        };
        let edges = graph.edges.iter().map(|(from, _, to)| Ok((place(from)?, place(to)?)));
        self.walk.chain(graph.layers.len(), &edges.collect::<Result<Vec<_>, String>>()?)?;
        if !self.graphs.is_empty() {
            return Ok(());
        }
        for layer in &graph.layers {
            match layer.kind.as_str() {
                "Parameter" => self.walk.facts.inputs.extend(layer.outputs.first().map(|(_, port)| port.clone())),
                "Result" => self.walk.facts.outputs.extend(result(&graph, layer.id)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The port that a result reads.
fn result(graph: &Graph, id: u64) -> Option<PortFacts> {
    let (from, port, _) = graph.edges.iter().find(|(_, _, to)| *to == id)?;
    let layer = graph.layers.get(*graph.places.get(from)? as usize)?;
    layer.outputs.iter().find(|(own, _)| own == port).map(|(_, port)| port.clone())
}

/// The attributes of one element, each at most once.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn of(tag: &BytesStart<'_>) -> Result<Self, String> {
        let mut found = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| format!("its XML is damaged: {error}"))?;
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            let value = value.map_err(|error| format!("its XML is damaged: {error}"))?;
            found.push((attribute.key.as_ref().to_owned(), value.into_owned()));
            if found.len() > MAX_ATTRIBUTES {
                return Err(format!("an element has more than {MAX_ATTRIBUTES} attributes"));
            }
        }
        Ok(Self(found))
    }

    /// Empty where it is not there.
    fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(own, _)| own == key).map_or("", |(_, value)| value.as_str())
    }

    fn number(&self, key: &str) -> Result<u64, String> {
        let text = self.get(key);
        text.parse().map_err(|_| format!("{key} is {:?}, expected a whole number", short(text)))
    }
}

fn bits(ty: &str) -> Option<u64> {
    Some(match ty {
        "u1" => 1,
        "u2" => 2,
        "i4" | "u4" | "nf4" | "f4e2m1" => 4,
        "i8" | "u8" | "boolean" | "f8e4m3" | "f8e5m2" | "f8e8m0" | "string" => 8,
        "f16" | "bf16" | "i16" | "u16" => 16,
        "f32" | "i32" | "u32" => 32,
        "f64" | "i64" | "u64" => 64,
        _ => return None,
    })
}

fn element_type(precision: &str) -> Option<ElementType> {
    Some(match precision {
        "FP32" => ElementType::F32,
        "FP16" => ElementType::F16,
        "FP64" => ElementType::F64,
        "BF16" => ElementType::Bf16,
        "U8" => ElementType::U8,
        "I32" => ElementType::I32,
        "I64" => ElementType::I64,
        _ => return None,
    })
}
