//! Events without a publisher or without a consumer.

use msapp_crds::v1alpha1::EventSide;

use super::System;
use super::finding::{Check, Finding};
use crate::graph::Event;

/// One finding for each event at most.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    system.app.events.iter().filter_map(one).collect()
}

fn one(event: &Event) -> Option<Finding> {
    let published = !event.publishers.is_empty() || event.external == Some(EventSide::Publisher);
    let consumed = !event.consumers.is_empty() || event.external == Some(EventSide::Consumer);
    let (name, path) = (&event.name, event.path.as_str());
    let found = |check, message| Some(Finding::new(check, path, name, message));
    match (published, consumed) {
        (true, true) => None,
        (false, true) => found(Check::UnpublishedEvent, unpublished(event)),
        (true, false) => {
            let message = format!(
                "{name:?} is published, and nobody consumes it; if somebody outside does, say external: Consumer"
            );
            found(Check::UnconsumedEvent, message)
        }
        (false, false) => {
            let message =
                format!("{name:?} is neither published nor consumed; remove it, or say who exchanges it");
            found(Check::UnconsumedEvent, message)
        }
    }
}

fn unpublished(event: &Event) -> String {
    let name = &event.name;
    if event.consumers.is_empty() {
        return format!("{name:?} is consumed outside, and nobody publishes it; let a service publish it");
    }
    let consumers = event.consumers.join(", ");
    format!(
        "{name:?} is consumed by {consumers}, and nobody publishes it; if somebody outside does, say external: Publisher"
    )
}
