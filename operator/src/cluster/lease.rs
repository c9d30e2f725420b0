//! The rules of the lease, without clock or network.
//!
//! Clocks of different machines are never compared: a holder counts as gone when its record was seen unchanged for
//! the duration that the record itself names, by our own monotonic clock. Writes carry the resource version that
//! was seen, so of two that try at once one fails.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use tokio::time::Instant;

/// What is to be done about the lease.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Move {
    /// Nobody ever held it: create it.
    Create(Box<Lease>),
    /// It is ours, free or abandoned: write this.
    Write(Box<Lease>),
    /// Somebody else holds it.
    Wait,
}

/// What this process knows of the lease.
#[derive(Debug)]
pub(super) struct Election {
    identity: String,
    name: String,
    duration: Duration,
    /// The record of the holder, and since when it has been seen unchanged.
    seen: Option<(LeaseSpec, Instant)>,
}

impl Election {
    pub fn new(identity: &str, name: &str, duration: Duration) -> Self {
        Self { identity: identity.to_owned(), name: name.to_owned(), duration, seen: None }
    }

    /// Decides on what was read (nothing when there is no lease).
    pub fn step(&mut self, found: Option<&Lease>, now: Instant, wall: Timestamp) -> Move {
        let Some(lease) = found else {
            self.seen = None;
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            return Move::Create(Box::new(Lease { metadata, spec: Some(self.claim(None, wall)) }));
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let since = self.observe(&spec, now);
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let patience = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let abandoned = now.duration_since(since) >= patience.map_or(self.duration, Duration::from_secs);
        if holder == self.identity || holder.is_empty() || abandoned {
            let metadata = written_metadata(lease);
            return Move::Write(Box::new(Lease { metadata, spec: Some(self.claim(Some(&spec), wall)) }));
        }
        Move::Wait
    }

    /// Since when this record has been seen unchanged.
    fn observe(&mut self, spec: &LeaseSpec, now: Instant) -> Instant {
        match &self.seen {
            Some((seen, since)) if seen == spec => *since,
            _ => {
                self.seen = Some((spec.clone(), now));
                now
            }
        }
    }

    fn claim(&self, before: Option<&LeaseSpec>, wall: Timestamp) -> LeaseSpec {
        let held = before.filter(|spec| spec.holder_identity.as_deref() == Some(&self.identity));
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: held.map_or(Some(MicroTime(wall)), |spec| spec.acquire_time.clone()),
            renew_time: Some(MicroTime(wall)),
            lease_transitions: Some(if held.is_some() || before.is_none() {
                transitions
            } else {
                transitions + 1
            }),
            ..LeaseSpec::default()
        }
    }

    /// The lease as it is left behind, so that the next one need not wait.
    pub fn released(lease: &Lease, wall: Timestamp) -> Lease {
        let mut spec = lease.spec.clone().unwrap_or_default();
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(wall));
        Lease { metadata: written_metadata(lease), spec: Some(spec) }
    }
}

/// What of the metadata is sent back: labels and owners of others stay.
fn written_metadata(lease: &Lease) -> ObjectMeta {
    ObjectMeta { managed_fields: None, ..lease.metadata.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn wall() -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }

    fn held_by(holder: &str, version: &str, renewed: i64) -> Lease {
        let renewed = Timestamp::from_second(renewed).expect("a time");
        Lease {
            metadata: ObjectMeta { resource_version: Some(version.into()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.into()),
                lease_duration_seconds: Some(15),
                renew_time: Some(MicroTime(renewed)),
                lease_transitions: Some(3),
                ..LeaseSpec::default()
            }),
        }
    }

    fn written(step: Move) -> Lease {
        match step {
            Move::Write(lease) | Move::Create(lease) => *lease,
            Move::Wait => panic!("it waits"),
        }
    }

    #[test]
    fn the_first_one_creates_the_lease() {
        let mut election = Election::new("a", "msapp", DURATION);
        let Move::Create(lease) = election.step(None, Instant::now(), wall()) else {
            panic!("it is created")
        };
        let spec = lease.spec.expect("a spec");
        assert_eq!((spec.holder_identity.as_deref(), spec.lease_transitions), (Some("a"), Some(0)));
    }

    #[test]
    fn a_holder_is_gone_only_when_its_record_was_seen_unchanged_for_its_duration() {
        let mut election = Election::new("b", "msapp", DURATION);
        let start = Instant::now();
        // The renewal looks years old: the clocks of the two machines disagree, and nobody cares.
        assert_eq!(election.step(Some(&held_by("a", "1", 5)), start, wall()), Move::Wait);
        assert_eq!(
            election.step(Some(&held_by("a", "2", 6)), start + DURATION, wall()),
            Move::Wait,
            "it was renewed"
        );
        let almost = start + DURATION + Duration::from_secs(14);
        assert_eq!(election.step(Some(&held_by("a", "2", 6)), almost, wall()), Move::Wait);
        let lease = written(election.step(Some(&held_by("a", "2", 6)), start + 2 * DURATION, wall()));
        let spec = lease.spec.expect("a spec");
        assert_eq!((spec.holder_identity.as_deref(), spec.lease_transitions), (Some("b"), Some(4)));
        assert_eq!(lease.metadata.resource_version.as_deref(), Some("2"), "a precondition");
    }

    #[test]
    fn a_touch_that_is_no_renewal_does_not_count_as_life() {
        let mut election = Election::new("b", "msapp", DURATION);
        let start = Instant::now();
        election.step(Some(&held_by("a", "1", 5)), start, wall());
        let touched = held_by("a", "99", 5);
        assert_ne!(election.step(Some(&touched), start + DURATION, wall()), Move::Wait);
    }

    #[test]
    fn our_own_lease_is_renewed_and_a_released_one_is_taken_at_once() {
        let mut election = Election::new("a", "msapp", DURATION);
        let renewed = written(election.step(Some(&held_by("a", "7", 5)), Instant::now(), wall()));
        assert_eq!(renewed.spec.expect("a spec").lease_transitions, Some(3), "no change of hands");
        let free = Election::released(&held_by("x", "8", 6), wall());
        assert_eq!(free.spec.as_ref().and_then(|spec| spec.lease_duration_seconds), Some(1));
        let taken = written(election.step(Some(&free), Instant::now(), wall()));
        assert_eq!(taken.spec.expect("a spec").lease_transitions, Some(4));
    }
}
