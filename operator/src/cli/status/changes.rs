//! What changed between two looks at an app, a line for each thing: for logs and pipes.

use super::app::App;
use super::text::{cause, count, mark};

/// A line for each service that changed, and one for the app when its own state did.
pub(super) fn changes(before: Option<&App>, now: &App) -> Vec<String> {
    let mut lines = Vec::new();
    for service in &now.services {
        let known = before.and_then(|before| before.services.iter().find(|other| other.name == service.name));
        let told = |service| (count(service), service.version(), cause(service));
        if known.map(told) != Some(told(service)) {
            let cause = cause(service).map(|cause| format!("  {cause}")).unwrap_or_default();
            let state = mark(service.state());
            lines.push(format!("{}  {} {state} {}{cause}", service.name, count(service), service.version()));
        }
    }
    let gone = before.into_iter().flat_map(|before| &before.services);
    let gone = gone.filter(|service| !now.services.iter().any(|other| other.name == service.name));
    lines.extend(gone.map(|service| format!("{}  is gone", service.name)));
    if before.map(overall) != Some(overall(now)) {
        lines.push(overall(now));
    }
    lines
}

fn overall(app: &App) -> String {
    let ready = app.ready.clone().unwrap_or_default();
    let status = if ready.status.is_empty() { "Unknown".to_owned() } else { ready.status };
    let summary = app.summary.as_ref().map(|summary| format!("  {summary}")).unwrap_or_default();
    let why = app.why().map(|why| format!("  {why}")).unwrap_or_default();
    format!("{}{summary}  Ready={status}{why}", app.name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shop(ready: &str, services: Value) -> App {
        App::from_resource(&json!({
            "metadata": {"name": "shop", "generation": 1},
            "spec": {"services": [{"name": "web", "image": "web:1"}, {"name": "cart", "image": "cart:1"}]},
            "status": {
                "observedGeneration": 1, "summary": "x/2", "services": services,
                "conditions": [{"type": "Ready", "status": ready, "message": "1/2: cart: RollingOut"}],
            },
        }))
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = shop(
            "False",
            json!([{"name": "web", "ready": 1, "desired": 1}, {"name": "cart", "ready": 0, "desired": 1, "reason": "RollingOut"}]),
        );
        let now = shop(
            "True",
            json!([{"name": "web", "ready": 1, "desired": 1}, {"name": "cart", "ready": 1, "desired": 1}]),
        );
        assert_eq!(changes(Some(&before), &now), ["cart  1/1 ● 1", "shop  x/2  Ready=True"]);
        assert_eq!(changes(Some(&now), &now), Vec::<String>::new());
        assert_eq!(changes(None, &now).len(), 3);
    }

    #[test]
    fn a_service_that_left_is_told_once() {
        let before = shop("True", json!([{"name": "old", "ready": 1, "desired": 1}]));
        let now = shop("True", json!([]));
        assert_eq!(changes(Some(&before), &now), ["old  is gone"]);
    }
}
