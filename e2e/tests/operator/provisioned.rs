//! Databases that another operator runs: any kind of object that names its Secret in its status.

use anyhow::{Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use msapp_e2e::{Cluster, Installation, Operator, PATIENCE, wait_until};

use crate::{
    apps::{App, condition, words},
    tally::Tally,
};

/// The kind of a made-up operator of databases, and the role that it brings for whoever binds services.
const KIND: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.db.test}
spec:
  group: db.test
  scope: Namespaced
  names: {kind: Database, plural: databases, singular: database}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

const ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: databases-for-bindings
  labels: {servicebinding.io/controller: 'true'}
rules:
- {apiGroups: [db.test], resources: [databases], verbs: [get]}
";

const DATABASE: &str = "
apiVersion: db.test/v1
kind: Database
metadata: {name: orders}
";

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: orders-7f}
stringData: {host: db.data.svc, port: '5432', username: orders, password: first, uri: 'postgresql://db'}
";

const SHOP: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: shop}
spec:
  network: {isolation: Lenient}
  services:
    - name: orders-service
      image: registry.test/orders:1
      dependencies: [{name: db, env: [{name: DATABASE, from: SecretUri}]}]
  backingServices:
    - {name: db, engine: PostgreSQL, managedBy: {provisionedService: {apiVersion: db.test/v1, kind: Database, name: orders}}}
";

async fn until_told(app: &App, sentence: &str) -> Result<()> {
    let told = app.until(sentence, |status| words(status).contains(sentence)).await?;
    ensure!(condition(&told, "Ready") == "False", "{told:#?}");
    Ok(())
}

#[tokio::test]
async fn a_service_waits_for_the_secret_of_a_provisioned_service_and_starts_with_it() -> Result<()> {
    let cluster = Cluster::start().await?;
    let installation = Installation::install(&cluster, "msapp-system", &["rbac.serviceBinding=true"]).await?;
    let operator = Operator::start(&installation, &[]).await?;
    let app = App::create(&cluster, "provisioned", &[SECRET, SHOP]).await?;
    let awaited = "waits for status.binding.name of Database orders";
    until_told(&app, &format!("{awaited} (the API server serves no kind Database of db.test/v1)")).await?;

    app.namespace.apply(KIND).await?;
    until_told(&app, &format!("{awaited} (the operator may not read it: see rbac.serviceBinding")).await?;

    app.namespace.apply(ROLE).await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client().await?);
    ensure!(definitions.get_opt("databases.db.test").await?.is_some());
    app.namespace.apply(DATABASE).await?;
    app.until("the database to be seen without a Secret", |status| {
        status
            .services
            .iter()
            .any(|service| service.waiting_for == ["status.binding.name of Database orders"])
    })
    .await?;
    assert!(!app.children().await?.contains_key("Deployment/orders-service"));

    let binding = r#"{"status": {"binding": {"name": "orders-7f"}}}"#;
    let patch = ["patch", "database", "orders", "--subresource=status", "--type=merge", "-p", binding];
    app.namespace.kubectl(&patch).await?;
    app.ready().await?;
    let manifest = app.namespace.kubectl(&["get", "deployment", "orders-service", "-o", "yaml"]).await?;
    assert!(manifest.contains("name: orders-7f") || manifest.contains("secretName: orders-7f"), "{manifest}");

    // Once the Secret is known, changes of the app ask for nothing.
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.namespace.kubectl(&["delete", "deployment", "orders-service"]).await?;
    wait_until("the Deployment to be back", PATIENCE, async || {
        ensure!(app.children().await?.contains_key("Deployment/orders-service"));
        Ok(())
    })
    .await?;
    app.ready().await?;
    let asked = tally.all().await?.on("databases");
    assert!(asked.is_empty(), "{asked}");
    Ok(())
}
