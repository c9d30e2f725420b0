//! Version `v1alpha1`: one file per concern of the spec.

mod app;
mod autoscaling;
mod connection;
mod expose;
mod files;
mod network;
mod probes;
mod scalar;
mod service;
mod settings;
mod status;

pub use app::{MicroserviceApp, MicroserviceAppSpec};
pub use autoscaling::{
    Autoscaling, ContainerResourceMetric, ExternalMetric, Metric, ObjectMetric, ObjectReference, PodsMetric,
    ResourceName, ScalingBehavior, ScalingPolicy, ScalingPolicyType, ScalingRules, SelectPolicy,
};
pub use connection::{
    BackingService, ConnectionFormat, Credentials, Dependency, DependencyEnv, Engine, ExternalService,
    PeerPods,
};
pub use expose::{Expose, PathType};
pub use files::{FileMount, KeyReference, ObjectKeyReference, Scratch, ScratchMedium};
pub use network::{Isolation, Network};
pub use probes::{ExecCheck, GrpcCheck, HttpHeader, HttpScheme, Probe, Probes, TcpCheck};
pub use scalar::{Duration, IntOrPercent, PortReference, Quantity};
pub use service::{EnvVar, Port, Protocol, ResourceReference, ServiceSpec};
pub use settings::{
    Capability, DisruptionBudget, GracefulStop, Profile, Resources, Rollout, RolloutStrategy, Security,
    Settings, Spread, SpreadRule,
};
pub use status::{MicroserviceAppStatus, ServiceStatus};
