//! The tree and the table as text: pure functions of what was read.

use console::{StyledObject, measure_text_width, pad_str, style, truncate_str};

use super::app::{App, Service, State};
use super::shape::{Row, rows};

/// How to draw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// Whether there are colours.
    pub(super) styled: bool,
    /// Columns of the terminal; none where lines may have any length.
    pub(super) width: Option<usize>,
    /// Whether the table tells the namespaces.
    pub(super) namespaces: bool,
}

impl Look {
    fn paint<T>(self, object: StyledObject<T>) -> StyledObject<T> {
        object.force_styling(self.styled)
    }

    fn line(self, text: &str) -> String {
        let text = text.trim_end();
        let cut = self.width.map_or_else(|| text.into(), |width| truncate_str(text, width, "…"));
        format!("{cut}\n")
    }
}

/// One app as a tree, several as a table.
pub(super) fn apps(apps: &[App], look: Look) -> String {
    match apps {
        [app] => tree(app, look),
        apps => table(apps, look),
    }
}

/// The app and its services, callers above what they call.
pub(super) fn tree(app: &App, look: Look) -> String {
    let rows = rows(app);
    let names: Vec<String> =
        rows.iter().map(|row| format!("{}{}", row.branches, app.services[row.service].name)).collect();
    let widths = Widths::of(&names, app);
    let mut text = header(app, look);
    text.push('\n');
    for (row, name) in rows.iter().zip(&names) {
        text.push_str(&look.line(&service_line(&app.services[row.service], row, name, &widths, look)));
    }
    if let Some(why) = app.why() {
        let label = look.paint(style("Why:").bold());
        text.push_str(&format!("\n{label} {}\n", one_line(&why)));
    }
    text
}

fn header(app: &App, look: Look) -> String {
    let name = look.paint(style(&app.name).bold());
    let mut parts = vec![format!("{name} in namespace {}", app.namespace)];
    parts.extend(app.summary.as_ref().map(|summary| format!("{summary} ready")));
    parts.push(match app.observed_generation {
        Some(observed) if observed == app.generation => format!("generation {observed}"),
        Some(observed) => format!("generation {observed} of {}", app.generation),
        None => format!("generation {}, not seen yet", app.generation),
    });
    parts.extend(app.url.clone());
    let mut text = look.line(&parts.join("   "));
    if let Some(ready) = &app.ready {
        let state = match ready.status.as_str() {
            "True" if app.is_current() => State::Ready,
            "True" => State::Moving,
            _ => State::of(&ready.reason),
        };
        let status = look.paint(tinted(state, &ready.status));
        text.push_str(&look.line(&format!("Ready: {status}   {}", ready.reason)));
    }
    if app.suspended {
        text.push_str(&look.line("suspended: the operator leaves every object of this app alone"));
    }
    text
}

struct Widths {
    name: usize,
    count: usize,
    version: usize,
}

impl Widths {
    fn of(names: &[String], app: &App) -> Self {
        let widest =
            |texts: Vec<String>| texts.iter().map(|text| measure_text_width(text)).max().unwrap_or_default();
        Self {
            name: names.iter().map(|name| measure_text_width(name)).max().unwrap_or_default(),
            count: widest(app.services.iter().map(count).collect()),
            version: widest(app.services.iter().map(Service::version).collect()),
        }
    }
}

fn service_line(service: &Service, row: &Row<'_>, name: &str, widths: &Widths, look: Look) -> String {
    let state = service.state();
    let padded = |text: &str, width| pad_str(text, width, console::Alignment::Left, None).into_owned();
    let name = padded(name, widths.name);
    let count = pad_str(&count(service), widths.count, console::Alignment::Right, None).into_owned();
    let mark = look.paint(tinted(state, mark(state)));
    let version = padded(&service.version(), widths.version);
    let mut parts = vec![format!("{name}  {count} {mark} {version}")];
    parts.extend(cause(service).map(|cause| look.paint(tinted(state, &cause)).to_string()));
    if !service.declared {
        parts.push("no longer in the spec".to_owned());
    }
    let refers = |word: &str, names: &[&str]| {
        look.paint(style(format!("{word} {}", names.join(" "))).dim()).to_string()
    };
    parts.extend((!row.elsewhere.is_empty()).then(|| refers("→", &row.elsewhere)));
    parts.extend((!row.outside.is_empty()).then(|| refers("uses", &row.outside)));
    parts.join("  ")
}

/// `1/2`, or dashes while nothing is known.
pub(super) fn count(service: &Service) -> String {
    let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    format!("{}/{}", number(service.ready), number(service.desired))
}

/// `CrashLoopBackOff (pod cart-7d9f-x2: exit 1)`, while something is to be told.
pub(super) fn cause(service: &Service) -> Option<String> {
    let reason = service.reason.as_ref()?;
    Some(
        service
            .message
            .as_ref()
            .map_or_else(|| reason.clone(), |message| format!("{reason} ({})", one_line(message))),
    )
}

/// The last words of a container can have several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A state in one character.
pub(super) fn mark(state: State) -> &'static str {
    match state {
        State::Ready => "●",
        State::Moving => "◐",
        State::Waiting => "○",
        State::Broken => "✖",
    }
}

fn tinted(state: State, text: &str) -> StyledObject<String> {
    let text = style(text.to_owned());
    match state {
        State::Ready => text.green(),
        State::Moving => text.yellow(),
        State::Waiting => text.cyan(),
        State::Broken => text.red(),
    }
}

/// Several apps, a line each.
fn table(apps: &[App], look: Look) -> String {
    let heading = ["NAMESPACE", "NAME", "READY", "SERVICES", "REASON", "MESSAGE"].map(str::to_owned);
    let cells = apps.iter().map(|app| {
        let ready = app.ready.clone().unwrap_or_default();
        let why = app.why().unwrap_or_default();
        let known = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let summary = app.summary.clone().unwrap_or_default();
        [
            app.namespace.clone(),
            app.name.clone(),
            known(ready.status),
            known(summary),
            known(ready.reason),
            one_line(&why),
        ]
    });
    let lines: Vec<[String; 6]> = std::iter::once(heading).chain(cells).collect();
    let skipped = usize::from(!look.namespaces);
    let width =
        |column: usize| lines.iter().map(|line| measure_text_width(&line[column])).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let text = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).skip(skipped);
        let padded =
            cells.map(|(cell, width)| pad_str(cell, *width, console::Alignment::Left, None).into_owned());
        look.line(&padded.collect::<Vec<_>>().join("   "))
    });
    text.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shop(services: Value) -> App {
        App::from_resource(&json!({
            "metadata": {"name": "shop", "namespace": "shop", "generation": 7},
            "spec": {"services": [
                {"name": "web", "image": "registry.example/web:1.4.2", "dependencies": [{"name": "orders"}, {"name": "cart"}]},
                {"name": "cart", "image": "registry.example/cart:1.9.0", "dependencies": [{"name": "cart-cache"}]},
                {"name": "orders", "image": "registry.example/orders:2.0.0-rc.1",
                 "dependencies": [{"name": "cart"}, {"name": "payment"}, {"name": "orders-db"}]},
                {"name": "payment", "image": "registry.example/payment@sha256:0123456789abcdef", "dependencies": [{"name": "stripe"}]},
            ]},
            "status": {
                "observedGeneration": 7,
                "summary": "2/4",
                "url": "https://shop.example.com/",
                "conditions": [{"type": "Ready", "status": "False", "reason": "CrashLoopBackOff",
                    "message": "2/4: cart: CrashLoopBackOff (exit 1, \"connection refused\"); blocks orders, web"}],
                "services": services,
            },
        }))
    }

    fn broken() -> App {
        shop(json!([
            {"name": "cart", "ready": 1, "desired": 2, "image": "registry.example/cart:1.9.0", "reason": "CrashLoopBackOff",
             "message": "pod cart-7d9f-x2: exit 1, \"connection\nrefused\""},
            {"name": "orders", "ready": 2, "desired": 12, "image": "registry.example/orders:2.0.0-rc.1", "reason": "RollingOut"},
            {"name": "web", "ready": 0, "desired": 2, "image": "registry.example/web:1.4.2", "reason": "WaitingForDependency",
             "message": "waits for cart"},
        ]))
    }

    #[test]
    fn the_tree_names_what_is_broken() {
        insta::assert_snapshot!(tree(&broken(), Look::default()));
    }

    #[test]
    fn lines_of_a_narrow_terminal_are_cut_but_the_cause_is_not() {
        insta::assert_snapshot!(tree(&broken(), Look { width: Some(48), ..Look::default() }));
    }

    #[test]
    fn colours_stand_only_where_they_are_wanted() {
        assert!(!tree(&broken(), Look::default()).contains('\u{1b}'));
        assert!(tree(&broken(), Look { styled: true, ..Look::default() }).contains("\u{1b}[31m✖"));
    }

    #[test]
    fn an_app_that_is_ready_needs_no_cause() {
        let mut app = shop(json!([]));
        app.services.retain(|service| service.name == "cart");
        app.services[0].ready = Some(2);
        app.services[0].desired = Some(2);
        app.ready.iter_mut().for_each(|ready| {
            ready.status = "True".to_owned();
            ready.reason = "AllServicesReady".to_owned();
        });
        insta::assert_snapshot!(tree(&app, Look::default()));
    }

    #[test]
    fn an_app_that_nobody_has_seen_is_told_so() {
        let app = App::from_resource(&json!({
            "metadata": {"name": "hello", "namespace": "default", "generation": 1},
            "spec": {"services": [{"name": "web", "image": "nginx"}]},
            "status": {"observedGeneration": -1},
        }));
        insta::assert_snapshot!(tree(&app, Look::default()));
    }

    #[test]
    fn several_apps_are_a_table() {
        let mut other = shop(json!([]));
        other.name = "booking".to_owned();
        other.namespace = "travel".to_owned();
        other.generation = 8;
        insta::assert_snapshot!(apps(&[broken(), other], Look { namespaces: true, ..Look::default() }));
    }
}
