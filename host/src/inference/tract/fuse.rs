//! Rounds quantised values in one step.
//!
//! tract runs a quantised model (QDQ) by converting each inner value to 8 bits and back to f32, one element at a time:
//! more than half of the time of such a model. One operation that rounds in place does the same arithmetic on
//! vectors.

use tract_onnx::tract_core::internal::{DatumType, OutletId, Tensor, TractResult, TypedModel, TypedModelPatch};
use tract_onnx::tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_onnx::tract_core::ops::quant::{DequantizeLinearF32, QuantizeLinearI8, QuantizeLinearU8};

/// Adding and subtracting it rounds to the nearest integer, ties to even: f32 keeps no fraction at this size. Exact for
/// anything below 2^22, and all values here lie within 8 bits.
const ROUNDER: f32 = 12_582_912.0;

/// To 8 bits and back: rounds to the nearest step, between the lowest and the highest number of steps.
#[derive(Debug, Clone, PartialEq)]
struct RoundToSteps {
    steps_per_unit: f32,
    step: f32,
    lowest: f32,
    highest: f32,
}

impl Eq for RoundToSteps {}

impl ElementWiseMiniOp for RoundToSteps {
    fn name(&self) -> String {
        "RoundToSteps".to_owned()
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _: Option<DatumType>) -> TractResult<()> {
        for value in tensor.try_as_plain_ram_mut()?.as_slice_mut::<f32>()? {
            let steps = (*value * self.steps_per_unit).clamp(self.lowest, self.highest);
            *value = ((steps + ROUNDER) - ROUNDER) * self.step;
        }
        Ok(())
    }
}

/// Replaces each pair of conversions of an f32 value by one operation.
pub(super) fn fuse_roundings(model: &mut TypedModel) -> TractResult<()> {
    let pairs: Vec<(usize, OutletId, RoundToSteps)> = (0..model.nodes().len())
        .filter_map(|id| pair_ending_at(model, id).map(|(from, operation)| (id, from, operation)))
        .collect();
    for (id, from, operation) in pairs {
        let mut patch = TypedModelPatch::default();
        let tap = patch.tap_model(model, from)?;
        let name = format!("{}.rounded", model.node(id).name);
        let wires = patch.wire_node(name, ElementWiseOp(Box::new(operation), None), &[tap])?;
        let &[wire] = wires.as_slice() else { anyhow::bail!("a rounding has one output") };
        patch.shunt_outside(model, OutletId::new(id, 0), wire)?;
        patch.apply(model)?;
    }
    Ok(())
}

fn pair_ending_at(model: &TypedModel, id: usize) -> Option<(OutletId, RoundToSteps)> {
    let back = model.node(id);
    let down = model.node(back.inputs.first()?.node);
    let back = back.op_as::<DequantizeLinearF32>()?;
    let mini = &down.op_as::<ElementWiseOp>()?.0;
    let (steps_per_unit, zero, range) = if let Some(op) = mini.downcast_ref::<QuantizeLinearU8>() {
        (op.scale, i32::from(op.zero_point), (0, 255))
    } else {
        let op = mini.downcast_ref::<QuantizeLinearI8>()?;
        (op.scale, i32::from(op.zero_point), (-128, 127))
    };
    let from = *down.inputs.first()?;
    if zero != back.zero_point || model.outlet_fact(from).ok()?.datum_type != DatumType::F32 {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "at most nine bits")]
    let (lowest, highest) = ((range.0 - zero) as f32, (range.1 - zero) as f32);
    Some((from, RoundToSteps { steps_per_unit, step: back.scale, lowest, highest }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
    use super::*;
    use tract_onnx::prelude::{Framework, InferenceModelExt};
    use tract_onnx::tract_core::ops::quant::{quantize_linear_f32_i8, quantize_linear_f32_u8};

    #[test]
    fn one_step_rounds_exactly_as_two_conversions() {
        let values: Vec<f32> = (-40_000..40_000).map(|i| i as f32 / 128.0).chain([1e9, -1e9, 0.0, -0.0]).collect();
        for (zero, signed) in [(0, false), (131, false), (255, false), (-7, true), (0, true)] {
            let (step, steps_per_unit) = (0.5f32, 2.0f32);
            let range = if signed { (-128, 127) } else { (0, 255) };
            let (lowest, highest) = ((range.0 - zero) as f32, (range.1 - zero) as f32);
            let mut rounded = Tensor::from_shape(&[values.len()], &values).unwrap();
            RoundToSteps { steps_per_unit, step, lowest, highest }.eval_in_place(&mut rounded, None).unwrap();
            let plain = rounded.try_as_plain_ram().unwrap();
            for (value, found) in values.iter().zip(plain.as_slice::<f32>().unwrap()) {
                let bits = if signed {
                    i32::from(quantize_linear_f32_i8(*value, steps_per_unit, zero))
                } else {
                    i32::from(quantize_linear_f32_u8(*value, steps_per_unit, zero))
                };
                assert_eq!(*found, (bits - zero) as f32 * step, "{value}, zero point {zero}");
            }
        }
    }

    #[test]
    fn no_pair_of_conversions_is_left_in_a_quantised_model() {
        let bytes = include_bytes!("../../../../tests/fixtures/models/tiny-int8.onnx");
        let reader = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
        let model = reader.model_for_read(&mut bytes.as_slice()).unwrap();
        let mut model = model.into_typed().unwrap().into_decluttered().unwrap();
        let pairs =
            |model: &TypedModel| (0..model.nodes().len()).filter(|&id| pair_ending_at(model, id).is_some()).count();
        assert!(pairs(&model) >= 2, "found {}", pairs(&model));
        fuse_roundings(&mut model).unwrap();
        let model = model.into_decluttered().unwrap();
        assert_eq!(pairs(&model), 0);
    }
}
