//! Everything that talks to a cluster: the client stack, the mirrors of what is there, the lease.

mod cache;
mod client;
mod leadership;
mod lease;
mod projection;
mod provisioned;
mod request;
mod secrets;
mod transport;
mod view;
mod watch;

pub use cache::{Cache, Cached, Change, Object};
pub use client::{Clients, Limits, Purpose};
pub use leadership::{Leadership, LeaseSettings, lead};
pub use projection::{PodNote, StoredApp, StoredChild, StoredPod, StoredSecret, app_from, child_from};
pub use provisioned::ProvisionedServices;
#[cfg(test)]
pub(crate) use provisioned::tests::orders;
pub use secrets::{DIGEST_KEY_NAME, SecretDigests, fetch_digest_key};
pub use transport::{Fenced, TransportError};
pub use view::{Listener, Scope, View};
pub use watch::{WatchSettings, mirror_all};
