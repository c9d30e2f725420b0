//! The live view: redrawn in place on a terminal, appended line by line elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use console::Term;
use futures::{StreamExt, pin_mut};

use super::app::App;
use super::apps::{Seen, Selection};
use super::changes::changes;
use super::{look, text};
use crate::cli::cluster::Cluster;
use crate::cli::exit::Outcome;
use crate::cli::output::print;

/// When the watch ends by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// When everything is ready at the current generation.
    pub(super) until_ready: bool,
    /// At the latest after this time.
    pub(super) timeout: Option<Duration>,
}

type Key = (String, String);

/// Shows every change until the goal is reached, or for ever.
pub(super) async fn run(
    cluster: &Cluster,
    selection: &Selection,
    apps: Vec<App>,
    goal: Goal,
) -> Result<Outcome> {
    let mut view = View::new(selection.clone());
    view.known = apps.into_iter().map(|app| (key(&app), app)).collect();
    view.show()?;
    if view.is_reached(goal) {
        return Ok(Outcome::Fine);
    }
    match goal.timeout {
        None => follow(cluster, &mut view, goal).await,
        Some(limit) => match tokio::time::timeout(limit, follow(cluster, &mut view, goal)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                eprintln!(
                    "not ready after {}",
                    jiff::SignedDuration::try_from(limit)
                        .map_or_else(|_| format!("{limit:?}"), |limit| format!("{limit:#}"))
                );
                Ok(Outcome::Mistakes)
            }
        },
    }
}

async fn follow(cluster: &Cluster, view: &mut View, goal: Goal) -> Result<Outcome> {
    let events = cluster.changes(&view.selection);
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(seen) => {
                view.trouble = None;
                if !view.take(seen) {
                    continue;
                }
            }
            Err(trouble) => view.trouble = Some(trouble),
        }
        view.show()?;
        if view.is_reached(goal) {
            return Ok(Outcome::Fine);
        }
        if goal.until_ready && view.is_gone() {
            eprintln!("the app was deleted");
            return Ok(Outcome::Mistakes);
        }
    }
    bail!("the watch ended")
}

struct View {
    selection: Selection,
    terminal: Term,
    begin: Instant,
    /// What is known.
    known: BTreeMap<Key, App>,
    /// What is told anew, while it is.
    anew: Option<BTreeMap<Key, App>>,
    /// What was shown, for those who want lines.
    shown: BTreeMap<Key, App>,
    /// Lines on the terminal that are to be replaced.
    drawn: Vec<String>,
    /// Why the watch is interrupted.
    trouble: Option<String>,
    told_trouble: Option<String>,
}

impl View {
    fn new(selection: Selection) -> Self {
        Self {
            selection,
            terminal: Term::buffered_stdout(),
            begin: Instant::now(),
            known: BTreeMap::new(),
            anew: None,
            shown: BTreeMap::new(),
            drawn: Vec::new(),
            trouble: None,
            told_trouble: None,
        }
    }

    /// Whether there is something to show.
    fn take(&mut self, seen: Seen) -> bool {
        match seen {
            Seen::Anew => self.anew = Some(BTreeMap::new()),
            Seen::Known(app) => {
                self.anew.get_or_insert_default().insert(key(&app), *app);
            }
            Seen::Complete => self.known = self.anew.take().unwrap_or_default(),
            Seen::Changed(app) => {
                self.known.insert(key(&app), *app);
            }
            Seen::Gone(app) => {
                self.known.remove(&key(&app));
            }
        }
        self.anew.is_none()
    }

    fn is_reached(&self, goal: Goal) -> bool {
        goal.until_ready && !self.known.is_empty() && self.known.values().all(App::is_ready)
    }

    fn is_gone(&self) -> bool {
        self.selection.name.is_some() && self.anew.is_none() && self.known.is_empty()
    }

    fn show(&mut self) -> Result<()> {
        if self.terminal.is_term() { self.redraw() } else { self.append() }
    }

    fn redraw(&mut self) -> Result<()> {
        let apps: Vec<App> = self.known.values().cloned().collect();
        let mut text = match apps.as_slice() {
            [] => format!("no MicroserviceApp in {}\n", self.selection.place()),
            apps => text::apps(apps, look(&self.selection)),
        };
        if let Some(trouble) = &self.trouble {
            text.push_str(&format!("\nThe connection is lost, trying again: {trouble}\n"));
        }
        let (rows, columns) = self.terminal.size();
        let lines = fitting(&text, rows.into(), columns.into());
        if lines != self.drawn {
            self.terminal.clear_last_lines(self.drawn.len())?;
            for line in &lines {
                self.terminal.write_line(line)?;
            }
            self.terminal.flush()?;
            self.drawn = lines;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<()> {
        let seconds = self.begin.elapsed().as_secs();
        for (key, app) in &self.known {
            match self.shown.get(key) {
                None => print(&text::tree(app, look(&self.selection)))?,
                before => {
                    for line in changes(before, app) {
                        print(&format!("{seconds:>4}s  {line}\n"))?;
                    }
                }
            }
        }
        for (namespace, name) in self.shown.keys().filter(|key| !self.known.contains_key(*key)) {
            print(&format!("{seconds:>4}s  {name} in namespace {namespace} is gone\n"))?;
        }
        if self.trouble != self.told_trouble {
            self.told_trouble.clone_from(&self.trouble);
            if let Some(trouble) = &self.trouble {
                eprintln!("the connection is lost, trying again: {trouble}");
            }
        }
        self.shown.clone_from(&self.known);
        Ok(())
    }
}

/// The lines that can be redrawn in place: none wraps, and all fit on the terminal.
fn fitting(text: &str, rows: usize, columns: usize) -> Vec<String> {
    let wrapped: Vec<String> = text.lines().flat_map(|line| wrapped(line, columns)).collect();
    let room = rows.saturating_sub(1).max(1);
    if wrapped.len() <= room {
        return wrapped;
    }
    let end = last_paragraph(&wrapped, room);
    let head = room - 1 - end.len();
    let hidden = wrapped.len() - head - end.len();
    let note = format!("… {hidden} more lines");
    wrapped[..head].iter().chain([&note]).chain(end).cloned().collect()
}

/// The cause stands at the end and must be seen, unless it takes more than half of the terminal.
fn last_paragraph(lines: &[String], room: usize) -> &[String] {
    let start = lines.iter().rposition(String::is_empty).unwrap_or(lines.len());
    if lines.len() - start <= room / 2 { &lines[start..] } else { &[] }
}

/// Breaks a line at the width of the terminal. Only the last line of a view, which has no colours behind its label,
/// is ever longer.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    if columns == 0 || console::measure_text_width(line) <= columns {
        return vec![line.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("there is always one");
        let width = console::measure_text_width(last) + 1 + console::measure_text_width(word);
        if last.is_empty() {
            last.push_str(word);
        } else if width <= columns {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(format!("     {word}"));
        }
    }
    lines.into_iter().map(|line| console::truncate_str(&line, columns, "…").into_owned()).collect()
}

fn key(app: &App) -> Key {
    (app.namespace.clone(), app.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_wrapped_so_that_it_can_be_redrawn() {
        assert_eq!(
            wrapped("Why: cart is down and blocks web", 16),
            ["Why: cart is", "     down and", "     blocks web"]
        );
        assert_eq!(wrapped("short", 16), ["short"]);
    }

    #[test]
    fn what_does_not_fit_on_the_terminal_is_counted() {
        let lines = fitting("a\nb\nc\nd\n", 4, 80);
        assert_eq!(lines, ["a", "b", "… 2 more lines"]);
        assert_eq!(fitting("a\nb\nc\n", 4, 80).len(), 3);
        assert_eq!(fitting("a\nb\nc\nd\n\nWhy: x\n", 6, 80), ["a", "b", "… 2 more lines", "", "Why: x"]);
    }

    #[test]
    fn apps_that_a_new_list_does_not_tell_are_gone() {
        let app = |name: &str| Box::new(App { name: name.to_owned(), ..App::default() });
        let mut view = View::new(Selection { namespace: None, name: None });
        assert!(view.take(Seen::Changed(app("old"))));
        assert!(!view.take(Seen::Anew));
        assert!(!view.take(Seen::Known(app("new"))));
        assert!(view.take(Seen::Complete));
        assert_eq!(view.known.keys().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["new"]);
    }
}
