"""Writes onnx-operators.txt and tflite-operators.txt: the operators that a model may use.

    pip install onnx==1.23.2 tflite==2.18.0
    python make_operators.py

Those of ONNX and its domains come from its own schemas, of all versions. Those of com.microsoft are what ONNX Runtime's
tools write when they quantise or fuse a vision model, by hand: what reads files (EPContext) or runs other code stays out.
"""

from pathlib import Path

import onnx
import tflite

HERE = Path(__file__).parent
MICROSOFT = """
    Attention BiasAdd BiasGelu BiasSoftmax BiasSplitGelu ConvTransposeWithDynamicPads CropAndResize DequantizeLinear
    DynamicQuantizeMatMul FastGelu FusedConv FusedGemm FusedMatMul FusedMatMulActivation Gelu GridSample GroupNorm Inverse
    LayerNormalization MatMulIntegerToFloat MatMulNBits MultiHeadAttention NhwcConv NhwcMaxPool Pad QGemm QLinearAdd
    QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean
    QLinearSigmoid QLinearSoftmax QLinearWhere QuantizeLinear QuickGelu SimplifiedLayerNormalization SkipGroupNorm
    SkipLayerNormalization SkipSimplifiedLayerNormalization Trilu Unique
"""


def main() -> None:
    schemas = onnx.defs.get_all_schemas_with_history()
    names = {f"{schema.domain}:{schema.name}" if schema.domain else schema.name for schema in schemas}
    names |= {f"com.microsoft:{name}" for name in MICROSOFT.split()}
    head = [
        f"# Operators that a model may use, by domain; those of ONNX without one. From the schemas of onnx {onnx.__version__}, and of "
        "com.microsoft",
        "# what ONNX Runtime's tools write when they quantise or fuse. `make_operators.py` writes it.",
    ]
    (HERE / "onnx-operators.txt").write_text("\n".join([*head, *sorted(names)]) + "\n")
    numbers = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
    head = ["# Built-in operators of TensorFlow Lite by number, from 0: BuiltinOperator of its schema, version 2.18."]
    lines = [numbers[number] for number in range(len(numbers))]
    (HERE / "tflite-operators.txt").write_text("\n".join([*head, *lines]) + "\n")


if __name__ == "__main__":
    main()
