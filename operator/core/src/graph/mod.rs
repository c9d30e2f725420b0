//! From what was written to what is known to be right: the graph of services, or everything that is wrong with it.

mod app;
mod autoscaling;
mod checks;
mod edges;
mod environment;
mod inherit;
mod network;
mod ports;
mod probes;
mod resolve;
mod service;
mod storage;

pub use app::{
    App, Budget, Caller, Edge, Exposure, NetworkRules, Peer, Port, ProbeSet, Scaling, Service, Spread, Stop,
    Strategy,
};
pub use resolve::resolve;
