"""Anomaly detection without pictures of defects."""
