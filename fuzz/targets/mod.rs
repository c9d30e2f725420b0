//! What is fuzzed: each target takes any bytes, and must neither panic nor hang nor grow without bound.
//!
//! The fuzzer runs these functions, and `operator/tests/fuzz.rs` runs them on every file of `regressions/` and on some
//! hostile inputs, so `make test` covers what was found once.

mod shaped;

use msapp::cli::{Judgement, read_yaml};
use msapp_core::build;
use msapp_core::graph::{self, App};
use msapp_core::picture::{self, Picture, dot, mermaid, svg, text};
use msapp_core::policy::prove;
use serde_json::Value;

/// All of `msapp check`: YAML, mistakes, checks, proof; told to people and to machines.
pub(crate) fn check(bytes: &[u8]) {
    let judgement = Judgement::of(bytes.to_vec());
    let told: Vec<Value> = serde_json::from_str(&judgement.json()).expect("machines can read it");
    for one in &told {
        assert!(
            one["line"].as_u64() >= Some(1) && one["column"].as_u64() >= Some(1),
            "{one} stands somewhere"
        );
        assert_ne!(one["code"], "proof-failed", "{one} is a defect of ours");
    }
    assert_eq!(told.is_empty(), judgement.text(false).lines().count() == 1, "both tell the same");
    judgement.text(true);
}

/// All of `msapp render`: what it prints is read back as what it is.
pub(crate) fn render(bytes: &[u8]) {
    let judgement = Judgement::of(bytes.to_vec());
    let (manifests, text) = judgement.rendered().expect("every object can be written");
    assert_eq!(read_yaml(&text).as_ref(), Some(&manifests), "{text}");
}

/// All of `msapp graph`: every picture in every form.
pub(crate) fn graph(bytes: &[u8]) {
    let judgement = Judgement::of(bytes.to_vec());
    judgement.apps().iter().for_each(draw);
}

/// The core alone, on specs that are near the schema, which other bytes seldom are.
pub(crate) fn resolve(bytes: &[u8]) {
    let source = shaped::source(bytes);
    match graph::resolve(&source) {
        Ok(app) => {
            let desired = build::objects(&app);
            let proof = prove(&app, &desired);
            assert!(proof.holds(), "{:?} of {}", proof.differences, source.spec);
            assert_eq!(desired, build::objects(&app), "equal apps are equal objects");
            draw(&app);
        }
        Err(violations) => assert!(!violations.is_empty(), "who refuses says why: {}", source.spec),
    }
}

fn draw(app: &App) {
    let policies = picture::admitted(app, &prove(app, &build::objects(app)));
    for whole in [picture::of(app, false), picture::of(app, true), policies] {
        let domains: Vec<String> = whole.domain_names().into_iter().map(str::to_owned).collect();
        for domain in &domains {
            every_form(&whole.clone().around(domain));
        }
        every_form(&whole);
        every_form(&whole.by_domain());
    }
}

fn every_form(picture: &Picture) {
    for form in [text::render, mermaid::render, dot::render, svg::render] {
        assert!(!form(picture).is_empty(), "there is something to see");
    }
}
