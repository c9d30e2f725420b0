//! No pod is ever without its policy.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use k8s_openapi::api::{core::v1::Pod, networking::v1::NetworkPolicy};
use kube::{
    Api, Resource, ResourceExt,
    runtime::watcher::{self, Event},
};
use msapp_e2e::{Cluster, Namespace, Operator, PATIENCE, wait_until};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::task::JoinSet;

use crate::apps::{App, CHAIN, CHAIN_SECRET};

/// What was there or not from some revision of the store on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    revision: u64,
    kind: &'static str,
    name: String,
    /// The service of a pod.
    service: String,
    exists: bool,
}

/// Every pod and policy of a namespace that ever was, with the revisions of its beginning and end.
struct Watched {
    moments: Arc<Mutex<Vec<Moment>>>,
    tasks: JoinSet<Result<(), watcher::Error>>,
}

impl Watched {
    async fn begin(cluster: &Cluster, namespace: &Namespace) -> Result<Self> {
        let client = cluster.client().await?;
        let mut watched = Self { moments: Arc::default(), tasks: JoinSet::new() };
        watched.follow::<Pod>(namespace.api(&client), "Pod");
        watched.follow::<NetworkPolicy>(namespace.api(&client), "NetworkPolicy");
        Ok(watched)
    }

    fn follow<K>(&mut self, api: Api<K>, kind: &'static str)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let moments = Arc::clone(&self.moments);
        self.tasks.spawn(async move {
            let mut events = std::pin::pin!(watcher::watcher(api, watcher::Config::default()));
            while let Some(event) = events.try_next().await? {
                let (object, exists) = match event {
                    Event::Apply(object) | Event::InitApply(object) => (object, true),
                    Event::Delete(object) => (object, false),
                    Event::Init | Event::InitDone => continue,
                };
                let moment = moment(kind, &object, exists);
                moments.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
            }
            Ok(())
        });
    }

    /// All moments in the order in which they came to be: the store counts its revisions over all kinds.
    fn in_order(&self) -> Vec<Moment> {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner).clone();
        moments.sort();
        moments
    }

    fn ended(&self, kind: &str, name: &str) -> bool {
        self.in_order().iter().any(|moment| moment.kind == kind && moment.name == name && !moment.exists)
    }
}

fn moment<K: Resource<DynamicType = ()>>(kind: &'static str, object: &K, exists: bool) -> Moment {
    let revision = object.resource_version().and_then(|version| version.parse().ok());
    Moment {
        revision: revision.expect("an API server numbers what it stores"),
        kind,
        name: object.name_any(),
        service: object.labels().get("msapp.dev/service").cloned().unwrap_or_default(),
        exists,
    }
}

/// The pods of the app that were there at some moment while their policy was not.
fn unprotected(moments: &[Moment]) -> Vec<String> {
    let (mut pods, mut policies) = (BTreeMap::new(), BTreeSet::new());
    let mut found = Vec::new();
    for moment in moments {
        match (moment.kind, moment.exists) {
            ("Pod", true) => drop(pods.insert(&moment.name, &moment.service)),
            ("Pod", false) => drop(pods.remove(&moment.name)),
            (_, true) => drop(policies.insert(&moment.name)),
            (_, false) => drop(policies.remove(&moment.name)),
        }
        let bare = pods.iter().filter(|(_, service)| !policies.contains(**service));
        found.extend(bare.map(|(pod, _)| format!("{pod} at {}", moment.revision)));
    }
    found
}

async fn gone(app: &App, service: &str) -> Result<()> {
    let suffix = format!("/{service}");
    wait_until("the objects of a service to be gone", PATIENCE, async || {
        let children = app.children().await?;
        ensure!(!children.keys().any(|name| name.ends_with(&suffix)), "{:?}", children.keys());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn no_pod_is_ever_without_its_policy_from_the_creation_of_a_service_to_its_removal() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let namespace = Namespace::create(&cluster, "unprotected").await?;
    let watched = Watched::begin(&cluster, &namespace).await?;
    let app = App::apply(&cluster, namespace, &[CHAIN_SECRET, CHAIN]).await?;
    app.ready().await?;
    app.patch(json!([{"op": "replace", "path": "/spec/services/1/image", "value": "registry.test/api:2"}]))
        .await?;
    app.ready().await?;
    // clock has pods when it goes; brief hardly has a Deployment.
    app.patch(json!([{"op": "remove", "path": "/spec/services/2"}])).await?;
    gone(&app, "clock").await?;
    app.patch(json!([{"op": "add", "path": "/spec/services/-",
        "value": {"name": "brief", "image": "registry.test/brief:1", "replicas": 5}}]))
        .await?;
    wait_until("brief to begin", PATIENCE, async || {
        app.namespace.kubectl(&["get", "deployment", "brief"]).await.context("not there yet")
    })
    .await?;
    app.patch(json!([{"op": "remove", "path": "/spec/services/2"}])).await?;
    gone(&app, "brief").await?;
    wait_until("the watch to tell of the last end", PATIENCE, async || {
        ensure!(watched.ended("NetworkPolicy", "clock") && watched.ended("NetworkPolicy", "brief"));
        Ok(())
    })
    .await?;
    let moments = watched.in_order();
    assert!(moments.iter().any(|moment| moment.kind == "Pod" && moment.service == "clock" && !moment.exists));
    assert_eq!(unprotected(&moments), Vec::<String>::new());
    Ok(())
}
