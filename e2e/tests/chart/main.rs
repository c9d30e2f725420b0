//! The chart, rendered and installed by the real Helm.

mod helm;
mod installed;
mod permissions;
mod rendered;
mod values;
