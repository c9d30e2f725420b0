//! What is open though it should not be, and secrets in the open.

use crate::{NOTHING, found};

const WORKER: &str = "services: [{name: cart, image: 'cart:1'}]\n";

#[test]
fn an_app_without_isolation_is_told_so() {
    let told = "warning isolation-disabled spec.network.isolation: every pod of the cluster may talk to every service; \
                set isolation to Strict or Lenient";
    let network = |isolation: &str| found(&format!("network: {{isolation: {isolation}}}\n{WORKER}"));
    assert_eq!(network("Disabled"), [told]);
    assert_eq!(network("Lenient"), NOTHING);
    assert_eq!(network("Strict"), NOTHING);
    assert_eq!(found(WORKER), NOTHING);
}

#[test]
fn an_internal_service_that_is_exposed_stops_the_change() {
    let spec = |visibility: &str| {
        format!(
            "services:\n- name: cart\n  image: cart:1\n  visibility: {visibility}\n  ports: [{{name: http, port: 80}}]\n  \
             expose: {{host: shop.example.com, path: /cart, controllerNamespace: ingress}}\n"
        )
    };
    let told = "error public-internal-service spec.services[0].expose: cart is internal, and \
                http://shop.example.com/cart leads to it from outside; remove expose, or visibility: Internal";
    assert_eq!(found(&spec("Internal")), [told]);
    assert_eq!(found(&spec("Public")), NOTHING);
}

/// One service, and something outside that it uses.
fn outside(network: &str, address: &str) -> Vec<String> {
    found(&format!(
        "network: {{isolation: {network}}}\nservices: [{{name: cart, image: 'cart:1', dependencies: [{{name: api}}]}}]\n\
         externalServices: [{{name: api, port: 443, {address}}}]\n"
    ))
}

#[test]
fn a_name_without_an_address_is_told_with_what_was_opened_instead() {
    let told = "warning name-without-address spec.externalServices[0]: only the name of \"api\" is known, and a \
                NetworkPolicy cannot hold a name: ";
    let strict = "isolation Strict opens nothing to it; give cidrs or pods, or set isolation to Lenient";
    let lenient = "its port is open to every address; give cidrs or pods";
    assert_eq!(outside("Strict", "host: api.example.com"), [format!("{told}{strict}")]);
    assert_eq!(outside("Lenient", "host: api.example.com"), [format!("{told}{lenient}")]);
}

#[test]
fn a_name_with_an_address_is_in_order() {
    assert_eq!(outside("Strict", "host: 203.0.113.7"), NOTHING);
    assert_eq!(outside("Strict", "host: api.example.com, cidrs: [203.0.113.0/24]"), NOTHING);
    assert_eq!(outside("Strict", "host: api.data, pods: {namespace: data}"), NOTHING);
}

#[test]
fn without_policies_names_are_good_enough() {
    let found = outside("Disabled", "host: api.example.com");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("isolation-disabled"));
}

/// One service with this variable.
fn with_variable(variable: &str) -> Vec<String> {
    found(&format!("services:\n- {{name: cart, image: 'cart:1', env: [{{{variable}}}]}}\n"))
}

#[test]
fn a_credential_in_plain_text_is_told_without_its_value() {
    let told = "warning plain-text-credential spec.services[0].env[0]: \"DB_PASSWORD\" looks like a credential, and \
                whoever may read this resource can read it; take it from a Secret";
    assert_eq!(with_variable("name: DB_PASSWORD, value: hunter2"), [told]);
}

#[test]
fn what_looks_like_a_credential_is_found() {
    for (name, value) in [
        ("PGPASSWORD", "hunter2"),
        ("MYSQL_ROOT_PASSWORD", "123456"),
        ("SMTP_PASS", "hunter2"),
        ("STRIPE_API_KEY", "sk_live_1234"),
        ("Jwt__Secret", "s3cret"),
        ("GITHUB_TOKEN", "ghp_1234"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
        ("clientSecret", "abcdef"),
        ("DATABASE_URL", "postgresql://shop:hunter2@db/orders"),
        ("ConnectionStrings__Orders", "Server=db;User Id=sa;Password=hunter2"),
        ("UPSTREAM_HEADER", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"),
        ("UPSTREAM_HEADER", "Basic c2hvcDpodW50ZXIy"),
        ("JDBC", "jdbc:postgresql://db/orders?user=shop&password=hunter2"),
    ] {
        assert_eq!(with_variable(&format!("name: {name}, value: '{value}'")).len(), 1, "{name}");
    }
}

#[test]
fn what_only_speaks_of_credentials_is_no_credential() {
    for (name, value) in [
        ("TOKEN_URL", "https://idp.example.com/token"),
        ("AUTH_TOKEN", "https://idp.example.com/token"),
        ("TOKENIZER", "bert-base"),
        ("MAX_TOKENS", "4096"),
        ("SESSION_TOKEN", "3600"),
        ("PASSWORD_POLICY", "strict"),
        ("REQUIRE_PASSWORD", "true"),
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
        ("DB_PASSWORD", "/run/secrets/db"),
        ("SECRETS_DIR", "/run/secrets"),
        ("SECRET_NAME", "orders-db"),
        ("COMPASS", "north"),
        ("TIER", "Basic plan"),
        ("SCHEME", "Bearer"),
        ("UPSTREAM_HEADER", "Bearer $(UPSTREAM_TOKEN)"),
        ("CACHE_KEY", "cart"),
        ("DATABASE_URL", "postgresql://shop@db/orders"),
        ("DATABASE_URL", "postgresql://shop:$(DB_PASS)@db/orders"),
        ("OIDC", "https://idp.example.com:8443/a@b"),
        ("ConnectionStrings__Orders", "Server=db;Password=;Trusted_Connection=yes"),
        ("DB_PASSWORD", ""),
    ] {
        assert_eq!(with_variable(&format!("name: {name}, value: '{value}'")), NOTHING, "{name}={value}");
    }
    assert_eq!(with_variable("name: DB_PASSWORD, secret: {name: db, key: password}"), NOTHING);
}

#[test]
fn a_credential_in_the_format_of_an_edge_is_told_there_and_one_from_the_secret_is_not() {
    let spec = |template: &str| {
        found(&format!(
            "services:\n- name: cart\n  image: cart:1\n  dependencies:\n  - name: events\n    env: [{{name: AMQP, template: \
             '{template}'}}]\nbackingServices: [{{name: events, engine: RabbitMQ, host: 10.0.0.1, secret: {{name: mq}}}}]\n"
        ))
    };
    let found = spec("amqp://guest:guest@{address}/");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("warning plain-text-credential spec.services[0].dependencies[0].env[0]: "),
        "{found:?}"
    );
    assert_eq!(spec("amqp://{user}:{password}@{address}/"), NOTHING);
}

#[test]
fn a_credential_of_the_defaults_is_told_once_and_there() {
    let spec = "defaults: {env: [{name: API_KEY, value: abc}], resources: {limits: {memory: 64Mi}}}\n\
                services: [{name: cart, image: 'cart:1'}, {name: web, image: 'web:1'}]\n";
    let found = crate::found_in(spec);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("warning plain-text-credential spec.defaults.env[0]: "), "{found:?}");
}

#[test]
fn a_name_that_nobody_uses_is_only_told_to_be_unused() {
    let spec = "services: [{name: cart, image: 'cart:1'}]\n\
                externalServices: [{name: api, port: 443, host: api.example.com}]\n";
    let found = found(spec);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("unused-external-service"), "{found:?}");
}

#[test]
fn an_address_that_only_a_secret_tells_is_told_as_such() {
    for place in [
        "secret: {name: db, hostKey: host}",
        "managedBy: {provisionedService: {apiVersion: db.example/v1, kind: Database, name: db}}",
    ] {
        let told = "warning name-without-address spec.backingServices[0]: only its Secret tells where \"db\" is, and a \
                    NetworkPolicy cannot read it: its port is open to every address; give cidrs or pods";
        let spec = format!(
            "network: {{isolation: Lenient}}\nservices: [{{name: cart, image: 'cart:1', dependencies: [{{name: db}}]}}]\n\
             backingServices: [{{name: db, engine: MySQL, {place}}}]\n"
        );
        assert_eq!(found(&spec), [told]);
    }
}
