//! A node and its pods as network namespaces: wired like those of a cluster, without containers and without any
//! way out.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context, Result, ensure};
use rustix::thread::{LinkNameSpaceType, gettid, move_into_link_name_space};

type Job = Box<dyn FnOnce() + Send>;

/// A network namespace of its own. It lasts as long as this value and what was opened in it.
pub struct Net {
    jobs: Sender<Job>,
}

impl Net {
    pub fn new() -> Result<Self> {
        let mut maker = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo made; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start `unshare`")?;
        let mut said = [0; 5];
        let output = maker.stdout.as_mut().context("it has no output")?;
        output.read_exact(&mut said).context("make a network namespace")?;
        let namespace = File::open(format!("/proc/{}/ns/net", maker.id()))?;
        let (jobs, todo) = channel::<Job>();
        // A thread in the namespace keeps it: the program that made it may end.
        thread::spawn(move || {
            let moved = move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network));
            moved.expect("who made a namespace may enter it");
            todo.iter().for_each(|job| job());
        });
        drop(maker.stdin.take());
        maker.wait()?;
        let net = Self { jobs };
        net.ip("link set lo up")?;
        // Every refusal of a datagram is told, however many there are.
        net.set("ipv4/icmp_ratelimit", "0")?;
        Ok(net)
    }

    /// Does something inside. What it opens there stays there.
    pub fn within<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = channel();
        let send = self.jobs.send(Box::new(move || drop(done.send(job()))));
        send.expect("its thread waits for work");
        result.recv().expect("its thread answers")
    }

    /// Runs a program inside, with this as its input, and gives what it printed.
    pub fn command(&self, line: &str, input: String) -> Result<String> {
        let line = line.to_owned();
        self.within(move || run(&line, &input))
    }

    fn set(&self, name: &str, value: &str) -> Result<()> {
        self.command(&format!("tee /proc/sys/net/{name}"), value.to_owned()).map(drop)
    }

    fn ip(&self, arguments: &str) -> Result<()> {
        self.command(&format!("ip {arguments}"), String::new()).map(drop)
    }

    /// A pod with this address. All that it sends passes through the node, as with the CNI plugin `ptp`.
    pub fn pod(&self, address: Ipv4Addr, gateway: Ipv4Addr) -> Result<Self> {
        let pod = Self::new()?;
        let thread = pod.within(gettid);
        let wire = format!("pod{:x}", address.to_bits());
        self.ip(&format!("link add {wire} type veth peer name eth0 netns {}", thread.as_raw_nonzero()))?;
        self.ip(&format!("address add {gateway}/32 dev {wire}"))?;
        self.ip(&format!("link set {wire} up"))?;
        self.ip(&format!("route add {address}/32 dev {wire}"))?;
        pod.ip(&format!("address add {address}/32 dev eth0"))?;
        pod.ip("link set eth0 up")?;
        pod.ip(&format!("route add {gateway}/32 dev eth0"))?;
        pod.ip(&format!("route add default via {gateway}"))?;
        Ok(pod)
    }
}

fn run(line: &str, input: &str) -> Result<String> {
    let mut words = line.split(' ');
    let mut child = Command::new(words.next().context("a line has a word")?)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start `{line}`"))?;
    child.stdin.take().context("it has no input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "`{line}`: {}\n{input}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The namespace of a node, which forwards. Where there can be none, it tells why not.
pub fn begin() -> Result<Option<Net>> {
    if let Err(reason) = obstacle() {
        // Past the capture of the test's output, so that it is seen.
        writeln!(std::io::stderr(), "SKIPPED, no packets through a real kernel: {reason}")?;
        return Ok(None);
    }
    let node = Net::new()?;
    node.set("ipv4/ip_forward", "1")?;
    Ok(Some(node))
}

fn obstacle() -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "it needs root");
    for program in ["ip", "nft", "unshare"] {
        let found =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        ensure!(found.is_ok(), "it needs the program `{program}`");
    }
    Ok(())
}
