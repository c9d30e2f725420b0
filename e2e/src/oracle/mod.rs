//! Evaluators of NetworkPolicies compared on random policy sets: that of the operator's core, that of the test
//! enforcer, and cyclonus, which shares nothing with either of them.

mod case;
mod enforced;
mod judge;
mod rewrite;

pub use case::Case;
pub use enforced::{addresses, enforced, objects};
pub use judge::{Answer, Judge, ours};
pub use rewrite::rewritten;
