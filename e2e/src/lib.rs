//! A real Kubernetes control plane for the demo and the end-to-end tests.
//!
//! [`Cluster`] runs etcd, kube-apiserver, kube-controller-manager and
//! kube-scheduler on loopback ports; its nodes and pods are simulated by KWOK.
//! [`Installation`] installs the chart into it, [`Operator`] runs the built
//! `msapp` binary with the ServiceAccount and the permissions that the chart
//! rendered. [`Audit`] counts what the operator asked of the API server.
//!
//! Nothing outlives the process that started it, however that ends.

mod access;
mod audit;
mod build;
mod cluster;
pub mod enforcer;
mod history;
mod http;
pub mod images;
mod installation;
mod kept;
mod namespace;
mod node;
mod operator;
pub mod oracle;
mod orders;
mod process;
mod progress;
mod requests;
mod rights;
mod tether;
mod tools;
mod versions;
mod wait;

pub use access::Access;
pub use audit::{Audit, Mark};
pub use cluster::{Cluster, ClusterOptions, NodeOptions};
pub use history::History;
pub use installation::Installation;
pub use namespace::Namespace;
pub use node::{Node, UNDECLARED, obstacle as node_obstacle};
pub use operator::{Operator, Shared, msapp_binary};
pub use orders::{Customers, Orders};
pub use progress::Progress;
pub use requests::{Request, Requests};
pub use rights::Rights;
pub use tools::{NodePrograms, Oracle, Tools};
pub use versions::{Version, Versions};
pub use wait::{PATIENCE, wait_until};
