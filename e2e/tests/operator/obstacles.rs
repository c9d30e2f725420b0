//! What stands in the way of a resource that makes sense: objects and apps of others, what is missing, what cannot be
//! changed, quotas, a namespace that goes.

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1 as core};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use msapp_crds::v1alpha1::{MicroserviceApp, MicroserviceAppStatus, ServiceStatus};
use msapp_e2e::{Cluster, Namespace, Operator, PATIENCE, wait_until};
use serde_json::json;

use crate::{
    apps::{App, CHAIN, CHAIN_SECRET, condition, respecified, single, words},
    tally::Tally,
};

fn service<'a>(status: &'a MicroserviceAppStatus, name: &str) -> &'a ServiceStatus {
    status.services.iter().find(|service| service.name == name).expect("the service is listed")
}

fn reason<'a>(status: &'a MicroserviceAppStatus, name: &str) -> &'a str {
    let service = status.services.iter().find(|service| service.name == name);
    service.and_then(|service| service.reason.as_deref()).unwrap_or_default()
}

/// One object of somebody else for each kind that a service has.
const FOREIGN: [(&str, &str); 5] = [
    ("Service", "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {ports: [{port: 1234}]}"),
    (
        "ServiceAccount",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api, labels: {whose: theirs}}",
    ),
    ("ConfigMap", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: api}\ndata: {theirs: kept}"),
    (
        "NetworkPolicy",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: api}\nspec: {podSelector: {}}",
    ),
    (
        "Deployment",
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 0
  selector: {matchLabels: {app: theirs}}
  template:
    metadata: {labels: {app: theirs}}
    spec: {containers: [{name: theirs, image: 'theirs:1'}]}",
    ),
];

#[tokio::test]
async fn foreign_objects_in_the_way_are_named_never_touched_and_their_removal_heals() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let namespace = Namespace::create(&cluster, "foreign").await?;
    for (_, yaml) in FOREIGN {
        namespace.apply(yaml).await?;
    }
    let before = namespace.versions().await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let app = App::apply(&cluster, namespace, &[CHAIN_SECRET, CHAIN]).await?;
    for at in 0..FOREIGN.len() {
        let left = FOREIGN[at..].iter().map(|(kind, _)| format!("{kind}/api"));
        let status = app
            .until("the foreign object to be named", |status| reason(status, "api") == "NameTaken")
            .await?;
        let told = words(&status);
        assert!(told.contains("never adopted") && told.contains("field manager \"kubectl\""), "{told}");
        assert_eq!((condition(&status, "Ready"), condition(&status, "Stalled")), ("False", "True"), "{told}");
        let touched = respecified(&before, &app.children().await?);
        let touched: Vec<String> = left.filter(|child| touched.contains(child)).collect();
        assert!(touched.is_empty(), "{touched:?}");
        app.namespace.kubectl(&["delete", FOREIGN[at].0, "api"]).await?;
    }
    app.ready().await?;
    let requests = tally.all().await?;
    let refused = requests.refused();
    assert!(refused.is_empty(), "{refused}");
    Ok(())
}

#[tokio::test]
async fn of_two_apps_that_want_one_name_the_older_has_it_until_it_goes() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let older = App::create(&cluster, "rivals", &[&single("registry.test/web:1", "{}")]).await?;
    older.ready().await?;
    let before = older.children().await?;
    let yaml = single("registry.test/web:2", "{}").replace("name: single", "name: rival");
    older.namespace.apply(&yaml).await?;
    let rival = App { name: "rival".to_owned(), ..older };
    let what = "the younger app to be told who has the name";
    let status = rival.until(what, |status| reason(status, "web") == "NameTaken").await?;
    assert!(words(&status).contains("belongs to the MicroserviceApp single"), "{}", words(&status));
    assert!(respecified(&before, &rival.children().await?).is_empty());
    let older = App { name: "single".to_owned(), ..rival };
    older.ready().await?;

    older.namespace.kubectl(&["delete", "msapp", "single"]).await?;
    let rival = App { name: "rival".to_owned(), ..older };
    rival.ready().await?;
    assert_eq!(rival.field("Deployment/web", "..image").await?, "registry.test/web:2");
    Ok(())
}

#[tokio::test]
async fn of_two_apps_applied_together_exactly_one_has_the_name() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    for order in [["first", "second"], ["second", "first"]] {
        let namespace = Namespace::create(&cluster, "together").await?;
        let yaml = order.map(|name| {
            single("registry.test/web:1", "{}").replace("name: single", &format!("name: {name}"))
        });
        let yaml: Vec<&str> = yaml.iter().map(String::as_str).collect();
        let app = App::apply(&cluster, namespace, &yaml).await?;
        wait_until("one to be ready and the other to be told", PATIENCE, async || {
            let apps = app.api.list(&ListParams::default()).await?.items;
            let mut said: Vec<String> = apps
                .iter()
                .filter_map(|app| app.status.as_ref())
                .map(|status| format!("{} {}", condition(status, "Ready"), reason(status, "web")))
                .collect();
            said.sort();
            ensure!(said == ["False NameTaken", "True "], "{said:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Creates an app with the service `web`.
async fn create_single(namespace: &Namespace, client: &Client, name: &str) -> Result<MicroserviceApp> {
    let mut app: MicroserviceApp = serde_saphyr::from_str(&single("registry.test/web:1", "{}"))?;
    app.metadata.name = Some(name.to_owned());
    let apps: Api<MicroserviceApp> = namespace.api(client);
    Ok(apps.create(&PostParams::default(), &app).await?)
}

#[tokio::test]
async fn of_two_apps_of_one_second_the_one_that_has_the_objects_keeps_the_name() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let client = cluster.client().await?;
    for _ in 0..20 {
        let namespace = Namespace::create(&cluster, "second").await?;
        // By name it comes last, so with the same age only its objects speak for it.
        let first = create_single(&namespace, &client, "zebra").await?;
        let accounts: Api<core::ServiceAccount> = namespace.api(&client);
        wait_until("its first object", PATIENCE, async || Ok(accounts.get("web").await?)).await?;
        let second = create_single(&namespace, &client, "aardvark").await?;
        if first.metadata.creation_timestamp != second.metadata.creation_timestamp {
            continue;
        }
        let apps: Api<MicroserviceApp> = namespace.api(&client);
        let keeps = App { namespace, api: apps, name: "zebra".to_owned() };
        keeps.ready().await?;
        let is_told = App { name: "aardvark".to_owned(), ..keeps };
        let status = is_told.until("the other one to be told", |status| reason(status, "web") == "NameTaken");
        assert!(words(&status.await?).contains("belongs to the MicroserviceApp zebra"));
        return Ok(());
    }
    bail!("no two apps were created in one second")
}

/// Reads a key of a ConfigMap and one of a Secret.
const READER: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: reader}
spec:
  services:
    - name: web
      image: registry.test/web:1
      env:
        - {name: FLAG, configMap: {name: flags, key: beta}}
        - {name: TOKEN, secret: {name: token, key: token}}
    - {name: bystander, image: 'registry.test/bystander:1'}
";

async fn replica_sets(app: &App) -> Result<Vec<String>> {
    let sets: Api<ReplicaSet> = app.namespace.api(&app.api.clone().into_client());
    let of_web = ListParams::default().labels("msapp.dev/service=web");
    Ok(sets.list(&of_web).await?.into_iter().filter_map(|set| set.metadata.name).collect())
}

#[tokio::test]
async fn what_is_missing_is_named_waited_for_and_rolled_out_once() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "missing", &[READER]).await?;
    let waits_for = async |expected: &[&str]| {
        app.until(&format!("it to wait for {expected:?}"), |status| {
            reason(status, "web") == "MissingReference" && service(status, "web").waiting_for == expected
        })
        .await
    };
    let status = waits_for(&["ConfigMap flags", "Secret token"]).await?;
    assert!(words(&status).contains("waits for ConfigMap flags, Secret token"), "{}", words(&status));
    assert_eq!(condition(&status, "Ready"), "False");
    assert!(!app.children().await?.contains_key("Deployment/web"));

    app.namespace.kubectl(&["create", "configmap", "flags", "--from-literal=beta=on"]).await?;
    waits_for(&["Secret token"]).await?;
    app.namespace.kubectl(&["create", "secret", "generic", "token", "--from-literal=tokn=slip"]).await?;
    waits_for(&["key token of Secret token"]).await?;
    app.namespace.kubectl(&["delete", "secret", "token"]).await?;
    app.namespace.kubectl(&["create", "secret", "generic", "token", "--from-literal=token=x"]).await?;
    app.ready().await?;
    assert_eq!(app.children().await?["Deployment/web"].generation, Some(1));
    assert_eq!(replica_sets(&app).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_runs_goes_on_while_something_new_is_missing() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "newly-missing").await?;
    let before = app.children().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    let variable = json!([{"name": "FLAG", "configMap": {"name": "flags", "key": "beta"}}]);
    app.patch(json!([{"op": "add", "path": "/spec/services/0/env", "value": variable}])).await?;
    let status = app.until("it to be named", |status| reason(status, "web") == "MissingReference").await?;
    assert!(words(&status).contains("waits for ConfigMap flags"), "{}", words(&status));
    assert_eq!((condition(&status, "Available"), service(&status, "web").ready), ("True", 1));
    assert!(tally.child_writes().await?.is_empty());
    assert!(respecified(&before, &app.children().await?).is_empty());

    app.namespace.kubectl(&["create", "configmap", "flags", "--from-literal=beta=on"]).await?;
    app.ready().await?;
    assert_eq!(tally.child_writes().await?, ["patch deployments/web"]);
    Ok(())
}

#[tokio::test]
async fn a_field_that_cannot_change_is_explained_and_not_tried() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "immutable", &[&single("registry.test/web:1", "{}")]).await?;
    app.ready().await?;
    // A Deployment of the app whose selector is another: as an older operator could have left it.
    app.patch(json!([{"op": "add", "path": "/spec/suspend", "value": true}])).await?;
    app.until("the suspension to be seen", |_| true).await?;
    let mut deployment = app.object("Deployment/web").await?;
    app.namespace.kubectl(&["delete", "deployment", "web"]).await?;
    deployment["spec"]["selector"]["matchLabels"]["former"] = json!("yes");
    deployment["spec"]["template"]["metadata"]["labels"]["former"] = json!("yes");
    let metadata = deployment["metadata"].as_object_mut().context("metadata")?;
    metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "labels" | "ownerReferences"));
    deployment.as_object_mut().context("an object")?.remove("status");
    app.namespace.apply(&deployment.to_string()).await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.patch(json!([{"op": "remove", "path": "/spec/suspend"}])).await?;

    let status = app.until("it to be explained", |status| reason(status, "web") == "ImmutableField").await?;
    let told = words(&status);
    assert!(told.contains("spec.selector of Deployment web cannot change: delete the Deployment"), "{told}");
    assert_eq!(condition(&status, "Stalled"), "True", "{told}");
    app.patch(json!([{"op": "replace", "path": "/spec/services/0/image", "value": "registry.test/web:2"}]))
        .await?;
    app.until("it still to be explained", |status| reason(status, "web") == "ImmutableField").await?;
    let requests = tally.all().await?;
    assert!(requests.on("deployments").is_empty(), "{requests}");
    // A status that was computed from an older generation is rightly refused.
    let refused = requests.refused().filter(|request| request.resource != "microserviceapps");
    assert!(refused.is_empty(), "{refused}");

    app.namespace.kubectl(&["delete", "deployment", "web"]).await?;
    app.ready().await?;
    assert_eq!(app.field("Deployment/web", "..image").await?, "registry.test/web:2");
    Ok(())
}

#[tokio::test]
async fn an_exceeded_quota_is_told_not_hammered_at_and_its_rise_is_noticed() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let namespace = Namespace::create(&cluster, "quota").await?;
    namespace.kubectl(&["create", "quota", "small", "--hard=count/deployments.apps=2"]).await?;
    wait_until("the quota to be counted", PATIENCE, async || {
        let used = namespace.kubectl(&["get", "quota", "small", "-o", "jsonpath={.status.used}"]).await?;
        ensure!(used.contains("deployments"), "used: {used}");
        Ok(())
    })
    .await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let app = App::apply(&cluster, namespace, &[CHAIN_SECRET, CHAIN]).await?;
    let status = app
        .until("the quota to be named", |status| {
            let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
            ready.is_some_and(|ready| ready.reason == "QuotaExceeded" && ready.message.contains("small"))
        })
        .await?;
    assert_eq!(condition(&status, "Stalled"), "True", "{}", words(&status));
    let requests = tally.all().await?;
    assert!(requests.refused().len() <= 3, "{requests}");

    let more = r#"{"spec":{"hard":{"count/deployments.apps":"5"}}}"#;
    app.namespace.kubectl(&["patch", "quota", "small", "-p", more]).await?;
    app.ready().await?;
    let requests = tally.so_far().await?;
    assert!(requests.refused().len() <= 5, "{requests}");
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_goes_slowly_is_left_in_peace() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "terminating").await?;
    // Somebody's finalizer holds the namespace.
    let held = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/hold]}";
    app.namespace.apply(held).await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    let name = app.namespace.name().to_owned();
    cluster.kubectl(["delete", "namespace", &name, "--wait=false"]).await?;
    wait_until("all but what is held to be gone", PATIENCE, async || {
        let left = app.namespace.versions().await?;
        ensure!(left.keys().all(|name| name == "ConfigMap/held"), "{:?} are left", left.keys());
        Ok(())
    })
    .await?;
    let requests = tally.all().await?;
    assert!(requests.writes().len() <= 10, "{requests}");
    let release = ["patch", "configmap", "held", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#];
    app.namespace.kubectl(&release).await?;
    let namespaces: Api<core::Namespace> = Api::all(cluster.client().await?);
    wait_until("the namespace to be gone", PATIENCE, async || {
        ensure!(namespaces.get_opt(&name).await?.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    App::ready_chain(&cluster, "afterwards").await?;
    Ok(())
}
