"""The weight codec `assay-weights-1`: non-uniform weights as a way of storing a model.

No engine computes with logarithmic or codebook weights, so nothing gets faster. What shrinks is the file that is
signed, sent and kept: the host decodes it to exactly the bytes of an ONNX file when it loads the model.
docs/model-kit.md describes the format.
"""
