//! NetworkPolicies as a model, and the proof that those of an app open exactly what it declares.
//!
//! Nothing in here knows how the policies are made: [`evaluate`] reads them as their specification says, the declared
//! side is computed from the graph, and the two are compared for every pair, end, protocol and port.

mod addresses;
mod checked;
mod declared;
mod difference;
mod endpoint;
pub mod evaluate;
mod fault;
mod members;
mod places;
mod ports;
mod proof;
mod question;
mod selector;

pub use checked::Policies;
pub(crate) use declared::{holds, opened_by};
pub use difference::{Deviation, Difference, End};
pub use endpoint::{Endpoint, NAMESPACE_NAME, NamedPort, Pod};
pub use evaluate::{Direction, Evaluation};
pub use fault::Fault;
pub use ports::{PortSet, Traffic, Transport};
pub use proof::{Counts, Proof, prove};
pub use question::{Passage, Posts, dns_server, somewhere};

#[cfg(test)]
mod tests;
