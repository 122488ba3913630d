//! What people write in TOML, and how a recipe finds its parts.

mod authors;
mod recipes;
mod stations;
mod receivers;
