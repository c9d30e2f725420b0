//! What nobody wants any more, and when it may go.

use std::collections::BTreeSet;

use super::{Action, Awaited, Planner, Step};
use crate::desired::{ChildKey, ChildKind, DesiredSet};
use crate::observed::{Child, Owner};

impl Planner<'_> {
    /// Objects of this very app that nobody wants any more.
    pub(super) fn prunes(&self, desired: &DesiredSet) -> Vec<Step> {
        let unwanted = self.observed.children.iter().filter(|(key, child)| {
            let ours = matches!(&child.owner, Owner::App { name, uid: Some(uid) }
                if *name == self.app.name && uid == self.uid);
            ours && !child.deleting && desired.find(key).is_none()
        });
        let populated = self.populated();
        let step = |(key, child): (&ChildKey, &Child)| Step {
            key: key.clone(),
            service: key.name.clone(),
            action: self.farewell(key, child, &populated),
        };
        let mut steps: Vec<Step> = unwanted.map(step).collect();
        // What protects a pod stays until the pod's Deployment is gone: the reverse of the order of writing.
        steps.sort_by(|left, right| {
            right.key.kind.cmp(&left.key.kind).then(left.key.name.cmp(&right.key.name))
        });
        steps
    }

    /// Services that have a pod, those that are ending included.
    fn populated(&self) -> BTreeSet<&str> {
        self.observed.pods.iter().map(|pod| pod.service.as_str()).collect()
    }

    /// A Deployment without pods goes together with what could still make one, so that its end means that none comes.
    /// One with pods goes at once: a service that is declared again need not wait for pods that hang on a lost node.
    fn farewell(&self, key: &ChildKey, child: &Child, populated: &BTreeSet<&str>) -> Action {
        if key.kind == ChildKind::NetworkPolicy && self.protects(&key.name, populated) {
            return Action::Hold(vec![Awaited::PodsGone(key.name.clone())]);
        }
        Action::Prune {
            uid: child.uid.clone(),
            resource_version: child.resource_version.clone(),
            dependents_first: key.kind == ChildKind::Deployment && !populated.contains(key.name.as_str()),
        }
    }

    /// Whether the policy of a service that is no longer declared may still have a pod to protect. One that is declared
    /// does without on purpose.
    fn protects(&self, service: &str, populated: &BTreeSet<&str>) -> bool {
        let deployment = ChildKey::new(ChildKind::Deployment, service);
        let alive = populated.contains(service) || self.observed.children.contains_key(&deployment);
        alive && self.app.service(service).is_none()
    }
}
