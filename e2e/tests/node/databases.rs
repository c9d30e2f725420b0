//! The databases, caches and brokers that other scenarios put behind the samples.

use anyhow::{Context, Result, ensure};
use msapp_e2e::{
    Namespace,
    images::{Backing, Image},
};

use crate::{Company, Scenario, stage::Stage};

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "databases::real_ones_run_with_no_rights_at_all",
    promise: "Behind the samples run a real PostgreSQL, Redis, RabbitMQ and Memcached, in a namespace that enforces `restricted`",
    small: false,
    company: Company::Any,
    run: |stage| Box::pin(ready(stage)),
}];

const IMAGES: &[Image] = &[Image::PostgreSql, Image::Redis, Image::RabbitMq, Image::Memcached];

/// Each takes what it knows.
const ENVIRONMENT: &[(&str, &str)] =
    &[("POSTGRES_PASSWORD", "not-a-real-password"), ("POSTGRES_USER", "orders")];

async fn ready(stage: Stage) -> Result<()> {
    let node = stage.node().await?;
    node.load_built(IMAGES).await?;
    let namespace = Namespace::create(&node, "databases").await?;
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    namespace.kubectl(&["label", "namespace", namespace.name(), restricted]).await?;
    for (image, name) in IMAGES.iter().copied().zip(["postgresql", "redis", "rabbitmq", "memcached"]) {
        let backing = Backing { image, name, labels: &[("app", name)], environment: ENVIRONMENT };
        let manifest = backing.manifest().context("it is a backing service")?;
        namespace.apply(&manifest.to_string()).await?;
    }
    namespace.kubectl(&["wait", "deployment", "--all", "--for=condition=Available", "--timeout=90s"]).await?;
    let ask = ["exec", "deployment/postgresql", "--", "/usr/lib/postgresql/15/bin/psql"];
    let answer = namespace
        .kubectl(&[&ask[..], &["-h", "/data", "-U", "orders", "-tc", "select 40 + 2"]].concat())
        .await?;
    ensure!(answer.trim() == "42", "PostgreSQL says {answer}");
    let answer = namespace.kubectl(&["exec", "deployment/redis", "--", "/usr/bin/redis-cli", "ping"]).await?;
    ensure!(answer.trim() == "PONG", "Redis says {answer}");
    Ok(())
}
