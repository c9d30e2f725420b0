//! The test enforcer of NetworkPolicy: what it reads, and what the kernel makes of what it loads.

mod cells;
mod kernel;
mod opinions;
mod running;
mod wires;
