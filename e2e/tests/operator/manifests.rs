//! What the tests apply.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use msapp_e2e::msapp_binary;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// One service with a child of every kind, and a worker of a fixed size.
pub(crate) const COMPLETE: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: complete}
spec:
  network: {ingressNamespace: ingress-nginx}
  services:
    - name: web
      image: registry.test/web:1
      ports: [{name: http, port: 80, targetPort: 8080}]
      env: [{name: GREETING, value: hello}]
      labels: {team: a}
      resources: {requests: {cpu: 100m}}
      autoscaling: {minReplicas: 2, maxReplicas: 6, cpu: 70}
      expose: {host: web.example.com, class: nginx}
    - name: worker
      image: registry.test/worker:1
      replicas: 2
";

/// An app with one service; `settings` are its fields in the flow style of YAML.
pub(crate) fn with_one_service(settings: &str) -> String {
    format!(
        "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {{name: one}}
spec: {{services: [{{name: web, image: 'registry.test/web:1', {settings}}}]}}
"
    )
}

/// A file of the directory `samples`, for the namespace that it is applied in.
pub(crate) fn sample(name: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    // It names the namespace that the README speaks of; a test has its own.
    Ok(text.replace(", namespace: shop", ""))
}

/// The app that uses every field, with what it refers to.
pub(crate) fn everything() -> String {
    let golden = include_str!("../../../operator/core/tests/golden/everything-spelled-out.in.yaml");
    golden.replace(", namespace: golden", "")
}

/// What `msapp render` prints, by `Kind/name`.
pub(crate) async fn rendered(namespace: &str, yaml: &str) -> Result<BTreeMap<String, Value>> {
    let mut command = Command::new(msapp_binary()?);
    command.args(["render", "--namespace", namespace, "--output", "json", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start `msapp render`")?;
    let mut stdin = child.stdin.take().context("`msapp render` has no standard input")?;
    stdin.write_all(yaml.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut list: Value = serde_json::from_slice(&output.stdout)?;
    let items = list["items"].as_array_mut().context("a list of objects")?;
    let named = items.drain(..).map(|item| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (format!("{}/{}", text(&item["kind"]), text(&item["metadata"]["name"])), item)
    });
    Ok(named.collect())
}

/// The plural name of a kind of child.
pub(crate) fn plural(kind: &str) -> String {
    match kind {
        "NetworkPolicy" => "networkpolicies".to_owned(),
        "Ingress" => "ingresses".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    }
}
