//! The command line as users run it: the real binary, its output and its exit codes.

mod api;
mod check;
mod explain;
mod graph;
mod impact;
#[path = "../../core/tests/properties/live.rs"]
mod live;
mod pages;
mod plan;
mod program;
mod prove;
mod render;
mod shell;
mod status;
mod why;
