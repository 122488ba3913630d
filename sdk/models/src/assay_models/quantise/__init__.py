"""Quantisation: int8 by ONNX Runtime or NNCF, mixed precision under a limit of accuracy, training with rounding."""
