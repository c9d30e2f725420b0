//! What a real kernel lets through of real packets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use msapp_e2e::enforcer::{Objects, Rules};
use msapp_e2e::{PATIENCE, wait_until};
use serde_json::{Value, json};

use crate::wires::{Net, begin};

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
const CALLER: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 2);
const CALLEE: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 3);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 4);
/// A pod that no object tells of.
const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 9);

/// A Service of the callee.
const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);

/// What is dropped gives no answer at all. What passes answers at once, if only to refuse.
const SILENCE: Duration = Duration::from_millis(300);

struct Wired {
    node: Net,
    caller: Net,
    callee: Net,
    other: Net,
    stranger: Net,
}

impl Wired {
    /// Nothing where there can be none.
    fn up() -> Result<Option<Self>> {
        let Some(node) = begin()? else { return Ok(None) };
        let pod = |address| node.pod(address, GATEWAY);
        let (caller, callee, other, stranger) = (pod(CALLER)?, pod(CALLEE)?, pod(OTHER)?, pod(STRANGER)?);
        Ok(Some(Self { node, caller, callee, other, stranger }))
    }

    /// Translates as a proxy of Services does, with the address of the node where a pod would answer to itself.
    fn serve(&self) -> Result<()> {
        let script = format!(
            "table ip services {{
  chain before {{ type nat hook prerouting priority dstnat; ip daddr {SERVICE} dnat to {CALLEE}; }}
  chain after {{ type nat hook postrouting priority srcnat; ip saddr {CALLEE} ip daddr {CALLEE} masquerade; }}
}}"
        );
        self.node.command("nft -f -", script).map(drop)
    }

    fn enforce(&self, policies: &[Value]) -> Result<()> {
        let rules = Rules::read(&objects(policies)?, &"10.244.0.0/16".parse()?)?;
        self.node.command("nft -f -", rules.script()).map(drop)
    }

    /// Packets dropped since the policies changed.
    fn denied(&self) -> Result<u64> {
        let told = self.node.command("nft list counter inet msapp-test-enforcer denied", String::new())?;
        let number = told.split_whitespace().skip_while(|word| *word != "packets").nth(1);
        Ok(number.context("it counts packets")?.parse()?)
    }

    async fn wait_for_denial(&self) -> Result<()> {
        wait_until("a dropped packet", PATIENCE, async || {
            ensure!(self.denied()? > 0, "none is dropped");
            Ok(())
        })
        .await
    }
}

fn objects(policies: &[Value]) -> Result<Objects> {
    let namespace = json!({"metadata": {"name": "shop"}});
    let pods = [("caller", CALLER), ("callee", CALLEE), ("other", OTHER)].map(|(name, address)| {
        json!({
            "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
            "spec": {"containers": []},
            "status": {"phase": "Running", "podIP": address},
        })
    });
    let policies = policies.iter().map(|spec| {
        let metadata = json!({"name": "test", "namespace": "shop"});
        serde_json::from_value::<NetworkPolicy>(json!({"metadata": metadata, "spec": spec})).map(Arc::new)
    });
    Ok(Objects {
        namespaces: vec![Arc::new(serde_json::from_value(namespace)?)],
        pods: pods
            .into_iter()
            .map(|pod| serde_json::from_value(pod).map(Arc::new))
            .collect::<Result<_, _>>()?,
        policies: policies.collect::<Result<_, _>>()?,
    })
}

/// Lets the caller reach the callee on TCP 80, and on UDP from 50 to 60.
fn from_caller() -> Value {
    json!({
        "podSelector": {"matchLabels": {"app": "callee"}},
        "policyTypes": ["Ingress"],
        "ingress": [{
            "from": [{"podSelector": {"matchLabels": {"app": "caller"}}}],
            "ports": [{"port": 80}, {"protocol": "UDP", "port": 50, "endPort": 60}, {"protocol": "SCTP"}],
        }],
    })
}

fn nothing(direction: &str) -> Value {
    json!({"podSelector": {"matchLabels": {"app": "callee"}}, "policyTypes": [direction]})
}

fn listen(net: &Net, port: u16) -> Result<TcpListener> {
    Ok(net.within(move || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?)
}

fn connect(net: &Net, to: Ipv4Addr, port: u16) -> std::io::Result<TcpStream> {
    net.within(move || TcpStream::connect_timeout(&SocketAddr::from((to, port)), PATIENCE))
}

fn is_silent(net: &Net, to: Ipv4Addr, port: u16) -> bool {
    let attempt = net.within(move || TcpStream::connect_timeout(&SocketAddr::from((to, port)), SILENCE));
    attempt.is_err_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
}

#[test]
fn packets_pass_where_a_policy_opens_and_nowhere_else() -> Result<()> {
    let Some(wired) = Wired::up()? else { return Ok(()) };
    let Wired { node, caller, callee, other, stranger } = &wired;
    let _listeners = [listen(callee, 80)?, listen(callee, 81)?, listen(other, 80)?, listen(node, 80)?];
    wired.enforce(&[from_caller()])?;
    connect(caller, CALLEE, 80)?;
    connect(callee, OTHER, 80).context("egress of the callee is not isolated")?;
    connect(node, CALLEE, 81).context("the node reaches its pods")?;
    connect(callee, GATEWAY, 80).context("the callee reaches the node")?;
    assert_eq!(wired.denied()?, 0);
    assert!(is_silent(caller, CALLEE, 81), "another port");
    assert!(is_silent(other, CALLEE, 80), "another pod");
    assert!(is_silent(stranger, OTHER, 80), "an unknown pod sends");
    assert!(is_silent(other, STRANGER, 80), "an unknown pod receives");
    assert!(is_silent(stranger, GATEWAY, 80), "an unknown pod reaches the node");
    assert!(wired.denied()? >= 5);
    wired.enforce(&[nothing("Egress")])?;
    connect(other, CALLEE, 80).context("ingress of the callee is not isolated")?;
    assert!(is_silent(callee, OTHER, 80), "egress to a pod");
    assert!(is_silent(callee, GATEWAY, 80), "egress to the node");
    Ok(())
}

#[test]
fn a_policy_is_applied_behind_a_service_and_a_pod_reaches_itself_through_it() -> Result<()> {
    let Some(wired) = Wired::up()? else { return Ok(()) };
    let _listeners = [listen(&wired.callee, 80)?, listen(&wired.callee, 81)?];
    wired.serve()?;
    wired.enforce(&[from_caller(), nothing("Egress")])?;
    connect(&wired.caller, SERVICE, 80)?;
    connect(&wired.callee, SERVICE, 81).context("a pod reaches itself")?;
    assert_eq!(wired.denied()?, 0);
    assert!(is_silent(&wired.caller, SERVICE, 81));
    assert!(is_silent(&wired.other, SERVICE, 80));
    Ok(())
}

#[tokio::test]
async fn datagrams_pass_where_a_policy_opens_and_nowhere_else() -> Result<()> {
    let Some(wired) = Wired::up()? else { return Ok(()) };
    wired.enforce(&[from_caller()])?;
    let bind = |port| wired.callee.within(move || UdpSocket::bind((CALLEE, port)));
    let (open, closed) = (bind(60)?, bind(61)?);
    let sender = wired.caller.within(|| UdpSocket::bind((CALLER, 0)))?;
    sender.send_to(b"to nobody", (CALLEE, 61))?;
    wired.wait_for_denial().await?;
    sender.send_to(b"open", (CALLEE, 60))?;
    let mut letters = [0; 9];
    let (count, from) = open.recv_from(&mut letters)?;
    assert_eq!(&letters[..count], b"open");
    // Answers to what came in pass, too.
    open.send_to(b"answer", from)?;
    let count = sender.recv(&mut letters)?;
    assert_eq!(&letters[..count], b"answer");
    closed.set_nonblocking(true)?;
    assert!(closed.recv(&mut letters).is_err());
    Ok(())
}

#[tokio::test]
async fn a_policy_that_closes_cuts_what_is_connected() -> Result<()> {
    let Some(wired) = Wired::up()? else { return Ok(()) };
    wired.enforce(&[from_caller()])?;
    let listener = listen(&wired.callee, 80)?;
    let mut sender = connect(&wired.caller, CALLEE, 80)?;
    let (mut receiver, _) = listener.accept()?;
    let mut letter = [0];
    sender.write_all(b"1")?;
    receiver.read_exact(&mut letter)?;
    wired.enforce(&[nothing("Ingress")])?;
    sender.write_all(b"2")?;
    wired.wait_for_denial().await?;
    receiver.set_nonblocking(true)?;
    let missing = receiver.read(&mut letter).map_err(|error| error.kind());
    assert_eq!(missing, Err(std::io::ErrorKind::WouldBlock));
    wired.enforce(&[from_caller()])?;
    receiver.set_nonblocking(false)?;
    receiver.read_exact(&mut letter).context("it is sent again, and now it passes")?;
    assert_eq!(letter, *b"2");
    Ok(())
}
