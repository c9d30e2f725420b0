//! What is shown of an app, read leniently: a resource that an older or newer operator wrote is still shown.

use std::collections::BTreeSet;

use msapp_core::status::Reason;
use serde::Serialize;
use serde_json::Value;

/// An app as it is in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App {
    /// `metadata.name`.
    pub(super) name: String,
    /// `metadata.namespace`.
    pub(super) namespace: String,
    /// `metadata.generation`.
    pub(super) generation: i64,
    /// The generation that the operator speaks of; none before it has seen the app.
    pub(super) observed_generation: Option<i64>,
    /// Whether the operator is told to leave it alone.
    pub(super) suspended: bool,
    /// Whether it is being deleted.
    pub(super) deleting: bool,
    /// Ready services of all services.
    pub(super) summary: Option<String>,
    /// Where the outside world reaches it.
    pub(super) url: Option<String>,
    /// The condition Ready.
    pub(super) ready: Option<Ready>,
    /// The services, in the order of the spec.
    pub(super) services: Vec<Service>,
}

/// The condition Ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Ready {
    /// True, False or Unknown.
    pub(super) status: String,
    /// In one word.
    pub(super) reason: String,
    /// In one sentence.
    pub(super) message: String,
}

/// A service of an app.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    /// Its name.
    pub(super) name: String,
    /// Pods that are ready; none while the operator says nothing of it.
    pub(super) ready: Option<i64>,
    /// Pods that should be.
    pub(super) desired: Option<i64>,
    /// Its image.
    pub(super) image: String,
    /// Why it is not ready, in one word.
    pub(super) reason: Option<String>,
    /// Why it is not ready, in one sentence.
    pub(super) message: Option<String>,
    /// What it depends on.
    pub(super) dependencies: Vec<String>,
    /// Whether the spec still has it.
    pub(super) declared: bool,
}

/// How a service is, in one mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Everything is up.
    Ready,
    /// It is on its way.
    Moving,
    /// It waits for something else, or nothing is known of it.
    Waiting,
    /// Something is broken.
    Broken,
}

impl State {
    /// What a reason says of a service or an app; a reason of a newer operator is taken for bad news.
    pub(super) fn of(reason: &str) -> Self {
        match Reason::ALL.into_iter().find(|known| known.as_str() == reason) {
            Some(Reason::WaitingForDependency | Reason::MissingReference | Reason::Suspended) => {
                State::Waiting
            }
            Some(
                Reason::RollingOut
                | Reason::AwaitingDeletion
                | Reason::NamespaceTerminating
                | Reason::ApiUnavailable,
            ) => State::Moving,
            _ => State::Broken,
        }
    }
}

impl App {
    /// The app of a resource.
    pub(super) fn from_resource(resource: &Value) -> Self {
        let (metadata, spec, status) = (&resource["metadata"], &resource["spec"], &resource["status"]);
        Self {
            name: text(&metadata["name"]).unwrap_or_default(),
            namespace: text(&metadata["namespace"]).unwrap_or_default(),
            generation: metadata["generation"].as_i64().unwrap_or_default(),
            observed_generation: status["observedGeneration"].as_i64().filter(|generation| *generation >= 0),
            suspended: spec["suspend"] == true,
            deleting: metadata["deletionTimestamp"].is_string(),
            summary: text(&status["summary"]),
            url: text(&status["url"]),
            ready: entries(&status["conditions"]).find(|condition| condition["type"] == "Ready").map(
                |condition| Ready {
                    status: text(&condition["status"]).unwrap_or_default(),
                    reason: text(&condition["reason"]).unwrap_or_default(),
                    message: text(&condition["message"]).unwrap_or_default(),
                },
            ),
            services: services(spec, status),
        }
    }

    /// Whether the operator speaks of what is written now.
    pub(super) fn is_current(&self) -> bool {
        self.observed_generation == Some(self.generation)
    }

    /// Whether everything is up at the current generation.
    pub(super) fn is_ready(&self) -> bool {
        self.is_current() && !self.deleting && self.ready.as_ref().is_some_and(|ready| ready.status == "True")
    }

    /// Why it is not ready, if it is not.
    pub(super) fn why(&self) -> Option<String> {
        if self.deleting {
            return Some("the app is being deleted".to_owned());
        }
        match (&self.ready, self.observed_generation) {
            (None, _) | (_, None) => Some(
                "the operator has not seen the app yet: does it run, and watch this namespace?".to_owned(),
            ),
            (_, Some(observed)) if observed < self.generation => Some(format!(
                "the operator has not acted on generation {} yet; what is shown is generation {observed}",
                self.generation
            )),
            (Some(ready), _) if ready.status != "True" => Some(without_count(&ready.message).to_owned()),
            _ => None,
        }
    }
}

impl Service {
    /// How it is, in one mark.
    pub(super) fn state(&self) -> State {
        let Some(reason) = &self.reason else {
            return if self.ready.is_some() { State::Ready } else { State::Waiting };
        };
        State::of(reason)
    }

    /// Tag or digest of the image, as short as it can be told.
    pub(super) fn version(&self) -> String {
        if let Some((_, digest)) = self.image.split_once('@') {
            return digest.chars().take("sha256:".len() + 7).collect();
        }
        let last = self.image.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or("latest", |(_, tag)| tag).to_owned()
    }
}

fn services(spec: &Value, status: &Value) -> Vec<Service> {
    let told = |name: &str| entries(&status["services"]).find(|service| service["name"] == name);
    let declared = entries(&spec["services"]).filter_map(|written| {
        let name = text(&written["name"])?;
        let dependencies =
            entries(&written["dependencies"]).filter_map(|dependency| text(&dependency["name"])).collect();
        let image = text(&written["image"]).unwrap_or_default();
        Some(service(
            name.clone(),
            told(&name),
            Service { image, dependencies, declared: true, ..Service::default() },
        ))
    });
    let mut services: Vec<Service> = declared.collect();
    let names: BTreeSet<String> = services.iter().map(|service| service.name.clone()).collect();
    let gone = entries(&status["services"]).filter_map(|told| Some((text(&told["name"])?, told)));
    services.extend(
        gone.filter(|(name, _)| !names.contains(name))
            .map(|(name, told)| service(name, Some(told), Service::default())),
    );
    services
}

fn service(name: String, told: Option<&Value>, written: Service) -> Service {
    let told = told.unwrap_or(&Value::Null);
    Service {
        name,
        ready: told["ready"].as_i64(),
        desired: told["desired"].as_i64(),
        image: text(&told["image"]).unwrap_or(written.image),
        reason: text(&told["reason"]),
        message: text(&told["message"]),
        ..written
    }
}

/// The summary stands in the header already.
fn without_count(message: &str) -> &str {
    match message.split_once(": ") {
        Some((count, rest))
            if count.contains('/')
                && count.chars().all(|letter| letter.is_ascii_digit() || letter == '/') =>
        {
            rest
        }
        _ => message,
    }
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(image: &str) -> String {
        Service { image: image.to_owned(), ..Service::default() }.version()
    }

    #[test]
    fn the_version_is_the_tag_or_the_beginning_of_the_digest() {
        assert_eq!(version("registry.example:5000/shop/cart:1.4.2"), "1.4.2");
        assert_eq!(version("registry.example:5000/shop/cart"), "latest");
        assert_eq!(version("cart@sha256:0123456789abcdef"), "sha256:0123456");
    }

    #[test]
    fn an_app_of_an_earlier_generation_is_not_ready() {
        let resource = |observed| {
            json!({"metadata": {"name": "shop", "generation": 2}, "spec": {}, "status": {
                "observedGeneration": observed, "conditions": [{"type": "Ready", "status": "True"}],
            }})
        };
        assert!(App::from_resource(&resource(2)).is_ready());
        let stale = App::from_resource(&resource(1));
        assert!(!stale.is_ready());
        assert!(stale.why().is_some_and(|why| why.contains("has not acted on generation 2")));
        assert!(App::from_resource(&resource(-1)).why().is_some_and(|why| why.contains("has not seen")));
    }

    #[test]
    fn the_count_is_not_told_twice() {
        assert_eq!(without_count("11/12: cart: pod: x"), "cart: pod: x");
        assert_eq!(without_count("spec.services[0]: x"), "spec.services[0]: x");
    }
}
