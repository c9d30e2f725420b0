//! Why a service is not ready: from its pods, in one sentence.

use std::fmt;

use jiff::Timestamp;

use crate::observed::{Container, Pod, Terminated, Waiting, Warning, Workload};

use super::{Reason, words};

/// Longest text of a cause; the rest is in the pod.
const LONGEST: usize = 300;

/// Exit codes of a program that ends when it is asked to, by SIGTERM, and by SIGKILL.
const STOPPED: [i32; 3] = [0, 143, 137];

/// How the message of an event about a probe begins.
const LIVENESS: &str = "Liveness probe";
const STARTUP: &str = "Startup probe";

/// How much later than a container ended its kubelet may say that the pod is not ready, in seconds.
const DELAY: i64 = 10;

/// A reason and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// In one word.
    pub reason: Reason,
    /// What is wrong, in a few words; empty when the reason says it all.
    pub detail: String,
    /// The pod that tells it. The sentence about the whole app leaves it out, so that it outlives the pod.
    pub pod: Option<String>,
}

impl Cause {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: words::one_line(&detail.into(), LONGEST), pod: None }
    }

    fn of(pod: &Pod, reason: Reason, detail: impl Into<String>) -> Self {
        Self { pod: Some(pod.name.clone()), ..Self::new(reason, detail) }
    }

    /// What the service says: `pod cart-7d9f-x2: exit 1, "connection refused"`.
    pub(super) fn message(&self) -> Option<String> {
        let pod = self.pod.as_ref().map(|pod| format!("pod {pod}: ")).unwrap_or_default();
        (!self.detail.is_empty()).then(|| format!("{pod}{}", self.detail))
    }
}

/// `CrashLoopBackOff (exit 1, "connection refused")`.
impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason.as_str())?;
        if self.detail.is_empty() { Ok(()) } else { write!(formatter, " ({})", self.detail) }
    }
}

/// The cause, when the Deployment or the pods of its newest version tell one.
pub(super) fn of_workload(workload: &Workload, pods: &[&Pod]) -> Option<Cause> {
    if let Some(message) = &workload.replica_failure {
        let quota = message.contains("exceeded quota");
        let reason = if quota { Reason::QuotaExceeded } else { Reason::PodsNotCreated };
        return Some(Cause::new(reason, message.clone()));
    }
    let cause = newest_version(pods).into_iter().filter_map(of_pod).min_by_key(|cause| cause.reason.rank());
    let given_up = workload.deadline_exceeded;
    cause.filter(|cause| cause.reason.is_broken() || !given_up).or_else(|| {
        let message = "no progress within the deadline of the rollout";
        given_up.then(|| Cause::new(Reason::ProgressDeadlineExceeded, message))
    })
}

/// Living pods of the version that was created last, oldest first: those of older versions are on their way out.
fn newest_version<'a>(pods: &[&'a Pod]) -> Vec<&'a Pod> {
    let newest =
        pods.iter().max_by(|left, right| (&left.created, &left.name).cmp(&(&right.created, &right.name)));
    let Some(version) = newest.map(|pod| pod.template_hash.as_str()) else {
        return Vec::new();
    };
    let lives = |pod: &&Pod| !pod.deleting && !pod.ended && pod.template_hash == version;
    let mut living: Vec<&Pod> = pods.iter().copied().filter(lives).collect();
    living.sort_by(|left, right| (&left.created, &left.name).cmp(&(&right.created, &right.name)));
    living
}

fn of_pod(pod: &Pod) -> Option<Cause> {
    if pod.ready {
        return None;
    }
    if let Some(message) = &pod.unschedulable {
        let detail = format!("fits no node: {}", words::of_scheduler(message));
        return Some(Cause::of(pod, Reason::Unschedulable, detail));
    }
    let container =
        pod.containers.iter().filter(|container| !container.ready).find_map(|one| of_container(pod, one));
    container.or_else(|| of_warnings(pod))
}

fn of_container(pod: &Pod, container: &Container) -> Option<Cause> {
    let waiting = container.waiting.as_ref().and_then(|waiting| of_waiting(pod, container, waiting));
    waiting.or_else(|| of_end(pod, container))
}

fn of_waiting(pod: &Pod, container: &Container, waiting: &Waiting) -> Option<Cause> {
    match waiting.reason.as_str() {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            let image = &container.image;
            let detail =
                format!("cannot pull {image:?}{}", because(&words::of_pull(&waiting.message, image)));
            Some(Cause::of(pod, Reason::ImagePullBackOff, detail))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(not_started(pod, &waiting.message))
        }
        "CrashLoopBackOff" if container.terminated.is_none() => {
            Some(Cause::of(pod, Reason::CrashLoopBackOff, "ends again and again"))
        }
        _ => None,
    }
}

fn not_started(pod: &Pod, message: &str) -> Cause {
    let detail = format!("cannot start its container{}", because(&words::of_runtime(message)));
    Cause::of(pod, Reason::ContainerNotStarted, detail)
}

/// A container that has ended and was not ready since counts whether it waits or tries again right now, and restarts
/// are not counted: else every restart would change the status.
fn of_end(pod: &Pod, container: &Container) -> Option<Cause> {
    let end = container.terminated.as_ref().filter(|end| !was_ready_after(pod, end))?;
    match end.reason.as_str() {
        "StartError" | "ContainerCannotRun" => Some(not_started(pod, &end.message)),
        "OOMKilled" => {
            let limit =
                container.memory_limit.as_ref().map(|limit| format!(" of {limit}")).unwrap_or_default();
            let detail = format!("killed for using more memory than its limit{limit}");
            Some(Cause::of(pod, Reason::OutOfMemory, detail))
        }
        // Its node was away, and nobody knows how it ended.
        "Unknown" | "ContainerStatusUnknown" => None,
        _ => Some(ended_by_probe(pod, end).unwrap_or_else(|| crashed(pod, end))),
    }
}

/// What was mended since says nothing about today.
fn was_ready_after(pod: &Pod, end: &Terminated) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let times = time(&pod.unready_since).zip(time(&end.finished));
    times.is_some_and(|(unready, finished)| unready.as_second() - finished.as_second() > DELAY)
}

/// The kubelet restarts a container whose liveness or startup probe has given up. How it ended does not tell. After a
/// restart by the liveness probe the startup probe fails again for a while, as in every start.
fn ended_by_probe(pod: &Pod, end: &Terminated) -> Option<Cause> {
    let warning = newest_of(pod, LIVENESS).or_else(|| newest_of(pod, STARTUP));
    let warning = warning.filter(|_| STOPPED.contains(&end.exit_code))?;
    Some(Cause::of(pod, Reason::ProbeFailing, format!("{}; so it is restarted", warning.message)))
}

fn crashed(pod: &Pod, end: &Terminated) -> Cause {
    let said = match words::last_words(&end.message) {
        Some(words) => format!(", {words:?}"),
        None if end.exit_code == 0 => ": it ends by itself".to_owned(),
        None => String::new(),
    };
    Cause::of(pod, Reason::CrashLoopBackOff, format!("exit {}{said}", end.exit_code))
}

fn because(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn newest<'a>(pod: &'a Pod, reasons: &[&str]) -> Option<&'a Warning> {
    pod.warnings.iter().rev().find(|warning| reasons.contains(&warning.reason.as_str()))
}

/// The newest answer to a probe.
fn newest_of<'a>(pod: &'a Pod, probe: &str) -> Option<&'a Warning> {
    pod.warnings
        .iter()
        .rev()
        .find(|warning| warning.reason == "Unhealthy" && warning.message.starts_with(probe))
}

/// What only events tell: mounts, sandboxes and probes.
fn of_warnings(pod: &Pod) -> Option<Cause> {
    if pod.containers.iter().any(|container| container.running) {
        return if pod.containers.iter().any(|container| container.starting) {
            starting(pod)
        } else {
            unready(pod)
        };
    }
    if pod.prepared {
        return None;
    }
    if let Some(warning) = newest(pod, &["FailedMount", "FailedAttachVolume"]) {
        let detail = format!("cannot mount a volume{}", because(&warning.message));
        return Some(Cause::of(pod, Reason::FailedMount, detail));
    }
    let warning = newest(pod, &["FailedCreatePodSandBox"])?;
    let detail = format!("gets no sandbox{}", because(&warning.message));
    Some(Cause::of(pod, Reason::ContainerNotStarted, detail))
}

/// Programs take their time to start, and nothing is wrong until their startup probe gives up.
fn starting(pod: &Pod) -> Option<Cause> {
    let warning = newest_of(pod, STARTUP)?;
    Some(Cause::of(pod, Reason::RollingOut, format!("has not started yet: {}", warning.message)))
}

/// A running container is unready by its readiness probe, and by none else, once that has failed as often as counts.
fn unready(pod: &Pod) -> Option<Cause> {
    let is_other =
        |warning: &Warning| [LIVENESS, STARTUP].iter().any(|probe| warning.message.starts_with(probe));
    let of_readiness = |warning: &&Warning| warning.reason == "Unhealthy" && !is_other(warning);
    let failures: u32 = pod.warnings.iter().filter(of_readiness).map(|warning| warning.count).sum();
    let counts = failures >= pod.readiness_failures;
    let newest = pod.warnings.iter().rev().find(of_readiness).filter(|_| counts)?;
    Some(Cause::of(pod, Reason::ProbeFailing, newest.message.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(containers: Vec<Container>) -> Pod {
        Pod { name: "cart-1".to_owned(), template_hash: "a".to_owned(), containers, ..Pod::default() }
    }

    fn cause(pod: &Pod) -> (Reason, String) {
        let cause = of_workload(&Workload::default(), &[pod]).expect("a cause");
        (cause.reason, cause.message().expect("something to say"))
    }

    fn warning(reason: &str, message: &str, count: u32) -> Warning {
        Warning { reason: reason.to_owned(), message: message.to_owned(), count }
    }

    /// A container that ended so, and runs again.
    fn again(exit_code: i32, reason: &str, message: &str) -> Container {
        let end = Terminated {
            exit_code,
            reason: reason.to_owned(),
            message: message.to_owned(),
            finished: "2026-01-01T00:10:00Z".to_owned(),
        };
        Container { running: true, terminated: Some(end), ..Container::default() }
    }

    fn waiting(reason: &str, message: &str) -> Container {
        Container {
            image: "cart:9".to_owned(),
            waiting: Some(Waiting { reason: reason.to_owned(), message: message.to_owned() }),
            ..Container::default()
        }
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_named() {
        let (reason, message) = cause(&pod(vec![waiting("ImagePullBackOff", "not found")]));
        assert_eq!(reason, Reason::ImagePullBackOff);
        assert_eq!(message, "pod cart-1: cannot pull \"cart:9\": not found");
    }

    #[test]
    fn a_crash_is_told_with_exit_code_and_last_words_and_stays_the_same_while_it_tries_again() {
        let end = Terminated {
            exit_code: 1,
            message: "starting\nconnection refused\n".to_owned(),
            ..Terminated::default()
        };
        let mut backing_off = waiting("CrashLoopBackOff", "back-off 10s");
        backing_off.terminated = Some(end.clone());
        let again = Container { running: true, terminated: Some(end), ..Container::default() };
        let expected = (Reason::CrashLoopBackOff, "pod cart-1: exit 1, \"connection refused\"".to_owned());
        assert_eq!(cause(&pod(vec![backing_off])), expected);
        assert_eq!(cause(&pod(vec![again])), expected);
    }

    #[test]
    fn the_sentence_about_the_app_leaves_the_pod_out_and_a_reason_without_words_stands_alone() {
        let found = of_workload(&Workload::default(), &[&pod(vec![waiting("ErrImagePull", "")])]);
        assert_eq!(found.expect("a cause").to_string(), "ImagePullBackOff (cannot pull \"cart:9\")");
        let coming_up = Cause::new(Reason::RollingOut, "");
        assert_eq!((coming_up.to_string().as_str(), coming_up.message()), ("RollingOut", None));
    }

    #[test]
    fn memory_scheduling_mounts_and_probes_each_have_their_sentence() {
        let end = Terminated { exit_code: 137, reason: "OOMKilled".to_owned(), ..Terminated::default() };
        let killed = Container { terminated: Some(end), ..Container::default() };
        assert_eq!(cause(&pod(vec![killed])).0, Reason::OutOfMemory);
        let homeless = Pod { unschedulable: Some("0/3 nodes are available".to_owned()), ..pod(vec![]) };
        assert_eq!(cause(&homeless).0, Reason::Unschedulable);
        let warned = |reason: &str, running| Pod {
            warnings: vec![warning(reason, "why", 1)],
            ..pod(vec![Container { running, ..Container::default() }])
        };
        assert_eq!(cause(&warned("FailedMount", false)).0, Reason::FailedMount);
        assert_eq!(cause(&warned("Unhealthy", true)), (Reason::ProbeFailing, "pod cart-1: why".to_owned()));
        assert_eq!(of_workload(&Workload::default(), &[&warned("FailedMount", true)]), None);
    }

    #[test]
    fn whoever_used_too_much_memory_is_told_how_much_was_too_much() {
        let killed =
            Container { memory_limit: Some("64Mi".to_owned()), ..again(137, "OOMKilled", "listens") };
        let expected = "pod cart-1: killed for using more memory than its limit of 64Mi";
        assert_eq!(cause(&pod(vec![killed])), (Reason::OutOfMemory, expected.to_owned()));
    }

    #[test]
    fn a_container_that_cannot_be_started_is_told_alike_while_it_waits_and_when_it_has_ended() {
        let why =
            "OCI runtime create failed: runc create failed: unable to start container process: exec: \"/no\"";
        let expected =
            (Reason::ContainerNotStarted, "pod cart-1: cannot start its container: exec: \"/no\"".to_owned());
        assert_eq!(cause(&pod(vec![waiting("RunContainerError", why)])), expected);
        let ended = again(128, "StartError", why);
        let waits = Container { terminated: ended.terminated, ..waiting("CrashLoopBackOff", "back-off 10s") };
        assert_eq!(cause(&pod(vec![waits])), expected);
    }

    #[test]
    fn a_slow_start_is_no_failure_until_the_startup_probe_gives_up() {
        let slow = Container { running: true, starting: true, ..Container::default() };
        let refused = warning("Unhealthy", "Startup probe failed: connection refused", 9);
        let first = Pod { warnings: vec![refused.clone()], readiness_failures: 3, ..pod(vec![slow]) };
        let expected = "pod cart-1: has not started yet: Startup probe failed: connection refused";
        assert_eq!(cause(&first), (Reason::RollingOut, expected.to_owned()));
        let late = Workload { deadline_exceeded: true, ..Workload::default() };
        let reason = of_workload(&late, &[&first]).expect("a cause").reason;
        assert_eq!(reason, Reason::ProgressDeadlineExceeded);
        let restarted = Container { starting: true, ..again(143, "Error", "") };
        let given_up = Pod { warnings: vec![refused], ..pod(vec![restarted]) };
        let expected = "pod cart-1: Startup probe failed: connection refused; so it is restarted";
        assert_eq!(cause(&given_up), (Reason::ProbeFailing, expected.to_owned()));
    }

    #[test]
    fn a_restart_by_the_liveness_probe_is_told_however_the_program_ended() {
        let warnings = vec![
            warning("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", 3),
            warning("Unhealthy", "Readiness probe failed: connection refused", 9),
            warning("Unhealthy", "Startup probe failed: connection refused", 2),
        ];
        for (code, reason) in [(0, "Completed"), (137, "Error"), (143, "Error")] {
            let dead = Pod { warnings: warnings.clone(), ..pod(vec![again(code, reason, "")]) };
            let expected = "pod cart-1: Liveness probe failed: HTTP probe failed with statuscode: 503; so it is restarted";
            assert_eq!(cause(&dead), (Reason::ProbeFailing, expected.to_owned()));
        }
        let crashed = Pod { warnings, ..pod(vec![again(1, "Error", "out of ideas")]) };
        assert_eq!(cause(&crashed).0, Reason::CrashLoopBackOff);
    }

    #[test]
    fn an_end_that_was_mended_since_tells_nothing_of_today() {
        let failing = |since: &str| Pod {
            unready_since: since.to_owned(),
            warnings: vec![warning("Unhealthy", "Readiness probe failed: 503", 3)],
            ..pod(vec![again(1, "Error", "out of ideas")])
        };
        assert_eq!(cause(&failing("2026-01-01T00:10:02Z")).0, Reason::CrashLoopBackOff);
        assert_eq!(cause(&failing("2026-01-01T00:00:00Z")).0, Reason::CrashLoopBackOff);
        assert_eq!(cause(&failing("2026-01-01T05:00:00Z")).0, Reason::ProbeFailing);
    }

    #[test]
    fn a_readiness_probe_fails_only_once_it_failed_as_often_as_counts() {
        let told = |counts: [u32; 2]| {
            let warnings = vec![
                warning("Unhealthy", "Readiness probe failed: refused", counts[0]),
                warning("Unhealthy", "Liveness probe failed: refused", 7),
                warning("Unhealthy", "Readiness probe failed: 503", counts[1]),
            ];
            let running = Container { running: true, ..Container::default() };
            of_workload(
                &Workload::default(),
                &[&Pod { warnings, readiness_failures: 3, ..pod(vec![running]) }],
            )
        };
        assert_eq!(told([1, 1]), None);
        assert_eq!(told([1, 2]).expect("a cause").to_string(), "ProbeFailing (Readiness probe failed: 503)");
    }

    #[test]
    fn a_program_that_ends_well_is_told_to_end_by_itself() {
        let ended = Container { running: false, ..again(0, "Completed", "") };
        assert_eq!(
            cause(&pod(vec![ended])),
            (Reason::CrashLoopBackOff, "pod cart-1: exit 0: it ends by itself".to_owned())
        );
    }

    #[test]
    fn what_passed_is_not_told() {
        let came_back = Pod { ..pod(vec![again(255, "Unknown", "")]) };
        assert_eq!(of_workload(&Workload::default(), &[&came_back]), None, "its node was away");
        let evicted = Pod { ended: true, ..pod(vec![again(137, "Error", "")]) };
        assert_eq!(of_workload(&Workload::default(), &[&evicted]), None, "another pod takes its place");
        let mounted = warning("FailedMount", "timed out", 1);
        let pulling =
            Pod { prepared: true, warnings: vec![mounted], ..pod(vec![waiting("ContainerCreating", "")]) };
        assert_eq!(of_workload(&Workload::default(), &[&pulling]), None, "all volumes are mounted");
    }

    #[test]
    fn quota_is_told_from_other_reasons_that_no_pod_is_created() {
        let failing =
            |message: &str| Workload { replica_failure: Some(message.to_owned()), ..Workload::default() };
        let reason = |workload: &Workload| of_workload(workload, &[]).expect("a cause").reason;
        assert_eq!(reason(&failing("pods is forbidden: exceeded quota: five")), Reason::QuotaExceeded);
        assert_eq!(reason(&failing("denied by policy")), Reason::PodsNotCreated);
    }

    #[test]
    fn only_the_newest_version_speaks() {
        let old = Pod {
            created: "2026-01-01T00:00:00Z".to_owned(),
            ..pod(vec![waiting("ImagePullBackOff", "old")])
        };
        let new = Pod {
            name: "cart-2".to_owned(),
            created: "2026-01-02T00:00:00Z".to_owned(),
            template_hash: "b".to_owned(),
            ready: true,
            ..Pod::default()
        };
        assert_eq!(of_workload(&Workload::default(), &[&old, &new]), None);
    }

    #[test]
    fn a_text_of_any_length_and_any_letters_is_cut_to_one_line() {
        let long = "ä\n".repeat(1000);
        let (_, message) = cause(&pod(vec![waiting("ErrImagePull", &long)]));
        assert!(message.chars().count() <= LONGEST + "pod cart-1: ".len() && !message.contains('\n'));
    }
}
