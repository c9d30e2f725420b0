//! A connection to RabbitMQ.

use crate::discovery::{self, Discovery};
use crate::login;
use crate::serve::Service;
use anyhow::Context;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties};
use std::time::Duration;

/// The exchange of all events: a topic exchange that every virtual host has from the beginning and keeps;
/// <https://www.rabbitmq.com/tutorials/amqp-concepts#exchanges>.
pub const EXCHANGE: &str = "amq.topic";
/// How long the broker may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A session with the broker: the connection must live as long as its channel is used.
pub struct Session {
    /// Closes with it.
    pub connection: Connection,
    /// What is spoken over.
    pub channel: Channel,
    /// What was depended on when it was opened.
    pub discovery: Discovery,
}

/// Opens a session with `broker`, with the credentials of this moment.
pub async fn open(service: &Service, broker: &str) -> anyhow::Result<Session> {
    let discovery = discovery::read(service.settings.discovery.as_deref())?;
    let uri = uri(&discovery, broker)?;
    let name = format!("{} ({})", discovery.service, std::env::var("HOSTNAME").unwrap_or_default());
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connection = tokio::time::timeout(PATIENCE, Connection::connect_uri(uri, properties))
        .await
        .context("the broker does not answer")??;
    let channel = connection.create_channel().await?;
    Ok(Session { connection, channel, discovery })
}

fn uri(discovery: &Discovery, broker: &str) -> anyhow::Result<AMQPUri> {
    let dependency =
        discovery.dependencies.get(broker).context("the discovery file does not know it any more")?;
    let login = login::of(broker, dependency);
    let userinfo = AMQPUserInfo {
        username: login.user.context("no credentials are to be had")?,
        password: login.password.context("no credentials are to be had")?,
    };
    let host = login.host.context("nobody tells its host")?;
    let port = login.port.context("nobody tells its port")?;
    Ok(AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority { userinfo, host, port },
        vhost: login.database.unwrap_or_else(|| "/".into()),
        query: AMQPQueryString { heartbeat: Some(10), ..AMQPQueryString::default() },
    })
}

/// The pause before the next attempt: longer each time, up to five seconds, and not the same for all pods.
pub fn pause(attempt: u32) -> Duration {
    let longest = Duration::from_millis(100 << attempt.min(6)).min(Duration::from_secs(5));
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}
