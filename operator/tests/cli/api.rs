//! An API server of a few lines: it answers each path with what the test says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use crate::program::Directory;

/// What is answered: the HTTP status and the body.
pub(crate) type Answer = (u16, String);

/// Answers every request on a free port, for as long as the test runs, and leaves a kubeconfig for it.
pub(crate) fn serve(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Directory {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let directory = kubeconfig(&listener.local_addr().expect("it is bound").to_string());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            respond(stream, &answer);
        }
    });
    directory
}

/// A directory whose kubeconfig, in the usual place, leads to an address.
pub(crate) fn kubeconfig(address: &str) -> Directory {
    let directory = Directory::with(&[]);
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "shop"}}],
    });
    fs::create_dir(directory.path().join(".kube")).expect("it can be made");
    fs::write(directory.path().join(".kube/config"), config.to_string()).expect("it can be written");
    directory
}

/// One request, one answer, one connection: the body of a watch ends with it.
fn respond(stream: TcpStream, answer: &impl Fn(&str) -> Answer) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    if reader.read_line(&mut request).is_err() {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = answer(path);
    let head =
        format!("HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
    // A client that has seen enough may be gone.
    let _ = reader.get_mut().write_all((head + &body).as_bytes());
}

/// A list of MicroserviceApps.
pub(crate) fn list(apps: &[Value]) -> Answer {
    let list = json!({"apiVersion": "msapp.dev/v1alpha1", "kind": "MicroserviceAppList", "metadata": {"resourceVersion": "1"}, "items": apps});
    (200, list.to_string())
}

/// An event of a watch.
pub(crate) fn event(kind: &str, app: &Value) -> Answer {
    (200, format!("{}\n", json!({"type": kind, "object": app})))
}

/// A failure as the API server tells it.
pub(crate) fn failure(code: u16, reason: &str, message: &str) -> Answer {
    (code, json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}).to_string())
}
