//! The largest resources there are.

use std::{fmt::Write, time::Duration};

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, Namespace, Operator, PATIENCE, wait_until};
use serde_json::json;

use crate::{
    apps::{App, condition, words},
    tally::{Tally, child_writes},
};

/// What etcd takes of one object.
const LARGEST: usize = 1_572_864;

/// Every service calls the next ones.
fn services(count: usize, dependencies: usize) -> String {
    let mut services = String::new();
    for number in 0..count {
        let others = (1..=dependencies).map(|step| format!("{{name: s{}}}", (number + step) % count));
        let others = others.collect::<Vec<_>>().join(", ");
        let ports = "[{name: http, port: 80}]";
        let _ = writeln!(
            services,
            "    - {{name: s{number}, image: 'web:1', ports: {ports}, dependencies: [{others}]}}"
        );
    }
    services
}

fn app(services: &str) -> String {
    format!(
        "apiVersion: msapp.dev/v1alpha1\nkind: MicroserviceApp\nmetadata: {{name: large}}\nspec:\n  services:\n{services}"
    )
}

/// Four services with so many bytes of files altogether.
fn heavy(bytes: usize) -> String {
    let content = "x".repeat(bytes / 4);
    let service = |number| {
        format!(
            "    - {{name: s{number}, image: 'web:1', files: [{{path: /etc/file, content: {content}}}]}}\n"
        )
    };
    app(&(0..4).map(service).collect::<String>())
}

#[tokio::test]
async fn a_hundred_services_with_the_most_dependencies_come_up_and_the_status_stays_small() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let namespace = Namespace::create(&cluster, "hundred").await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let app = App::apply(&cluster, namespace, &[&app(&services(100, 32))]).await?;
    let status = wait_until("a hundred services to be ready", PATIENCE * 3, async || {
        let status = app.get().await?.status.unwrap_or_default();
        ensure!(condition(&status, "Ready") == "True", "{}", words(&status));
        Ok(status)
    })
    .await?;
    assert_eq!(status.summary.as_deref(), Some("100/100"));
    let bytes = serde_json::to_vec(&status)?.len();
    assert!(bytes < 32_000, "the status has {bytes} bytes");
    let requests = tally.all().await?;
    assert_eq!(child_writes(&requests).len(), app.children().await?.len());
    assert!(requests.refused().is_empty(), "{}", requests.refused());
    Ok(())
}

#[tokio::test]
async fn a_resource_of_almost_the_size_that_etcd_takes_comes_up_and_a_larger_one_is_refused() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "heavy", &[&heavy(1_400_000)]).await?;
    app.ready().await?;
    let before = app.namespace.versions().await?;
    let complaint = app.namespace.apply(&heavy(LARGEST + 1000)).await.expect_err("it is refused").to_string();
    assert!(complaint.contains("too large"), "{complaint}");
    assert_eq!(app.namespace.versions().await?, before);
    App::ready_chain(&cluster, "beside-heavy").await?;
    Ok(())
}

#[tokio::test]
async fn a_resource_that_leaves_no_room_for_its_status_harms_nobody_else() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let namespace = Namespace::create(&cluster, "brim").await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let mut bytes = LARGEST - 1000;
    let app = loop {
        let applied = namespace.apply(&heavy(bytes)).await;
        if let Err(complaint) = applied {
            ensure!(complaint.to_string().contains("too large"), "{complaint}");
            bytes -= 400;
            continue;
        }
        break App::apply(&cluster, namespace, &[&heavy(bytes)]).await?;
    };
    wait_until("its pods to run all the same", PATIENCE, async || {
        let ready =
            app.namespace.kubectl(&["get", "deployments", "-o", "jsonpath={.items[*].status.readyReplicas}"]);
        let ready = ready.await?;
        ensure!(ready == "1 1 1 1", "{ready:?} are ready");
        Ok(())
    })
    .await?;
    App::ready_chain(&cluster, "beside-brim").await?;
    cluster.audit().await?.quiet(&operator.user(), Duration::from_secs(1)).await?;
    let requests = tally.so_far().await?;
    let refused = requests.on_subresource("microserviceapps", "status").refused();
    assert!((1..=12).contains(&refused.len()), "{refused}");
    assert_eq!(child_writes(&requests).len(), app.children().await?.len(), "{requests}");

    let path = |service| format!("/spec/services/{service}/files/0/content");
    let lighter = (0..4).map(|service| json!({"op": "replace", "path": path(service), "value": "x"}));
    app.patch(lighter.collect()).await?;
    app.ready().await?;
    Ok(())
}
