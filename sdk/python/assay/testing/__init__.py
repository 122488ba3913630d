"""A station in plain Python, so that a plugin can be tested without one.

    from assay import testing
    station = testing.Station(settings={"limit": 100.0})
    import plugin                                     # after the station: this is what the plugin talks to

    answer = station.detect(plugin, testing.picture(8, 8, "gray8", bytes(64)))
    assert answer.findings[0].label == "too-dark"

Answers are what the station would get; what it would not get, an error or a handle that is still held, is an
exception here. Pictures are exact where plain code can be: sizes, pixels, crops, overlays, formats, bit depth,
histogram, statistics, tensors, `nearest`. Other filters, blurs and JPEG are the host's: replace them in a test.
"""

from __future__ import annotations

from .host import Station, picture, tensor

__all__ = ["Station", "picture", "tensor"]
