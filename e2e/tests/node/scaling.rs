//! The number of pods follows the load, by metrics that the kubelet measures.

use std::time::Instant;

use anyhow::{Result, ensure};
use msapp_crds::v1alpha1::MicroserviceAppStatus;

use crate::{
    Company, Scenario,
    app::{App, condition},
    stage::{OPERATOR, Stage},
};

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "scaling::pods_follow_the_load_and_the_operator_keeps_out_of_it",
    promise: "With `autoscaling` the number of pods follows the processor load, up and down, and the operator never writes it",
    small: false,
    company: Company::Any,
    run: |stage| Box::pin(follows(stage)),
}];

/// A tenth of a core is asked for, half of it is aimed at.
const SCALED: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: scaled}
spec:
  services:
  - name: web
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    resources: {requests: {cpu: 100m}}
    probes: {readiness: {path: /readyz, period: 1s}}
    gracefulStop: {drain: 0s, period: 5s}
    autoscaling: {minReplicas: 1, maxReplicas: 3, cpu: 50}
";

async fn follows(stage: Stage) -> Result<()> {
    let app = App::create(&stage, "scaled", SCALED).await?;
    pods(&app, 1).await?;
    let audit = stage.node().await?.audit().await?;
    let mark = audit.mark().await?;
    let first = app.pod_of("web").await?;
    let began = Instant::now();
    app.control("web", "cpu=300").await?;
    pods(&app, 3).await?;
    let up = began.elapsed().as_secs();
    let began = Instant::now();
    app.control_pod(&first, "cpu=0").await?;
    pods(&app, 1).await?;
    let down = began.elapsed().as_secs();
    let operator = format!("system:serviceaccount:{OPERATOR}:msapp");
    let requests = audit.since(mark).await?.within(app.namespace.name());
    let scaled = requests.writes().on_subresource("deployments", "scale");
    ensure!(!scaled.is_empty(), "the audit log does not show who scaled: {requests}");
    let written = requests.of(&operator).writes();
    let of_deployments = written.filter(|request| request.resource == "deployments");
    ensure!(of_deployments.is_empty(), "the operator wrote\n{of_deployments}");
    stage.figure(format!(
        "3 pods {up} s after the load began, 1 pod {down} s after it ended; {} writes of the number by the autoscaler, 0 of Deployments by the operator",
        scaled.len()
    ));
    Ok(())
}

/// So many pods are up, and no others.
async fn pods(app: &App, count: i32) -> Result<()> {
    let enough = |status: &MicroserviceAppStatus| {
        let service = &status.services[0];
        (service.ready, service.desired) == (count, count) && condition(status, "Ready").0 == "True"
    };
    app.until(&format!("{count} pods"), enough).await?;
    Ok(())
}
