//! Progress of long work on standard error: one line that is written over on a
//! terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

/// How often a line appears where it cannot be written over.
const EVERY: Duration = Duration::from_secs(15);

/// A line that tells how far the work is.
pub struct Progress {
    terminal: bool,
    begin: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Begins to count the time.
    pub fn begin() -> Self {
        Self { terminal: stderr().is_terminal(), begin: Instant::now(), shown: None }
    }

    /// Tells how far it is; may be called as often as one likes.
    pub fn show(&mut self, text: &str) {
        let pause = if self.terminal { Duration::from_millis(100) } else { EVERY };
        if self.shown.is_some_and(|shown| shown.elapsed() < pause) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = format!("  {} {text}", self.elapsed());
        if self.terminal {
            eprint!("\r\x1b[K{line}");
        } else {
            eprintln!("{line}");
        }
        // A terminal that went away is no reason to stop.
        let _ = stderr().flush();
    }

    /// Writes a line that stays.
    pub fn done(&mut self, text: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        eprintln!("{clear}  {} {text}", self.elapsed());
        self.shown = None;
    }

    fn elapsed(&self) -> String {
        let seconds = self.begin.elapsed().as_secs();
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}
