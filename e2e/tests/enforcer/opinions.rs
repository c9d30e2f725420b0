use anyhow::{Result, ensure};
use fastrand::Rng;
use msapp_e2e::Oracle;
use msapp_e2e::oracle::{Case, Judge, enforced, rewritten};

/// `make oracle` asks about thousands.
const CASES: u64 = 200;

#[test]
fn the_enforcer_and_an_independent_evaluator_read_random_policies_alike() -> Result<()> {
    let mut judge = Judge::start(Oracle::built()?.program())?;
    for seed in 0..CASES {
        let case = Case::random(&mut Rng::with_seed(seed)).of_ipv4();
        let numbers = case.numbers();
        let own = enforced(&case, &numbers)?;
        let other = judge.ask(&rewritten(&case.policies).0, &case.endpoints, &numbers, false)?;
        let differences = own.differences(&other);
        ensure!(own == other, "{differences} answers differ, seed {seed}: {:#?}", case.policies);
    }
    Ok(())
}
