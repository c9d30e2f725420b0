//! Why a service is not up, in the words of its status: at the service, and in the condition of the whole.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use msapp_e2e::{Cluster, Operator, PATIENCE, wait_until};
use serde_json::{Value, json};

use crate::apps::{App, condition, single, words};

/// A frontend that needs an API that is well.
const PAIR: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: pair}
spec:
  services:
    - name: api
      image: registry.test/api:1
      ports: [{name: http, port: 80}]
    - name: web
      image: registry.test/web:1
      ports: [{name: http, port: 80}]
      dependencies: [{name: api}]
    - {name: bystander, image: 'registry.test/bystander:1'}
";

/// Makes the API sick from the beginning, waits until its status says all these words for this reason, and that it
/// blocks the frontend; then mends it.
async fn tells(prefix: &str, reason: &str, sickness: &str, expected: &[&str]) -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let sick = PAIR.replacen("image: registry.test/api:1", sickness, 1);
    let app = App::create(&cluster, prefix, &[&sick]).await?;
    let statuses = App::statuses(app.api.clone());
    let status = app.until(&format!("the status to say {reason}"), |status| is_told(status, reason)).await?;
    assert_is_told(&status, reason, expected);
    app.namespace.apply(PAIR).await?;
    app.ready().await?;
    assert_reads_as_kstatus(&statuses.seen());
    Ok(())
}

fn is_told(status: &MicroserviceAppStatus, reason: &str) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.reason == reason)
        // The others are up by then, so the sentence is the last one.
        && status.summary.as_deref() == Some("2/3")
}

fn assert_is_told(status: &MicroserviceAppStatus, reason: &str, expected: &[&str]) {
    let told = words(status);
    let api = status.services.iter().find(|service| service.name == "api").expect("api is listed");
    assert_eq!(api.reason.as_deref(), Some(reason), "{told}");
    let message = api.message.as_deref().unwrap_or_default();
    for word in expected {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").expect("Ready");
    assert_eq!(ready.status, "False");
    let in_pod = message.strip_prefix("pod ").and_then(|named| named.split_once(": "));
    let detail = in_pod.map_or(message, |(_, detail)| detail);
    assert_eq!(ready.message, format!("2/3: api: {reason} ({detail}); blocks web"), "{told}");
    assert_eq!(condition(status, "Degraded"), "True", "{told}");
    assert_eq!(condition(status, "Available"), "False", "{told}");
}

/// At every moment either Ready, or one of Reconciling and Stalled.
fn assert_reads_as_kstatus(statuses: &[MicroserviceAppStatus]) {
    for status in statuses {
        let true_ones = ["Ready", "Reconciling", "Stalled"].map(|kind| condition(status, kind) == "True");
        let count = true_ones.iter().filter(|is_true| **is_true).count();
        assert_eq!(count, 1, "{}", words(status));
    }
}

#[tokio::test]
async fn an_image_that_does_not_exist_is_named() -> Result<()> {
    let image = "registry.test/no-such-image:1";
    tells("image-pull", "ImagePullBackOff", &format!("image: {image}"), &[image, "cannot pull", "not found"])
        .await
}

#[tokio::test]
async fn a_crash_is_told_with_its_exit_code_and_last_words() -> Result<()> {
    let sickness = "image: registry.test/crash:1
      annotations: {kwok.x-k8s.io/last-words: 'no route to db:5432'}";
    tells("crash", "CrashLoopBackOff", sickness, &["pod api-", "exit 1, \"no route to db:5432\""]).await
}

#[tokio::test]
async fn a_failing_probe_is_told_with_what_it_answered() -> Result<()> {
    let sickness = "image: api\n      annotations: {kwok.msapp.test/fate: unhealthy}";
    tells("probe", "ProbeFailing", sickness, &["Readiness probe failed", "statuscode: 503"]).await
}

#[tokio::test]
async fn a_volume_that_cannot_be_mounted_is_told() -> Result<()> {
    let sickness = "image: api\n      annotations: {kwok.msapp.test/fate: fail-mount}";
    tells("mount", "FailedMount", sickness, &["cannot mount a volume", "MountVolume.SetUp failed"]).await
}

#[tokio::test]
async fn a_pod_that_no_node_can_take_is_told() -> Result<()> {
    let sickness = "image: api\n      resources: {requests: {cpu: 1k}}";
    tells("unschedulable", "Unschedulable", sickness, &["fits no node", "Insufficient cpu"]).await
}

#[tokio::test]
async fn a_quota_that_leaves_no_room_for_pods_is_told_and_healed() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {pods: '0'}}";
    let app = App::create(&cluster, "quota", &[quota, &single("web:1", "{}")]).await?;
    let status = app
        .until("the status to name the quota", |status| {
            status.services.iter().any(|service| service.reason.as_deref() == Some("QuotaExceeded"))
        })
        .await?;
    assert!(words(&status).contains("exceeded quota: none"), "{}", words(&status));
    assert_eq!((condition(&status, "Stalled"), condition(&status, "Reconciling")), ("True", ""));
    app.namespace.kubectl(&["delete", "resourcequota", "none"]).await?;
    // The ReplicaSet controller tries again later and later; a restart makes a new ReplicaSet at once.
    app.namespace.kubectl(&["rollout", "restart", "deployment/web"]).await?;
    app.ready().await?;
    Ok(())
}

#[tokio::test]
async fn a_running_pod_that_sickens_makes_the_app_unready_and_heals_it() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "sickens", &[&single("web:1", "{}")]).await?;
    app.ready().await?;
    let pods = ["annotate", "pods", "--all", "--overwrite"];
    app.namespace.kubectl(&[&pods[..], &["kwok.msapp.test/fate=unhealthy"]].concat()).await?;
    app.until("the app to be unready", |status| words(status).contains("statuscode: 503")).await?;
    app.namespace.kubectl(&[&pods[..], &["kwok.msapp.test/fate=none"]].concat()).await?;
    app.ready().await?;
    Ok(())
}

/// What was told of the app by events: its reasons, each as often as it was told.
async fn told_by_events(app: &App) -> Result<Vec<String>> {
    let of_app = "--field-selector=involvedObject.kind=MicroserviceApp";
    let events: Value =
        serde_json::from_str(&app.namespace.kubectl(&["get", "events", of_app, "-o", "json"]).await?)?;
    let mut told = Vec::new();
    for event in events["items"].as_array().context("a list")? {
        let count = event["series"]["count"].as_u64().or(event["count"].as_u64()).unwrap_or(1).max(1);
        let reason = event["reason"].as_str().context("a reason")?.to_owned();
        told.extend(std::iter::repeat_n(reason, usize::try_from(count)?));
    }
    told.sort();
    Ok(told)
}

async fn restarts(app: &App) -> Result<i32> {
    let pods = app.namespace.api::<Pod>(&app.api.clone().into_client());
    let pods = pods.list(&ListParams::default()).await?;
    let statuses = pods.into_iter().filter_map(|pod| pod.status?.container_statuses);
    Ok(statuses.flatten().map(|status| status.restart_count).sum())
}

#[tokio::test]
async fn while_a_pod_crashes_again_and_again_nothing_new_is_told() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "again-and-again", &[&single("registry.test/crash:1", "{}")]).await?;
    let crashes = |status: &_| words(status).contains("CrashLoopBackOff");
    app.until("the crash to be told", crashes).await?;
    let statuses = App::statuses(app.api.clone());
    let crashed = async |times| {
        wait_until(&format!("{times} crashes"), PATIENCE, async || {
            let restarts = restarts(&app).await?;
            ensure!(restarts >= times, "{restarts} so far");
            Ok(())
        })
        .await
    };
    let sofar = restarts(&app).await?;
    crashed(sofar + 1).await?;
    let before = (statuses.seen(), told_by_events(&app).await?);
    crashed(sofar + 3).await?;
    assert_eq!((statuses.seen(), told_by_events(&app).await?), before);
    assert_eq!(before.0.len(), 1, "{:#?}", before.0);
    Ok(())
}

#[tokio::test]
async fn many_passes_tell_by_events_what_one_pass_tells() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let yaml = PAIR.replacen("registry.test/api:1", "registry.test/no-such-image:1", 1);
    let app = App::create(&cluster, "events", &[&yaml]).await?;
    app.until("the image to be named", |status| is_told(status, "ImagePullBackOff")).await?;
    let audit = cluster.audit().await?;
    audit.quiet_within(app.namespace.name(), &operator.user()).await?;
    let before = told_by_events(&app).await?;
    assert!(before.contains(&"Applied".to_owned()), "{before:?}");
    for pass in 0..5 {
        // Another manager's label is none of the operator's business, and still it looks.
        let label = format!("pass={pass}");
        app.namespace.kubectl(&["label", "service", "web", "api", "--overwrite", &label]).await?;
    }
    audit.quiet_within(app.namespace.name(), &operator.user()).await?;
    assert_eq!(told_by_events(&app).await?, before);

    app.patch(json!([{"op": "replace", "path": "/spec/services/0/image", "value": "registry.test/api:1"}]))
        .await?;
    app.ready().await?;
    audit.quiet_within(app.namespace.name(), &operator.user()).await?;
    let mut expected = [before, vec!["Applied".to_owned(), "Ready".to_owned()]].concat();
    expected.sort();
    assert_eq!(told_by_events(&app).await?, expected);
    Ok(())
}

#[tokio::test]
async fn kubectl_can_wait_until_it_is_ready() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "kubectl-wait", &[PAIR]).await?;
    let statuses = App::statuses(app.api.clone());
    app.namespace.kubectl(&["wait", "--for=condition=Ready", "--timeout=90s", "msapp/pair"]).await?;
    assert_eq!(condition(&app.get().await?.status.unwrap_or_default(), "Ready"), "True");
    app.patch(json!([{"op": "replace", "path": "/spec/services/0/image", "value": "registry.test/api:2"}]))
        .await?;
    app.ready().await?;
    assert_reads_as_kstatus(&statuses.seen());
    Ok(())
}
