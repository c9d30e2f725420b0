//! What has become of the requests.

use crate::duration::milliseconds;
use serde::Serialize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many failures are told one by one.
const TOLD: usize = 20;
/// Time is counted in steps that grow by a hundredth: a report is that exact, and as large after a day as after a minute.
const STEP: f64 = 1.01;

/// Counts what becomes of the requests.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    began: Option<Instant>,
    stopped: bool,
    due: u64,
    sent: u64,
    succeeded: u64,
    failed: u64,
    connections: u64,
    failures: Vec<Failure>,
    /// How many answers took how many steps.
    steps: Vec<u64>,
    slowest: Duration,
}

/// One request that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    at: jiff::Timestamp,
    error: String,
}

/// What has become of the requests until now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    seconds: f64,
    sent: u64,
    succeeded: u64,
    failed: u64,
    /// Sent and not answered yet.
    under_way: u64,
    /// Due, and not sent since all connections were busy.
    waiting: u64,
    connections: u64,
    failures: Vec<Failure>,
    latency_milliseconds: Latency,
}

/// How long answers took from the moment that their request was due.
#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    max: u64,
}

impl Tally {
    fn count<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock().expect("nobody panics with it"))
    }

    /// A request is due.
    pub fn due(&self) {
        self.count(|counts| {
            counts.began.get_or_insert_with(Instant::now);
            counts.due += 1;
        });
    }

    /// A request is about to be sent; false when none shall be sent any more.
    pub fn begin(&self) -> bool {
        self.count(|counts| {
            counts.sent += u64::from(!counts.stopped);
            !counts.stopped
        })
    }

    /// A connection is opened.
    pub fn connect(&self) {
        self.count(|counts| counts.connections += 1);
    }

    /// Nothing is sent any more.
    pub fn stop(&self) {
        self.count(|counts| counts.stopped = true);
    }

    /// A request was answered or failed, `took` after it was due.
    pub fn end(&self, took: Duration, result: Result<(), String>) {
        self.count(|counts| {
            counts.time(took);
            match result {
                Ok(()) => counts.succeeded += 1,
                Err(error) => counts.fail(error),
            }
        });
    }

    /// The numbers of this moment.
    pub fn report(&self) -> Report {
        self.count(|counts| Report {
            seconds: counts.began.map_or(0.0, |began| began.elapsed().as_secs_f64()),
            sent: counts.sent,
            succeeded: counts.succeeded,
            failed: counts.failed,
            under_way: counts.sent - counts.succeeded - counts.failed,
            waiting: counts.due - counts.sent,
            connections: counts.connections,
            failures: counts.failures.clone(),
            latency_milliseconds: Latency {
                p50: counts.quantile(0.5),
                p90: counts.quantile(0.9),
                p99: counts.quantile(0.99),
                max: milliseconds(counts.slowest),
            },
        })
    }
}

impl Counts {
    fn fail(&mut self, error: String) {
        self.failed += 1;
        if self.failures.len() < TOLD {
            self.failures.push(Failure { at: jiff::Timestamp::now(), error });
        }
    }

    fn time(&mut self, took: Duration) {
        let microseconds = took.as_micros().max(1) as f64;
        let step = microseconds.log(STEP) as usize;
        if self.steps.len() <= step {
            self.steps.resize(step + 1, 0);
        }
        self.steps[step] += 1;
        self.slowest = self.slowest.max(took);
    }

    /// In milliseconds, the time within which this part of the requests ended.
    fn quantile(&self, part: f64) -> f64 {
        let wanted = (self.steps.iter().sum::<u64>() as f64 * part).ceil() as u64;
        let mut seen = 0;
        let step = self.steps.iter().position(|number| {
            seen += number;
            seen >= wanted
        });
        let exact = step.map_or(0.0, |step| STEP.powf(step as f64 + 0.5) / 1000.0);
        (exact * 100.0).round() / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_to_a_hundredth() {
        let tally = Tally::default();
        for number in 1..=1000 {
            tally.due();
            assert!(tally.begin());
            tally.end(Duration::from_millis(number), Ok(()));
        }
        let latency = tally.report().latency_milliseconds;
        for (told, true_value) in [(latency.p50, 500.0), (latency.p90, 900.0), (latency.p99, 990.0)] {
            assert!((told / true_value - 1.0_f64).abs() < 0.01, "{told} is not {true_value}");
        }
        assert_eq!(latency.max, 1000);
    }

    #[test]
    fn the_first_failures_are_told_and_all_are_counted() {
        let tally = Tally::default();
        for number in 0..25 {
            tally.due();
            tally.begin();
            tally.end(Duration::ZERO, Err(format!("failure {number}")));
        }
        let report = tally.report();
        assert_eq!((report.sent, report.failed, report.succeeded, report.under_way), (25, 25, 0, 0));
        assert_eq!(report.failures.len(), TOLD);
        assert_eq!(report.failures[0].error, "failure 0");
    }

    #[test]
    fn what_is_due_when_it_stops_is_not_sent() {
        let tally = Tally::default();
        tally.due();
        tally.stop();
        assert!(!tally.begin());
        assert_eq!((tally.report().sent, tally.report().waiting), (0, 1));
    }
}
