"""Attacks on an exported model, counted as docs/model-kit.md says: 8-bit pictures, victims that were right before."""
