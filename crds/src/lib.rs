//! The API types of `msapp.dev`, and nothing else: no client, no runtime, no decisions.
//!
//! [`crd()`] is the one source of `crds/microserviceapps.yaml` and of the copy in the Helm chart.

pub mod v1alpha1;

mod definition;
mod manifest;

pub use definition::crd;
pub use manifest::manifest;

/// API group of every kind of this project.
pub const GROUP: &str = "msapp.dev";
/// Field manager of everything the operator writes, and value of the `app.kubernetes.io/managed-by` label.
pub const MANAGER: &str = "msapp";
