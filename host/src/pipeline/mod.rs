//! The way of a frame: `inspect_frame`, the lanes, the trace.
