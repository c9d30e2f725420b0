//! Probes of each kind, and what the status says when they fail.

use anyhow::{Result, ensure};
use kube::ResourceExt;
use msapp_crds::v1alpha1::MicroserviceAppStatus;

use crate::{
    app::{self, App, condition, in_parentheses, told},
    stage::Stage,
};

/// One service for each kind of probe, one that starts slowly, and one that never starts in time.
const PROBED: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: probed}
spec:
  defaults:
    resources: {requests: {cpu: 10m}}
    gracefulStop: {drain: 0s, period: 5s}
  services:
  - name: http
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    env: [{name: WORKLOAD_TROUBLE, value: start=4s}]
    probes:
      startup: {path: /healthz, period: 1s}
      readiness: {path: /readyz, period: 1s}
      liveness: {path: /livez, period: 1s}
  - name: grpc
    image: IMAGE
    ports: [{name: grpc, port: 9090, protocol: GRPC}]
    probes:
      startup: {grpc: {}, period: 1s}
      readiness: {grpc: {service: readiness}, period: 1s}
      liveness: {grpc: {service: liveness}, period: 1s}
  - name: tcp
    image: IMAGE
    ports: [{name: echo, port: 9000, protocol: TCP}]
    probes: {tcp: {}}
  - name: exec
    image: IMAGE
    probes:
      startup: {exec: {command: [/app/healthy]}, period: 1s, timeout: 5s}
      readiness: {exec: {command: [/app/healthy]}, period: 1s, timeout: 5s}
  - name: slow
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    env: [{name: WORKLOAD_TROUBLE, value: start=6s}]
    probes:
      startup: {path: /healthz, period: 1s, failureThreshold: 60}
      readiness: {path: /healthz, period: 1s}
      liveness: {path: /healthz, period: 1s, failureThreshold: 1}
";

/// A program that takes longer to start than its probe allows.
const LATE: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: late}
spec:
  services:
  - name: late
    image: IMAGE
    ports: [{name: echo, port: 9000, protocol: TCP}]
    resources: {requests: {cpu: 10m}}
    gracefulStop: {drain: 0s, period: 5s}
    env: [{name: WORKLOAD_TROUBLE, value: start=90s}]
    probes: {tcp: {}, startup: {period: 1s, failureThreshold: 3}}
";

pub(super) async fn decide(stage: Stage) -> Result<()> {
    let app = App::create(&stage, "probed", PROBED).await?;
    let late = App::create(&stage, "late", LATE).await?;
    let statuses = app.statuses();
    app.ready().await?;
    a_slow_start_is_no_failure(&app, &statuses.seen()).await?;
    readiness_is_lost_and_regained(&app).await?;
    a_dead_program_is_restarted(&app).await?;
    a_start_that_is_too_late_is_told(&late).await?;
    stage.figure("HTTP, TCP, gRPC and exec probes: readiness lost and regained without a restart, liveness lost with one");
    Ok(())
}

/// It is held back by its startup probe alone: the others would have ended it.
async fn a_slow_start_is_no_failure(app: &App, statuses: &[MicroserviceAppStatus]) -> Result<()> {
    ensure!(app::restarts(&app.pod_of("slow").await?) == 0, "slow was restarted");
    let says = |status: &MicroserviceAppStatus| told(status, "slow");
    let waits = "RollingOut: has not started yet: Startup probe failed: Get \"http://";
    ensure!(statuses.iter().any(|status| says(status).starts_with(waits)), "{statuses:#?}");
    let broken = statuses.iter().find(|status| condition(status, "Degraded").0 != "False");
    ensure!(
        broken.is_none(),
        "a slow start is told as a failure: {}",
        app::words(broken.unwrap_or(&statuses[0]))
    );
    Ok(())
}

/// What each kind of readiness probe is answered by a program that is not ready.
const UNREADY: [(&str, &str); 3] = [
    ("http", "ProbeFailing: Readiness probe failed: HTTP probe failed with statuscode: 503"),
    ("grpc", "ProbeFailing: Readiness probe failed: service unhealthy (responded with \"NOT_SERVING\")"),
    ("exec", "ProbeFailing: Readiness probe failed: "),
];

async fn readiness_is_lost_and_regained(app: &App) -> Result<()> {
    let mut before = Vec::new();
    for (service, _) in UNREADY {
        before.push(app.pod_of(service).await?);
        app.control(service, "ready=false").await?;
    }
    let all = |status: &MicroserviceAppStatus| {
        UNREADY.iter().all(|(service, expected)| told(status, service).starts_with(expected))
    };
    let status = app.until("each failing probe to be told", all).await?;
    let sentence = format!("2/5: exec: {}; also broken: grpc, http", in_parentheses(&told(&status, "exec")));
    ensure!(condition(&status, "Ready").1 == sentence, "{} is not\n{sentence}", app::words(&status));
    for (service, _) in UNREADY {
        app.control(service, "ready=true").await?;
    }
    app.ready().await?;
    for pod in before {
        let now = app.pods.get(&pod.name_any()).await?;
        ensure!(now.uid() == pod.uid() && app::restarts(&now) == 0, "{} was restarted", pod.name_any());
    }
    Ok(())
}

async fn a_dead_program_is_restarted(app: &App) -> Result<()> {
    let statuses = app.statuses();
    let pods = [app.pod_of("http").await?, app.pod_of("grpc").await?];
    for service in ["http", "grpc"] {
        app.control(service, "alive=false").await?;
    }
    let restarted =
        "ProbeFailing: Liveness probe failed: HTTP probe failed with statuscode: 503; so it is restarted";
    app.until("the restart to be told", |status| told(status, "http") == restarted).await?;
    app.ready().await?;
    for pod in pods {
        let now = app.pods.get(&pod.name_any()).await?;
        ensure!(app::restarts(&now) == 1, "{} was restarted {} times", pod.name_any(), app::restarts(&now));
    }
    let seen = statuses.seen();
    let crash = seen.iter().find(|status| app::words(status).contains("CrashLoopBackOff"));
    ensure!(crash.is_none(), "a restart by a probe is told as a crash: {crash:#?}");
    Ok(())
}

async fn a_start_that_is_too_late_is_told(late: &App) -> Result<()> {
    let begin = "ProbeFailing: Startup probe failed: dial tcp ";
    let end = ":9000: connect: connection refused; so it is restarted";
    let is_told = |status: &MicroserviceAppStatus| {
        let told = told(status, "late");
        told.starts_with(begin) && told.ends_with(end)
    };
    let status = late.until("the late start to be told", is_told).await?;
    ensure!(condition(&status, "Degraded").0 == "True", "{}", app::words(&status));
    Ok(())
}
