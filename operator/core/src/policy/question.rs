//! One question to the policies of an app: what passes from here to there, and what does each end say?

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::checked::Policies;
use super::declared::{DNS_PODS, Declared};
use super::difference::Difference;
use super::endpoint::{Endpoint, Pod};
use super::evaluate::{Direction, Evaluation};
use super::ports::Traffic;
use super::proof::{pods, policies};
use crate::desired::DesiredSet;
use crate::graph::App;

/// Addresses for documentation (RFC 5737): whichever of them an app does not name stands for the rest of the world.
const ELSEWHERE: [&str; 3] = ["192.0.2.1", "198.51.100.1", "203.0.113.1"];

/// The policies of an app, and a pod of each of its services.
#[derive(Clone, Debug)]
pub struct Posts {
    policies: Policies,
    pods: BTreeMap<String, Pod>,
}

/// What the two ends of a connection say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// What may leave.
    pub egress: Traffic,
    /// What may enter.
    pub ingress: Traffic,
}

impl Passage {
    /// What passes: what both ends let through.
    pub fn traffic(&self) -> Traffic {
        self.egress.intersection(&self.ingress)
    }
}

impl Posts {
    /// Reads what an app makes.
    ///
    /// # Errors
    /// A policy that Kubernetes does not take, or a service without pods: a defect, told as the proof tells it.
    pub fn of(app: &App, desired: &DesiredSet) -> Result<Self, Vec<Difference>> {
        let mut differences = Vec::new();
        let policies = policies(desired, &mut differences);
        let pods = pods(app, desired, &mut differences);
        let names = app.services.iter().map(|service| service.name.clone());
        if differences.is_empty() {
            Ok(Self { policies, pods: names.zip(pods).collect() })
        } else {
            Err(differences)
        }
    }

    /// A pod of a service.
    pub fn pod(&self, service: &str) -> Option<Endpoint> {
        self.pods.get(service).cloned().map(Endpoint::Pod)
    }

    /// What the policies say about a connection. Ends that no policy isolates let everything through.
    pub fn ask(&self, from: Endpoint, to: Endpoint) -> Passage {
        let endpoints = [from, to];
        let evaluation = Evaluation::new(&self.policies, &endpoints);
        Passage {
            egress: evaluation.of(Direction::Egress, 0).swap_remove(1),
            ingress: evaluation.of(Direction::Ingress, 1).swap_remove(0),
        }
    }
}

/// The DNS server that pods ask: the first one that the app names, or the usual one.
pub fn dns_server(app: &App) -> Endpoint {
    let named = app.network.iter().flat_map(|rules| &rules.dns).next();
    let named = named.map(|server| Pod::new(&server.namespace, server.labels.clone()));
    let usual = || {
        let (namespace, (key, value), _) = DNS_PODS[0];
        Pod::new(namespace, [(key.to_owned(), value.to_owned())].into())
    };
    Endpoint::Pod(named.unwrap_or_else(usual))
}

/// An address that the app does not name.
pub fn somewhere(app: &App) -> Endpoint {
    let ranges: Vec<IpNet> = Declared { app }.ranges().collect();
    let addresses = ELSEWHERE.iter().filter_map(|text| text.parse::<IpAddr>().ok());
    let unnamed = |address: &IpAddr| !ranges.iter().any(|range| range.contains(address));
    let mut addresses = addresses.filter(unnamed);
    Endpoint::Address(addresses.next().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::new(1, 0, 0, 1))))
}
