use k8s_openapi::api::core::v1::{Service as Built, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_crds::v1alpha1::Protocol;

use super::metadata;
use crate::graph::{App, Port, Service};
use crate::labels;

/// The DNS name of the service; a worker without ports has none.
pub(super) fn service(app: &App, service: &Service) -> Option<Built> {
    if service.ports.is_empty() {
        return None;
    }
    Some(Built {
        metadata: metadata(app, service),
        spec: Some(ServiceSpec {
            selector: Some(labels::selector(&app.name, &service.name)),
            ports: Some(service.ports.iter().map(port).collect()),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

fn port(port: &Port) -> ServicePort {
    ServicePort {
        name: Some(port.name.clone()),
        port: port.port,
        target_port: Some(IntOrString::Int(port.target)),
        protocol: Some(port.transport().to_owned()),
        app_protocol: app_protocol(port.protocol).map(str::to_owned),
        ..ServicePort::default()
    }
}

/// <https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol>
fn app_protocol(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::HTTP => Some("http"),
        Protocol::HTTP2 | Protocol::GRPC => Some("kubernetes.io/h2c"),
        Protocol::TCP | Protocol::UDP => None,
    }
}
