//! What the test enforcer lets through, in the letters of the other evaluators.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, Namespace, Pod as ClusterPod, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use msapp_core::policy::{Endpoint, Pod, Transport};

use super::{Answer, Case};
use crate::enforcer::{Objects, Protocol, Question, Ranges, Rules};

const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];

/// What the test enforcer loads for a case without IPv6, asked from every endpoint to every endpoint.
///
/// # Errors
///
/// When it refuses a policy or pod of the case.
pub fn enforced(case: &Case, numbers: &[u16]) -> Result<Answer> {
    let rules = Rules::read(&objects(case), &Ranges::default())?;
    let addresses = addresses(case)?;
    let mut answer = Answer::default();
    for (from, to) in addresses.iter().flat_map(|from| addresses.iter().map(move |to| (*from, *to))) {
        for (protocol, port) in PROTOCOLS.into_iter().flat_map(|one| numbers.iter().map(move |at| (one, *at)))
        {
            let question = Question { from, to, protocol, port };
            answer.ingress.push(if rules.lets_in(question) { '1' } else { '0' });
            answer.egress.push(if rules.lets_out(question) { '1' } else { '0' });
        }
    }
    Ok(answer)
}

/// The address of each endpoint of a case without IPv6.
pub fn addresses(case: &Case) -> Result<Vec<Ipv4Addr>> {
    case.endpoints.iter().map(address).collect()
}

fn address(endpoint: &Endpoint) -> Result<Ipv4Addr> {
    let address = match endpoint {
        Endpoint::Address(address) => Some(address),
        Endpoint::Pod(pod) => pod.addresses.first(),
    };
    match address.context("a pod has no address")? {
        IpAddr::V4(address) => Ok(*address),
        IpAddr::V6(address) => bail!("{address} is not of IPv4"),
    }
}

/// The objects of a cluster that is as the case says. It knows nothing of machines outside.
pub fn objects(case: &Case) -> Objects {
    let pods: Vec<&Pod> = case.endpoints.iter().filter_map(Endpoint::pod).collect();
    let mut namespaces: Vec<Arc<Namespace>> = pods.iter().map(|pod| Arc::new(namespace(pod))).collect();
    namespaces.dedup();
    Objects {
        namespaces,
        pods: pods.iter().enumerate().map(|(number, pod)| Arc::new(cluster_pod(number, pod))).collect(),
        policies: case.policies.iter().cloned().map(Arc::new).collect(),
    }
}

fn namespace(pod: &Pod) -> Namespace {
    let (name, labels) = (Some(pod.namespace.clone()), Some(pod.namespace_labels.clone()));
    Namespace { metadata: ObjectMeta { name, labels, ..ObjectMeta::default() }, ..Namespace::default() }
}

fn cluster_pod(number: usize, pod: &Pod) -> ClusterPod {
    let ports = pod.ports.iter().map(|port| ContainerPort {
        name: Some(port.name.clone()),
        // What is not said is TCP.
        protocol: (port.transport != Transport::Tcp).then(|| port.transport.as_str().to_owned()),
        container_port: port.number.into(),
        ..ContainerPort::default()
    });
    let container = Container { ports: Some(ports.collect()), ..Container::default() };
    ClusterPod {
        metadata: ObjectMeta {
            name: Some(format!("pod-{number}")),
            namespace: Some(pod.namespace.clone()),
            labels: Some(pod.labels.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }),
        status: Some(PodStatus {
            pod_ip: pod.addresses.first().map(ToString::to_string),
            ..PodStatus::default()
        }),
    }
}
