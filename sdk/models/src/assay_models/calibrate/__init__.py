"""Calibration for a station: what normal looks like, how sure the model may be, when a detector should speak."""
