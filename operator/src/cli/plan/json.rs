//! A plan for machines.

use msapp_core::desired::ChildKey;
use msapp_core::difference::{ChildDifference, Effect, FieldChange, Forecast, Verdict};
use serde_json::{Value, json};

use super::found::Preview;

/// One app.
pub(super) fn plan(preview: &Preview) -> Value {
    let totals = preview.difference.totals();
    json!({
        "name": preview.name,
        "namespace": preview.namespace,
        "remarks": preview.remarks,
        "summary": {
            "create": totals.create,
            "update": totals.update,
            "delete": totals.delete,
            "waiting": totals.held,
            "refused": totals.refused,
            "unchanged": totals.unchanged,
        },
        "objects": preview.difference.children.iter().map(object).collect::<Value>(),
        "services": preview.difference.services.iter().map(service).collect::<Value>(),
    })
}

fn object(child: &ChildDifference) -> Value {
    let action = match &child.verdict {
        Verdict::Create => "Create",
        Verdict::Update { contested, .. } if !contested.is_empty() => "Refuse",
        Verdict::Update { .. } => "Update",
        Verdict::Keep => "Keep",
        Verdict::Delete => "Delete",
        Verdict::Hold(_) | Verdict::AwaitDeletion => "Wait",
        Verdict::Refuse(_) => "Refuse",
    };
    let mut told = key(&child.key);
    told["service"] = child.service.clone().into();
    told["action"] = action.into();
    match &child.verdict {
        Verdict::Hold(awaited) => told["waitsFor"] = texts(awaited),
        Verdict::AwaitDeletion => told["message"] = "a predecessor is still being deleted".into(),
        Verdict::Refuse(refusal) => told["message"] = refusal.told_of(&child.key).into(),
        Verdict::Update { changes, taken_over, contested } => {
            told["changes"] = changes.iter().map(change).collect();
            told["takenOver"] = texts(taken_over);
            let contested =
                contested.iter().map(|(manager, paths)| json!({"manager": manager, "fields": paths}));
            told["contested"] = contested.collect();
        }
        Verdict::Create | Verdict::Keep | Verdict::Delete => {}
    }
    told
}

fn key(key: &ChildKey) -> Value {
    json!({"apiVersion": key.kind.api_version(), "kind": key.kind.as_str(), "name": key.name})
}

fn texts(items: &[impl ToString]) -> Value {
    items.iter().map(ToString::to_string).collect()
}

fn change(change: &FieldChange) -> Value {
    json!({
        "path": change.path.to_string(),
        "before": change.before,
        "after": change.after,
        "hidden": change.is_hidden,
    })
}

fn service(forecast: &Forecast) -> Value {
    let (before, after) = (forecast.pods_before, forecast.pods_after);
    let mut told = json!({"name": forecast.service, "podsBefore": before, "podsAfter": after});
    let effect = match &forecast.effect {
        Effect::Stays if before != after => "Scales",
        Effect::Stays => "Stays",
        Effect::Starts => "Starts",
        Effect::Stops => "Stops",
        Effect::Restarts(reasons) => {
            told["reasons"] = texts(reasons);
            "Restarts"
        }
        Effect::Waits(awaited) => {
            told["waitsFor"] = texts(awaited);
            "Waits"
        }
        Effect::Blocked(keys) => {
            told["blockedBy"] = keys.iter().map(key).collect();
            "Blocked"
        }
    };
    told["effect"] = effect.into();
    told
}
