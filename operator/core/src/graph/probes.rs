//! Probes: the long forms, and what follows from the short one.

use k8s_openapi::api::core::v1::{
    ExecAction, GRPCAction, HTTPGetAction, HTTPHeader, Probe as Built, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_crds::v1alpha1::{Duration, HttpScheme, PortReference, Probe, Probes};

use super::inherit::Written;
use super::ports;
use super::{Port, ProbeSet};
use crate::scalar::milliseconds;
use crate::violation::{Code, Violation, Violations};

/// What differs between the three probes when nothing is said.
struct Usual {
    name: &'static str,
    period: i32,
    timeout: i32,
    failures: i32,
}

/// Two minutes to start, readiness noticed within 15 s, a restart after 30 s without an answer.
const STARTUP: Usual = Usual { name: "startup", period: 2, timeout: 1, failures: 60 };
const READINESS: Usual = Usual { name: "readiness", period: 5, timeout: 1, failures: 3 };
const LIVENESS: Usual = Usual { name: "liveness", period: 10, timeout: 3, failures: 3 };

/// The three probes of a service.
pub(super) fn resolve(probes: &Written<'_, Probes>, ports: &[Port], violations: &mut Violations) -> ProbeSet {
    let written = probes.value;
    let short = short_form(written);
    if count(&written.path, &written.grpc, &written.tcp, &written.exec) > 1 {
        violations.push(exclusive(&probes.path));
    }
    let mut one = |usual: &Usual, long: Option<&Probe>| {
        let path = format!("{}.{}", probes.path, usual.name);
        match (long, &short) {
            (Some(long), _) if long.disabled == Some(true) => None,
            (Some(long), short) => {
                let merged = merged(long, short.as_ref());
                Resolver { usual, ports, path, violations }.build(&merged)
            }
            (None, Some(short)) => {
                Resolver { usual, ports, path: probes.path.clone(), violations }.build(short)
            }
            (None, None) => None,
        }
    };
    ProbeSet {
        startup: one(&STARTUP, written.startup.as_ref()),
        readiness: one(&READINESS, written.readiness.as_ref()),
        liveness: one(&LIVENESS, written.liveness.as_ref()),
    }
}

fn short_form(probes: &Probes) -> Option<Probe> {
    let short = Probe {
        path: probes.path.clone(),
        port: probes.port.clone(),
        grpc: probes.grpc.clone(),
        tcp: probes.tcp.clone(),
        exec: probes.exec.clone(),
        ..Probe::default()
    };
    has_check(&short).then_some(short)
}

fn has_check(probe: &Probe) -> bool {
    count(&probe.path, &probe.grpc, &probe.tcp, &probe.exec) > 0
}

fn count<A, B, C, D>(path: &Option<A>, grpc: &Option<B>, tcp: &Option<C>, exec: &Option<D>) -> usize {
    [path.is_some(), grpc.is_some(), tcp.is_some(), exec.is_some()].iter().filter(|set| **set).count()
}

fn exclusive(path: &str) -> Violation {
    Violation::new(path, Code::Exclusive, "at most one of path, grpc, tcp and exec is given")
}

/// A long form without a check of its own takes the one of the short form.
fn merged(long: &Probe, short: Option<&Probe>) -> Probe {
    let mut probe = long.clone();
    if let Some(short) = short {
        if !has_check(long) {
            (probe.path, probe.grpc) = (short.path.clone(), short.grpc.clone());
            (probe.tcp, probe.exec) = (short.tcp.clone(), short.exec.clone());
        }
        probe.port = probe.port.or_else(|| short.port.clone());
    }
    probe
}

struct Resolver<'a> {
    usual: &'a Usual,
    ports: &'a [Port],
    path: String,
    violations: &'a mut Violations,
}

impl Resolver<'_> {
    fn build(mut self, probe: &Probe) -> Option<Built> {
        if count(&probe.path, &probe.grpc, &probe.tcp, &probe.exec) > 1 {
            self.violations.push(exclusive(&self.path));
            return None;
        }
        if !has_check(probe) {
            let message = "one of path, grpc, tcp and exec says what is asked";
            self.violations.push(Violation::new(self.path, Code::Exclusive, message));
            return None;
        }
        let mut built = self.check(probe)?;
        // The API server drops a zero, so it is left out here too.
        built.initial_delay_seconds = probe
            .initial_delay
            .as_ref()
            .and_then(|delay| self.seconds(delay, "initialDelay", 0))
            .filter(|seconds| *seconds > 0);
        built.period_seconds = Some(self.seconds_or(probe.period.as_ref(), "period", self.usual.period));
        built.timeout_seconds = Some(self.seconds_or(probe.timeout.as_ref(), "timeout", self.usual.timeout));
        built.failure_threshold = Some(probe.failure_threshold.unwrap_or(self.usual.failures));
        built.success_threshold = Some(probe.success_threshold.unwrap_or(1));
        if built.success_threshold != Some(1) && self.usual.name != READINESS.name {
            let message = format!("a {} probe succeeds at the first success", self.usual.name);
            self.report("successThreshold", Code::InvalidValue, message);
        }
        Some(built)
    }

    fn check(&mut self, probe: &Probe) -> Option<Built> {
        let mut built = Built::default();
        if let Some(exec) = &probe.exec {
            built.exec = Some(ExecAction { command: Some(exec.command.clone()) });
            return Some(built);
        }
        let port = self.port(probe.port.as_ref())?;
        if let Some(path) = &probe.path {
            let headers: Vec<HTTPHeader> = probe
                .headers
                .iter()
                .map(|header| HTTPHeader { name: header.name.clone(), value: header.value.clone() })
                .collect();
            built.http_get = Some(HTTPGetAction {
                path: Some(path.clone()),
                port: IntOrString::Int(port),
                scheme: Some(
                    if probe.scheme == Some(HttpScheme::HTTPS) { "HTTPS" } else { "HTTP" }.to_owned(),
                ),
                http_headers: (!headers.is_empty()).then_some(headers),
                ..HTTPGetAction::default()
            });
        } else if let Some(grpc) = &probe.grpc {
            built.grpc = Some(GRPCAction {
                port,
                service: Some(grpc.service.clone().unwrap_or_default()),
                ..GRPCAction::default()
            });
        } else {
            built.tcp_socket = Some(TCPSocketAction { port: IntOrString::Int(port), host: None });
        }
        Some(built)
    }

    fn port(&mut self, reference: Option<&PortReference>) -> Option<i32> {
        let tcp: Vec<Port> = self.ports.iter().filter(|port| port.transport() == "TCP").cloned().collect();
        if let Some(port) = ports::find(&tcp, reference) {
            return Some(port.target);
        }
        let path = format!("{}.port", self.path);
        self.violations.push(ports::unknown(&tcp, reference, &path, "the service"));
        None
    }

    fn seconds_or(&mut self, duration: Option<&Duration>, field: &str, usual: i32) -> i32 {
        duration.and_then(|duration| self.seconds(duration, field, 1)).unwrap_or(usual)
    }

    /// The kubelet counts in whole seconds.
    fn seconds(&mut self, duration: &Duration, field: &str, least: i64) -> Option<i32> {
        let milliseconds = milliseconds(&duration.0)?;
        if milliseconds % 1000 != 0 || milliseconds / 1000 < least {
            let message = format!("{duration} is not a whole number of seconds of at least {least}");
            self.report(field, Code::InvalidValue, message);
            return None;
        }
        i32::try_from(milliseconds / 1000).ok()
    }

    fn report(&mut self, field: &str, code: Code, message: String) {
        self.violations.push(Violation::new(format!("{}.{field}", self.path), code, message));
    }
}
