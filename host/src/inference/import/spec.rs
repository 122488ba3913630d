use super::graph::{ModelFacts, PortFacts};
use super::short;
use crate::domain::{ModelSpec, Port};

/// How the ports of a file differ from the specification of its manifest.
pub(super) fn differences(facts: &ModelFacts, spec: &ModelSpec) -> Vec<String> {
    let mut found = Vec::new();
    for port in &spec.inputs {
        match named(&facts.inputs, &port.name) {
            Some(file) => found.extend(input(file, port, spec)),
            None => found.push(absent("input", &facts.inputs, &port.name)),
        }
    }
    for file in &facts.inputs {
        if !spec.inputs.iter().any(|port| file.names.contains(&port.name)) {
            let (specified, has) = (spec.inputs.len(), facts.inputs.len());
            let name = short(file.name());
            found.push(format!(
                "{specified} inputs are specified, the model has {has}: input {name:?} is not specified"
            ));
        }
    }
    for port in &spec.outputs {
        match named(&facts.outputs, &port.name) {
            Some(file) => found.extend(wrong_type("output", file, port)),
            None => found.push(absent("output", &facts.outputs, &port.name)),
        }
    }
    found
}

fn named<'a>(ports: &'a [PortFacts], name: &str) -> Option<&'a PortFacts> {
    ports.iter().find(|port| port.names.iter().any(|own| own == name))
}

fn absent(what: &str, ports: &[PortFacts], name: &str) -> String {
    let have: Vec<String> = ports.iter().take(8).map(|port| short(port.name())).collect();
    format!("the model has no {what} {:?}; it has {have:?}", short(name))
}

/// An input whose rank the file does not state, or a side of it beside the batch, is another one each time that a
/// backend guesses. A specification without a batch takes any.
fn input(file: &PortFacts, port: &Port, spec: &ModelSpec) -> Option<String> {
    if let Some(wrong) = wrong_type("input", file, port) {
        return Some(wrong);
    }
    if spec.batch_sizes.is_empty() {
        return None;
    }
    let (name, found) = (short(&port.name), file.describe());
    let advice = "export the model with fixed sides; only the first, the batch, may be free";
    let Some(sides) = &file.shape else { return Some(format!("input {name:?} is {found}: {advice}")) };
    let Some((_, sides)) = sides.split_first() else {
        return Some(format!("input {name:?} is {found}, a single number: expected a batch"));
    };
    if sides.contains(&None) {
        return Some(format!("input {name:?} is {found}, with sides that are not fixed: {advice}"));
    }
    let same = sides.iter().copied().eq(port.shape.iter().map(|side| Some(u64::from(*side))));
    let wanted: Vec<String> = port.shape.iter().map(u32::to_string).collect();
    (!same).then(|| {
        format!("input {name:?} is {found} in the file, {} [N, {}] is specified", port.ty.name(), wanted.join(", "))
    })
}

fn wrong_type(what: &str, file: &PortFacts, port: &Port) -> Option<String> {
    let differs = file.ty.is_some_and(|ty| ty != port.ty);
    let (name, found, wanted) = (short(&port.name), &file.type_name, port.ty.name());
    differs.then(|| format!("{what} {name:?} holds elements of type {found}, {wanted} is specified"))
}

/// A specification of a file that has none: what its ports say, with a batch of one where the first side of every port
/// is free or one.
///
/// # Errors
/// Names the port whose shape or type the file does not settle.
pub fn spec_of(facts: &ModelFacts) -> Result<ModelSpec, String> {
    let ports = || facts.inputs.iter().chain(&facts.outputs);
    let is_batch = |port: &PortFacts| {
        let first = port.shape.as_ref().and_then(|sides| sides.first());
        first.is_some_and(|side| side.is_none_or(|side| side == 1))
    };
    let batched = ports().all(is_batch);
    let port = |file: &PortFacts| -> Result<Port, String> {
        let unsettled = |why: &str| {
            let (name, found) = (short(file.name()), file.describe());
            format!("{name:?} is {found}: {why}; fix it at export, or pack the model: its manifest states its ports")
        };
        let ty = file.ty.ok_or_else(|| unsettled("no type that a station hands over"))?;
        let sides = file.shape.as_ref().ok_or_else(|| unsettled("its shape is needed"))?;
        let side = |side: &Option<u64>| side.and_then(|side| u32::try_from(side).ok());
        let shape: Option<Vec<u32>> = sides.iter().skip(usize::from(batched)).map(side).collect();
        let shape = shape.ok_or_else(|| unsettled("only the first side, the batch, may be free"))?;
        Ok(Port { name: file.name().to_owned(), shape, ty })
    };
    Ok(ModelSpec {
        inputs: facts.inputs.iter().map(port).collect::<Result<_, _>>()?,
        outputs: facts.outputs.iter().map(port).collect::<Result<_, _>>()?,
        batch_sizes: if batched { vec![1] } else { Vec::new() },
    })
}
