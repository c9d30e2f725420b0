//! From what was written to what is known to be right: the graph of services, or everything that is wrong with it.

mod app;
mod autoscaling;
mod checks;
mod connection;
mod edges;
mod environment;
mod exclusive;
mod exposure;
mod image;
mod inherit;
mod network;
mod object_names;
mod ports;
mod probes;
mod replicas;
mod resolve;
mod resources;
mod rollout;
mod service;
mod storage;
mod tags;

pub use app::{
    App, Budget, Caller, Edge, Exposure, NetworkRules, Peer, Port, ProbeSet, Scaling, Service, Settings,
    Spread, Stop, Strategy,
};
pub use image::Image;
pub use resolve::resolve;
