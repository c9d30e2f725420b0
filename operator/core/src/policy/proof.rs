//! The proof of an app: for every pair of its services, and for each with everything around it, what the generated
//! policies let through is what the resource declares, at both ends, on every port.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::{Deserialize, Serialize};

use super::checked::Policies;
use super::declared::{Declared, Grant, Seen};
use super::difference::{Difference, End};
use super::endpoint::{Endpoint, NamedPort, Pod};
use super::evaluate::{Direction, Evaluation};
use super::places::{Place, around};
use super::ports::{Traffic, Transport};
use crate::desired::{ChildKind, DesiredSet};
use crate::graph::{App, Reach, Service};
use crate::violation::{Code, Violation, Violations};

/// Ports of all protocols together.
const PORTS: u64 = 3 * 65_536;

/// Differences that are told one by one; a broken policy makes one for everything around it.
const TOLD: usize = 100;

/// Differences that become violations, which a status can hold.
const REPORTED: usize = 10;

/// What was compared, and what came out of it. Equal inputs make an equal proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Name of the app.
    pub app: String,
    /// Its namespace.
    pub namespace: String,
    /// Whether it is isolated at all; when not, everything is open.
    pub isolated: bool,
    /// How much was compared.
    pub counts: Counts,
    /// What is open, from whom to whom, empty when nothing is closed. Services by their name, others in words.
    pub matrix: BTreeMap<String, BTreeMap<String, Traffic>>,
    /// Targets that nothing is opened to, because a policy cannot hold the name that is all that is known of them.
    pub closed: BTreeMap<String, Vec<String>>,
    /// Where reachable and declared differ, services first, at most a hundred.
    pub differences: Vec<Difference>,
}

/// How much was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Services of the app.
    pub services: usize,
    /// Ordered pairs of different services.
    pub pairs: usize,
    /// Those of them that may talk on some port.
    pub open_pairs: usize,
    /// Places outside the app: kinds of pods and ranges of addresses.
    pub places: usize,
    /// Answers that were compared: each is for one end of one connection on one port of one protocol.
    pub answers: u64,
    /// Differences, those that are not told included.
    pub differences: usize,
}

impl Proof {
    /// Whether reachable equals declared.
    pub fn holds(&self) -> bool {
        self.counts.differences == 0
    }

    /// The differences as mistakes, which they are: not the user's, but nothing may be written with them.
    pub fn violations(&self) -> Violations {
        let mut told: Vec<String> = self.differences.iter().take(REPORTED).map(ToString::to_string).collect();
        if self.counts.differences > told.len() {
            told.push(format!("{} more differences", self.counts.differences - told.len()));
        }
        let message = |told| {
            format!(
                "the network policies are not what is declared, which is a defect of msapp, not of the resource: {told}"
            )
        };
        told.into_iter().map(|told| Violation::new("spec", Code::ProofFailed, message(told))).collect()
    }

    /// `shop: 132 pairs, both directions, every port: reachable equals declared`
    pub fn summary(&self) -> String {
        let Counts { pairs, differences, .. } = self.counts;
        let result = match (differences, self.isolated) {
            (0, true) => "reachable equals declared".to_owned(),
            (0, false) => "all open, because isolation is disabled".to_owned(),
            (1, _) => "1 difference between reachable and declared".to_owned(),
            (count, _) => format!("{count} differences between reachable and declared"),
        };
        let pairs = if pairs == 1 { "1 pair".to_owned() } else { format!("{pairs} pairs") };
        format!("{}: {pairs}, both directions, every port: {result}", self.app)
    }
}

/// Compares what the objects of an app let through with what the app declares.
pub fn prove(app: &App, desired: &DesiredSet) -> Proof {
    let mut differences = Vec::new();
    let policies = policies(desired, &mut differences);
    let pods = pods(app, desired, &mut differences);
    let mut counts = Counts {
        services: app.services.len(),
        pairs: app.services.len() * app.services.len().saturating_sub(1),
        ..Counts::default()
    };
    let mut matrix = BTreeMap::new();
    // Without its pods or with a policy that nobody understands there is nothing to compare.
    if differences.is_empty() {
        let places = around(Declared { app }, &pods, &policies);
        let endpoints: Vec<Endpoint> = pods.into_iter().map(Endpoint::Pod).collect();
        let endpoints: Vec<Endpoint> =
            endpoints.into_iter().chain(places.iter().map(|place| place.endpoint.clone())).collect();
        let evaluation = Evaluation::new(&policies, &endpoints);
        let mut comparison = Comparison::new(app, &evaluation, &endpoints, &places);
        comparison.compare();
        counts.places = places.len();
        counts.open_pairs = comparison.open_pairs;
        counts.answers = comparison.answers * PORTS;
        matrix = comparison.matrix;
        differences = comparison.differences;
    }
    counts.differences = differences.len();
    differences.truncate(TOLD);
    let (name, namespace) = (app.name.clone(), app.namespace.clone());
    let isolated = app.network.is_some();
    Proof { app: name, namespace, isolated, counts, matrix, closed: closed(app), differences }
}

fn closed(app: &App) -> BTreeMap<String, Vec<String>> {
    let mut closed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for service in app.services.iter().filter(|_| app.network.is_some()) {
        for edge in service.edges.iter().filter(|edge| edge.reach == Reach::Nowhere) {
            closed.entry(service.name.clone()).or_default().push(edge.name.clone());
        }
    }
    closed
}

/// The policies of an app; what Kubernetes does not take is a difference.
pub(super) fn policies(desired: &DesiredSet, differences: &mut Vec<Difference>) -> Policies {
    let mut policies: Vec<NetworkPolicy> = Vec::new();
    for object in desired.iter().filter(|object| object.key.kind == ChildKind::NetworkPolicy) {
        match NetworkPolicy::deserialize(&object.manifest) {
            Ok(policy) => policies.push(policy),
            Err(error) => differences.push(Difference::unreadable(format!("{}: {error}", object.key))),
        }
    }
    Policies::new(&policies).unwrap_or_else(|faults| {
        differences.extend(faults.iter().map(|fault| Difference::unreadable(fault.to_string())));
        Policies::default()
    })
}

/// One pod of each service, in the order of the services, as its workload makes them.
pub(super) fn pods(app: &App, desired: &DesiredSet, differences: &mut Vec<Difference>) -> Vec<Pod> {
    let templates: BTreeMap<&str, PodTemplateSpec> = desired
        .iter()
        .filter_map(|object| {
            let template = object.manifest.pointer("/spec/template")?;
            Some((object.service.as_str(), PodTemplateSpec::deserialize(template).ok()?))
        })
        .collect();
    let mut pods = Vec::new();
    for service in &app.services {
        match templates.get(service.name.as_str()) {
            Some(template) => pods.push(pod(&app.namespace, template)),
            None => {
                differences.push(Difference::unreadable(format!("nothing makes pods of {}", service.name)));
            }
        }
    }
    pods
}

fn pod(namespace: &str, template: &PodTemplateSpec) -> Pod {
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    let mut pod = Pod::new(namespace, labels.unwrap_or_default());
    let containers = template.spec.iter().flat_map(|spec| &spec.containers);
    for port in containers.flat_map(|container| container.ports.iter().flatten()) {
        let transport = Transport::named(port.protocol.as_deref().unwrap_or("TCP"));
        let number = u16::try_from(port.container_port).ok();
        if let (Some(name), Some(transport), Some(number)) = (port.name.clone(), transport, number) {
            pod.ports.push(NamedPort { name, transport, number });
        }
    }
    pod
}

/// The comparison while it is made.
struct Comparison<'a> {
    app: &'a App,
    evaluation: &'a Evaluation<'a>,
    places: &'a [Place],
    /// The services first, the places behind them, as in the evaluation.
    seen: Vec<Seen<'a>>,
    matrix: BTreeMap<String, BTreeMap<String, Traffic>>,
    differences: Vec<Difference>,
    open_pairs: usize,
    answers: u64,
}

impl<'a> Comparison<'a> {
    fn new(
        app: &'a App,
        evaluation: &'a Evaluation<'a>,
        endpoints: &'a [Endpoint],
        places: &'a [Place],
    ) -> Self {
        let seen = endpoints.iter().map(|endpoint| Declared { app }.see(endpoint)).collect();
        let (matrix, differences) = (BTreeMap::new(), Vec::new());
        Self { app, evaluation, places, seen, matrix, differences, open_pairs: 0, answers: 0 }
    }

    fn compare(&mut self) {
        let rows = |direction| -> Vec<Vec<Traffic>> {
            (0..self.app.services.len()).map(|at| self.evaluation.of(direction, at)).collect()
        };
        let (egress, ingress) = (rows(Direction::Egress), rows(Direction::Ingress));
        for from in 0..self.app.services.len() {
            for to in 0..self.app.services.len() {
                self.services((from, to), &egress[from][to], &ingress[to][from]);
            }
        }
        for (at, place) in self.places.iter().enumerate() {
            let place_at = self.app.services.len() + at;
            for service in 0..self.app.services.len() {
                self.outwards(service, place_at, &egress[service][place_at]);
                self.inwards(service, place_at, &ingress[service][place_at]);
            }
            let isolated = |direction| self.evaluation.is_isolated(direction, place_at);
            if isolated(Direction::Ingress) || isolated(Direction::Egress) {
                self.differences.push(Difference::isolated(&place.name));
            }
        }
    }

    /// One service and another, or two pods of the same.
    fn services(&mut self, (from, to): (usize, usize), egress: &Traffic, ingress: &Traffic) {
        let declared = Declared { app: self.app };
        let (caller, called) = (self.service(from), self.service(to));
        let may_leave = union(&declared.egress(caller, &self.seen[to]));
        let may_enter = union(&declared.ingress(called, &self.seen[from]));
        self.answers += 2;
        let name = if from == to { format!("another pod of {}", called.name) } else { called.name.clone() };
        let ends = [(egress.without(&may_leave)), (ingress.without(&may_enter))];
        let both = ends[0].intersection(&ends[1]);
        let names = (caller.name.as_str(), name.as_str());
        self.differ(Difference::open, names, End::Both, both.clone());
        self.differ(Difference::open, names, End::Egress, ends[0].without(&both));
        self.differ(Difference::open, names, End::Ingress, ends[1].without(&both));
        self.differ(Difference::closed, names, End::Egress, may_leave.without(egress));
        self.differ(Difference::closed, names, End::Ingress, may_enter.without(ingress));
        let passing = egress.intersection(ingress);
        if !passing.is_empty() {
            self.open_pairs += usize::from(from != to);
            self.note(&caller.name, &name, &passing);
        }
    }

    fn outwards(&mut self, from: usize, to: usize, found: &Traffic) {
        let service = self.service(from);
        let grants = Declared { app: self.app }.egress(service, &self.seen[to]);
        let names = (service.name.as_str(), self.place(to));
        self.settle(names, End::Egress, &grants, found);
        grants.iter().for_each(|grant| self.note(&service.name, &grant.name, &grant.traffic));
    }

    fn inwards(&mut self, to: usize, from: usize, found: &Traffic) {
        let service = self.service(to);
        let grants = Declared { app: self.app }.ingress(service, &self.seen[from]);
        let names = (self.place(from), service.name.as_str());
        self.settle(names, End::Ingress, &grants, found);
        grants.iter().for_each(|grant| self.note(&grant.name, &service.name, &grant.traffic));
    }

    /// One end between a service and a place outside.
    fn settle(&mut self, names: (&str, &str), end: End, grants: &[Grant], found: &Traffic) {
        let declared = union(grants);
        self.answers += 1;
        if declared == *found {
            return;
        }
        self.differ(Difference::open, names, end, found.without(&declared));
        self.differ(Difference::closed, names, end, declared.without(found));
    }

    fn differ(
        &mut self,
        how: impl Fn((&str, &str), End, Traffic) -> Difference,
        names: (&str, &str),
        end: End,
        ports: Traffic,
    ) {
        if !ports.is_empty() {
            self.differences.push(how(names, end, ports));
        }
    }

    /// Without isolation the matrix would hold everything.
    fn note(&mut self, from: &str, to: &str, traffic: &Traffic) {
        if self.app.network.is_some() {
            let row = self.matrix.entry(from.to_owned()).or_default();
            row.entry(to.to_owned()).or_default().add(traffic);
        }
    }

    fn service(&self, at: usize) -> &'a Service {
        &self.app.services[at]
    }

    fn place(&self, at: usize) -> &'a str {
        &self.places[at - self.app.services.len()].name
    }
}

fn union(grants: &[Grant]) -> Traffic {
    let mut union = Traffic::default();
    grants.iter().for_each(|grant| union.add(&grant.traffic));
    union
}
