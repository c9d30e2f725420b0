//! The load client and the prober.

mod running;

use running::{ask, program, service, wait_until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// A load client, and where it reports; killed with its test.
struct Load {
    child: Child,
    control: SocketAddr,
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn load(arguments: &[&str]) -> Load {
    let mut command = program();
    command.arg("load").args(arguments).args(["--control", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut line = String::new();
    let words = child.stderr.as_mut().expect("it is piped");
    BufReader::new(words).read_line(&mut line).expect("its words are text");
    let control =
        line.trim().strip_prefix("reports on ").expect("it tells where").parse().expect("an address");
    Load { child, control }
}

impl Load {
    /// How many requests have come to this until now.
    fn count(&self, what: &str) -> u64 {
        let control = self.control.to_string();
        let output = program().args(["report", "--control", &control]).output().expect("the program runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
        report[what].as_u64().expect("a number")
    }

    fn wait_for(&self, number: u64, what: &str) {
        wait_until(&format!("{number} have {what}"), || (self.count(what) >= number).then_some(()));
    }

    /// Ends the client, and gives its last report.
    fn end(mut self) -> Value {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        let mut text = String::new();
        self.child.stdout.take().expect("it is piped").read_to_string(&mut text).expect("the report is text");
        assert!(self.child.wait().expect("it is our child").success());
        serde_json::from_str(&text).expect("the report is JSON")
    }
}

#[test]
fn every_request_is_answered_over_connections_that_are_kept() {
    let cart = service(None, &[]);
    let load = load(&[&format!("http://{}/", cart.http), "--rate", "200", "--connections", "3"]);
    load.wait_for(100, "succeeded");
    let last = load.end();
    assert_eq!((&last["failed"], &last["underWay"]), (&json!(0), &json!(0)));
    assert_eq!(last["sent"], last["succeeded"]);
    assert!(last["connections"].as_u64().unwrap() <= 3, "{last}");
    assert!(last["latencyMilliseconds"]["p50"].as_f64().unwrap() > 0.0);
}

#[test]
fn fresh_requests_have_a_connection_each() {
    let cart = service(None, &[]);
    let load = load(&[&format!("http://{}/", cart.http), "--rate", "200", "--fresh"]);
    load.wait_for(50, "succeeded");
    let last = load.end();
    assert_eq!((&last["failed"], &last["connections"]), (&json!(0), &last["sent"]));
}

#[test]
fn failures_are_counted_and_told_with_their_cause() {
    let cart = service(None, &[("WORKLOAD_TROUBLE", "failures=1")]);
    let load = load(&[&format!("http://{}/", cart.http), "--rate", "200", "--connections", "3"]);
    load.wait_for(30, "failed");
    let last = load.end();
    assert_eq!((&last["succeeded"], last["failures"].as_array().unwrap().len()), (&json!(0), 20));
    assert!(last["connections"].as_u64().unwrap() <= 3, "an answer does not cost its connection: {last}");
    let told = &last["failures"][0];
    assert_eq!(told["error"], "answered 500: an injected failure");
    assert!(told["at"].as_str().unwrap().ends_with('Z'), "{told}");
}

#[test]
fn a_request_that_is_cut_off_has_failed_and_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let load = load(&[&format!("http://{address}/"), "--rate", "20", "--connections", "1"]);
    let mut seen = 0;
    wait_until("5 have failed", || {
        let (mut stream, _) = listener.accept().unwrap();
        seen += usize::from(stream.read(&mut [0; 1024]).unwrap() > 0);
        drop(stream);
        (seen == 5).then_some(())
    });
    drop(listener);
    load.wait_for(5, "failed");
    let last = load.end();
    assert_eq!((&last["succeeded"], &last["sent"]), (&json!(0), &last["failed"]));
}

#[test]
fn no_request_is_lost_while_a_service_stops() {
    let mut cart = service(None, &[("WORKLOAD_DRAIN", "1m")]);
    let mut other = service(None, &[]);
    let entrance = Entrance::open(cart.http);
    let url = format!("http://{}/", entrance.address);
    let load = load(&[&url, "--rate", "300", "--connections", "4"]);
    load.wait_for(100, "succeeded");
    entrance.lead_to(other.http);
    cart.terminate();
    assert_eq!(cart.end().0.code(), Some(0));
    load.wait_for(load.count("succeeded") + 100, "succeeded");
    let last = load.end();
    assert_eq!(last["failed"], 0, "{last}");
    other.terminate();
    assert_eq!(other.end().0.code(), Some(0));
}

/// Leads each new connection to a service, as the address of a Service in a cluster does.
struct Entrance {
    address: SocketAddr,
    target: std::sync::Arc<std::sync::Mutex<SocketAddr>>,
}

impl Entrance {
    fn open(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it has an address");
        let target = std::sync::Arc::new(std::sync::Mutex::new(target));
        let current = target.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let client = stream.expect("a connection");
                let server =
                    TcpStream::connect(*current.lock().expect("nobody panics with it")).expect("it listens");
                let twice = |stream: &TcpStream| stream.try_clone().expect("it can be shared");
                copy(twice(&client), twice(&server));
                copy(server, client);
            }
        });
        Self { address, target }
    }

    fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().expect("nobody panics with it") = target;
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}

/// What a prober prints.
fn lines(arguments: &[&str], input: &str) -> Vec<Value> {
    let mut command = program();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn each_target_has_its_outcome() {
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let targets = format!("{}\n{refused}\nno-such-name.invalid:80\n", open.local_addr().unwrap());
    let told = lines(&["connect", "--timeout", "10s"], &targets);
    assert_eq!(told.len(), 3);
    let outcome =
        |target: &str| told.iter().find(|line| line["target"] == target).unwrap()["outcome"].clone();
    assert_eq!(outcome(&open.local_addr().unwrap().to_string()), "Open");
    assert_eq!(outcome(&refused.to_string()), "Refused");
    assert_eq!(outcome("no-such-name.invalid:80"), "Unresolved");
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_silent() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    // A listener that accepts nobody: what comes after the first in its queue gets no answer.
    let _first = TcpStream::connect(address).unwrap();
    let told = lines(&["connect", "--timeout", "200ms", &address.to_string()], "");
    assert_eq!(told[0]["outcome"], "Silent");
}

#[test]
fn names_are_looked_up() {
    let told = lines(&["resolve", "localhost"], "");
    assert_eq!(told[0]["name"], "localhost");
    assert!(told[0]["addresses"].as_array().unwrap().contains(&json!("127.0.0.1")), "{}", told[0]);
}

#[test]
fn the_control_ports_are_on_loopback_alone() {
    let output = program().args(["load", "http://a/", "--control", "0.0.0.0:0"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("can be reached from outside"));
    let cart = service(None, &[]);
    assert!(cart.control.ip().is_loopback());
    assert_eq!(ask(cart.http, "GET", "/trouble", &[]).json()["service"], "workload");
}
