//! Version `v1alpha1`: one file per concern of the spec.

mod app;
mod autoscaling;
mod checks;
mod connection;
mod domain;
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
pub use checks::{Bounds, Checks, Waiver};
pub use connection::{
    BackingService, CloudNativePg, ConnectionFormat, Credentials, Dependency, DependencyEnv, Engine, Event,
    EventSide, ExternalService, ManagedBy, PeerPods, ProvisionedService, RabbitmqCluster, Retries, Strimzi,
};
pub use domain::Domain;
pub use expose::{Expose, PathType};
pub use files::{FileMount, KeyReference, ObjectKeyReference, Scratch, ScratchMedium};
pub use network::{Isolation, Network};
pub use probes::{ExecCheck, GrpcCheck, HttpHeader, HttpScheme, Probe, Probes, TcpCheck};
pub use scalar::{Duration, IntOrPercent, PortReference, Quantity};
pub use service::{EnvVar, Port, Protocol, ResourceReference, ServiceSpec, Visibility};
pub use settings::{
    Capability, Discovery, DisruptionBudget, GracefulStop, Profile, Resilience, Resources, Rollout,
    RolloutStrategy, Security, Settings, Spread, SpreadRule, Switch,
};
pub use status::{MicroserviceAppStatus, ServiceStatus};
