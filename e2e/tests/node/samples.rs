//! Samples on the node, brought up as a user does it, with what stands behind them.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use msapp_e2e::{Node, images::Image};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::stage::Stage;

/// Everything that a sample needs beside the workload.
const IMAGES: &[Image] = &[Image::PostgreSql, Image::Redis, Image::RabbitMq, Image::Memcached];

/// Samples that ask for more than the two cores that this has to do with: their services get a small request for
/// processor time, and are otherwise as the file has them.
const LARGE: [&str; 2] = ["booking", "dotnet-shop"];
const SMALL_REQUEST: &str = "30m";

/// The sample that is up. Samples say in which namespaces they are, and two of them are more than a small machine can
/// do, so there is one at a time; the next scenario that wants the same one finds it up.
static UP: Mutex<Option<Up>> = Mutex::const_new(None);

struct Up {
    name: &'static str,
    namespaces: BTreeSet<String>,
    /// Whether who had it last has left it as it was.
    sound: bool,
}

/// A sample that is ready, for one scenario. It stays up for the next one when it is [left](Sample::leave).
pub(crate) struct Sample {
    node: Node,
    name: &'static str,
    namespaces: BTreeSet<String>,
    up: MutexGuard<'static, Option<Up>>,
}

impl Sample {
    /// Applies `samples/NAME-secrets.yaml`, `-data.yaml` and the sample itself, and waits until all of it is ready and
    /// its policies are enforced. Waits for other scenarios that have a sample up.
    pub(crate) async fn up(stage: &Stage, name: &'static str) -> Result<Self> {
        let mut up = UP.lock().await;
        let node = stage.operator().await?;
        if let Some(other) = up.take_if(|up| up.name != name || !up.sound) {
            remove(&node, &other.namespaces).await?;
        }
        if up.is_none() {
            node.load_built(IMAGES).await?;
        }
        let documents = documents(name)?;
        let namespaces: BTreeSet<_> = documents.iter().map(namespace_of).collect::<Result<_>>()?;
        *up = Some(Up { name, namespaces: namespaces.clone(), sound: false });
        let sample = Self { node, name, namespaces, up };
        sample.apply(&documents).await.with_context(|| format!("bring up samples/{name}.yaml"))?;
        Ok(sample)
    }

    /// The node that it is on.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The name of the app, which is that of its namespace.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Runs `kubectl` in its namespace.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.node.kubectl(["-n", self.name].iter().chain(arguments)).await
    }

    /// What its status says.
    pub(crate) async fn status(&self) -> Result<MicroserviceAppStatus> {
        let text = self.kubectl(&["get", "msapp", self.name, "-o", "json"]).await?;
        let mut app: Value = serde_json::from_str(&text)?;
        serde_json::from_value(app["status"].take()).context("read the status")
    }

    /// Waits until the app, at its newest generation, and everything behind it is ready and enforced.
    pub(crate) async fn ready(&self) -> Result<()> {
        let begin = async |namespace: &str| {
            let wait = ["wait", "deployment", "--all", "--for=condition=Available", "--timeout=120s"];
            self.node.kubectl(["-n", namespace].iter().chain(&wait)).await
        };
        for namespace in &self.namespaces {
            // A new app has no Deployments yet.
            if namespace != self.name {
                begin(namespace).await.context(self.seen().await)?;
            }
        }
        let app = format!("msapp/{}", self.name);
        let wait = ["wait", &app, "--for=condition=Ready", "--timeout=180s"];
        if let Err(error) = self.kubectl(&wait).await {
            return Err(error.context(self.seen().await));
        }
        for namespace in &self.namespaces {
            self.node.enforced(namespace).await?;
        }
        Ok(())
    }

    /// Everything that helps to see why it is not as it should be.
    pub(crate) async fn seen(&self) -> String {
        let mut seen = String::new();
        let looks: [&[&str]; 3] = [
            &["get", "msapp,pods", "-A", "-o", "wide"],
            &["get", "msapp", "-A", "-o", "jsonpath={.items[*].status}"],
            &["get", "events", "-A", "--sort-by=.lastTimestamp", "--field-selector=type=Warning"],
        ];
        for look in looks {
            seen += &self.node.kubectl(look).await.unwrap_or_else(|error| format!("{error:#}"));
            seen += "\n";
        }
        seen
    }

    /// Leaves it ready for the next scenario. One that ends in another way has it removed.
    pub(crate) async fn leave(mut self) -> Result<()> {
        self.ready().await?;
        if let Some(up) = self.up.as_mut() {
            up.sound = true;
        }
        Ok(())
    }

    async fn apply(&self, documents: &[Value]) -> Result<()> {
        let texts = |kinds: fn(&str) -> bool| {
            let chosen =
                documents.iter().filter(|document| kinds(document["kind"].as_str().unwrap_or_default()));
            chosen.map(Value::to_string).collect::<Vec<_>>().join("\n---\n")
        };
        let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": self.name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.node.kubectl_with(apply, &own.to_string()).await?;
        self.node.kubectl_with(apply, &texts(|kind| kind != "MicroserviceApp")).await?;
        self.node.kubectl_with(apply, &texts(|kind| kind == "MicroserviceApp")).await?;
        self.ready().await
    }
}

async fn remove(node: &Node, namespaces: &BTreeSet<String>) -> Result<()> {
    let delete = ["delete", "namespace", "--ignore-not-found", "--timeout=120s"];
    let names = namespaces.iter().map(String::as_str);
    node.kubectl(delete.into_iter().chain(names)).await.context("remove what another scenario has left")?;
    Ok(())
}

/// All documents of the files of a sample, in the order in which they are applied.
fn documents(name: &str) -> Result<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let mut all: Vec<Value> = Vec::new();
    for file in [format!("{name}-secrets.yaml"), format!("{name}-data.yaml"), format!("{name}.yaml")] {
        let path = folder.join(&file);
        if path.is_file() {
            let text = fs::read_to_string(&path)?;
            all.extend(serde_saphyr::from_multiple::<Value>(&text).with_context(|| format!("parse {file}"))?);
        }
    }
    let is_app = |document: &&mut Value| document["kind"] == "MicroserviceApp";
    let app = all.iter_mut().find(is_app).with_context(|| format!("samples/{name}.yaml has no app"))?;
    if LARGE.contains(&name) {
        app["spec"]["defaults"]["resources"]["requests"]["cpu"] = json!(SMALL_REQUEST);
    }
    Ok(all)
}

fn namespace_of(document: &Value) -> Result<String> {
    let metadata = &document["metadata"];
    let named = if document["kind"] == "Namespace" { &metadata["name"] } else { &metadata["namespace"] };
    Ok(named.as_str().with_context(|| format!("{metadata} has no namespace"))?.to_owned())
}
