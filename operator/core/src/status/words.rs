//! The sentences of kubelets, container runtimes, schedulers and programs, without what changes at every try or says
//! nothing to the user.

use serde_json::Value;

/// One line of at most so many characters. What is too long loses its middle: who wraps an error writes the cause last.
pub(super) fn one_line(text: &str, longest: usize) -> String {
    let line = text.split_whitespace().map(without_local_end).collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if length <= longest {
        return line;
    }
    let head = longest * 3 / 5;
    let tail = length - (longest - head - 1);
    line.chars().take(head).chain(['…']).chain(line.chars().skip(tail)).collect()
}

/// `10.0.0.7:53` of `10.0.0.1:49726->10.0.0.7:53`: the port at this end is another one at every try.
fn without_local_end(word: &str) -> &str {
    let ends = word.split_once("->").filter(|(local, _)| local.ends_with(|end: char| end.is_ascii_digit()));
    ends.filter(|(local, _)| local.contains(':')).map_or(word, |(_, remote)| remote)
}

/// What a container said last: the last line of its termination message, and of a structured log line its message.
pub(super) fn last_words(message: &str) -> Option<String> {
    let line = message.trim().lines().last().map(str::trim).filter(|line| !line.is_empty())?;
    let logged = serde_json::from_str::<Value>(line).ok().as_ref().and_then(logged);
    Some(logged.unwrap_or_else(|| line.to_owned()))
}

/// `cannot start: connection refused` of `{"level": "error", "msg": "cannot start", "error": "connection refused"}`.
fn logged(line: &Value) -> Option<String> {
    let first =
        |names: &[&str]| names.iter().find_map(|name| line[name].as_str()).filter(|text| !text.is_empty());
    let said = [first(&["message", "msg", "@message"]), first(&["error", "err", "exception"])];
    let said: Vec<&str> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(": "))
}

/// What a container runtime says, without the names of its own layers in front and the ids of containers.
pub(super) fn of_runtime(message: &str) -> String {
    const LAYERS: [&str; 3] = [
        "unable to start container process: ",
        "OCI runtime create failed: ",
        "failed to create containerd task: ",
    ];
    let said = LAYERS.iter().find_map(|layer| message.split_once(layer)).map_or(message, |(_, said)| said);
    let id = |part: &&str| part.len() == 64 && part.chars().all(|letter| letter.is_ascii_hexdigit());
    said.split('/').map(|part| if id(&part) { "…" } else { part }).collect::<Vec<_>>().join("/")
}

/// Why an image cannot be pulled: the same whether the kubelet tries right now or waits for the next try.
pub(super) fn of_pull(message: &str, image: &str) -> String {
    let waits = format!("Back-off pulling image {image:?}");
    let message = message.strip_prefix(&waits).unwrap_or(message).trim_start_matches(": ");
    let message = message.strip_prefix("ErrImagePull: ").unwrap_or(message);
    let pull =
        [format!("Failed to pull image {image:?}: "), format!("failed to pull and unpack image {image:?}: ")];
    pull.iter().fold(message, |message, prefix| message.strip_prefix(prefix).unwrap_or(message)).to_owned()
}

/// The scheduler's count of reasons, without what it thinks of evicting others.
pub(super) fn of_scheduler(message: &str) -> &str {
    const ASIDES: [&str; 2] = ["no new claims to deallocate", "preemption:"];
    let end = ASIDES.iter().filter_map(|aside| message.find(aside)).min().unwrap_or(message.len());
    message[..end].trim_end_matches([' ', '.', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_keeps_its_beginning_and_its_end() {
        assert_eq!(one_line("a  b\n c", 5), "a b c");
        assert_eq!(one_line("0123456789abcdef", 10), "012345…def");
        assert_eq!(one_line(&"ä ".repeat(300), 300).chars().count(), 300);
    }

    #[test]
    fn the_near_end_of_a_connection_is_left_out() {
        let text = "read udp 10.200.0.1:49726->10.255.255.53:53: i/o timeout";
        assert_eq!(one_line(text, 300), "read udp 10.255.255.53:53: i/o timeout");
        assert_eq!(one_line("a->b and x:y->z", 300), "a->b and x:y->z");
    }

    #[test]
    fn a_structured_log_line_is_read() {
        let said = |message: &str| last_words(message).unwrap_or_default();
        assert_eq!(said("starting\nconnection refused\n"), "connection refused");
        assert_eq!(said(r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","message":"stops"}"#), "stops");
        assert_eq!(said(r#"{"msg":"cannot start","error":"no route"}"#), "cannot start: no route");
        assert_eq!(said(r#"{"level":"fatal"}"#), r#"{"level":"fatal"}"#);
        assert_eq!(said("17"), "17");
        assert_eq!(last_words(" \n "), None);
    }

    #[test]
    fn the_layers_of_a_runtime_and_the_ids_of_containers_are_left_out() {
        let layers = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: ";
        let told =
            format!("{layers}unable to start container process: exec: \"/no\": no such file or directory");
        assert_eq!(of_runtime(&told), "exec: \"/no\": no such file or directory");
        let id = "58d736f2d72aad585c9b6fc1d4342ea8aac3d4d1f281cf3e51de290f425cbc16";
        assert_eq!(of_runtime(&format!("open /run/{id}/rootfs: denied")), "open /run/…/rootfs: denied");
        assert_eq!(of_runtime("secret \"token\" not found"), "secret \"token\" not found");
    }

    #[test]
    fn a_pull_is_told_alike_while_it_is_tried_and_while_it_waits() {
        let tried = "failed to pull and unpack image \"cart:9\": failed to resolve image: not found";
        let waits = format!("Back-off pulling image \"cart:9\": ErrImagePull: {tried}");
        assert_eq!(of_pull(tried, "cart:9"), "failed to resolve image: not found");
        assert_eq!(of_pull(&waits, "cart:9"), "failed to resolve image: not found");
        assert_eq!(of_pull("Back-off pulling image \"cart:9\"", "cart:9"), "");
    }

    #[test]
    fn what_the_scheduler_thinks_of_evicting_others_is_left_out() {
        let told = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        assert_eq!(of_scheduler(told), "0/1 nodes are available: 1 Insufficient cpu");
        assert_eq!(
            of_scheduler("no nodes available to schedule pods"),
            "no nodes available to schedule pods"
        );
    }
}
