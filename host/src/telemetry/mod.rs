//! One struct per observable fact -> log line and metric.
