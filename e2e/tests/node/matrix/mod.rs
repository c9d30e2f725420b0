//! Everybody tries to reach everybody, and the outcome is compared with the model, cell by cell.

mod ends;
mod grid;
mod places;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use msapp_e2e::{Namespace, Node};
use serde_json::Value;

use self::{grid::Compared, places::Places};
use crate::{Company, Scenario, stage::Stage};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "matrix::the_shop_opens_what_it_declares_and_nothing_else",
        promise: "What is declared passes and everything else is closed: the shop, every pair and port by real packets",
        small: true,
        company: Company::Any,
        run: |stage| Box::pin(matrix(stage, "shop")),
    },
    Scenario {
        name: "matrix::the_booking_system_opens_what_it_declares_and_nothing_else",
        promise: "What is declared passes and everything else is closed: the booking system",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(matrix(stage, "booking")),
    },
    Scenario {
        name: "matrix::the_dotnet_shop_opens_what_it_declares_and_nothing_else",
        promise: "What is declared passes and everything else is closed: the .NET-style shop",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(matrix(stage, "dotnet-shop")),
    },
];

async fn matrix(stage: Stage, sample: &str) -> Result<()> {
    let node = stage.operator().await?;
    let namespace = stage.namespace(sample).await?;
    for file in [format!("{sample}-secrets.yaml"), format!("{sample}.yaml")] {
        namespace.apply(&documents(&file)?).await?;
    }
    let ready = ["wait", &format!("msapp/{sample}"), "--for=condition=Ready", "--timeout=90s"];
    namespace.kubectl(&ready).await.context("the probes pass, so all of it becomes ready")?;
    let places = places::around(&node, &namespace).await?;
    let outcome = everybody_tries(&node, &namespace, &places).await;
    places.remove(&node).await?;
    stage.figure(format!("{sample}: {}", outcome?));
    Ok(())
}

async fn everybody_tries(node: &Node, namespace: &Namespace, places: &Places) -> Result<Compared> {
    for around in places.namespaces().chain([namespace.name()]) {
        node.enforced(around).await?;
    }
    let known = ends::known(node, namespace, places).await?;
    names_resolve(namespace, &known).await?;
    grid::compare(node, &known).await
}

/// The documents of a sample, for the namespace of this scenario. What its pods reserve is less, so that it fits on
/// one small node.
fn documents(file: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let mut documents: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    for document in &mut documents {
        document["metadata"].as_object_mut().context("metadata")?.remove("namespace");
        if let Some(requests) = document.pointer_mut("/spec/defaults/resources/requests") {
            *requests = serde_json::json!({"cpu": "1m", "memory": "16Mi"});
        }
    }
    Ok(documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n"))
}

/// Every service asks the DNS, by UDP, for a name within and a name outside.
async fn names_resolve(namespace: &Namespace, known: &ends::Known) -> Result<()> {
    for end in known.ends.iter().filter(|end| end.is_in(namespace.name())) {
        let (_, pod) = end.prober.as_ref().context("services run the workload")?;
        let names = ["kubernetes.default.svc.cluster.local", msapp_e2e::UNDECLARED.0];
        let ask = ["exec", pod, "--", "/app/workload", "resolve"];
        let told = namespace.kubectl(&[&ask[..], &names].concat()).await?;
        for line in told.lines() {
            let answer: Value = serde_json::from_str(line)?;
            let addresses = answer["addresses"].as_array().context("addresses")?;
            ensure!(!addresses.is_empty(), "{}: {line}", end.name);
        }
    }
    Ok(())
}
