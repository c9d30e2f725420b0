//! Images for containers, made without a container engine.

pub mod debian;
