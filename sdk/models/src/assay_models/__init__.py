"""The model kit: shrink, harden, calibrate and pack a classifier for an inspection station."""

__version__ = "0.1.0"
