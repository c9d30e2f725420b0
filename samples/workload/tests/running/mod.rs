//! Runs the real program on loopback ports that the system chooses.
#![allow(dead_code, reason = "each test file uses a part of it")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_workload");
/// Only ends tests that would hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A service that listens; killed with its test.
pub struct Running {
    child: Child,
    _log: BufReader<ChildStdout>,
    pub control: SocketAddr,
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pub tcp: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service with this discovery file and these variables.
pub fn service(discovery: Option<&Path>, variables: &[(&str, &str)]) -> Running {
    let mut command = program();
    command.arg("serve").args(["--listen", "http=0 grpc=0 tcp=0", "--address", "127.0.0.1"]);
    command.args(["--control", "127.0.0.1:0"]).envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(file) = discovery {
        command.env("MSAPP_DISCOVERY_FILE", file);
    }
    let mut child = command.spawn().expect("the program runs");
    let mut log = BufReader::new(child.stdout.take().expect("it is piped"));
    let [control, http, grpc, tcp] = std::array::from_fn(|_| listens(&mut log));
    Running { child, _log: log, control, http, grpc, tcp }
}

fn listens(log: &mut impl BufRead) -> SocketAddr {
    let mut line = String::new();
    log.read_line(&mut line).expect("its log is text");
    let told: Value = serde_json::from_str(&line).expect("its log is JSON");
    assert_eq!(told["message"], "listens", "{line}");
    told["address"].as_str().expect("it tells its address").parse().expect("an address")
}

impl Running {
    /// The text that it left on standard error, and how it ended.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let status = wait_until("the service has ended", || self.child.try_wait().expect("it is our child"));
        let mut words = String::new();
        self.child.stderr.take().expect("it is piped").read_to_string(&mut words).expect("text");
        (status, words)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// `workload control` with these changes.
    pub fn control(&self, changes: &[&str]) -> Output {
        let control = self.control.to_string();
        program().args(["control", "--control", &control]).args(changes).output().expect("the program runs")
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.http, "GET", path, &[])
    }

    pub fn post(&self, path: &str) -> Answer {
        ask(self.http, "POST", path, &[])
    }
}

/// The program without variables that the surroundings may have.
pub fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear();
    command
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the answer is JSON")
    }
}

/// One request on a connection of its own.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Answer {
    let mut stream = connected(address);
    send(&mut stream, method, path, headers);
    receive(&mut stream)
}

pub fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
    stream
}

pub fn send(stream: &mut TcpStream, method: &str, path: &str, headers: &[&str]) {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n").expect("it takes the request");
}

/// An answer with a length, after which the connection may live on.
pub fn receive(stream: &mut TcpStream) -> Answer {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the head of an answer");
        head.push(char::from(byte[0]));
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the body of an answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head, body: String::from_utf8(body).expect("text") }
}

/// Waits until there is something.
pub fn wait_until<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(something) = there() {
            return something;
        }
        assert!(began.elapsed() < PATIENCE, "waited for too long until {what}");
        std::thread::yield_now();
    }
}
