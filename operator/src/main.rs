//! The msapp binary.
fn main() {}
