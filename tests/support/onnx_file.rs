//! ONNX files for tests, field by field: also such as no exporter writes.

/// A message of protocol buffers.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    #[must_use]
    pub fn number(mut self, field: u64, number: u64) -> Self {
        self.varint(field << 3);
        self.varint(number);
        self
    }

    #[must_use]
    pub fn bytes(mut self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.varint((field << 3) | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    #[must_use]
    pub fn message(self, field: u64, message: Self) -> Self {
        self.bytes(field, message.0)
    }

    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// `TensorProto.DataType.FLOAT`
pub const F32: u64 = 1;

/// `ValueInfoProto` of a tensor; a side of 0 is one that is not fixed, and no shape at all is none.
#[must_use]
pub fn port(name: &str, ty: u64, shape: Option<&[u64]>) -> Message {
    let side = |side: &u64| match side {
        0 => Message::default().bytes(2, "N"),
        fixed => Message::default().number(1, *fixed),
    };
    let mut tensor = Message::default().number(1, ty);
    if let Some(sides) = shape {
        tensor = tensor.message(2, sides.iter().fold(Message::default(), |shape, one| shape.message(1, side(one))));
    }
    Message::default().bytes(1, name).message(2, Message::default().message(1, tensor))
}

/// `NodeProto`
#[must_use]
pub fn node(operator: &str, domain: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    let node = inputs.iter().fold(Message::default(), |node, name| node.bytes(1, name));
    let node = outputs.iter().fold(node, |node, name| node.bytes(2, name)).bytes(4, operator);
    if domain.is_empty() { node } else { node.bytes(7, domain) }
}

/// `TensorProto` with its data as raw bytes.
#[must_use]
pub fn tensor(name: &str, shape: &[u64], ty: u64, raw: &[u8]) -> Message {
    let tensor = shape.iter().fold(Message::default(), |tensor, side| tensor.number(1, *side));
    tensor.number(2, ty).bytes(8, name).bytes(9, raw)
}

/// `GraphProto` of nodes between an input and an output.
#[must_use]
pub fn graph(nodes: impl IntoIterator<Item = Message>, input: Message, output: Message) -> Message {
    let graph = nodes.into_iter().fold(Message::default(), |graph, node| graph.message(1, node));
    graph.bytes(2, "graph").message(11, input).message(12, output)
}

/// `ModelProto`
#[must_use]
pub fn model(graph: Message) -> Message {
    let opset = Message::default().bytes(1, "").number(2, 17);
    Message::default().number(1, 9).bytes(2, "assay-tests").message(8, opset).message(7, graph)
}

/// A whole file of one node between ports of f32: no model of use, and one that every check lets in.
#[must_use]
pub fn plain(input: (&str, &[u64]), output: (&str, &[u64])) -> Vec<u8> {
    let of = |(name, shape): (&str, &[u64])| {
        let sides: Vec<u64> = std::iter::once(0).chain(shape.iter().copied()).collect();
        port(name, F32, Some(&sides))
    };
    model(graph([node("Flatten", "", &[input.0], &[output.0])], of(input), of(output))).done()
}
