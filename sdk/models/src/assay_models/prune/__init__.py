"""Pruning: structured, so that channels really vanish, and unstructured, which saves transport only."""
