//! Sends the events that wait, until the broker has confirmed them.

use super::Event;
use super::broker::{self, EXCHANGE, PATIENCE};
use crate::serve::Service;
use crate::work::causes;
use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};
use std::sync::Arc;
use std::time::Duration;

/// How many events are under way at a time.
const UNDER_WAY: usize = 64;
/// After which time events are sent again that no queue wanted: its consumer may not have been there yet.
const UNWANTED: Duration = Duration::from_secs(1);
/// As <https://www.rabbitmq.com/docs/publishers#message-properties> has it: written to disk where the queue is durable.
const PERSISTENT: u8 = 2;

/// Sends for ever: also while the service stops, since what waits must go out first.
pub async fn run(service: Arc<Service>, broker: String) {
    let mut attempt = 0;
    loop {
        if let Err(error) = send(&service, &broker, &mut attempt).await {
            tracing::warn!(broker, cause = causes(error.as_ref()), "events wait");
        }
        tokio::time::sleep(broker::pause(attempt)).await;
        attempt += 1;
    }
}

async fn send(service: &Service, broker: &str, attempt: &mut u32) -> anyhow::Result<()> {
    let session = broker::open(service, broker).await?;
    session.channel.confirm_select(ConfirmSelectOptions::default()).await?;
    tracing::info!(broker, "publishes");
    *attempt = 0;
    let mut changes = service.events.changes();
    loop {
        changes.mark_unchanged();
        let unwanted = pass(service, &session.channel, broker).await?;
        if unwanted {
            tokio::time::sleep(UNWANTED).await;
        } else {
            changes.changed().await?;
        }
    }
}

/// Sends everything that waits; true when some of it came back since no queue is bound to its topic.
async fn pass(service: &Service, channel: &Channel, broker: &str) -> anyhow::Result<bool> {
    let waiting = futures::stream::iter(service.events.waiting(broker));
    let sent =
        waiting.map(|(number, event)| async move { anyhow::Ok((number, publish(channel, &event).await?)) });
    let mut unwanted = false;
    let mut sent = std::pin::pin!(sent.buffered(UNDER_WAY));
    while let Some((number, taken)) = sent.try_next().await? {
        if taken {
            service.events.confirm(number);
        }
        unwanted |= !taken;
    }
    Ok(unwanted)
}

/// Sends one event; true when the broker has put it into a queue, false when there is none for it.
async fn publish(channel: &Channel, event: &Event) -> anyhow::Result<bool> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties =
        BasicProperties::default().with_delivery_mode(PERSISTENT).with_message_id(event.id.as_str().into());
    let body = serde_json::to_vec(event)?;
    let topic = event.topic.as_str().into();
    let sent =
        async { channel.basic_publish(EXCHANGE.into(), topic, options, &body, properties).await?.await };
    let confirmation =
        tokio::time::timeout(PATIENCE, sent).await.context("the broker does not confirm")??;
    Ok(matches!(confirmation, Confirmation::Ack(None)))
}
