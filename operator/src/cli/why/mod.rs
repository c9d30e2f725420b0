//! `msapp why`: may one talk to the other, and which line says so.

mod live;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use msapp_core::build;
use msapp_core::policy::End;
use msapp_core::why::{
    Answer, Change, Link, Question, Reason, Remedy, State, Verdict, first_missing, links, why,
};
use serde_json::json;

use super::exit::Outcome;
use super::output::print;
use super::subject::{self, Places, SubjectArgs};

const EXAMPLES: &str = "\
Examples:
  # may order-taking talk to cart, and which line says so?
  msapp why shop.yaml order-taking cart

  # on this port? by its name, the port of the Service, or that of the container
  msapp why shop.yaml search catalog:grpc

  # the same in one word; a shell takes > for itself, so it stands in quotes
  msapp why shop.yaml 'search->catalog:grpc'

  # databases, third parties, DNS, and what is around the app
  msapp why shop.yaml payment stripe:443
  msapp why shop.yaml cart dns
  msapp why shop.yaml internet cart
  msapp why shop.yaml monitoring cart:8080
  msapp why shop.yaml namespace/default cart
  msapp why shop.yaml cart 203.0.113.7:443

  # it is allowed, and still does not work: what is missing in the cluster?
  msapp why shop.yaml order-taking cart --live
  kubectl get msapp shop -o yaml | msapp why - order-taking cart --live

Exit codes:
  0  allowed
  1  not allowed, something of it is missing in the cluster, or the resource has mistakes
  2  wrong usage, a name that the app does not have, or a file cannot be read";

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A few lines.
    Text,
    /// An object {app, namespace, from, to, port, asked, allowed, ports, ends, reasons, remedy, live}.
    Json,
}

/// Tells whether one may talk to the other, and which line of the resource says so or would.
///
/// The policies that the operator would apply are evaluated at both ends, as `msapp prove` does it, and the resource
/// gives the reason. Without a port it is about any port of the called one.
///
/// Either end is a service; the other can be a service, a backing service, an external service, or one of the words
/// dns, ingress, internet, monitoring, namespace/NAME and any IP address.
///
/// With --live the cluster is asked as well, link by link: pods and policies of both ends, DNS, Service and its
/// endpoints. The first that is missing is the answer. Nothing is written; what you may not read is told as unknown.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct WhyArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Who talks to whom: `A B`, `A B:PORT`, `'A->B'` or `'A->B:PORT'`.
    #[arg(required = true, num_args = 1..=2, value_name = "EDGE")]
    edge: Vec<String>,
    /// Look into the cluster too.
    #[arg(long)]
    live: bool,
    /// Context of the kubeconfig; implies --live.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// How it is printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs the command.
pub(super) async fn run(args: &WhyArgs) -> Result<Outcome> {
    let question = question(&args.edge)?;
    let Some(subject) = subject::read(&args.subject)? else { return Ok(Outcome::Mistakes) };
    let desired = build::objects(&subject.app);
    let answer = why(&subject.app, &desired, &question)?;
    let mut live = None;
    if args.live || args.context.is_some() {
        if subject.app.service(&question.from).is_none() {
            bail!("--live follows a connection of a service: {:?} is none", question.from);
        }
        let sight = live::look(&subject.app, &question, args.context.as_deref()).await?;
        live = Some(links(&subject.app, &desired, &question, &sight));
    }
    match args.output {
        Output::Text => {
            let seen = live.as_deref().map_or_else(String::new, chain);
            print(&(text(&answer, &subject.places) + &seen))?;
        }
        Output::Json => {
            let mut told = json!(answer);
            live.iter().for_each(|links| told["live"] = json!(links));
            print(&subject.places.json(told))?;
        }
    }
    let whole = live.is_none_or(|links| first_missing(&links).is_none());
    Ok(if answer.allowed && whole { Outcome::Fine } else { Outcome::Mistakes })
}

/// The links in the cluster, and the first that is missing.
fn chain(links: &[Link]) -> String {
    let width = links.iter().map(|link| link.what.chars().count()).max().unwrap_or_default();
    let mut text = "\nin the cluster\n".to_owned();
    for Link { what, state, sentence } in links {
        let state = match state {
            State::Ok => "ok",
            State::Missing => "missing",
            State::Unknown => "unknown",
        };
        text += &format!("  {state:7}  {what:width$}  {sentence}\n");
    }
    text + &match first_missing(links) {
        Some(link) => format!("\nfirst: {}: {}\n", link.what, link.sentence),
        None => "\nnothing is missing that could be looked at\n".to_owned(),
    }
}

/// An unquoted `>` never arrives here: the shell has made a file of what stands behind it.
fn question(words: &[String]) -> Result<Question> {
    if let Some(question) = Question::parse(words) {
        return Ok(question);
    }
    match words {
        [word] if word.ends_with('-') => bail!(
            "only {word:?} has arrived: your shell took > for the name of a file. Write {} CALLED, or put the edge in \
             quotes",
            word.trim_end_matches('-')
        ),
        _ => bail!("who talks to whom? Write CALLER CALLED, CALLER CALLED:PORT or 'CALLER->CALLED:PORT'"),
    }
}

fn text(answer: &Answer, places: &Places) -> String {
    let port = answer.port.as_ref().map_or_else(String::new, |port| format!(":{port}"));
    let verdict =
        if answer.allowed { format!("allowed on {}", answer.ports) } else { "not allowed".to_owned() };
    let mut text = format!("{} -> {}{port}: {verdict}\n\n", answer.from, answer.to);
    for verdict in &answer.ends {
        text += &format!("  {}\n", end(answer, verdict));
    }
    for (at, reason) in answer.reasons.iter().enumerate() {
        let word = if at == 0 { "because" } else { "and" };
        text += &format!("  {word:8} {}\n", because(reason, places));
    }
    answer.remedy.iter().for_each(|remedy| text += &advice(remedy, places));
    text
}

/// `egress   NetworkPolicy order-taking lets TCP 8080 out to cart`
fn end(answer: &Answer, verdict: &Verdict) -> String {
    let Some(policy) = &verdict.policy else {
        let end = if verdict.end == End::Ingress { "ingress" } else { "egress" };
        return format!("{end:8} no NetworkPolicy");
    };
    let (ports, but) = opened(answer, verdict);
    match verdict.end {
        End::Ingress => {
            let from = if answer.from == "internet" { "the ingress controller" } else { &answer.from };
            format!("ingress  NetworkPolicy {policy} lets {ports} in from {from}{but}")
        }
        End::Egress | End::Both => {
            format!("egress   NetworkPolicy {policy} lets {ports} out to {}{but}", answer.to)
        }
    }
}

/// What an end lets through, and what it does not when only something else is open.
fn opened(answer: &Answer, verdict: &Verdict) -> (String, String) {
    if !verdict.ports.is_empty() || verdict.open.is_empty() {
        return (verdict.ports.to_string(), String::new());
    }
    let asked = match &answer.port {
        Some(port) if answer.asked.is_empty() => format!("port {port}"),
        _ => answer.asked.to_string(),
    };
    (verdict.open.to_string(), format!(", not {asked}"))
}

fn because(reason: &Reason, places: &Places) -> String {
    let Some(path) = &reason.path else { return reason.sentence.clone() };
    let place = places.of(path);
    format!("{}\n           {} {path}\n           | {}", reason.sentence, place.shown(), place.text)
}

fn advice(remedy: &Remedy, places: &Places) -> String {
    let how = match remedy.change {
        Change::Append => "to allow it, add to",
        Change::Set => "to allow it, write at",
    };
    let place = places.of(&remedy.path).shown();
    format!("\n{how} {} ({place})\n\n  {}\n", remedy.place, remedy.yaml)
}
