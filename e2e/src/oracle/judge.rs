//! The program that answers independently: started once, asked case after case.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use msapp_core::policy::{Direction, Endpoint, Evaluation, Policies, Transport};
use serde::Deserialize;
use serde_json::{Value, json};

/// Who lets what through: one letter, 0 or 1, for each source, destination, protocol and number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// What the policies of the destination say.
    pub ingress: String,
    /// What the policies of the source say.
    pub egress: String,
    #[serde(default)]
    error: String,
}

impl Answer {
    /// All of its letters, one direction after the other.
    pub fn letters(&self) -> impl Iterator<Item = u8> {
        self.ingress.bytes().chain(self.egress.bytes())
    }

    /// How many letters are another one in the other answer to the same question.
    pub fn differences(&self, other: &Self) -> usize {
        self.letters().zip(other.letters()).filter(|(one, other)| one != other).count()
    }
}

/// The running program.
pub struct Judge {
    program: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Judge {
    /// Starts the program, which ends with this value.
    pub fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("it was started without pipes");
        };
        Ok(Self { program: child, questions: Some(questions), answers: BufReader::new(answers) })
    }

    /// What the program says of policies; `simplify` lets it merge rules first.
    pub fn ask(
        &mut self,
        policies: &[NetworkPolicy],
        endpoints: &[Endpoint],
        numbers: &[u16],
        simplify: bool,
    ) -> Result<Answer> {
        let places: Vec<Value> = endpoints.iter().map(place).collect();
        let question =
            json!({"policies": policies, "places": places, "numbers": numbers, "simplify": simplify});
        let questions = self.questions.as_mut().context("it has been ended")?;
        writeln!(questions, "{question}")?;
        questions.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Answer = serde_json::from_str(&line).context("read its answer")?;
        ensure!(answer.error.is_empty(), "it cannot judge {question:#}: {}", answer.error);
        Ok(answer)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        self.questions.take();
        // Its input has ended, so it ends.
        let _ = self.program.wait();
    }
}

fn place(endpoint: &Endpoint) -> Value {
    match endpoint {
        Endpoint::Address(address) => json!({"ip": address}),
        Endpoint::Pod(pod) => {
            let ports = pod.ports.iter().map(
                |port| json!({"name": port.name, "protocol": port.transport.as_str(), "number": port.number}),
            );
            json!({
                "namespace": pod.namespace,
                "namespaceLabels": pod.namespace_labels,
                "labels": pod.labels,
                "ip": pod.addresses.first(),
                "ports": ports.collect::<Vec<Value>>(),
            })
        }
    }
}

/// What our own evaluator says, in the same letters.
///
/// # Errors
///
/// When it finds a fault, or when an answer changes at a port that is not among the numbers: then these would not
/// speak for all ports.
pub fn ours(policies: &[NetworkPolicy], endpoints: &[Endpoint], numbers: &[u16]) -> Result<Answer> {
    let policies = Policies::new(policies).map_err(|faults| anyhow::anyhow!("{faults:#?}"))?;
    let evaluation = Evaluation::new(&policies, endpoints);
    let rows = |direction| (0..endpoints.len()).map(|at| evaluation.of(direction, at)).collect::<Vec<_>>();
    let (ingress, egress) = (rows(Direction::Ingress), rows(Direction::Egress));
    let mut answer = Answer::default();
    for from in 0..endpoints.len() {
        for to in 0..endpoints.len() {
            for transport in Transport::ALL {
                let ends = [ingress[to][from].ports(transport), egress[from][to].ports(transport)];
                for (ports, letters) in ends.into_iter().zip([&mut answer.ingress, &mut answer.egress]) {
                    let known = |port: &u16| numbers.binary_search(port).is_ok();
                    let edges = ports.ranges().iter().flat_map(|(first, last)| {
                        [Some(*first), Some(*last), first.checked_sub(1), last.checked_add(1)]
                    });
                    ensure!(edges.flatten().all(|port| known(&port)), "{ports:?} has an edge of its own");
                    letters.extend(numbers.iter().map(|port| if ports.contains(*port) { '1' } else { '0' }));
                }
            }
        }
    }
    Ok(answer)
}
