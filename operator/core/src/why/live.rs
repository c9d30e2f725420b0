//! What of a declared connection is there in a cluster: each link of the chain, from the caller's pods to the ports of
//! the called one. The first that is missing is the answer.

use serde::Serialize;
use serde_json::Value;

use super::Question;
use crate::desired::{ChildKind, DesiredSet};
use crate::graph::{App, Service};

/// What somebody who looked found.
#[derive(Clone, Debug, PartialEq)]
pub enum Look<T> {
    /// It is there.
    Found(T),
    /// It is not there.
    Absent,
    /// It could not be read, and why.
    Unread(String),
}

/// What was found of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// NetworkPolicy and pods of the caller.
    pub caller: EndSight,
    /// NetworkPolicy and pods of the called one, when it is a service of the app.
    pub called: Option<EndSight>,
    /// Service of the called one, when it is a service of the app.
    pub service: Look<Value>,
    /// EndpointSlices of that Service.
    pub slices: Look<Vec<Value>>,
    /// Pods that answer for DNS.
    pub dns: Look<Vec<Value>>,
}

/// What was found of one end.
#[derive(Clone, Debug, PartialEq)]
pub struct EndSight {
    /// Name of the service.
    pub service: String,
    /// Its NetworkPolicy.
    pub policy: Look<Value>,
    /// Its pods.
    pub pods: Look<Vec<Value>>,
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It is there.
    Ok,
    /// It is missing, or not as it should be.
    Missing,
    /// Nobody could look.
    Unknown,
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// `NetworkPolicy cart`
    pub what: String,
    /// How it is.
    pub state: State,
    /// One sentence without a full stop.
    pub sentence: String,
}

/// The links of a connection, in the order in which a packet meets them.
pub fn links(app: &App, desired: &DesiredSet, question: &Question, sight: &Sight) -> Vec<Link> {
    let mut links = vec![pods(&sight.caller), dns(&sight.dns)];
    links.extend(policy(app, desired, &sight.caller));
    let called = app.service(&question.to).zip(sight.called.as_ref());
    if let Some((service, end)) = called {
        links.push(reading(format!("Service {}", service.name), &sight.service, |found| {
            has_port(service, question.port.as_deref(), found)
        }));
        let what = format!("EndpointSlices of {}", service.name);
        links.push(reading(what, &sight.slices, |found| endpoints(found)));
        links.extend(policy(app, desired, end));
        links.push(pods(end));
    }
    links
}

/// The first link that is missing: the answer.
pub fn first_missing(links: &[Link]) -> Option<&Link> {
    links.iter().find(|link| link.state == State::Missing)
}

/// A link of which something can be said only when it was found.
fn reading<T>(what: String, look: &Look<T>, judge: impl Fn(&T) -> Result<String, String>) -> Link {
    let (state, sentence) = match look {
        Look::Found(found) => match judge(found) {
            Ok(sentence) => (State::Ok, sentence),
            Err(sentence) => (State::Missing, sentence),
        },
        Look::Absent => (State::Missing, "it does not exist".to_owned()),
        Look::Unread(why) => (State::Unknown, why.clone()),
    };
    Link { what, state, sentence }
}

fn pods(end: &EndSight) -> Link {
    reading(format!("pods of {}", end.service), &end.pods, |pods| some_ready(pods))
}

fn dns(look: &Look<Vec<Value>>) -> Link {
    reading("DNS".to_owned(), look, |pods| some_ready(pods))
}

/// `2 of 3 are ready`
fn some_ready(pods: &[Value]) -> Result<String, String> {
    let is_ready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
        ready.any(|condition| condition["status"] == "True") && pod["metadata"]["deletionTimestamp"].is_null()
    };
    let ready = pods.iter().filter(is_ready).count();
    match (ready, pods.len()) {
        (_, 0) => Err("there are none".to_owned()),
        (0, 1) => Err("the only one is not ready".to_owned()),
        (0, all) => Err(format!("none of {all} is ready")),
        (ready, all) => Ok(format!("{ready} of {all} ready")),
    }
}

/// The policy of an end as it is applied; none where isolation is disabled.
fn policy(app: &App, desired: &DesiredSet, end: &EndSight) -> Option<Link> {
    app.network.as_ref()?;
    let wanted = desired
        .iter()
        .find(|object| object.key.kind == ChildKind::NetworkPolicy && object.key.name == end.service)?;
    let what = format!("NetworkPolicy {}", end.service);
    Some(reading(what, &end.policy, |found| {
        if found["spec"] == wanted.manifest["spec"] {
            Ok("it is as the resource wants it".to_owned())
        } else {
            Err("it is not what the resource wants: the operator has not applied it yet, or somebody changed it".to_owned())
        }
    }))
}

/// Whether the Service has the ports that are asked for, or all that the resource declares.
fn has_port(service: &Service, asked: Option<&str>, found: &Value) -> Result<String, String> {
    let wanted = service.ports.iter().filter(|port| {
        asked.is_none_or(|asked| service.port(asked).is_some_and(|meant| meant.name == port.name))
    });
    let has = |number: i32| {
        let ports = found["spec"]["ports"].as_array().into_iter().flatten();
        ports.into_iter().any(|port| port["port"] == number)
    };
    let (there, missing): (Vec<i32>, Vec<i32>) = wanted.map(|port| port.port).partition(|port| has(*port));
    let shown = |ports: &[i32]| ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if missing.is_empty() && !there.is_empty() {
        Ok(format!("it has port {}", shown(&there)))
    } else {
        Err(format!("it has no port {}", asked.map_or_else(|| shown(&missing), str::to_owned)))
    }
}

/// Endpoints without a condition count as ready
/// (<https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/>).
fn endpoints(slices: &[Value]) -> Result<String, String> {
    let all = || slices.iter().flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
    let ready = all().filter(|endpoint| endpoint["conditions"]["ready"] != false).count();
    match (ready, all().count()) {
        (0, 0) => Err("there is no endpoint: no pod has the labels of the Service".to_owned()),
        (0, all) => Err(format!("none of {all} endpoints is ready")),
        (ready, all) => Ok(format!("{ready} of {all} endpoints ready")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::build;
    use crate::source::Source;

    fn app() -> App {
        let spec = json!({"services": [
            {"name": "web", "image": "web:1", "dependencies": [{"name": "cart"}]},
            {"name": "cart", "image": "cart:1", "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]}
        ]});
        let (name, namespace) = ("shop".to_owned(), "shop".to_owned());
        crate::graph::resolve(&Source { name, namespace, spec, ..Source::default() }).expect("it is right")
    }

    fn pod(ready: &str) -> Value {
        json!({"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
    }

    fn whole(desired: &DesiredSet) -> Sight {
        let manifest = |kind, name: &str| {
            let found = desired.iter().find(|object| object.key.kind == kind && object.key.name == name);
            Look::Found(found.expect("it is made").manifest.clone())
        };
        let end = |name: &str| EndSight {
            service: name.to_owned(),
            policy: manifest(ChildKind::NetworkPolicy, name),
            pods: Look::Found(vec![pod("True"), pod("False")]),
        };
        Sight {
            caller: end("web"),
            called: Some(end("cart")),
            service: manifest(ChildKind::Service, "cart"),
            slices: Look::Found(vec![
                json!({"endpoints": [{"conditions": {"ready": true}}, {"conditions": {}}]}),
            ]),
            dns: Look::Found(vec![pod("True")]),
        }
    }

    fn told(change: impl Fn(&mut Sight), port: Option<&str>) -> Vec<String> {
        let app = app();
        let desired = build::objects(&app);
        let mut sight = whole(&desired);
        change(&mut sight);
        let (from, to) = ("web".to_owned(), "cart".to_owned());
        let question = Question { from, to, port: port.map(str::to_owned) };
        let links = links(&app, &desired, &question, &sight);
        links.iter().map(|link| format!("{} {:?}: {}", link.what, link.state, link.sentence)).collect()
    }

    #[test]
    fn a_whole_chain_is_told_link_by_link() {
        assert_eq!(
            told(|_| {}, None),
            [
                "pods of web Ok: 1 of 2 ready",
                "DNS Ok: 1 of 1 ready",
                "NetworkPolicy web Ok: it is as the resource wants it",
                "Service cart Ok: it has port 80, 81",
                "EndpointSlices of cart Ok: 2 of 2 endpoints ready",
                "NetworkPolicy cart Ok: it is as the resource wants it",
                "pods of cart Ok: 1 of 2 ready",
            ]
        );
    }

    #[test]
    fn each_link_can_be_missing() {
        let missing = |change: fn(&mut Sight), at: usize| told(change, Some("http")).swap_remove(at);
        let none = |sight: &mut Sight| sight.caller.pods = Look::Found(Vec::new());
        assert_eq!(missing(none, 0), "pods of web Missing: there are none");
        let unready = |sight: &mut Sight| sight.dns = Look::Found(vec![pod("False")]);
        assert_eq!(missing(unready, 1), "DNS Missing: the only one is not ready");
        let absent = |sight: &mut Sight| sight.caller.policy = Look::Absent;
        assert_eq!(missing(absent, 2), "NetworkPolicy web Missing: it does not exist");
        let other =
            |sight: &mut Sight| sight.service = Look::Found(json!({"spec": {"ports": [{"port": 8}]}}));
        assert_eq!(missing(other, 3), "Service cart Missing: it has no port http");
        let unready = |sight: &mut Sight| {
            sight.slices = Look::Found(vec![json!({"endpoints": [{"conditions": {"ready": false}}]})]);
        };
        assert_eq!(missing(unready, 4), "EndpointSlices of cart Missing: none of 1 endpoints is ready");
        let changed = |sight: &mut Sight| {
            let end = sight.called.as_mut().expect("it is a service");
            end.policy = Look::Found(json!({"spec": {"podSelector": {}}}));
        };
        assert!(
            missing(changed, 5).starts_with("NetworkPolicy cart Missing: it is not what the resource wants")
        );
    }

    #[test]
    fn what_nobody_may_read_is_unknown_and_not_missing() {
        let told = told(|sight| sight.dns = Look::Unread("you may not".to_owned()), None);
        assert_eq!(told[1], "DNS Unknown: you may not");
    }
}
