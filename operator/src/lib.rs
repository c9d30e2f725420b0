//! The msapp binary as a library: the operator (`controller`, `cluster`, `telemetry`) and the command line (`cli`).

pub mod cli;
pub mod cluster;
pub mod controller;
pub mod telemetry;
