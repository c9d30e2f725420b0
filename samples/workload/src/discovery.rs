//! The discovery file: what a service depends on. Fields that it does not need are passed over.

use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a service is and depends on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Discovery {
    /// The app it belongs to.
    pub app: String,
    /// Its own name.
    pub service: String,
    /// What it calls, by name.
    pub dependencies: BTreeMap<String, Dependency>,
    /// The events that it publishes, by name.
    pub publishes: BTreeMap<String, Topic>,
    /// The events that it consumes, by name.
    pub consumes: BTreeMap<String, Topic>,
}

/// Where an event is carried.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Topic {
    /// The dependency that carries it.
    pub broker: String,
    /// What the broker calls it.
    pub topic: String,
}

/// One that is called.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// What it is.
    pub kind: Kind,
    /// What a backing service is.
    pub engine: Option<String>,
    /// Its host, unless only the Secret knows it.
    pub host: Option<String>,
    /// Its first port, unless only the Secret knows it.
    pub port: Option<u16>,
    /// What is spoken on its first port.
    #[serde(default)]
    pub protocol: String,
    /// Whether its caller works without it.
    #[serde(default)]
    pub optional: bool,
    /// Its database, unless only the Secret knows it.
    pub database: Option<String>,
    /// The directory with what its Secret holds.
    pub binding: Option<PathBuf>,
    /// How long a call may take.
    pub timeout_milliseconds: Option<u64>,
    /// How often a failed call is tried again.
    #[serde(default)]
    pub retries: u32,
    /// All its ports, where the edge has several.
    #[serde(default)]
    pub ports: Vec<Port>,
}

/// One port of several.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Port {
    /// Its number.
    pub port: u16,
    /// What is spoken on it.
    pub protocol: String,
}

/// What a dependency is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub enum Kind {
    /// A service of the same app.
    Service,
    /// A database, cache or broker.
    BackingService,
    /// What others run.
    ExternalService,
}

impl Dependency {
    /// All ports that are called, each with what is spoken on it; 0 where only the Secret knows the port.
    pub fn ports(&self) -> Vec<Port> {
        if self.ports.is_empty() {
            return vec![Port { port: self.port.unwrap_or_default(), protocol: self.protocol.clone() }];
        }
        self.ports.clone()
    }

    /// Whether it is the engine of this name.
    pub fn is(&self, engine: &str) -> bool {
        self.engine.as_deref() == Some(engine)
    }
}

impl Discovery {
    /// Whether `broker` is one whose language the workload speaks.
    pub fn is_spoken_to(&self, broker: &str) -> bool {
        self.dependencies.get(broker).is_some_and(|dependency| dependency.is("RabbitMQ"))
    }

    /// Whether `name` carries events of this service.
    pub fn carries(&self, name: &str) -> bool {
        self.publishes.values().chain(self.consumes.values()).any(|topic| topic.broker == name)
    }
}

/// Reads the file anew: it may have changed since the last request. Without a file nothing is depended on.
pub fn read(path: Option<&Path>) -> anyhow::Result<Discovery> {
    let Some(path) = path else {
        return Ok(Discovery { service: "workload".into(), ..Discovery::default() });
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_passed_over() {
        let discovery: Discovery = serde_json::from_str(
            r#"{"app": "shop", "service": "cart", "colour": "red", "dependencies": {
                "catalog": {"kind": "Service", "host": "catalog", "port": 80, "protocol": "HTTP", "mood": "good"}}}"#,
        )
        .unwrap();
        let catalog = &discovery.dependencies["catalog"];
        assert_eq!(catalog.ports(), [Port { port: 80, protocol: "HTTP".into() }]);
        assert!(!catalog.optional);
    }

    #[test]
    fn all_ports_of_an_edge_are_called() {
        let dependency: Dependency = serde_json::from_str(
            r#"{"kind": "Service", "port": 80, "protocol": "HTTP", "ports": [
                {"name": "http", "port": 80, "protocol": "HTTP"}, {"name": "grpc", "port": 9090, "protocol": "GRPC"}]}"#,
        )
        .unwrap();
        assert_eq!(dependency.ports().iter().map(|port| port.port).collect::<Vec<_>>(), [80, 9090]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let error = read(Some(Path::new("/nowhere/discovery.json"))).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nowhere/discovery.json");
    }
}
