use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};
use msapp_crds::v1alpha1::PathType;

use super::metadata;
use crate::graph::{App, Exposure, Service};

/// Entry from outside.
pub(super) fn ingress(app: &App, service: &Service) -> Option<Ingress> {
    let exposure = service.exposure.as_ref()?;
    let tls = exposure.tls_secret.as_ref().map(|secret| {
        vec![IngressTLS { hosts: Some(vec![exposure.host.clone()]), secret_name: Some(secret.clone()) }]
    });
    Some(Ingress {
        metadata: metadata(app, service),
        spec: Some(IngressSpec {
            ingress_class_name: exposure.class.clone(),
            rules: Some(vec![rule(service, exposure)]),
            tls,
            ..IngressSpec::default()
        }),
        status: None,
    })
}

fn rule(service: &Service, exposure: &Exposure) -> IngressRule {
    let backend = IngressServiceBackend {
        name: service.name.clone(),
        port: Some(ServiceBackendPort { number: Some(exposure.port), name: None }),
    };
    let path_type = match exposure.path_type {
        PathType::Prefix => "Prefix",
        PathType::Exact => "Exact",
    };
    let path = HTTPIngressPath {
        path: Some(exposure.path.clone()),
        path_type: path_type.to_owned(),
        backend: IngressBackend { service: Some(backend), resource: None },
    };
    IngressRule { host: Some(exposure.host.clone()), http: Some(HTTPIngressRuleValue { paths: vec![path] }) }
}
