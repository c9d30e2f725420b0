//! Reads and writes a table of the service's own in PostgreSQL.

use super::{Job, call::causes, pool::Pool};
use crate::login::Login;
use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_postgres::{Client, Config, NoTls};

/// Writes a row when `job` writes, and reads how many there are.
///
/// Doing so again changes nothing, so what fails on a kept connection is done once more on a new one.
pub async fn ask(
    pool: &Pool<Client>,
    name: &str,
    login: &Login,
    (service, job): (&str, &Job),
) -> anyhow::Result<Value> {
    let _permit = pool.permit().await;
    if let Some(client) = pool.take(name)
        && let Ok(answer) = statements(&client, service, job).await
    {
        pool.put(name, client);
        return Ok(answer);
    }
    let client = connected(login).await?;
    let told = |error| anyhow!(causes(&error));
    client.batch_execute(&creation(service)).await.map_err(told)?;
    let answer = statements(&client, service, job).await.map_err(told)?;
    pool.put(name, client);
    Ok(answer)
}

/// Creates the table in one transaction that only one does at a time: `IF NOT EXISTS` alone fails when two pods come
/// at the same moment.
fn creation(service: &str) -> String {
    let table = table(service);
    format!(
        "BEGIN; SELECT pg_advisory_xact_lock(8090); \
         CREATE TABLE IF NOT EXISTS {table} (number bigserial PRIMARY KEY, id text UNIQUE NOT NULL, \
         at timestamptz NOT NULL DEFAULT now()); COMMIT"
    )
}

/// A service's own table, since databases may be shared. Names of services have lower-case letters, digits and hyphens.
fn table(service: &str) -> String {
    format!("\"workload_{service}\"")
}

async fn statements(client: &Client, service: &str, job: &Job) -> Result<Value, tokio_postgres::Error> {
    let table = table(service);
    let id = job.id();
    if job.writes {
        let insert = format!("INSERT INTO {table} (id) VALUES ($1) ON CONFLICT (id) DO NOTHING");
        client.execute(&insert, &[&id]).await?;
    }
    let select =
        format!("SELECT coalesce(max(number), 0), EXISTS (SELECT FROM {table} WHERE id = $1) FROM {table}");
    let row = client.query_one(&select, &[&id]).await?;
    Ok(json!({"rows": row.get::<_, i64>(0), "found": row.get::<_, bool>(1)}))
}

async fn connected(login: &Login) -> anyhow::Result<Client> {
    let mut config = Config::new();
    let timeout = Duration::from_secs(5);
    config.connect_timeout(timeout).tcp_user_timeout(timeout).application_name("workload");
    config.host(login.host.as_deref().context("nobody tells its host")?);
    config.port(login.port.context("nobody tells its port")?);
    config.user(login.user.as_deref().unwrap_or_default());
    config.password(login.password.as_deref().unwrap_or_default());
    if let Some(database) = &login.database {
        config.dbname(database);
    }
    let (client, connection) = config.connect(NoTls).await.map_err(|error| anyhow!(causes(&error)))?;
    tokio::spawn(connection);
    Ok(client)
}
