//! Backing services that any operator provisions (servicebinding.io): only their Secret knows where they are.

use msapp_core::build;
use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::graph;
use msapp_core::source::{Binding, Bindings, Source};
use msapp_crds::v1alpha1::ProvisionedService;
use serde_json::{Value, json};

fn index() -> ProvisionedService {
    let text = str::to_owned;
    ProvisionedService { api_version: text("search.example/v1"), kind: text("Index"), name: text("search") }
}

fn deployment(bindings: Bindings) -> Value {
    let spec = json!({
        "services": [{"name": "catalog", "image": "catalog:1", "dependencies": [
            {"name": "search", "env": [{"name": "SEARCH", "from": "Address"}, {"name": "WHOLE", "from": "SecretUri"}]},
        ]}],
        "backingServices": [{"name": "search", "engine": "Elasticsearch", "cidrs": ["198.51.100.32/28"],
            "managedBy": {"provisionedService": index()}}],
    });
    let source =
        Source { name: "library".into(), namespace: "library".into(), generation: 1, spec, bindings };
    let app = graph::resolve(&source).expect("it is right");
    let key = ChildKey::new(ChildKind::Deployment, "catalog");
    build::objects(&app).find(&key).expect("a Deployment").manifest.clone()
}

fn variable<'a>(deployment: &'a Value, name: &str) -> &'a Value {
    let variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
    let found = variables.into_iter().flatten().find(|variable| variable["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn address_and_credentials_come_from_the_secret_that_the_status_names() {
    let bound = deployment(Bindings::from([(index(), Binding::Secret("search-7f".into()))]));
    for (name, key) in [("SEARCH_HOST", "host"), ("SEARCH_PORT", "port"), ("SEARCH_URI", "uri")] {
        let expected = json!({"secretKeyRef": {"name": "search-7f", "key": key}});
        assert_eq!(variable(&bound, name)["valueFrom"], expected);
    }
    assert_eq!(variable(&bound, "SEARCH")["value"], "$(SEARCH_HOST):$(SEARCH_PORT)");
    assert_eq!(variable(&bound, "SEARCH_URL")["value"], "http://$(SEARCH_HOST):$(SEARCH_PORT)");
    assert_eq!(variable(&bound, "WHOLE")["value"], "$(SEARCH_URI)");
    let volumes = bound["spec"]["template"]["spec"]["volumes"].to_string();
    assert!(volumes.contains(r#"{"secret":{"name":"search-7f"}}"#), "{volumes}");
}

#[test]
fn a_file_knows_no_status_and_takes_the_name_of_the_object() {
    let unknown = deployment(Bindings::new());
    assert_eq!(variable(&unknown, "SEARCH_HOST")["valueFrom"]["secretKeyRef"]["name"], "search");
}
