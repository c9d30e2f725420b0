//! Images for containers, made without a container engine: the same input makes the same bytes.

mod archive;
pub mod debian;
mod load;
mod names;
mod node;
mod programs;
mod recipe;
mod services;
mod tree;

use anyhow::Result;

pub use archive::Archive;
pub use load::{Destination, load};
pub(crate) use names::sample_apps;
pub use programs::operator_of_commit;

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
}

/// The images; makes what is missing. Programs of this checkout are compiled when their sources have changed, which
/// takes minutes the first time. Blocks, and reports progress on standard error.
///
/// # Errors
/// When a program cannot be compiled, a package of Debian cannot be had, or the cache cannot be written.
pub fn built(images: &[Image]) -> Result<Vec<Archive>> {
    images.iter().map(|image| one(*image)).collect()
}

fn one(image: Image) -> Result<Archive> {
    match image {
        Image::Operator => programs::operator(),
        Image::Workload => programs::workload(),
        Image::PostgreSql => services::postgresql(),
        Image::Redis => services::redis(),
        Image::RabbitMq => services::rabbitmq(),
        Image::Memcached => services::memcached(),
        Image::Pause => node::pause(),
        Image::CoreDns => node::coredns(),
    }
}
