//! When something that failed is tried again: later each time, not at the same time as others, and at once when what
//! would be written has changed.

use std::collections::HashMap;
use std::time::Duration;

use msapp_core::desired::ChildKey;
use msapp_core::status::{Failure, FailureKind};
use tokio::time::Instant;

/// Nothing waits longer than this.
const LONGEST: Duration = Duration::from_secs(300);
/// First wait when nobody must act.
const TRANSIENT: Duration = Duration::from_secs(1);
/// First wait when an administrator must act.
const ADMINISTRATOR: Duration = Duration::from_secs(30);

/// Doubles with each failure up to five minutes; `jitter` from 0 to 1 shortens it by up to a fifth.
pub(super) fn delay(first: Duration, failures: u32, jitter: f64) -> Duration {
    let doubled = first.saturating_mul(1_u32 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST).mul_f64(1.0 - 0.2 * jitter)
}

/// First wait after a failure.
fn first_delay(kind: FailureKind) -> Duration {
    if kind == FailureKind::Transient { TRANSIENT } else { ADMINISTRATOR }
}

/// Delay before a whole pass is tried again that could not even begin.
pub(super) fn pass_delay(failures: u32) -> Duration {
    delay(TRANSIENT, failures, fastrand::f64())
}

/// A child that could not be written.
#[derive(Clone, Debug)]
struct Failed {
    failure: Failure,
    /// What would have been written over what.
    signature: String,
    count: u32,
    until: Instant,
}

/// The children of one app that could not be written, or not as wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts {
    failed: HashMap<ChildKey, Failed>,
    /// Digests of what was wanted and of what the API server made of it.
    bent: HashMap<ChildKey, (String, String)>,
}

impl Attempts {
    /// The failure that stands, when the same write is not to be tried yet.
    pub fn standing(&self, key: &ChildKey, signature: &str, now: Instant) -> Option<&Failure> {
        let failed =
            self.failed.get(key).filter(|failed| failed.signature == signature && now < failed.until)?;
        Some(&failed.failure)
    }

    /// A namespace that is being deleted takes nothing new: then nothing at all is tried until later.
    pub fn closed(&self, now: Instant) -> bool {
        let terminating = |failed: &Failed| failed.failure.kind == FailureKind::NamespaceTerminating;
        self.failed.values().any(|failed| terminating(failed) && now < failed.until)
    }

    /// A write failed; it is not tried again before `wait` is over.
    pub fn failed(&mut self, failure: Failure, signature: String, now: Instant, wait: Duration) {
        let before = self.failed.get(&failure.key).filter(|before| before.failure.kind == failure.kind);
        let count = before.map_or(1, |before| before.count + 1);
        let until = now + delay(first_delay(failure.kind), count, fastrand::f64()).max(wait.min(LONGEST));
        self.failed.insert(failure.key.clone(), Failed { failure, signature, count, until });
    }

    /// What the API server stored after a write. Admission may change our fields each time; then writing the same
    /// again changes nothing, and goes on for ever.
    pub fn stored(&mut self, key: &ChildKey, wanted: String, stored: &str) {
        if wanted == stored {
            self.bent.remove(key);
        } else if self.bent.insert(key.clone(), (wanted, stored.to_owned())).is_none() {
            tracing::warn!(child = %key, "the API server stores something else than what was applied");
        }
    }

    /// Whether the live object is what the API server made of the same manifest before.
    pub fn is_bent(&self, key: &ChildKey, wanted: &str, live: &str) -> bool {
        self.bent.get(key).is_some_and(|(before, stored)| before == wanted && stored == live)
    }

    /// A child is as it should be, or not wanted any more.
    pub fn settled(&mut self, keep: impl Fn(&ChildKey) -> bool) {
        self.failed.retain(|key, _| keep(key));
    }

    /// What the user is told: everything but what failed once for a reason that passes.
    pub fn told(&self) -> Vec<Failure> {
        let lasting = |failed: &&Failed| failed.failure.kind != FailureKind::Transient || failed.count > 1;
        let mut told: Vec<Failure> =
            self.failed.values().filter(lasting).map(|failed| failed.failure.clone()).collect();
        told.sort_by(|left, right| left.key.cmp(&right.key));
        told
    }

    /// When the next of them is tried.
    pub fn next(&self) -> Option<Instant> {
        self.failed.values().map(|failed| failed.until).min()
    }
}

#[cfg(test)]
mod tests {
    use msapp_core::desired::ChildKind;

    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        let key = ChildKey::new(ChildKind::Deployment, "cart");
        Failure { key, service: "cart".into(), kind, message: "no".into() }
    }

    #[test]
    fn waits_double_up_to_five_minutes_and_jitter_only_shortens() {
        let seconds: Vec<u64> = (1..=11).map(|failures| delay(TRANSIENT, failures, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(delay(ADMINISTRATOR, 1, 0.0), ADMINISTRATOR);
        assert_eq!(delay(TRANSIENT, 1, 1.0), Duration::from_millis(800));
        assert_eq!(delay(TRANSIENT, u32::MAX, 0.0), LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_write_waits_and_a_different_one_does_not() {
        let mut attempts = Attempts::default();
        let (now, refused) = (Instant::now(), failure(FailureKind::Rejected));
        attempts.failed(refused.clone(), "a".into(), now, Duration::ZERO);
        assert_eq!(attempts.standing(&refused.key, "a", now), Some(&refused));
        assert_eq!(attempts.standing(&refused.key, "b", now), None);
        assert_eq!(attempts.standing(&refused.key, "a", now + ADMINISTRATOR), None);
        attempts.settled(|_| false);
        assert_eq!(attempts.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_time_gets_it() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        attempts.failed(failure(FailureKind::Transient), "a".into(), now, Duration::from_secs(60));
        assert_eq!(attempts.next(), Some(now + Duration::from_secs(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hiccup_is_not_told_but_an_outage_is() {
        let mut attempts = Attempts::default();
        attempts.failed(failure(FailureKind::Transient), "a".into(), Instant::now(), Duration::ZERO);
        assert!(attempts.told().is_empty());
        attempts.failed(failure(FailureKind::Transient), "a".into(), Instant::now(), Duration::ZERO);
        assert_eq!(attempts.told().len(), 1);
    }

    #[test]
    fn what_admission_changes_each_time_is_not_written_again_until_somebody_else_changes_it() {
        let mut attempts = Attempts::default();
        let key = ChildKey::new(ChildKind::Deployment, "cart");
        attempts.stored(&key, "wanted".into(), "changed");
        assert!(attempts.is_bent(&key, "wanted", "changed"));
        assert!(!attempts.is_bent(&key, "wanted", "drifted"));
        assert!(!attempts.is_bent(&key, "edited", "changed"));
        attempts.stored(&key, "wanted".into(), "wanted");
        assert!(!attempts.is_bent(&key, "wanted", "changed"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminating_namespace_closes_the_app() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        attempts.failed(failure(FailureKind::NamespaceTerminating), "a".into(), now, Duration::ZERO);
        assert!(attempts.closed(now));
        assert!(!attempts.closed(now + ADMINISTRATOR));
    }
}
