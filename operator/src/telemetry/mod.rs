//! What the operator tells about itself: logs, metrics and the pages that a kubelet asks.

mod logs;
mod metrics;
mod server;

pub use logs::{LogFormat, start_logging};
pub use metrics::{Metrics, ReconcileResult, RequestOutcome, Verb, WriteVerb};
pub use server::{Health, serve};
