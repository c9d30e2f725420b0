//! Images for containers, made without a container engine: the same input makes the same bytes.

mod archive;
mod commit;
mod compile;
pub mod debian;
mod load;
mod names;
mod node;
mod oci;
mod programs;
mod recipe;
mod services;
mod tree;

use anyhow::Result;

use self::services::Service;

pub use archive::Archive;
pub use commit::{operator_before, operator_of_commit};
pub use load::{Destination, load};
pub(crate) use names::sample_apps;

/// An image that can be made here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Image {
    /// The operator, under the name that the chart asks for.
    Operator,
    /// `samples/workload`, under the name of every image of the samples.
    Workload,
    /// PostgreSQL 15: `msapp.test/postgresql:15`.
    PostgreSql,
    /// Redis 7: `msapp.test/redis:7`.
    Redis,
    /// RabbitMQ 3: `msapp.test/rabbitmq:3`.
    RabbitMq,
    /// Memcached 1: `msapp.test/memcached:1`.
    Memcached,
    /// What holds the namespaces of a pod: `msapp.test/pause:1`.
    Pause,
    /// The cluster's DNS: `msapp.test/coredns:1`.
    CoreDns,
}

impl Image {
    /// What the samples run with: the operator, the workload and what is behind it.
    pub const FOR_SAMPLES: [Self; 6] =
        [Self::Operator, Self::Workload, Self::PostgreSql, Self::Redis, Self::RabbitMq, Self::Memcached];

    /// What a node of our own runs besides.
    pub const FOR_NODE: [Self; 2] = [Self::Pause, Self::CoreDns];

    fn source(self) -> Source {
        match self {
            Self::Operator => Source::Program(programs::operator),
            Self::Workload => Source::Program(programs::workload),
            Self::Pause => Source::Program(node::pause),
            Self::CoreDns => Source::Program(node::coredns),
            Self::PostgreSql => Source::Service(&services::POSTGRESQL),
            Self::Redis => Source::Service(&services::REDIS),
            Self::RabbitMq => Source::Service(&services::RABBITMQ),
            Self::Memcached => Source::Service(&services::MEMCACHED),
        }
    }
}

/// Where an image comes from.
enum Source {
    /// A program of ours, compiled and archived.
    Program(fn() -> Result<Archive>),
    /// A backing service from packages.
    Service(&'static Service),
}

/// The images; makes what is missing. Programs of this checkout are compiled when their sources have changed, which
/// takes minutes the first time. Blocks, and reports progress on standard error.
///
/// # Errors
/// When a program cannot be compiled, a package of Debian cannot be had, or the cache cannot be written.
pub fn built(images: &[Image]) -> Result<Vec<Archive>> {
    let archive = |image: &Image| match image.source() {
        Source::Program(archive) => archive(),
        Source::Service(service) => service.archive(),
    };
    images.iter().map(archive).collect()
}
