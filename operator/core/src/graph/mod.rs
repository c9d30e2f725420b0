//! From what was written to what is known to be right: the graph of services, or everything that is wrong with it.

mod app;
mod autoscaling;
mod bindings;
mod checks;
mod connection;
mod declared;
mod edges;
mod environment;
mod events;
mod exclusive;
mod exposure;
mod image;
mod inherit;
mod managed;
mod network;
mod object_names;
mod outside;
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
    App, BackingTarget, Budget, Caller, DnsServer, Domain, Edge, EdgePort, Event, Exchange, Exposure,
    ExternalTarget, NetworkRules, Port, ProbeSet, Reach, Scaling, Service, Settings, Spread, Stop, Strategy,
    TargetKind,
};
pub use checks::Check;
pub use image::Image;
pub use resolve::resolve;
