//! Why a service is not ready: from its pods, in one sentence.

use std::fmt;

use crate::observed::{Container, Pod, Workload};

use super::Reason;

/// Longest text of a cause; the rest is in the pod.
const LONGEST: usize = 300;

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
        Self { reason, detail: one_line(&detail.into(), LONGEST), pod: None }
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

/// One line of at most so many characters.
pub(super) fn one_line(text: &str, longest: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= longest {
        line
    } else {
        line.chars().take(longest - 1).chain(['…']).collect()
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
    cause.or_else(|| {
        let message = "no progress within the deadline of the rollout";
        workload.deadline_exceeded.then(|| Cause::new(Reason::ProgressDeadlineExceeded, message))
    })
}

/// Living pods of the version that was created last, oldest first: those of older versions are on their way out.
fn newest_version<'a>(pods: &[&'a Pod]) -> Vec<&'a Pod> {
    let newest =
        pods.iter().max_by(|left, right| (&left.created, &left.name).cmp(&(&right.created, &right.name)));
    let Some(version) = newest.map(|pod| pod.template_hash.as_str()) else {
        return Vec::new();
    };
    let mut living: Vec<&Pod> =
        pods.iter().copied().filter(|pod| !pod.deleting && pod.template_hash == version).collect();
    living.sort_by(|left, right| (&left.created, &left.name).cmp(&(&right.created, &right.name)));
    living
}

fn of_pod(pod: &Pod) -> Option<Cause> {
    if pod.ready {
        return None;
    }
    if let Some(message) = &pod.unschedulable {
        return Some(Cause::of(pod, Reason::Unschedulable, format!("fits no node: {message}")));
    }
    let container =
        pod.containers.iter().filter(|container| !container.ready).find_map(|one| of_container(pod, one));
    container.or_else(|| of_warnings(pod))
}

fn of_container(pod: &Pod, container: &Container) -> Option<Cause> {
    if let Some(waiting) = &container.waiting {
        match waiting.reason.as_str() {
            "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
                let detail = format!("cannot pull {:?}{}", container.image, because(&waiting.message));
                return Some(Cause::of(pod, Reason::ImagePullBackOff, detail));
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                let detail = format!("cannot start its container{}", because(&waiting.message));
                return Some(Cause::of(pod, Reason::ContainerNotStarted, detail));
            }
            _ => {}
        }
    }
    of_crash(pod, container)
}

/// A container that has crashed and is not ready counts as crashing whether it waits or tries again right now, and
/// restarts are not counted: else every restart would change the status.
fn of_crash(pod: &Pod, container: &Container) -> Option<Cause> {
    let waits_for_restart =
        container.waiting.as_ref().is_some_and(|waiting| waiting.reason == "CrashLoopBackOff");
    let Some(end) = &container.terminated else {
        return waits_for_restart.then(|| Cause::of(pod, Reason::CrashLoopBackOff, "ends again and again"));
    };
    if end.exit_code == 0 && !waits_for_restart {
        return None;
    }
    let last_words = end.message.trim().lines().last().unwrap_or_default();
    let said = if last_words.is_empty() { String::new() } else { format!(", {last_words:?}") };
    if end.reason == "OOMKilled" {
        let detail = format!("killed for using more memory than its limit{said}");
        return Some(Cause::of(pod, Reason::OutOfMemory, detail));
    }
    Some(Cause::of(pod, Reason::CrashLoopBackOff, format!("exit {}{said}", end.exit_code)))
}

fn because(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// What only events tell: mounts and probes.
fn of_warnings(pod: &Pod) -> Option<Cause> {
    let told = |names: &[&str]| pod.warnings.iter().find(|warning| names.contains(&warning.reason.as_str()));
    let running = pod.containers.iter().any(|container| container.running);
    if !running && let Some(warning) = told(&["FailedMount", "FailedAttachVolume"]) {
        let detail = format!("cannot mount a volume{}", because(&warning.message));
        return Some(Cause::of(pod, Reason::FailedMount, detail));
    }
    if !running && let Some(warning) = told(&["FailedCreatePodSandBox"]) {
        let detail = format!("gets no sandbox{}", because(&warning.message));
        return Some(Cause::of(pod, Reason::ContainerNotStarted, detail));
    }
    let warning = told(&["Unhealthy"]).filter(|_| running)?;
    Some(Cause::of(pod, Reason::ProbeFailing, warning.message.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::{Terminated, Waiting, Warning};

    fn pod(containers: Vec<Container>) -> Pod {
        Pod { name: "cart-1".to_owned(), template_hash: "a".to_owned(), containers, ..Pod::default() }
    }

    fn cause(pod: &Pod) -> (Reason, String) {
        let cause = of_workload(&Workload::default(), &[pod]).expect("a cause");
        (cause.reason, cause.message().expect("something to say"))
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
            warnings: vec![Warning { reason: reason.to_owned(), message: "why".to_owned() }],
            ..pod(vec![Container { running, ..Container::default() }])
        };
        assert_eq!(cause(&warned("FailedMount", false)).0, Reason::FailedMount);
        assert_eq!(cause(&warned("Unhealthy", true)), (Reason::ProbeFailing, "pod cart-1: why".to_owned()));
        assert_eq!(of_workload(&Workload::default(), &[&warned("FailedMount", true)]), None);
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
