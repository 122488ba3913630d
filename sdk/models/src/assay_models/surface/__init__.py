"""The surface model: a small defect classifier for synthetic defects on real and procedural textures."""

LABELS = ("good", "scratch", "pit", "stain", "crack")
"""Class names in the order of the model's outputs."""

CAMERA_SIZE = 320
"""Width and height of a camera picture, in pixels."""

INPUT_SIZE = 224
"""Width and height of the model's input, in pixels."""
