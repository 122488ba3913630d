//! The durable, hash-chained record of inspections (SQLite) and the picture store.
