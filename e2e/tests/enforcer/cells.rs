//! Random policies, asked of a real kernel by real packets.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use msapp_e2e::PATIENCE;
use msapp_e2e::enforcer::{Protocol, Question, Ranges, Rules};
use msapp_e2e::oracle::{Case, addresses, objects};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::wires::{Net, begin};

const CASES: u64 = 5;
const PORTS: usize = 4;
const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// What is dropped gives no answer at all. What passes is answered at once: nobody listens, so it is refused.
const SILENCE: Duration = Duration::from_millis(300);

#[test]
fn the_kernel_passes_and_drops_what_the_rules_of_random_policies_say() -> Result<()> {
    let Some(node) = begin()? else { return Ok(()) };
    let case = |seed| Case::random(&mut Rng::with_seed(seed)).of_ipv4();
    let ends: Vec<(Ipv4Addr, Net)> = addresses(&case(0))?
        .into_iter()
        .map(|address| Ok((address, node.pod(address, GATEWAY)?)))
        .collect::<Result<_>>()?;
    let (mut open, mut closed) = (0, 0);
    for seed in 0..CASES {
        let rules = Rules::read(&objects(&case(seed)), &"10.0.0.0/24".parse::<Ranges>()?)?;
        node.command("nft -f -", rules.script())?;
        let numbers = ports(&case(seed), seed);
        std::thread::scope(|scope| {
            let rules = &rules;
            let asked = ends.iter().map(|(from, net)| {
                let questions = questions(*from, &ends, &numbers, rules);
                scope.spawn(move || net.within(move || ask(questions)))
            });
            // Collected first, so that all of them ask at the same time.
            for answers in asked.collect::<Vec<_>>() {
                for expected in answers.join().expect("it does not panic").context(format!("seed {seed}"))? {
                    *(if expected { &mut open } else { &mut closed }) += 1;
                }
            }
            anyhow::Ok(())
        })?;
    }
    ensure!(open > 300 && closed > 300, "{open} open and {closed} closed cells say little");
    Ok(())
}

/// Some of the ports at which answers can change.
fn ports(case: &Case, seed: u64) -> Vec<u16> {
    let numbers: Vec<u16> = case.numbers().into_iter().filter(|number| *number > 0).collect();
    Rng::with_seed(seed).choose_multiple(numbers, PORTS)
}

/// What one end asks, and what the rules say. What it sends to itself never comes to the node.
fn questions(
    from: Ipv4Addr,
    ends: &[(Ipv4Addr, Net)],
    ports: &[u16],
    rules: &Rules,
) -> Vec<(Question, bool)> {
    let others = ends.iter().map(|(to, _)| *to).filter(|to| *to != from);
    let cells = others.flat_map(|to| ports.iter().map(move |port| (to, *port)));
    let questions = cells.flat_map(|(to, port)| {
        [Protocol::Tcp, Protocol::Udp].map(|protocol| Question { from, to, protocol, port })
    });
    questions.map(|question| (question, rules.permits(question))).collect()
}

/// Asks all at the same time, from the namespace of this thread, and gives what was expected.
fn ask(questions: Vec<(Question, bool)>) -> Result<Vec<bool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut asked: JoinSet<Result<bool>> = JoinSet::new();
        for (question, expected) in questions {
            asked.spawn(async move {
                // Only what fails waits for long.
                let patience = if expected { PATIENCE } else { SILENCE };
                let answered = is_answered(question, patience).await?;
                ensure!(answered == expected, "{question:?} is answered: {answered}");
                Ok(expected)
            });
        }
        asked.join_all().await.into_iter().collect()
    })
}

async fn is_answered(Question { to, protocol, port, .. }: Question, patience: Duration) -> Result<bool> {
    let outcome = match protocol {
        Protocol::Tcp => timeout(patience, TcpStream::connect((to, port))).await.map(|done| done.map(drop)),
        Protocol::Udp => {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
            socket.connect((to, port)).await?;
            socket.send(b"?").await?;
            timeout(patience, socket.recv(&mut [0])).await.map(|done| done.map(drop))
        }
        Protocol::Sctp => bail!("nobody here speaks SCTP"),
    };
    match outcome {
        Err(_) => Ok(false),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Ok(true),
        Ok(other) => bail!("{to} answers on {port} with {other:?}"),
    }
}
