//! Compares the evaluator of NetworkPolicies and the test enforcer with cyclonus, which shares nothing with them, on
//! random policy sets.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use fastrand::Rng;
use msapp_e2e::oracle::{Case, Judge, enforced, ours, rewritten};
use msapp_e2e::{Oracle, Progress};
use serde_json::json;

/// Compares the evaluator of NetworkPolicies and the test enforcer with an independent one on random policy sets.
#[derive(Parser)]
struct Arguments {
    /// How many policy sets.
    #[arg(long, default_value_t = 2_000)]
    cases: u64,
    /// The same seed makes the same sets.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What came of all comparisons.
#[derive(Default)]
struct Tally {
    answers: usize,
    open: usize,
    /// Sets that hold a wording that the other side reads otherwise, and answers in which that shows.
    worded: usize,
    otherwise: usize,
    /// Answers that merging of rules changes at the other side.
    merged: usize,
    /// Answers of the enforcer.
    enforced: usize,
    features: BTreeMap<&'static str, u64>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut judge = Judge::start(Oracle::built()?.program())?;
    let mut progress = Progress::begin();
    let mut tally = Tally::default();
    for number in 0..arguments.cases {
        progress.show(&format!("{number} of {} policy sets compared", arguments.cases));
        // Each set has a seed of its own, so that one can be looked at alone.
        let seed = arguments.seed.wrapping_mul(1_000_003).wrapping_add(number);
        let case = Case::random(&mut Rng::with_seed(seed));
        if let Some(difference) = compare(&case, &mut judge, &mut tally)? {
            println!("policy set {number} of seed {}: {difference}", arguments.seed);
            println!("{:#}", json!(case.policies));
            return Ok(ExitCode::FAILURE);
        }
    }
    progress.done(&format!("{} policy sets compared", arguments.cases));
    print!("{}", tally.told(&arguments));
    Ok(ExitCode::SUCCESS)
}

/// Compares one set in its own words, and in words about which there is no doubt. Tells the first difference that
/// is not one of the known ones.
fn compare(case: &Case, judge: &mut Judge, tally: &mut Tally) -> Result<Option<String>> {
    let numbers = case.numbers();
    let own = ours(&case.policies, &case.endpoints, &numbers)?;
    let theirs = judge.ask(&case.policies, &case.endpoints, &numbers, false)?;
    let (plain, worded) = rewritten(&case.policies);
    let same = ours(&plain, &case.endpoints, &numbers)?;
    let settled = judge.ask(&plain, &case.endpoints, &numbers, false)?;
    let merged = judge.ask(&plain, &case.endpoints, &numbers, true)?;
    tally.answers += own.ingress.len() + own.egress.len();
    tally.open += own.letters().filter(|letter| *letter == b'1').count();
    tally.worded += usize::from(worded);
    tally.otherwise += own.differences(&theirs);
    tally.merged += settled.differences(&merged);
    for feature in case.features() {
        *tally.features.entry(feature).or_default() += 1;
    }
    Ok(match () {
        () if own != same => Some("other words of the same meaning change what is open".to_owned()),
        () if own != settled => Some(format!("{} answers differ", own.differences(&settled))),
        () if !worded && own != theirs => Some(format!("{} answers differ", own.differences(&theirs))),
        () => compare_enforcer(case, judge, tally)?,
    })
}

/// The same for the test enforcer, in what it knows.
fn compare_enforcer(case: &Case, judge: &mut Judge, tally: &mut Tally) -> Result<Option<String>> {
    let (case, numbers) = (case.of_ipv4(), case.numbers());
    let enforced = enforced(&case, &numbers)?;
    let settled = judge.ask(&rewritten(&case.policies).0, &case.endpoints, &numbers, false)?;
    tally.enforced += enforced.letters().count();
    Ok((enforced != settled)
        .then(|| format!("{} answers of the enforcer differ", enforced.differences(&settled))))
}

impl Tally {
    fn told(&self, arguments: &Arguments) -> String {
        let Arguments { cases, seed } = arguments;
        let mut told = format!(
            "seed {seed}: {cases} policy sets, {} answers, {} of them open: the two evaluators agree\n\
             the test enforcer agrees in {} answers, without IPv6\n\
             {} of the sets hold NotIn or an empty value in matchLabels; left as they are, {} answers differ\n\
             merging rules changes {} answers of cyclonus\nsets by what they hold:\n",
            self.answers, self.open, self.enforced, self.worded, self.otherwise, self.merged
        );
        for (feature, count) in &self.features {
            told += &format!("  {count:>6}  {feature}\n");
        }
        told
    }
}
