"""Uniform int8 by NNCF: like ONNX Runtime's, with the bias of every layer corrected for what rounding moved."""

from __future__ import annotations

import onnx

from ..errors import missing_extra
from ..onnxfile.graph import strip
from ..onnxfile.runtime import Floats


def quantise_nncf(model: onnx.ModelProto, input_name: str, inputs: Floats, classifier: bool = False) -> onnx.ModelProto:
    """The int8 twin of a float model; the classifier's products stay in float unless asked otherwise."""
    try:
        import nncf
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet
    except ImportError as error:
        raise missing_extra("nncf", "nncf") from error
    rows = nncf.Dataset([{input_name: row[None]} for row in inputs])
    ignored = None if classifier else nncf.IgnoredScope(types=["Gemm", "MatMul"], validate=False)
    quantised = nncf.quantize(
        model,
        rows,
        subset_size=len(inputs),
        fast_bias_correction=True,
        ignored_scope=ignored,
        preset=nncf.QuantizationPreset.MIXED,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            # Half of the weights' range, as in `uniform`, and for the same processors.
            overflow_fix=nncf.OverflowFix.ENABLE,
            # NNCF's own choice is the mean of the pictures' maxima. A defect is the rare picture with the strong
            # activation: the mean cuts it off.
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        ),
    )
    quantised.doc_string = model.doc_string
    result = strip(quantised)
    onnx.checker.check_model(result, full_check=True)
    return result
