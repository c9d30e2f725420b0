//! How long the core takes for a system of a hundred services: `make bench`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use msapp_core::graph::{App, findings, resolve};
use msapp_core::{build, policy};

mod system;

const SERVICES: usize = 100;
/// Calls of a service in a system as it is found, and in the worst that is still to be fast.
const SOME: usize = 4;
const MANY: usize = 32;

fn app(calls: usize) -> App {
    let source = system::source(SERVICES, calls);
    resolve(&source).unwrap_or_else(|violations| panic!("the system is right: {violations:?}"))
}

fn figures(criterion: &mut Criterion) {
    for calls in [SOME, MANY] {
        let source = system::source(SERVICES, calls);
        let app = app(calls);
        let desired = build::objects(&app);
        let name = |what: &str| format!("{what}, {SERVICES} services of {calls} calls");
        assert!(policy::prove(&app, &desired).holds());
        criterion.bench_function(&name("resolve"), |bench| bench.iter(|| resolve(black_box(&source))));
        criterion
            .bench_function(&name("graph checks"), |bench| bench.iter(|| findings(black_box(&app), None)));
        criterion.bench_function(&name("build"), |bench| bench.iter(|| build::objects(black_box(&app))));
        criterion
            .bench_function(&name("proof"), |bench| bench.iter(|| policy::prove(black_box(&app), &desired)));
        criterion.bench_function(&name("render"), |bench| {
            bench.iter(|| resolve(black_box(&source)).map(|app| build::objects(&app)));
        });
    }
}

criterion_group!(benches, figures);
criterion_main!(benches);
