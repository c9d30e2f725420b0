//! The controller: watches, wakes apps, reconciles them, leads or stands by.

mod apply;
mod backoff;
mod events;
mod failure;
mod lookups;
mod observe;
mod ports;
mod queue;
mod reconcile;
mod run;
mod status_writer;
mod wake;
mod workers;

#[cfg(test)]
mod tests;

pub use queue::{AppKey, Queue};
pub use run::{ControllerSettings, run};
