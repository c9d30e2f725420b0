//! Images, probes, drains, memory, autoscaling.

use crate::{NOTHING, found, found_in};

/// One service with these fields.
fn cart(fields: &str) -> Vec<String> {
    found(&format!("services:\n- {{name: cart, {fields}}}\n"))
}

#[test]
fn an_image_without_tag_or_with_latest_is_unpinned() {
    let image = |image: &str| cart(&format!("image: '{image}'"));
    let told = "warning unpinned-image spec.services[0].image: \"registry.example:5000/cart\" has no tag, which means \
                latest; name a version or a digest";
    assert_eq!(image("registry.example:5000/cart"), [told]);
    let told = "warning unpinned-image spec.services[0].image: \"cart:latest\" can be another version after every \
                restart; name a version or a digest";
    assert_eq!(image("cart:latest"), [told]);
    assert_eq!(image("cart:1.4.2"), NOTHING);
    assert_eq!(image("redis:alpine"), NOTHING);
    let digest = format!("sha256:{}", "a".repeat(64));
    assert_eq!(image(&format!("cart@{digest}")), NOTHING);
    assert_eq!(image(&format!("cart:latest@{digest}")), NOTHING);
}

const LIMITED: &str = "resources: {limits: {memory: 64Mi}}";

fn listening(fields: &str) -> Vec<String> {
    found_in(&format!(
        "services:\n- {{name: cart, image: 'cart:1', ports: [{{name: http, port: 80}}], {LIMITED}, {fields}}}\n"
    ))
}

#[test]
fn a_service_with_ports_needs_a_readiness_probe() {
    let told = |path: &str| {
        format!(
            "warning missing-probes {path}: cart has ports and no readiness probe, so it gets traffic before it is \
             ready; give probes"
        )
    };
    assert_eq!(listening("args: []"), [told("spec.services[0]")]);
    let liveness = "probes: {liveness: {path: /healthz}}";
    assert_eq!(listening(liveness), [told("spec.services[0].probes")]);
    assert_eq!(listening("probes: {readiness: {path: /ready}}"), NOTHING);
    assert_eq!(listening("probes: {tcp: {}}"), NOTHING);
}

#[test]
fn a_worker_without_ports_needs_no_probes() {
    assert_eq!(found_in(&format!("services:\n- {{name: cart, image: 'cart:1', {LIMITED}}}\n")), NOTHING);
}

#[test]
fn a_budget_that_keeps_every_pod_blocks_all_drains() {
    let all = "warning blocked-drain spec.services[0].disruptionBudget: no node that runs cart can be drained: the \
               budget keeps all of its 2 pods; let one go (maxUnavailable: 1)";
    let budget =
        |pods: &str, budget: &str| cart(&format!("image: 'cart:1', {pods}, disruptionBudget: {{{budget}}}"));
    for blocking in ["minAvailable: 2", "minAvailable: 51%", "maxUnavailable: 0", "maxUnavailable: 0%"] {
        assert_eq!(budget("replicas: 2", blocking), [all], "{blocking}");
    }
    for free in ["minAvailable: 1", "minAvailable: 50%", "maxUnavailable: 1", "maxUnavailable: 1%"] {
        assert_eq!(budget("replicas: 2", free), NOTHING, "{free}");
    }
    assert_eq!(budget("autoscaling: {minReplicas: 2, maxReplicas: 9, cpu: 70}", "minAvailable: 2"), [all]);
    assert_eq!(budget("autoscaling: {minReplicas: 3, maxReplicas: 9, cpu: 70}", "minAvailable: 2"), NOTHING);
    assert_eq!(budget("replicas: 0", "minAvailable: 1"), NOTHING);
}

#[test]
fn one_pod_and_a_budget_that_keeps_it_block_all_drains() {
    let told = "warning blocked-drain spec.services[0].disruptionBudget: no node that runs cart can be drained: the \
                budget keeps its only pod; run two, or leave out the budget";
    assert_eq!(cart("image: 'cart:1', disruptionBudget: {minAvailable: 1}"), [told]);
    assert_eq!(cart("image: 'cart:1', disruptionBudget: {maxUnavailable: 1}"), NOTHING);
    assert_eq!(cart("image: 'cart:1'"), NOTHING);
}

#[test]
fn a_budget_of_the_defaults_is_told_where_it_is_written() {
    let spec = "defaults: {disruptionBudget: {minAvailable: 1}, resources: {limits: {memory: 64Mi}}}\n\
                services: [{name: cart, image: 'cart:1'}, {name: web, image: 'web:1', replicas: 2}]\n";
    let found = found_in(spec);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("warning blocked-drain spec.defaults.disruptionBudget: no node that runs cart ")
    );
}

#[test]
fn a_budget_of_absurd_size_is_survived() {
    let found = cart("image: 'cart:1', replicas: 10000, disruptionBudget: {maxUnavailable: 2000000000%}");
    assert!(found[0].starts_with("error invalid-value"), "{found:?}");
}

#[test]
fn a_container_without_a_memory_limit_gets_advice() {
    let told = |path: &str| {
        format!(
            "advice missing-memory-limit {path}: cart may take all memory of its node; give limits.memory"
        )
    };
    let cart = |fields: &str| found_in(&format!("services:\n- {{name: cart, image: 'cart:1'{fields}}}\n"));
    assert_eq!(cart(""), [told("spec.services[0]")]);
    let requested = ", resources: {requests: {memory: 64Mi}, limits: {cpu: 1}}";
    assert_eq!(cart(requested), [told("spec.services[0].resources")]);
    assert_eq!(cart(", resources: {limits: {memory: 64Mi}}"), NOTHING);
    let inherited =
        "defaults: {resources: {requests: {cpu: 50m}}}\nservices: [{name: cart, image: 'cart:1'}]\n";
    assert_eq!(found_in(inherited), [told("spec.defaults.resources")]);
}

#[test]
fn autoscaling_in_percent_needs_the_request() {
    let scaled = |resources: &str, metrics: &str| {
        found_in(&format!(
            "services:\n- {{name: cart, image: 'cart:1', resources: {{limits: {{memory: 64Mi}}{resources}}}, \
             autoscaling: {{maxReplicas: 4, {metrics}}}}}\n"
        ))
    };
    let told = "warning autoscaling-without-request spec.services[0].autoscaling: cart scales by cpu in percent of a \
                request that it does not make; give requests.cpu";
    assert_eq!(scaled("", "cpu: 70"), [told]);
    let container = "{containerResource: {container: app, resource: CPU, averageUtilization: 60}}";
    assert_eq!(scaled("", &format!("metrics: [{container}]")), [told]);
    assert_eq!(scaled(", requests: {cpu: 50m}", "cpu: 70"), NOTHING);
    assert_eq!(scaled("", "memory: 80"), NOTHING, "a limit alone becomes the request");
    assert_eq!(scaled("", "metrics: [{external: {name: queue, averageValue: 30}}]"), NOTHING);
}
