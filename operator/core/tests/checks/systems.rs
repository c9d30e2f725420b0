//! Whole systems that are in order: no check has anything to say of them, and a large one is judged.

use std::path::Path;

use msapp_core::graph::Check;
use serde_json::Value;

use crate::{NOTHING, found_in};

/// Every sample has what it needs; what it accepts it waives. The smallest shows what little is needed.
#[test]
fn the_samples_are_in_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let samples = ["booking", "document-exchange", "dotnet-shop", "enrichment", "hello", "retail", "shop"];
    for sample in samples {
        let text =
            std::fs::read_to_string(folder.join(format!("{sample}.yaml"))).expect("the sample is there");
        let resource: Value = serde_saphyr::from_str(&text).expect("YAML");
        assert_eq!(found_in(&resource["spec"].to_string()), NOTHING, "{sample}");
    }
}

/// Online Boutique, a demonstration shop of Google (<https://github.com/GoogleCloudPlatform/microservices-demo>): its
/// services, ports, edges and resources.
const ONLINE_BOUTIQUE: &str = "
defaults:
  resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 200m, memory: 128Mi}}
  probes: {grpc: {}}
services:
- name: frontend
  image: registry.example/frontend:v0.10.6
  ports: [{name: http, port: 80, targetPort: 8080}]
  probes: {path: /_healthz}
  expose: {host: boutique.example.com, controllerNamespace: ingress}
  dependencies:
  - {name: productcatalogservice, env: [{name: PRODUCT_CATALOG_SERVICE_ADDR, from: Address}]}
  - {name: currencyservice, env: [{name: CURRENCY_SERVICE_ADDR, from: Address}]}
  - {name: cartservice, env: [{name: CART_SERVICE_ADDR, from: Address}]}
  - {name: recommendationservice, env: [{name: RECOMMENDATION_SERVICE_ADDR, from: Address}]}
  - {name: shippingservice, env: [{name: SHIPPING_SERVICE_ADDR, from: Address}]}
  - {name: checkoutservice, env: [{name: CHECKOUT_SERVICE_ADDR, from: Address}]}
  - {name: adservice, env: [{name: AD_SERVICE_ADDR, from: Address}]}
- {name: adservice, image: 'adservice:v0.10.6', ports: [{name: grpc, port: 9555, protocol: GRPC}]}
- name: cartservice
  image: cartservice:v0.10.6
  ports: [{name: grpc, port: 7070, protocol: GRPC}]
  dependencies: [{name: redis-cart, env: [{name: REDIS_ADDR, from: Address}]}]
- name: checkoutservice
  image: checkoutservice:v0.10.6
  ports: [{name: grpc, port: 5050, protocol: GRPC}]
  dependencies:
  - {name: productcatalogservice}
  - {name: shippingservice}
  - {name: paymentservice}
  - {name: emailservice}
  - {name: currencyservice}
  - {name: cartservice}
- name: recommendationservice
  image: recommendationservice:v0.10.6
  ports: [{name: grpc, port: 8080, protocol: GRPC}]
  dependencies: [{name: productcatalogservice}]
- {name: emailservice, image: 'emailservice:v0.10.6', ports: [{name: grpc, port: 5000, targetPort: 8080, protocol: GRPC}]}
- {name: currencyservice, image: 'currencyservice:v0.10.6', ports: [{name: grpc, port: 7000, protocol: GRPC}]}
- {name: paymentservice, image: 'paymentservice:v0.10.6', ports: [{name: grpc, port: 50051, protocol: GRPC}]}
- {name: shippingservice, image: 'shippingservice:v0.10.6', ports: [{name: grpc, port: 50051, protocol: GRPC}]}
- {name: productcatalogservice, image: 'productcatalogservice:v0.10.6', ports: [{name: grpc, port: 3550, protocol: GRPC}]}
- name: redis-cart
  image: redis:alpine
  ports: [{name: redis, port: 6379, protocol: TCP}]
  probes: {tcp: {}}
  scratch: [{path: /data}]
- name: loadgenerator
  image: loadgenerator:v0.10.6
  probes: {exec: {command: [healthy]}}
  env: [{name: USERS, value: '10'}, {name: RATE, value: '1'}]
  dependencies: [{name: frontend, env: [{name: FRONTEND_ADDR, from: Address}]}]
";

#[test]
fn online_boutique_is_in_order() {
    assert_eq!(found_in(ONLINE_BOUTIQUE), NOTHING);
}

#[test]
fn a_hundred_services_of_which_each_calls_all_others_within_its_reach_are_judged() {
    let services: Vec<String> = (0..100)
        .map(|at| {
            let called: Vec<String> =
                (1..=32).map(|step| format!("{{name: s{}, optional: false}}", (at + step) % 100)).collect();
            format!(
                "- {{name: s{at}, image: 's:1', ports: [{{name: http, port: 80}}], dependencies: [{}]}}\n",
                called.join(", ")
            )
        })
        .collect();
    let found = crate::found(&format!("services:\n{}", services.concat()));
    let of = |check: Check| found.iter().filter(|one| one.contains(check.as_str())).count();
    assert_eq!(
        (of(Check::SynchronousCycle), of(Check::DistributedMonolith), of(Check::WideFanOut)),
        (1, 1, 100)
    );
}

#[test]
fn the_codes_are_different_and_sorted() {
    let codes: Vec<&str> = Check::ALL.iter().map(|check| check.as_str()).collect();
    assert!(codes.is_sorted_by(|left, right| left < right), "{codes:?}");
    assert!(Check::ALL.iter().all(|check| Check::parse(check.as_str()) == Some(*check)));
}
