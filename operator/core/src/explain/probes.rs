//! The three probes, field by field.

use k8s_openapi::api::core::v1::Probe;

use super::facts::Facts;
use super::pod::shown;

/// All three, or that there are none.
pub(super) fn explain(facts: &mut Facts<'_>) {
    let probes = &facts.service.settings.probes;
    let all = [
        ("startup", &probes.startup, "two minutes to start, before the others begin"),
        ("readiness", &probes.readiness, "a pod that cannot serve is noticed within 15 s"),
        ("liveness", &probes.liveness, "a restart after 30 s without an answer"),
    ];
    let origin = facts.setting("probes");
    for (name, probe, usual) in all {
        match (probe, &origin) {
            (Some(probe), Some(origin)) => Told { facts, origin, name, usual }.explain(probe),
            (None, Some(origin)) => {
                let disabled = [format!("{origin}.{name}.disabled")];
                facts.first(format!("probes.{name}"), "none", &disabled, "nothing says what to ask");
            }
            (_, None) => {
                let why = "nobody says what to ask; a pod counts as ready as soon as it runs";
                facts.usual(format!("probes.{name}"), "none", why);
            }
        }
    }
}

struct Told<'f, 'a> {
    facts: &'f mut Facts<'a>,
    origin: &'f str,
    name: &'f str,
    usual: &'f str,
}

impl Told<'_, '_> {
    fn explain(&mut self, probe: &Probe) {
        let (kind, asked) = check(probe);
        // The short form stands beside the three, the long one in them.
        let places = [self.place(kind), format!("{}.{kind}", self.origin)];
        self.say(kind, &asked, &places, "");
        if let Some(port) = port(probe) {
            let places = [self.place("port"), format!("{}.port", self.origin)];
            self.say("port", &port, &places, "the first port of the service");
        }
        let seconds = |value: Option<i32>| format!("{}s", value.unwrap_or_default());
        let usual = self.usual;
        self.say("period", &seconds(probe.period_seconds), &[self.place("period")], usual);
        self.say("timeout", &seconds(probe.timeout_seconds), &[self.place("timeout")], usual);
        let failures = probe.failure_threshold.unwrap_or_default().to_string();
        self.say("failureThreshold", &failures, &[self.place("failureThreshold")], usual);
        let successes = probe.success_threshold.unwrap_or(1).to_string();
        let once = "one success is enough";
        self.say("successThreshold", &successes, &[self.place("successThreshold")], once);
        let delay = seconds(probe.initial_delay_seconds);
        self.say("initialDelay", &delay, &[self.place("initialDelay")], "the startup probe does the waiting");
    }

    fn place(&self, field: &str) -> String {
        format!("{}.{}.{field}", self.origin, self.name)
    }

    fn say(&mut self, field: &str, value: &str, places: &[String], usual: &str) {
        self.facts.first(format!("probes.{}.{field}", self.name), value, places, usual);
    }
}

/// What is asked: the field that says it, and its value.
fn check(probe: &Probe) -> (&'static str, String) {
    if let Some(http) = &probe.http_get {
        let scheme = http.scheme.as_deref().unwrap_or("HTTP");
        return ("path", format!("{scheme} {}", http.path.as_deref().unwrap_or_default()));
    }
    if let Some(grpc) = &probe.grpc {
        let service = grpc.service.as_deref().filter(|service| !service.is_empty());
        return (
            "grpc",
            service.map_or_else(|| "health".to_owned(), |service| format!("health of {service}")),
        );
    }
    match &probe.exec {
        Some(exec) => ("exec", format!("{:?}", exec.command.clone().unwrap_or_default())),
        None => ("tcp", "connects".to_owned()),
    }
}

fn port(probe: &Probe) -> Option<String> {
    let http = probe.http_get.as_ref().map(|http| &http.port);
    let port = http.or(probe.tcp_socket.as_ref().map(|tcp| &tcp.port));
    port.map(shown).or_else(|| probe.grpc.as_ref().map(|grpc| grpc.port.to_string()))
}
