//! The smallest sample, from `kubectl apply` to an answer.

use anyhow::{Context, Result, ensure};

use crate::{Company, Scenario, stage::Stage};

const SAMPLE: &str = include_str!("../../../samples/hello.yaml");

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "hello::a_dozen_lines_become_a_server_that_answers",
    promise: "A dozen lines become a server that answers",
    small: true,
    company: Company::Any,
    run: |stage| Box::pin(answers(stage)),
}];

async fn answers(stage: Stage) -> Result<()> {
    let namespace = stage.namespace("hello").await?;
    namespace.apply(SAMPLE).await?;
    namespace.kubectl(&["wait", "msapp/hello", "--for=condition=Ready", "--timeout=90s"]).await?;
    let ask = ["exec", "deployment/web", "--", "/app/workload", "connect", "127.0.0.1:8080"];
    let answer = namespace.kubectl(&ask).await.context("ask the server from its own pod")?;
    ensure!(answer.contains("\"Open\""), "{answer}");
    Ok(())
}
