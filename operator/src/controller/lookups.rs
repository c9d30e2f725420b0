//! What an app knows of the Provisioned Services it refers to. Nobody watches them, as their kinds can be any: each is
//! asked for again, seldom once it has told its Secret, and less and less often before that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msapp_core::source::{Binding, Bindings};
use msapp_crds::v1alpha1::ProvisionedService;
use tokio::time::Instant;

use super::backoff::delay;
use crate::cluster::ProvisionedServices;

/// One that has told its Secret is asked again by the next pass that comes after this time: that of every resync.
const SETTLED: Duration = Duration::from_secs(540);
/// Waits before one is asked again that has not told its Secret yet: the first, and the longest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);

/// What is known of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookups(BTreeMap<ProvisionedService, Lookup>);

#[derive(Clone, Debug)]
struct Lookup {
    binding: Binding,
    /// How often in a row the answer was this one, and told no Secret.
    in_vain: u32,
    until: Instant,
}

impl Lookups {
    /// What is known of some, and of no others from now on. Asks for those that are due.
    ///
    /// # Errors
    /// When nothing is known of one of them and the API server gives no answer.
    pub async fn bindings(
        &mut self,
        services: &ProvisionedServices,
        namespace: &str,
        wanted: BTreeSet<ProvisionedService>,
    ) -> kube::Result<Bindings> {
        self.0.retain(|service, _| wanted.contains(service));
        for service in wanted {
            let now = Instant::now();
            if self.0.get(&service).is_some_and(|known| now < known.until) {
                continue;
            }
            match (services.fetch(namespace, &service).await, self.0.get_mut(&service)) {
                (Ok(binding), _) => self.note(service, binding, now),
                // What was known holds until there is an answer.
                (Err(_), Some(known)) => known.until = now + LONGEST,
                (Err(error), None) => return Err(error),
            }
        }
        Ok(self.0.iter().map(|(service, known)| (service.clone(), known.binding.clone())).collect())
    }

    fn note(&mut self, service: ProvisionedService, binding: Binding, now: Instant) {
        let before = self.0.get(&service).filter(|known| known.binding == binding);
        let in_vain = match &binding {
            Binding::Secret(_) => 0,
            _ => before.map_or(1, |known| known.in_vain.saturating_add(1)),
        };
        let wait = if in_vain == 0 { SETTLED } else { delay(FIRST, in_vain, fastrand::f64()).min(LONGEST) };
        self.0.insert(service, Lookup { binding, in_vain, until: now + wait });
    }

    /// When the next is asked that has not told its Secret; the others wait for a pass.
    pub fn next(&self) -> Option<Instant> {
        self.0.values().filter(|known| known.in_vain > 0).map(|known| known.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::orders;

    #[tokio::test(start_paused = true)]
    async fn one_that_tells_nothing_is_asked_less_and_less_often_and_one_that_does_hardly_ever() {
        let mut lookups = Lookups::default();
        let now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..8 {
            lookups.note(orders(), Binding::Pending, now);
            waits.push(lookups.next().expect("it is asked again").duration_since(now));
        }
        assert!(waits[0] <= FIRST && waits[1] > waits[0] && waits[7] > LONGEST.mul_f64(0.7), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= LONGEST), "{waits:?}");
        lookups.note(orders(), Binding::Unreadable("why".into()), now);
        let wait = lookups.next().expect("it is asked again").duration_since(now);
        assert!(wait <= FIRST, "another answer is news, and more may follow: {wait:?}");
        lookups.note(orders(), Binding::Secret("orders-7f".into()), now);
        assert_eq!(lookups.next(), None);
        lookups.note(orders(), Binding::Pending, now);
        assert!(lookups.next().expect("it is asked again").duration_since(now) <= FIRST);
    }
}
