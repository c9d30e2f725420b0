//! Every sample and every golden input on a real API server.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use msapp_e2e::{Cluster, Namespace, Operator};
use serde_json::{Value, json};

use crate::{
    apps::{App, condition, words},
    tally::{Tally, child_writes},
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Files of a directory, sorted.
fn files(directory: &str, suffix: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(repository().join(directory))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(suffix));
    paths.sort();
    Ok(paths)
}

fn golden(suffix: &str) -> Result<Vec<PathBuf>> {
    files("operator/core/tests/golden", suffix)
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The documents of a file, for the namespace that they are applied in.
fn documents(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let mut documents: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    for document in &mut documents {
        let metadata = document["metadata"].as_object_mut().context("metadata")?;
        metadata.remove("namespace");
    }
    Ok(documents)
}

fn yaml(documents: &[Value]) -> String {
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    texts.join("\n---\n")
}

fn is_app(document: &Value) -> bool {
    document["kind"] == "MicroserviceApp"
}

/// A node offers what some golden input asks for.
async fn offer(cluster: &Cluster, resource: &str) -> Result<()> {
    let nodes: Api<Node> = Api::all(cluster.client().await?);
    for node in nodes.list(&ListParams::default()).await? {
        let name = node.metadata.name.context("a node has a name")?;
        let amount = json!({"status": {"capacity": {resource: "8"}, "allocatable": {resource: "8"}}});
        nodes.patch_status(&name, &PatchParams::default(), &Patch::Merge(amount)).await?;
    }
    Ok(())
}

/// Applies it, waits until it is ready, and sees that nothing is written afterwards.
async fn comes_up(cluster: &Cluster, operator: &Operator, name: &str, documents: &[Value]) -> Result<()> {
    let namespace = Namespace::create(cluster, name).await?;
    // A Secret that is there before needs nobody to wait.
    let (apps, others): (Vec<&Value>, Vec<&Value>) = documents.iter().partition(|document| is_app(document));
    let ordered: Vec<Value> = others.into_iter().chain(apps).cloned().collect();
    let app = App::apply(cluster, namespace, &[&yaml(&ordered)]).await.with_context(|| name.to_owned())?;
    let status = app.ready().await.with_context(|| name.to_owned())?;
    let all = format!("{0}/{0}", status.services.len());
    ensure!(status.summary.as_deref() == Some(all.as_str()), "{name}: {}", words(&status));
    let tally = Tally::begin(cluster, operator, app.namespace.name()).await?;
    let requests = tally.all().await?;
    ensure!(requests.writes().is_empty(), "{name} is ready, and still there is\n{requests}");
    ensure!(child_writes(&requests).is_empty());
    ensure!(condition(&app.ready().await?, "Ready") == "True");
    Ok(())
}

#[tokio::test]
async fn every_sample_and_every_valid_golden_input_comes_up_and_then_nothing_is_written() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    offer(&cluster, "example.com/gpu").await?;
    let samples = files("samples", ".yaml")?;
    let valid = golden(".in.yaml")?.into_iter().filter(|path| !stem(path).starts_with("invalid-"));
    let mut cases = Vec::new();
    for path in samples.iter().cloned().chain(valid) {
        let mut all = documents(&path)?;
        if !all.iter().any(is_app) {
            continue;
        }
        // What a sample refers to lies in a file beside it.
        let beside = path.with_file_name(format!("{}-secrets.yaml", stem(&path)));
        if beside.is_file() {
            all.extend(documents(&beside)?);
        }
        cases.push((stem(&path), all));
    }
    ensure!(cases.len() >= 8, "only {} cases were found", cases.len());
    try_join_all(cases.iter().map(|(name, documents)| comes_up(&cluster, &operator, name, documents)))
        .await?;
    Ok(())
}

/// What the golden output says that the status of a first pass says.
fn expected_message(path: &Path) -> Result<String> {
    let output = PathBuf::from(path.to_string_lossy().replace(".in.yaml", ".out.yaml"));
    let documents: Vec<Value> = serde_saphyr::from_multiple(&fs::read_to_string(output)?)?;
    let conditions = documents.iter().filter_map(|document| document["status"]["conditions"].as_array());
    let ready = conditions.flatten().find(|condition| condition["type"] == "Ready");
    Ok(ready.context("a condition Ready")?["message"].as_str().context("a message")?.to_owned())
}

#[tokio::test]
async fn every_invalid_golden_input_is_refused_or_told_with_all_its_mistakes() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let (mut refused, mut told) = (Vec::new(), Vec::new());
    for path in golden(".in.yaml")?.into_iter().filter(|path| stem(path).starts_with("invalid-")) {
        let name = stem(&path);
        let namespace = Namespace::create(&cluster, &name).await?;
        let text = yaml(&documents(&path)?);
        if let Err(complaint) = namespace.apply(&text).await {
            let complaint = complaint.to_string();
            ensure!(complaint.contains("spec"), "{name}: {complaint}");
            refused.push(name);
            continue;
        }
        let app = App::apply(&cluster, namespace, &[&text]).await?;
        let status = app.until("it to be stalled", |status| condition(status, "Stalled") == "True").await?;
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").context("Ready")?;
        assert_eq!(ready.reason, "InvalidSpec", "{name}");
        assert_eq!(ready.message, expected_message(&path)?, "{name}");
        assert!(app.children().await?.is_empty(), "{name}");
        told.push(name);
    }
    assert!(!refused.is_empty() && !told.is_empty(), "refused: {refused:?}, told: {told:?}");
    Ok(())
}
