"""The case: from a float baseline of the 25 MB class to a small, hardened, signed-for model, every step measured."""
