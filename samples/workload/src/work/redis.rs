//! Counts and remembers in Redis or Valkey.

use super::{Job, call::causes, pool::Pool};
use crate::login::Login;
use anyhow::{Context, anyhow};
use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError};
use serde_json::{Value, json};

/// A key of the service's own is counted up and read; what fails on a kept connection is done once more on a new one.
pub async fn ask(
    pool: &Pool<MultiplexedConnection>,
    name: &str,
    login: &Login,
    (service, job): (&str, &Job),
) -> anyhow::Result<Value> {
    let _permit = pool.permit().await;
    if let Some(mut connection) = pool.take(name)
        && let Ok(answer) = commands(&mut connection, service, job).await
    {
        pool.put(name, connection);
        return Ok(answer);
    }
    let told = |error: RedisError| anyhow!(causes(&error));
    let mut connection = connected(login)?.get_multiplexed_async_connection().await.map_err(told)?;
    let answer = commands(&mut connection, service, job).await.map_err(told)?;
    pool.put(name, connection);
    Ok(answer)
}

async fn commands(
    connection: &mut MultiplexedConnection,
    service: &str,
    job: &Job,
) -> Result<Value, RedisError> {
    let (count, last): (i64, Option<String>) = redis::pipe()
        .cmd("INCR")
        .arg(format!("workload:{service}:count"))
        .cmd("SET")
        .arg(format!("workload:{service}:last"))
        .arg(job.id())
        .ignore()
        .cmd("GET")
        .arg(format!("workload:{service}:last"))
        .query_async(connection)
        .await?;
    Ok(json!({"count": count, "last": last}))
}

fn connected(login: &Login) -> anyhow::Result<Client> {
    let host = login.host.clone().context("nobody tells its host")?;
    let port = login.port.context("nobody tells its port")?;
    let mut settings = RedisConnectionInfo::default();
    if let Some(user) = &login.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &login.password {
        settings = settings.set_password(password);
    }
    let address = ConnectionAddr::Tcp(host, port).into_connection_info()?.set_redis_settings(settings);
    Ok(Client::open(address)?)
}
