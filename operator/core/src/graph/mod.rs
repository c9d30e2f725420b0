//! From what was written to what is known to be right: the graph of services, or everything that is wrong with it.

mod app;
mod autoscaling;
mod bindings;
mod checks;
mod connected;
mod connection;
mod declared;
mod edge;
mod edges;
mod environment;
mod events;
mod exclusive;
mod exposure;
mod image;
mod inherit;
mod inside;
mod managed;
mod network;
mod object_names;
mod outside;
mod ports;
mod probes;
mod reachable;
mod replicas;
mod resolve;
mod resources;
mod rollout;
mod service;
mod settings;
mod storage;
mod tags;

pub use app::{
    App, BackingTarget, DnsServer, Domain, Event, Exchange, Exposure, ExternalTarget, NetworkRules, Port,
    Service,
};
pub use checks::{Check, findings};
pub use edge::{Caller, Edge, EdgePort, Reach, TargetKind};
pub use image::Image;
pub use reachable::reachable;
pub use resolve::resolve;
pub use settings::{Budget, ProbeSet, Scaling, Settings, Spread, Stop, Strategy};
