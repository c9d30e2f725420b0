//! Mistakes in the resource: the API server or the status names the place, nothing is lost, what runs keeps running,
//! and after the mend all is well.

use anyhow::{Result, ensure};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use msapp_e2e::{Cluster, Operator};
use serde_json::{Value, json};

use crate::{
    apps::{App, CHAIN, CHAIN_SECRET, condition, respecified, words},
    tally::{Tally, child_writes},
};

/// A mistake that the API server sees: what stands in [`CHAIN`], what is written instead, and the words of the error.
const REFUSED: [(&str, &str, &[&str]); 14] = [
    (WEB, "imgae: registry.test/web:1", &["spec.services", "imgae"]),
    (WEB, "image: [web]", &["spec.services", "image"]),
    (WEB, "image: web\n      replicas: three", &["spec.services", "replicas"]),
    (
        WEB,
        "image: web\n      resources: {limits: {memory: 1 GB}}",
        &["spec.services[0].resources.limits.memory"],
    ),
    (WEB, "image: web\n      gracefulStop: {period: 1 minute}", &["spec.services[0].gracefulStop.period"]),
    ("name: clock", "name: web", &["spec.services", "duplicate", "web"]),
    (
        "name: clock",
        "name: a-name-that-is-longer-than-the-sixty-three-characters-of-a-dns-label",
        &["spec.services[2].name", "63"],
    ),
    (
        WEB,
        "image: web\n      replicas: 2\n      autoscaling: {maxReplicas: 3}",
        &["spec.services[0]", "replicas and autoscaling exclude each other"],
    ),
    (
        WEB,
        "image: web\n      autoscaling: {minReplicas: 5, maxReplicas: 3}",
        &["spec.services[0].autoscaling", "minReplicas is at most maxReplicas"],
    ),
    (
        WEB,
        "image: web\n      autoscaling: {maxReplicas: 3, metrics: [{external: {name: q}}]}",
        &[
            "spec.services[0].autoscaling.metrics[0].external",
            "exactly one of value and averageValue is given",
        ],
    ),
    (
        WEB,
        "image: web\n      autoscaling: {maxReplicas: 3, metrics: [{object: {name: q, value: 1, averageValue: 1, \
         object: {apiVersion: v1, kind: Service, name: web}}}]}",
        &["spec.services[0].autoscaling.metrics[0].object", "exactly one of value and averageValue is given"],
    ),
    (
        WEB,
        "image: web\n      autoscaling: {maxReplicas: 3, metrics: [{containerResource: {container: app, resource: CPU}}]}",
        &[
            "spec.services[0].autoscaling.metrics[0].containerResource",
            "exactly one of averageUtilization and averageValue is given",
        ],
    ),
    ("port: 80, targetPort: 8080", "port: 99999", &["spec.services[0].ports[0].port", "65535"]),
    (
        "{name: chain}",
        "{name: a-name-that-is-longer-than-the-sixty-three-characters-of-a-label}",
        &["at most 63 characters"],
    ),
];

/// A line of [`CHAIN`].
const WEB: &str = "image: registry.test/web:1";

#[tokio::test]
async fn what_the_api_server_refuses_is_named_and_changes_nothing() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "refused").await?;
    let before = app.namespace.versions().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    for (good, bad, expected) in REFUSED {
        let yaml = CHAIN.replacen(good, bad, 1);
        ensure!(yaml != CHAIN, "{good:?} is not there to be replaced");
        let complaint = app.namespace.apply(&yaml).await.expect_err(bad).to_string();
        for word in expected {
            assert!(
                complaint.to_lowercase().contains(&word.to_lowercase()),
                "{word:?} is not in\n{complaint}"
            );
        }
    }
    let requests = tally.all().await?;
    assert!(requests.writes().is_empty(), "{requests}");
    assert_eq!(app.namespace.versions().await?, before);
    assert_eq!(condition(&app.ready().await?, "Ready"), "True");
    Ok(())
}

/// A mistake that only the operator sees: how the spec of [`CHAIN`] is damaged, and the words of the status.
type Mistake = (fn(&mut Value), &'static [&'static str]);

const STALLED: [Mistake; 13] = [
    (
        |spec| spec["services"][0]["dependencies"][0]["name"] = json!("apo"),
        &["spec.services[0].dependencies[0].name", "\"apo\"", "did you mean \"api\"?"],
    ),
    (
        |spec| spec["services"][0]["dependencies"][0]["name"] = json!("clock"),
        &["spec.services[0].dependencies[0].name", "\"clock\" declares no port"],
    ),
    (
        |spec| spec["services"][0]["dependencies"][0]["ports"] = json!(["htp"]),
        &["spec.services[0].dependencies[0].ports[0]", "\"htp\"", "did you mean \"http\"?"],
    ),
    (
        |spec| spec["services"][0]["dependencies"][0]["name"] = json!("web"),
        &["spec.services[0].dependencies[0].name", "\"web\" depends on itself"],
    ),
    (
        |spec| {
            spec["services"][0]["dependencies"][0]["startAfter"] = json!(true);
            let back = json!({"name": "web", "startAfter": true});
            spec["services"][1]["dependencies"].as_array_mut().expect("a list").push(back);
        },
        &["startAfter", "wait for each other's first start: api → web → api"],
    ),
    (
        |spec| spec["services"][0]["probes"] = json!({"path": "/healthz", "port": "admin"}),
        &["spec.services[0].probes.port", "\"admin\"", "declared: http (80)"],
    ),
    (
        |spec| spec["services"][0]["rollout"] = json!({"maxSurge": 0, "maxUnavailable": 0}),
        &["spec.services[0].rollout.maxSurge"],
    ),
    (
        |spec| spec["services"][0]["resources"] = json!({"requests": {"cpu": 2}, "limits": {"cpu": 1}}),
        &["spec.services[0].resources.requests.cpu", "the request 2 is more than the limit 1"],
    ),
    (
        |spec| spec["services"][0]["ports"][0]["name"] = json!("80"),
        &["spec.services[0].ports[0].name", "is no name of a port"],
    ),
    (
        |spec| spec["backingServices"][0]["name"] = json!("clock"),
        &["spec.backingServices[0].name", "\"clock\" already names something else"],
    ),
    (
        |spec| {
            spec["defaults"] = json!({"replicas": 2, "autoscaling": {"maxReplicas": 3}});
        },
        &["spec.defaults", "replicas and autoscaling exclude each other"],
    ),
    (
        |spec| spec["services"][0]["labels"] = json!({"msapp.dev/service": "api"}),
        &["spec.services[0].labels", "reserved"],
    ),
    (
        |spec| {
            spec["services"][0]["dependencies"][0]["name"] = json!("apo");
            spec["services"][1]["dependencies"][0]["name"] = json!("bd");
        },
        &["spec.services[0].dependencies[0].name", "spec.services[1].dependencies[0].name"],
    ),
];

/// What every status of a resource that makes no sense has in common.
fn assert_tells(status: &MicroserviceAppStatus, good: &MicroserviceAppStatus, expected: &[&str]) {
    let told = words(status);
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").expect("Ready");
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "InvalidSpec"), "{told}");
    for word in expected {
        assert!(ready.message.contains(word), "{word:?} is not in\n{told}");
    }
    assert_eq!(condition(status, "GraphValid"), "False", "{told}");
    assert_eq!(condition(status, "Reconciling"), "", "{told}");
    // What runs is still up, and what was known of it is not forgotten.
    assert_eq!(condition(status, "Available"), "True", "{told}");
    assert_eq!(status.services, good.services);
    assert_eq!(status.summary, good.summary);
}

#[tokio::test]
async fn what_the_operator_refuses_is_named_and_leaves_what_runs_alone() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "stalled").await?;
    let good = app.ready().await?;
    let before = app.children().await?;
    let spec = serde_json::to_value(app.get().await?.spec)?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    for (damage, expected) in STALLED {
        let mut bad = spec.clone();
        damage(&mut bad);
        let replaced = app.patch(json!([{"op": "replace", "path": "/spec", "value": bad}])).await;
        ensure!(replaced.is_ok(), "the API server does not take {expected:?}: {replaced:?}");
        let what = format!("the status to stall over {expected:?}");
        let status = app.until(&what, |status| condition(status, "Stalled") == "True").await?;
        assert_tells(&status, &good, expected);
    }
    let requests = tally.all().await?;
    assert!(child_writes(&requests).is_empty(), "{requests}");
    assert!(respecified(&before, &app.children().await?).is_empty());

    app.patch(json!([{"op": "replace", "path": "/spec", "value": spec}])).await?;
    let mended = app.ready().await?;
    assert_eq!((condition(&mended, "Stalled"), condition(&mended, "GraphValid")), ("", "True"));
    let requests = tally.all().await?;
    assert!(child_writes(&requests).is_empty(), "{requests}");
    Ok(())
}

#[tokio::test]
async fn a_resource_that_never_made_sense_makes_nothing_until_it_does() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let wrong = CHAIN.replace("name: api, env", "name: apo, env");
    let app = App::create(&cluster, "senseless", &[CHAIN_SECRET, &wrong]).await?;
    let status = app.until("the app to be stalled", |status| condition(status, "Stalled") == "True").await?;
    assert!(words(&status).contains("did you mean \"api\"?"), "{}", words(&status));
    assert_eq!(condition(&status, "Available"), "False");
    assert!(app.children().await?.is_empty());
    app.namespace.apply(CHAIN).await?;
    app.ready().await?;
    Ok(())
}
