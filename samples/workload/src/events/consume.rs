//! Takes events from the service's own queue and does what follows from them.

use super::Event;
use super::broker::{self, EXCHANGE, Session};
use crate::discovery::{self, Discovery};
use crate::serve::Service;
use crate::trace::Trace;
use crate::work::{self, Job, causes};
use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use std::sync::Arc;
use std::time::Duration;

/// How many events are worked on at a time.
const AT_A_TIME: u16 = 16;
/// How long an event rests whose work failed.
const REST: Duration = Duration::from_secs(1);
/// How often the discovery file is asked for other topics.
const LOOK: Duration = Duration::from_secs(5);

/// Consumes until the service stops.
pub async fn run(service: Arc<Service>, broker: String) {
    let mut attempt = 0;
    while !service.stopping.is_cancelled() {
        if let Err(error) = receive(&service, &broker, &mut attempt).await {
            tracing::warn!(broker, cause = causes(error.as_ref()), "no events come");
        }
        tokio::select! {
            () = tokio::time::sleep(broker::pause(attempt)) => attempt += 1,
            () = service.stopping.cancelled() => {}
        }
    }
}

/// Works on what comes until the connection breaks, the topics change or the service stops; then finishes what it
/// has begun. What it has not begun goes back into the queue with the connection.
async fn receive(service: &Service, broker: &str, attempt: &mut u32) -> anyhow::Result<()> {
    let session = broker::open(service, broker).await?;
    let queue = queue(&session, broker).await?;
    let tag = "workload".into();
    let consumer = session
        .channel
        .basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default())
        .await?;
    tracing::info!(broker, "consumes");
    *attempt = 0;
    let end = async {
        tokio::select! {
            () = service.stopping.cancelled() => {}
            () = other_topics(service, &session.discovery) => {}
        }
    };
    consumer
        .take_until(end)
        .take_while(|delivery| std::future::ready(delivery.is_ok()))
        .for_each_concurrent(usize::from(AT_A_TIME), |delivery| take(service, &session.discovery, delivery))
        .await;
    Ok(session.connection.close(200, "the service stops".into()).await?)
}

/// The durable queue of this service, with all its topics: all its pods share it.
async fn queue(session: &Session, broker: &str) -> lapin::Result<lapin::types::ShortString> {
    let Session { channel, discovery, .. } = session;
    let name: lapin::types::ShortString = format!("{}.{}", discovery.app, discovery.service).into();
    channel.basic_qos(AT_A_TIME, BasicQosOptions::default()).await?;
    channel.queue_declare(name.clone(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
    for topic in discovery.consumes.values().filter(|topic| topic.broker == broker) {
        let (exchange, topic) = (EXCHANGE.into(), topic.topic.as_str().into());
        channel
            .queue_bind(name.clone(), exchange, topic, QueueBindOptions::default(), FieldTable::default())
            .await?;
    }
    Ok(name)
}

async fn other_topics(service: &Service, known: &Discovery) {
    loop {
        tokio::time::sleep(LOOK).await;
        let now = discovery::read(service.settings.discovery.as_deref());
        if now.is_ok_and(|now| now.consumes != known.consumes) {
            return;
        }
    }
}

async fn take(service: &Service, discovery: &Discovery, delivery: lapin::Result<Delivery>) {
    let Ok(delivery) = delivery else { return };
    let event = event(discovery, &delivery);
    service.events.consume(&event);
    let job = Job {
        what: event.event.clone(),
        path: format!("/on/{}", event.event),
        writes: true,
        trace: event.trace.clone(),
    };
    let answer = work::run(service, &job).await;
    let acknowledged = if answer.failure.is_none() {
        service.events.confirmed(&answer.events).await;
        delivery.ack(BasicAckOptions::default()).await
    } else {
        tokio::time::sleep(REST).await;
        delivery.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await
    };
    if let Err(error) = acknowledged {
        tracing::warn!(id = event.id, cause = error.to_string(), "the event will come again");
    }
}

/// What was delivered; one that no workload sent has its message id, or itself, for an id.
fn event(discovery: &Discovery, delivery: &Delivery) -> Event {
    if let Ok(event) = serde_json::from_slice(&delivery.data) {
        return event;
    }
    let topic = delivery.routing_key.as_str();
    let known = discovery.consumes.iter().find(|(_, known)| known.topic == topic);
    let told = delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned());
    let id = told.unwrap_or_else(|| String::from_utf8_lossy(&delivery.data).into_owned());
    Event {
        event: known.map_or(topic, |(name, _)| name).to_owned(),
        topic: topic.to_owned(),
        service: String::new(),
        trace: Trace::begin(&id),
        id,
    }
}
