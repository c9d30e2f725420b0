//! Counts what an operator asks for about one namespace.

use anyhow::Result;
use msapp_e2e::{Audit, Cluster, Mark, Operator, Requests};

use crate::manifests::plural;

/// Everything that an operator asks for about one namespace from a moment on.
pub(crate) struct Tally {
    audit: Audit,
    from: Mark,
    user: String,
    namespace: String,
}

impl Tally {
    /// Begins to count.
    pub(crate) async fn begin(cluster: &Cluster, operator: &Operator, namespace: &str) -> Result<Self> {
        let audit = cluster.audit().await?;
        let from = audit.mark().await?;
        Ok(Self { audit, from, user: operator.user(), namespace: namespace.to_owned() })
    }

    /// What there was so far.
    pub(crate) async fn so_far(&self) -> Result<Requests> {
        Ok(self.audit.since(self.from).await?.of(&self.user).within(&self.namespace))
    }

    /// All there was, once nothing more is to be expected.
    pub(crate) async fn all(&self) -> Result<Requests> {
        self.audit.quiet_within(&self.namespace, &self.user).await?;
        self.so_far().await
    }

    /// The writes of children among [`Tally::all`], in their order.
    pub(crate) async fn child_writes(&self) -> Result<Vec<String>> {
        Ok(child_writes(&self.all().await?))
    }
}

/// The writes of children: `patch deployments/web`.
pub(crate) fn child_writes(requests: &Requests) -> Vec<String> {
    let writes = requests.writes().filter(|request| request.resource != "microserviceapps");
    writes.iter().map(|write| format!("{} {}/{}", write.verb, write.resource, write.name)).collect()
}

/// How [`child_writes`] writes that children, each given as `Kind/name`, are applied once each; sorted.
pub(crate) fn applied_once<'a>(children: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut writes: Vec<String> = children.into_iter().map(|child| applied(child)).collect();
    writes.sort();
    writes
}

/// How [`child_writes`] writes that a child, given as `Kind/name`, is applied.
pub(crate) fn applied(child: &str) -> String {
    let (kind, name) = child.split_once('/').expect("Kind/name");
    format!("patch {}/{name}", plural(kind))
}
