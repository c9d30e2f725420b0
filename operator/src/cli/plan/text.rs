//! A plan for people: what changes in each service, what happens to its pods, and all of it in one line.

use std::fmt::Display;

use console::{StyledObject, measure_text_width, pad_str, style};
use msapp_core::difference::{
    ChildDifference, Difference, Effect, FieldChange, Forecast, Reason, Totals, Verdict,
};
use msapp_core::plan::{Awaited, waits_for};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::found::Preview;

/// Lines around a change in a text.
const CONTEXT: usize = 2;
/// Columns before the lines of a field.
const INDENT: &str = "      ";

/// One plan below another.
pub(super) fn plans(previews: &[Preview], styled: bool) -> String {
    let look = Look { styled };
    let plans: Vec<String> = previews.iter().map(|preview| look.plan(preview)).collect();
    plans.join("\n")
}

#[derive(Clone, Copy)]
struct Look {
    styled: bool,
}

/// What a line says, in one character and one colour.
#[derive(Clone, Copy)]
enum Mark {
    Add,
    Change,
    Remove,
    Wait,
    Refuse,
}

impl Look {
    fn paint(self, text: StyledObject<impl Display>) -> String {
        text.force_styling(self.styled).to_string()
    }

    fn marked(self, mark: Mark, text: &str) -> String {
        let styled = match mark {
            Mark::Add => style(format!("+ {text}")).green(),
            Mark::Change => style(format!("~ {text}")).yellow(),
            Mark::Remove => style(format!("- {text}")).red(),
            Mark::Wait => style(format!("… {text}")).cyan(),
            Mark::Refuse => style(format!("! {text}")).red().bold(),
        };
        self.paint(styled)
    }

    fn plan(self, preview: &Preview) -> String {
        let name = self.paint(style(&preview.name).bold());
        let mut text = format!("{name} in namespace {}\n", preview.namespace);
        text.extend(preview.remarks.iter().map(|remark| format!("{remark}\n")));
        text.push('\n');
        text.push_str(&self.sections(&preview.difference));
        text.push_str(&self.table(&preview.difference.services));
        let summary = summary(&preview.difference);
        text.push_str(&format!("{} {summary}\n", self.paint(style("Plan:").bold())));
        text
    }

    /// The objects that do not stay as they are, by service.
    fn sections(self, difference: &Difference) -> String {
        let mut text = String::new();
        let mut services: Vec<&str> =
            difference.children.iter().map(|child| child.service.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        for service in services {
            let children = difference.children.iter().filter(|child| child.service == service);
            let told: String = children.map(|child| self.child(child)).collect();
            if !told.is_empty() {
                text.push_str(&format!("{}\n{told}\n", self.paint(style(service).bold())));
            }
        }
        text
    }

    fn child(self, child: &ChildDifference) -> String {
        let key = &child.key;
        let (mark, told, below) = match &child.verdict {
            Verdict::Keep => return String::new(),
            Verdict::Create => (Mark::Add, key.to_string(), String::new()),
            Verdict::Delete => (Mark::Remove, key.to_string(), String::new()),
            Verdict::Hold(awaited) => (Mark::Wait, format!("{key} {}", waits_for(awaited)), String::new()),
            Verdict::AwaitDeletion => {
                (Mark::Wait, format!("{key} of a predecessor is still being deleted"), String::new())
            }
            Verdict::Refuse(refusal) => (Mark::Refuse, refusal.told_of(key), String::new()),
            Verdict::Update { contested, .. } => {
                let fields = self.fields(&child.verdict);
                match contested.first() {
                    None => (Mark::Change, key.to_string(), fields),
                    Some((manager, paths)) => {
                        (Mark::Refuse, format!("{key}: {}", conflict(manager, paths)), fields)
                    }
                }
            }
        };
        format!("  {}\n{below}", self.marked(mark, &told))
    }

    fn fields(self, verdict: &Verdict) -> String {
        let Verdict::Update { changes, taken_over, .. } = verdict else {
            return String::new();
        };
        let mut text: String = changes.iter().map(|change| self.field(change)).collect();
        for path in taken_over {
            let told = format!("{path}: the same value, which somebody else has set");
            text.push_str(&format!("{INDENT}{}\n", self.marked(Mark::Change, &told)));
        }
        if text.is_empty() {
            text = format!("{INDENT}{}\n", self.paint(style("only who owns its fields").dim()));
        }
        text
    }

    fn field(self, change: &FieldChange) -> String {
        let path = &change.path;
        let (mark, told) = match (&change.before, &change.after) {
            (Some(before), Some(after)) => match (before.as_str(), after.as_str()) {
                (Some(before), Some(after)) if before.contains('\n') || after.contains('\n') => {
                    let head = self.marked(Mark::Change, &format!("{path}:"));
                    return format!("{INDENT}{head}\n{}", self.lines(before, after));
                }
                _ if before == after => (Mark::Change, format!("{path}: {} (another value)", flow(after))),
                _ => (Mark::Change, format!("{path}: {} -> {}", flow(before), flow(after))),
            },
            (None, after) => (Mark::Add, format!("{path}: {}", flow(after.as_ref().unwrap_or(&Value::Null)))),
            (Some(before), None) => (Mark::Remove, format!("{path}: {}", flow(before))),
        };
        format!("{INDENT}{}\n", self.marked(mark, &told))
    }

    /// A text of several lines, as `diff` shows it.
    fn lines(self, before: &str, after: &str) -> String {
        let difference = TextDiff::from_lines(before, after);
        let mut text = String::new();
        for (index, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
            if index > 0 {
                text.push_str(&format!("{INDENT}    ⋮\n"));
            }
            for change in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
                let line = change.value().trim_end_matches(['\n', '\r']);
                let line = match change.tag() {
                    ChangeTag::Equal => format!("  {line}"),
                    ChangeTag::Delete => self.marked(Mark::Remove, line),
                    ChangeTag::Insert => self.marked(Mark::Add, line),
                };
                text.push_str(format!("{INDENT}    {line}").trim_end());
                text.push('\n');
            }
        }
        text
    }

    /// What happens to the pods, of the services of which there is something to tell.
    fn table(self, forecasts: &[Forecast]) -> String {
        let told: Vec<[String; 4]> = forecasts.iter().flat_map(rows).collect();
        if told.is_empty() {
            return String::new();
        }
        let heading = ["SERVICE", "PODS", "FORECAST", "WHY"].map(str::to_owned);
        let rows: Vec<[String; 4]> = std::iter::once(heading).chain(told).collect();
        let width =
            |column: usize| rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..3).map(width).collect();
        let lines = rows.iter().enumerate().map(|(index, row)| {
            let cells = row.iter().zip(&widths);
            let cells =
                cells.map(|(cell, width)| pad_str(cell, *width, console::Alignment::Left, None).into_owned());
            let line = format!("{}   {}", cells.collect::<Vec<_>>().join("   "), row[3]);
            let line = line.trim_end();
            if index == 0 { format!("{}\n", self.paint(style(line).dim())) } else { format!("{line}\n") }
        });
        format!("{}\n", lines.collect::<String>())
    }
}

fn conflict(manager: &str, paths: &[String]) -> String {
    format!("field manager {manager:?} keeps applying {}; one of the two must let go", paths.join(", "))
}

/// The rows of a service: the first of them names it, each tells a reason.
fn rows(forecast: &Forecast) -> Vec<[String; 4]> {
    let (before, after) = (forecast.pods_before, forecast.pods_after);
    let (effect, why) = match &forecast.effect {
        Effect::Stays if before == after => return Vec::new(),
        Effect::Stays => ("scales", Vec::new()),
        Effect::Starts => ("starts", Vec::new()),
        Effect::Stops => ("stops", vec!["no longer declared".to_owned()]),
        Effect::Restarts(reasons) => ("restarts", reasons.iter().map(ToString::to_string).collect()),
        Effect::Waits(awaited) => ("waits", vec![for_what(awaited)]),
        Effect::Blocked(keys) => ("blocked", vec![format!("by {}", joined(keys, ToString::to_string))]),
    };
    let pods = if before == after { before.to_string() } else { format!("{before} -> {after}") };
    let mut rows = vec![[forecast.service.clone(), pods, effect.to_owned(), String::new()]];
    for (index, reason) in why.into_iter().enumerate() {
        if index > 0 {
            rows.push(std::array::from_fn(|_| String::new()));
        }
        rows[index][3] = reason;
    }
    rows
}

/// The cell after `waits`: `for cart, which takes up a changed Secret or ConfigMap first`.
fn for_what(awaited: &[Awaited]) -> String {
    let sentence = waits_for(awaited);
    sentence.strip_prefix("waits ").unwrap_or(&sentence).to_owned()
}

fn joined<T>(items: &[T], told: impl Fn(&T) -> String) -> String {
    items.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// `3 to create, 70 unchanged; restarts: cart (image)`
fn summary(difference: &Difference) -> String {
    let totals = difference.totals();
    let Totals { create, update, delete, held, refused, unchanged } = totals;
    let parts = [
        (create, "to create"),
        (update, "to update"),
        (delete, "to delete"),
        (held, "waiting"),
        (refused, "refused"),
        (unchanged, "unchanged"),
    ];
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let told: Vec<String> = told.collect();
    if difference.is_empty() {
        return format!("nothing to do, {unchanged} unchanged");
    }
    let restarts = difference.services.iter().filter_map(|forecast| match &forecast.effect {
        Effect::Restarts(reasons) => {
            Some(format!("{} ({})", forecast.service, joined(reasons, Reason::short)))
        }
        _ => None,
    });
    let restarts: Vec<String> = restarts.collect();
    let restarts = if restarts.is_empty() {
        "no restarts".to_owned()
    } else {
        format!("restarts: {}", restarts.join(", "))
    };
    format!("{}; {restarts}", told.join(", "))
}

/// A value in one line, as YAML writes it in flow style.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| format!("{name}: {}", flow(field)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Text that nobody takes for something else when it stands without quotes.
fn is_plain(text: &str) -> bool {
    let safe = |letter: char| letter.is_alphanumeric() || " -_./:@*$()%+=".contains(letter);
    !text.is_empty()
        && text.trim() == text
        && text.chars().all(safe)
        && serde_json::from_str::<Value>(text).is_err()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_told_in_one_line_and_text_never_looks_like_something_else() {
        let value = json!({"name": "MODE", "value": "fast", "ports": [{"port": 80}], "text": "80", "empty": "", "two": "a\nb"});
        let expected =
            "{empty: \"\", name: MODE, ports: [{port: 80}], text: \"80\", two: \"a\\nb\", value: fast}";
        assert_eq!(flow(&value), expected);
    }

    #[test]
    fn only_the_lines_around_a_change_of_a_text_are_shown() {
        let before: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        let after = before.replace("line 3\n", "line three\n").replace("line 18\n", "");
        let shown = ["  line 1", "  line 2", "- line 3", "+ line three", "  line 4", "  line 5", "⋮"];
        let rest = ["  line 16", "  line 17", "- line 18", "  line 19", "  line 20"];
        let expected: String =
            shown.iter().chain(&rest).map(|line| format!("{INDENT}    {line}\n")).collect();
        assert_eq!(Look { styled: false }.lines(&before, &after), expected);
    }
}
