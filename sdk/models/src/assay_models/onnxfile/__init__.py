"""ONNX files: what is in them, whether a station will take them, running them."""
