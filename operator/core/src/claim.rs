//! Which of several apps of a namespace a name belongs to.

use std::collections::BTreeMap;

/// An app that wants services of some names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimant {
    /// Its name.
    pub app: String,
    /// `metadata.creationTimestamp`, RFC 3339, which is only compared; none before it is created.
    pub created: Option<String>,
    /// The names that it wants, and of each whether it has made an object of that name.
    pub services: BTreeMap<String, bool>,
}

/// Services that another app has a better claim to, with the name of that app: who has objects of that name keeps
/// them, else who came first. Two apps of the same second can each be the first that is seen, so age alone would let
/// both refuse.
pub fn better_claims(own: &Claimant, others: &[Claimant]) -> BTreeMap<String, String> {
    let best = |service: &String| {
        let sharing = others.iter().filter(|other| other.services.contains_key(service));
        sharing.min_by_key(|other| other.rank(service))
    };
    let better = |service: &String| best(service).filter(|other| other.rank(service) < own.rank(service));
    own.services.keys().filter_map(|name| Some((name.clone(), better(name)?.app.clone()))).collect()
}

impl Claimant {
    /// The lower, the better.
    fn rank(&self, service: &str) -> impl Ord + '_ {
        let holds = self.services.get(service).copied().unwrap_or_default();
        (!holds, self.created.is_none(), &self.created, &self.app)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant(app: &str, created: Option<&str>, holds: bool) -> Claimant {
        let services = BTreeMap::from([("cart".to_owned(), holds)]);
        Claimant { app: app.into(), created: created.map(str::to_owned), services }
    }

    fn better(own: &Claimant, other: &Claimant) -> bool {
        better_claims(own, std::slice::from_ref(other)).get("cart").is_some_and(|app| *app == other.app)
    }

    #[test]
    fn objects_count_more_than_age_and_age_more_than_the_name() {
        let old = claimant("z", Some("2026-01-01T00:00:00Z"), false);
        let young = claimant("b", Some("2026-01-02T00:00:00Z"), false);
        let twin = claimant("a", Some("2026-01-02T00:00:00Z"), false);
        let future = claimant("0", None, false);
        let holder = claimant("y", Some("2026-01-03T00:00:00Z"), true);
        let ranking = [holder, old, twin, young, future];
        for (index, own) in ranking.iter().enumerate() {
            for (place, other) in ranking.iter().enumerate().filter(|(place, _)| *place != index) {
                assert_eq!(better(own, other), place < index, "{} against {}", own.app, other.app);
            }
        }
    }

    #[test]
    fn a_name_that_nobody_else_wants_is_free() {
        let other = Claimant { app: "other".into(), ..Claimant::default() };
        assert!(better_claims(&claimant("shop", None, false), &[other]).is_empty());
    }
}
