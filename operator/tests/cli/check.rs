//! `msapp check`

use insta::assert_snapshot;

use crate::program::Directory;

/// A resource whose services are given.
fn shop(services: &str) -> String {
    let head =
        "apiVersion: msapp.dev/v1alpha1\nkind: MicroserviceApp\nmetadata: {name: shop}\nspec:\n  services:\n";
    format!("{head}{}", services.trim_start_matches('\n'))
}

/// What `check` prints of a file that has mistakes.
fn mistakes(text: &str) -> String {
    let ran = Directory::with(&[("shop.yaml", text)]).msapp(&["check", "shop.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{}", ran.stdout);
    ran.stdout
}

fn mistakes_of(services: &str) -> String {
    mistakes(&shop(services))
}

const CART: &str = "  - name: cart\n    image: cart:1\n    ports: [{name: http, port: 80}]\n    probes: {path: /healthz}\n    resources: {limits: {memory: 64Mi}}\n";

#[test]
fn a_right_resource_is_fine() {
    let directory = Directory::with(&[("shop.yaml", &shop(CART))]);
    assert_eq!(directory.msapp(&["check", "shop.yaml"]).fine(), "1 file, 1 app: no errors\n");
    assert_eq!(directory.msapp_with_input(&["check", "-"], &shop(CART)).fine(), "1 file, 1 app: no errors\n");
    assert_eq!(directory.msapp(&["check", "."]).fine(), "1 file, 1 app: no errors\n");
    assert_eq!(directory.msapp(&["check", "shop.yaml", "-o", "json"]).fine(), "[]\n");
}

#[test]
fn an_unknown_field_is_pointed_at_by_its_key_with_what_was_meant() {
    assert_snapshot!(mistakes_of("  - name: cart\n    image: cart:1\n    portz: []\n"));
}

#[test]
fn a_wrong_type_is_pointed_at_by_its_value() {
    assert_snapshot!(mistakes_of("  - name: cart\n    image: cart:1\n    replicas: \"two\"\n"));
}

#[test]
fn a_missing_field_is_pointed_at_by_its_parent() {
    assert_snapshot!(mistakes_of("  - name: cart\n    ports:\n    - port: 80\n"));
}

#[test]
fn a_bad_quantity_and_a_bad_duration_are_explained() {
    let services = r#"
  - name: cart
    image: cart:1
    resources: {requests: {memory: 1GB}}
    gracefulStop: {drain: 5 seconds}
"#;
    assert_snapshot!(mistakes_of(services));
}

#[test]
fn what_only_the_operator_may_set_is_pointed_at() {
    assert_snapshot!(mistakes_of(
        "  - name: cart\n    image: cart:1\n    labels:\n      app.kubernetes.io/name: x\n"
    ));
}

#[test]
fn a_word_that_yaml_reads_as_a_truth_value_is_told_as_what_the_api_server_sees() {
    assert_snapshot!(mistakes_of(
        "  - name: cart\n    image: cart:1\n    env: [{name: DEBUG, value: yes}]\n"
    ));
}

#[test]
fn a_name_that_stands_twice_is_told_with_the_first_one() {
    assert_snapshot!(mistakes_of(&format!("{CART}{CART}")));
}

#[test]
fn a_name_that_is_too_long_is_told() {
    let name = "c".repeat(64);
    assert_snapshot!(mistakes_of(&format!("  - {{name: {name}, image: 'cart:1'}}\n")));
}

#[test]
fn an_unknown_dependency_is_told_with_what_was_meant() {
    assert_snapshot!(mistakes_of(&format!(
        "{CART}  - name: web\n    image: web:1\n    dependencies:\n    - {{name: carts}}\n"
    )));
}

#[test]
fn a_dependency_on_a_worker_has_no_port() {
    let services =
        "  - {name: worker, image: 'w:1'}\n  - {name: web, image: 'web:1', dependencies: [{name: worker}]}\n";
    assert_snapshot!(mistakes_of(services));
}

#[test]
fn a_service_that_depends_on_itself_is_told() {
    let services =
        "  - {name: web, image: 'web:1', ports: [{name: http, port: 80}], dependencies: [{name: web}]}\n";
    assert_snapshot!(mistakes_of(services));
}

#[test]
fn services_that_wait_for_each_other_are_told() {
    let service = |name: &str, other: &str| {
        format!(
            "  - name: {name}\n    image: x:1\n    ports: [{{name: http, port: 80}}]\n    dependencies: [{{name: {other}, startAfter: true}}]\n"
        )
    };
    assert_snapshot!(mistakes_of(&format!("{}{}", service("a", "b"), service("b", "a"))));
}

#[test]
fn bounds_that_contradict_each_other_are_told() {
    let services = r#"
  - name: cart
    image: cart:1
    replicas: 2
    autoscaling: {minReplicas: 5, maxReplicas: 3, cpu: 70}
"#;
    assert_snapshot!(mistakes_of(services));
}

#[test]
fn a_probe_on_an_undeclared_port_is_told() {
    let services = r#"
  - name: cart
    image: cart:1
    ports: [{name: http, port: 80}]
    probes: {path: /healthz, port: admin}
"#;
    assert_snapshot!(mistakes_of(services));
}

#[test]
fn a_key_that_stands_twice_is_a_mistake() {
    assert_snapshot!(mistakes_of("  - name: cart\n    image: cart:1\n    replicas: 1\n    replicas: 2\n"));
}

#[test]
fn broken_yaml_looks_like_every_other_mistake() {
    assert_snapshot!(mistakes_of("  - name: cart\n    image: cart:1\n    command: [a, b\n    replicas: 1\n"));
    assert_snapshot!(mistakes_of("  - name: cart\n    image cart:1\n    replicas: 1\n"));
    assert_snapshot!(mistakes_of("  - name: cart\n    image: cart:1\n    env: [{name: A, value: b: c}]\n"));
    assert_snapshot!(mistakes(
        "apiVersion: msapp.dev/v1alpha1\nkind: MicroserviceApp\nmetadata:\n  name: shop\n spec: {}\n"
    ));
    assert_snapshot!(mistakes("apiVersion: msapp.dev/v1alpha1\nmetadata:\n\tname: shop\n"));
}

#[test]
fn a_wrong_version_or_kind_is_told() {
    assert_snapshot!(mistakes("apiVersion: msapp.dev/v1\nkind: MicroserviceApp\nmetadata: {name: shop}\n"));
    assert_snapshot!(mistakes(
        "apiVersion: msapp.dev/v1alpha1\nkind: MicroServiceApp\nmetadata: {name: shop}\n"
    ));
}

#[test]
fn what_is_wrong_outside_of_the_spec_is_told() {
    assert_snapshot!(mistakes(
        "apiVersion: msapp.dev/v1alpha1\nkind: MicroserviceApp\nmetadata: {name: My_Shop}\nspecs: {}\n"
    ));
}

#[test]
fn a_namespace_that_is_no_text_or_no_name_is_told() {
    let resource = |namespace: &str| {
        shop(CART).replace("{name: shop}", &format!("{{name: shop, namespace: {namespace}}}"))
    };
    assert_snapshot!(mistakes(&resource("no")));
    for (namespace, told) in [
        ("n", "error[wrong-type]: expected text: put it in quotes"),
        ("123", "error[wrong-type]: expected text: put it in quotes"),
        ("[a]", "error[wrong-type]: expected text: put it in quotes"),
        ("Shop", "error[invalid-value]: \"Shop\" is no name of a namespace"),
        ("a.b", "error[invalid-value]: \"a.b\" is no name of a namespace"),
    ] {
        assert!(mistakes(&resource(namespace)).starts_with(told), "{}", mistakes(&resource(namespace)));
    }
    for namespace in ["shop", "\"123\"", "\"\"", "null"] {
        Directory::with(&[("shop.yaml", &resource(namespace))]).msapp(&["check", "shop.yaml"]).fine();
    }
}

#[test]
fn columns_count_characters() {
    assert_snapshot!(mistakes_of("  - {name: cart, args: ['cärt–✓'], imäge: x, image: 'cart:1'}\n"));
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let shop = shop(
        r#"
  - name: web
    imge: web:1
    dependencies: [{name: cart}]
  - name: cart
    image: cart:1
    replicas: many
    ports: [{name: http, port: 70000, protocol: http}]
    resources: {requests: {cpu: lots}}
"#,
    );
    let other = r#"kind: ConfigMap
apiVersion: v1
metadata: {name: flags}
---
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: booking, namespace: travel}
spec:
  services: []
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: not-ours}
spec: {anything: goes}
"#;
    let directory = Directory::with(&[("shop.yaml", &shop), ("other.yaml", other)]);
    let ran = directory.msapp(&["check", "shop.yaml", "other.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert_snapshot!(ran.stdout);
    let json = directory.msapp(&["check", "shop.yaml", "other.yaml", "--output", "json"]);
    assert_eq!((json.code, json.stderr.as_str()), (1, ""));
    assert_snapshot!(json.stdout);
}

#[test]
fn two_apps_of_a_namespace_cannot_have_services_of_the_same_name() {
    let one = shop(CART);
    let two = one.replace("name: shop", "name: other");
    let elsewhere = one.replace("name: shop", "name: other, namespace: elsewhere");
    let ran = Directory::with(&[("one.yaml", &one), ("two.yaml", &two)]).msapp(&["check", "."]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.stdout);
    Directory::with(&[("one.yaml", &one), ("two.yaml", &elsewhere)]).msapp(&["check", "."]).fine();
}

#[test]
fn items_of_a_list_are_checked_too() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: msapp.dev/v1alpha1\n  kind: MicroserviceApp\n  metadata: {name: shop}\n  spec: {services: [{name: cart}]}\n";
    assert_snapshot!(mistakes(list));
}

#[test]
fn what_cannot_be_read_or_holds_no_app_is_another_exit_code() {
    let directory = Directory::with(&[("other.yaml", "kind: ConfigMap\napiVersion: v1\n")]);
    for arguments in [
        &["check", "missing.yaml"][..],
        &["check", "other.yaml"],
        &["check"],
        &["check", "--nonsense", "other.yaml"],
    ] {
        let ran = directory.msapp(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}

#[test]
fn colours_are_for_terminals() {
    let directory = Directory::with(&[("shop.yaml", &shop("  - {name: cart}\n"))]);
    let ran = |variable: &str| {
        let mut command = directory.command(&["check", "shop.yaml"]);
        command.env(variable, "1");
        crate::program::run(command, "").stdout
    };
    assert!(!ran("NO_COLOR").contains('\u{1b}'));
    assert!(!ran("TERM").contains('\u{1b}'), "a pipe is no terminal");
    assert!(ran("CLICOLOR_FORCE").contains('\u{1b}'));
}

#[test]
fn the_samples_are_right() {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples");
    let summary = Directory::with(&[]).msapp(&["check", samples]).fine();
    assert!(summary.ends_with(": no errors\n"), "{summary}");
}

#[test]
fn warnings_are_told_with_their_page_and_stop_only_who_asks_for_it() {
    let directory = Directory::with(&[("shop.yaml", &shop("  - {name: cart, image: cart}\n"))]);
    let report = directory.msapp(&["check", "shop.yaml"]).fine();
    assert_snapshot!(report);
    let strict = directory.msapp(&["check", "shop.yaml", "--fail-on", "warning"]);
    assert_eq!((strict.code, strict.stdout), (1, report));
    let waived = format!(
        "{}  checks:\n    waivers: [{{check: unpinned-image, reason: a try}}, {{check: missing-memory-limit, reason: a try}}]\n",
        shop("  - {name: cart, image: cart}\n")
    );
    let directory = Directory::with(&[("shop.yaml", &waived)]);
    let report = directory.msapp(&["check", "shop.yaml", "--fail-on", "advice"]).fine();
    assert_eq!(report, "1 file, 1 app: no errors\n");
}

#[test]
fn a_credential_is_not_printed_with_the_line_that_it_stands_in() {
    let env = |more: &str| {
        shop(&format!(
            "{CART}    env:\n    - {{name: DB_PASSWORD, value: hunter2}}\n    - {{name: HEADER, value: Bearer hunter2{more}}}\n"
        ))
    };
    let directory = Directory::with(&[("shop.yaml", &env(""))]);
    assert_snapshot!(directory.msapp(&["check", "shop.yaml"]).fine());
    assert_snapshot!(mistakes(&env(", frm: x")));
}

#[test]
fn a_file_that_is_no_text_hides_no_other() {
    let wrong = shop("  - {name: basket}\n").replace("name: shop", "name: other");
    let directory = Directory::with(&[("shop.yaml", &shop(CART)), ("wrong.yaml", &wrong)]);
    std::fs::write(directory.path().join("logo.yaml"), b"a: 1\nb: \xff\xfe\n").expect("it can be written to");
    let ran = directory.msapp(&["check", "."]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert_snapshot!(ran.stdout);
}
