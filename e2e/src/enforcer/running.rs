//! The enforcer at work: watch, read, load, tell.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use kube::runtime::reflector::{Store, store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Objects, Ranges, Rules, State};
use crate::process;

/// How it works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that loads rules into the kernel.
    pub nft: PathBuf,
    /// Where the addresses of pods are. One of them that is not known is closed.
    pub pod_range: Ranges,
    /// The file that tells what is enforced.
    pub state: PathBuf,
}

/// Enforces what the API server holds in the network namespace of this process, and anew after each change, for ever.
/// Changes in quick succession are enforced at once. While the API server does not answer, the last rules stay.
///
/// # Errors
///
/// At anything that cannot be understood, loaded or written. What was loaded before stays loaded.
pub async fn run(client: &Client, settings: &Settings) -> Result<()> {
    let mut mirrors = Mirrors::start(client);
    mirrors.wait_until_complete().await?;
    let mut loaded = String::new();
    for generation in 1.. {
        let objects = mirrors.objects();
        let script = Rules::read(&objects, &settings.pod_range)?.script();
        // Most changes are of no concern, such as those in the status of a pod.
        if script != loaded {
            load(&settings.nft, &script).await?;
            loaded = script;
        }
        State::of(&objects, generation)?.write(&settings.state)?;
        mirrors.wait_for_change().await?;
    }
    Ok(())
}

async fn load(nft: &Path, script: &str) -> Result<()> {
    let mut command = Command::new(nft);
    command.args(["-f", "-"]);
    process::run(command, Some(script)).await.with_context(|| format!("load the rules\n{script}"))?;
    Ok(())
}

/// Copies of what the API server holds.
struct Mirrors {
    namespaces: Store<k8s_openapi::api::core::v1::Namespace>,
    pods: Store<k8s_openapi::api::core::v1::Pod>,
    policies: Store<k8s_openapi::api::networking::v1::NetworkPolicy>,
    changed: Arc<Notify>,
    watches: JoinSet<()>,
}

impl Mirrors {
    fn start(client: &Client) -> Self {
        let (changed, mut watches) = (Arc::new(Notify::new()), JoinSet::new());
        Self {
            namespaces: mirror(client, &changed, &mut watches),
            pods: mirror(client, &changed, &mut watches),
            policies: mirror(client, &changed, &mut watches),
            changed,
            watches,
        }
    }

    /// Nothing may be enforced before everything is known.
    async fn wait_until_complete(&self) -> Result<()> {
        self.namespaces.wait_until_ready().await?;
        self.pods.wait_until_ready().await?;
        self.policies.wait_until_ready().await?;
        Ok(())
    }

    fn objects(&self) -> Objects {
        Objects {
            namespaces: self.namespaces.state(),
            pods: self.pods.state(),
            policies: self.policies.state(),
        }
    }

    async fn wait_for_change(&mut self) -> Result<()> {
        tokio::select! {
            () = self.changed.notified() => Ok(()),
            ended = self.watches.join_next() => bail!("a watch has ended: {ended:?}"),
        }
    }
}

/// A copy of all objects of a kind, kept true by a task.
fn mirror<K>(client: &Client, changed: &Arc<Notify>, watches: &mut JoinSet<()>) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (reader, writer) = store();
    let watch = watcher(Api::<K>::all(client.clone()), watcher::Config::default());
    let changes = watch.default_backoff().reflect(writer);
    let changed = Arc::clone(changed);
    watches.spawn(async move {
        let mut changes = pin!(changes);
        while let Some(change) = changes.next().await {
            match change {
                // Told many times before somebody listens, it is told once.
                Ok(_) => changed.notify_one(),
                Err(error) => eprintln!("the watch of {} begins anew: {error}", K::plural(&())),
            }
        }
    });
    reader
}
