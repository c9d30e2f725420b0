//! Images of backing services, from Debian packages. Each keeps everything in `/data`, where its pod mounts a volume
//! that is writable for group 999; nothing else is written, and no capability is needed.

use anyhow::{Context, Result};

use super::{
    archive::Archive,
    debian::{self, Libc},
    oci::Container,
    recipe::Recipe,
    tree::Tree,
};

const USER: u32 = 999;

const PASSWD: &str = "root:x:0:0::/:/bin/sh\nservice:x:999:999::/data:/bin/sh\n";
const GROUP: &str = "root:x:0:\nservice:x:999:\n";

/// What is there twice, and modules of a language that is left out.
const LEFT_OUT: &[&str] =
    &["usr/share/perl", "usr/share/perl5", "usr/share/zoneinfo/posix", "usr/share/zoneinfo/right"];

/// A service as it is run.
#[derive(Clone, Copy)]
pub(super) struct Service {
    /// Of the image and of its file.
    name: &'static str,
    tag: &'static str,
    packages: &'static [&'static str],
    left_out: &'static [&'static str],
    /// What starts it, when it is a script of ours, and else its program with arguments.
    start: Start,
    environment: &'static [&'static str],
    pub port: u16,
    stop_signal: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Start {
    Script(&'static str),
    Program(&'static [&'static str]),
}

impl Service {
    /// The name of its image.
    pub fn image(&self) -> String {
        format!("msapp.test/{}:{}", self.name, self.tag)
    }

    /// Its archive; made when it is not there.
    pub fn archive(&self) -> Result<Archive> {
        let unpacked = debian::unpacked(self.name, self.packages, Libc::Unpacked)?;
        // Conversions between characters: no service makes any.
        let conversions = format!("{}/gconv", unpacked.libraries().strip_prefix(unpacked.root())?.display());
        let tree = Tree::of(&unpacked.root())?
            .without(LEFT_OUT)
            .without(&[&conversions])
            .without(self.left_out)
            .name_services()
            .text("etc/passwd", PASSWD)
            .text("etc/group", GROUP)
            .text("etc/debian-packages", &unpacked.packages()?)
            .folder("tmp", 0)
            .folder("data", USER);
        let (tree, entrypoint) = match self.start {
            Start::Script(text) => (tree.link("usr/bin/sh", "dash").script("start", text), &["/start"][..]),
            Start::Program(line) => (tree, line),
        };
        let container = Container {
            user: "999:999",
            entrypoint,
            environment: self.environment,
            port: Some(self.port),
            stop_signal: self.stop_signal,
            arguments: &[],
        };
        Recipe { file: self.name, names: vec![self.image()], container, tree }
            .archive()
            .with_context(|| format!("image {}", self.name))
    }
}

/// User, password and database from `POSTGRES_USER`, `POSTGRES_PASSWORD` and `POSTGRES_DB`.
pub(super) const POSTGRESQL: Service = Service {
    name: "postgresql",
    tag: "15",
    packages: &["postgresql-15", "postgresql-client-15", "dash", "coreutils", "libc-bin", "tzdata"],
    left_out: &["usr/lib/postgresql/15/lib/bitcode"],
    start: Start::Script(include_str!("postgresql.sh")),
    environment: &["LANG=C.UTF-8"],
    port: 5432,
    // SIGTERM would let it wait until its clients leave.
    stop_signal: Some("SIGINT"),
};

/// A password from `REDIS_PASSWORD`.
pub(super) const REDIS: Service = Service {
    name: "redis",
    tag: "7",
    packages: &["redis-server", "redis-tools", "dash"],
    left_out: &["etc/redis"],
    start: Start::Script(include_str!("redis.sh")),
    environment: &[],
    port: 6379,
    stop_signal: None,
};

/// User, password and virtual host from `RABBITMQ_DEFAULT_USER`, `_PASS` and `_VHOST`.
pub(super) const RABBITMQ: Service = Service {
    name: "rabbitmq",
    tag: "3",
    packages: &["rabbitmq-server", "dash", "coreutils", "sed", "grep", "mawk", "findutils"],
    left_out: &["var/lib/rabbitmq"],
    start: Start::Script(include_str!("rabbitmq.sh")),
    environment: &[
        "HOME=/data",
        "LANG=C.UTF-8",
        "RABBITMQ_CONFIG_FILE=/data/rabbitmq.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE=/data/enabled_plugins",
        "RABBITMQ_LOGS=-",
        "RABBITMQ_LOG_BASE=/data/log",
        "RABBITMQ_MNESIA_BASE=/data/mnesia",
        "RABBITMQ_NODENAME=rabbit@localhost",
        "RABBITMQ_PID_FILE=/data/rabbitmq.pid",
    ],
    port: 5672,
    stop_signal: None,
};

/// Without password, as Memcached usually is.
pub(super) const MEMCACHED: Service = Service {
    name: "memcached",
    tag: "1",
    packages: &["memcached"],
    left_out: &[],
    start: Start::Program(&["/usr/bin/memcached"]),
    environment: &[],
    port: 11211,
    stop_signal: None,
};
