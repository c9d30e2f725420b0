//! The chart, rendered and installed by the real Helm.

mod helm;
mod installed;
mod permissions;
mod program;
mod rendered;
mod rights;
mod values;
