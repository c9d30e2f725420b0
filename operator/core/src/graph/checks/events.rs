//! Events without a publisher or without a consumer.

use msapp_crds::v1alpha1::EventSide;

use super::Limits;
use super::finding::{Check, Finding};
use crate::graph::{App, Event};

/// One finding for each event at most.
pub(super) fn findings(app: &App, _: &Limits) -> Vec<Finding> {
    app.events.iter().filter_map(one).collect()
}

fn one(event: &Event) -> Option<Finding> {
    let published = !event.publishers.is_empty() || event.external == Some(EventSide::Publisher);
    let consumed = !event.consumers.is_empty() || event.external == Some(EventSide::Consumer);
    let found = |check, message| Some(Finding::new(check, &event.path, &event.name, message));
    match (published, consumed) {
        (true, true) => None,
        (false, true) if event.consumers.is_empty() => found(
            Check::UnconsumedEvent,
            format!("{:?} is consumed outside, and nobody publishes it", event.name),
        ),
        (false, true) => {
            let consumers = event.consumers.join(", ");
            let message = format!(
                "{:?} is consumed by {consumers}, and nobody publishes it; if somebody outside does, say external: Publisher",
                event.name
            );
            found(Check::UnpublishedEvent, message)
        }
        (true, false) => {
            let message = format!("{:?} is published, and nobody consumes it", event.name);
            found(Check::UnconsumedEvent, message)
        }
        (false, false) => {
            found(Check::UnconsumedEvent, format!("{:?} is neither published nor consumed", event.name))
        }
    }
}
