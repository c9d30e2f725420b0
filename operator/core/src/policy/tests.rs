//! One test for each sentence of the specification.

use k8s_openapi::api::networking::v1::NetworkPolicy;

use super::*;

const LABELS: [(&str, &[(&str, &str)]); 5] = [
    ("shop/cart", &[("app", "cart"), ("tier", "backend")]),
    ("shop/web", &[("app", "web"), ("tier", "frontend")]),
    ("shop/bare", &[]),
    ("data/cart", &[("app", "cart"), ("tier", "backend")]),
    ("data/pg", &[("cluster", "pg")]),
];

/// Three pods of the namespace shop, two of the namespace data, which is labelled `kind: store`, and machines outside.
fn endpoints() -> Vec<(&'static str, Endpoint)> {
    let pods = LABELS.iter().enumerate().map(|(at, (name, labels))| {
        let namespace = name.split_once('/').expect("a namespace").0;
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut pod = Pod::new(namespace, labels);
        if namespace == "data" {
            pod.namespace_labels.insert("kind".to_owned(), "store".to_owned());
        }
        pod.addresses = vec![format!("10.0.0.{at}").parse().expect("an address")];
        pod.ports = vec![
            NamedPort { name: "http".to_owned(), transport: Transport::Tcp, number: 8000 + at as u16 },
            NamedPort { name: "dns".to_owned(), transport: Transport::Udp, number: 5300 },
        ];
        (*name, Endpoint::Pod(pod))
    });
    let machine = |name: &'static str| (name, Endpoint::Address(name.parse().expect("an address")));
    let machines = ["192.0.2.1", "192.0.2.200", "2001:db8::1"].map(machine);
    pods.chain(machines).collect()
}

fn policy(namespace: &str, spec: &str) -> NetworkPolicy {
    let text = format!("metadata: {{name: test, namespace: {namespace}}}\nspec: {spec}");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What passes at one end of a connection, in words.
fn open(specs: &[&str], direction: Direction, from: &str, to: &str) -> String {
    let policies: Vec<NetworkPolicy> = specs.iter().map(|spec| policy("shop", spec)).collect();
    let policies = Policies::new(&policies).unwrap_or_else(|faults| panic!("{faults:?}"));
    let (names, endpoints): (Vec<&str>, Vec<Endpoint>) = endpoints().into_iter().unzip();
    let find = |wanted: &str| names.iter().position(|name| *name == wanted).expect("it is there");
    let evaluation = Evaluation::new(&policies, &endpoints);
    let (from, to) = (find(from), find(to));
    match direction {
        Direction::Egress => evaluation.of(direction, from)[to].to_string(),
        Direction::Ingress => evaluation.of(direction, to)[from].to_string(),
    }
}

fn enters(spec: &str, from: &str, to: &str) -> String {
    open(&[spec], Direction::Ingress, from, to)
}

fn leaves(spec: &str, from: &str, to: &str) -> String {
    open(&[spec], Direction::Egress, from, to)
}

/// Everybody who can enter the pod shop/cart.
fn who_enters(spec: &str) -> Vec<&'static str> {
    let names = endpoints().into_iter().map(|(name, _)| name);
    names.filter(|name| enters(spec, name, "shop/cart") != "nothing").collect()
}

fn faults(namespace: &str, spec: &str) -> Vec<String> {
    let faults = Policies::new(&[policy(namespace, spec)]).expect_err("it has faults");
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_pod_that_no_policy_selects_is_open_in_both_directions() {
    let deny = "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]}";
    assert_eq!(enters(deny, "192.0.2.1", "shop/cart"), "every port");
    assert_eq!(leaves(deny, "shop/cart", "192.0.2.1"), "every port");
    assert_eq!(enters(deny, "192.0.2.1", "shop/web"), "nothing");
    assert_eq!(leaves(deny, "shop/web", "192.0.2.1"), "nothing");
}

#[test]
fn a_policy_selects_pods_of_its_own_namespace_only() {
    let deny = "{podSelector: {}, policyTypes: [Ingress]}";
    assert_eq!(enters(deny, "shop/web", "shop/bare"), "nothing");
    assert_eq!(enters(deny, "shop/web", "data/cart"), "every port");
}

#[test]
fn a_selector_that_is_absent_selects_every_pod_of_the_namespace() {
    assert_eq!(enters("{policyTypes: [Ingress]}", "shop/web", "shop/cart"), "nothing");
    assert_eq!(enters("{}", "shop/web", "shop/cart"), "nothing");
}

#[test]
fn without_types_ingress_is_isolated_and_egress_where_there_are_egress_rules() {
    let neither = "{podSelector: {}}";
    assert_eq!(enters(neither, "shop/web", "shop/cart"), "nothing");
    assert_eq!(leaves(neither, "shop/web", "shop/cart"), "every port");
    let empty = "{podSelector: {}, egress: []}";
    assert_eq!(leaves(empty, "shop/web", "shop/cart"), "every port");
    let egress = "{podSelector: {}, egress: [{ports: [{port: 1}]}]}";
    assert_eq!(enters(egress, "shop/web", "shop/cart"), "nothing");
    assert_eq!(leaves(egress, "shop/web", "shop/cart"), "TCP 1");
}

#[test]
fn rules_of_a_direction_that_is_not_among_the_types_say_nothing() {
    let spec = "{policyTypes: [Egress], ingress: [{ports: [{port: 1}]}]}";
    assert_eq!(enters(spec, "shop/web", "shop/cart"), "every port");
    assert_eq!(leaves(spec, "shop/web", "shop/cart"), "nothing");
}

#[test]
fn several_policies_add_up() {
    let one = "{podSelector: {matchLabels: {app: cart}}, ingress: [{ports: [{port: 80}]}]}";
    let other =
        "{podSelector: {matchLabels: {tier: backend}}, ingress: [{ports: [{port: 53, protocol: UDP}]}]}";
    let deny = "{podSelector: {}}";
    let open = open(&[one, other, deny], Direction::Ingress, "shop/web", "shop/cart");
    assert_eq!(open, "TCP 80, UDP 53");
}

#[test]
fn no_peers_are_all_peers_and_no_ports_are_all_ports() {
    for rule in ["{}", "{from: [], ports: []}"] {
        let spec = format!("{{ingress: [{rule}]}}");
        assert_eq!(who_enters(&spec).len(), endpoints().len(), "{rule}");
        assert_eq!(enters(&spec, "2001:db8::1", "shop/cart"), "every port");
    }
    assert_eq!(who_enters("{ingress: []}"), Vec::<&str>::new());
}

#[test]
fn a_pod_selector_alone_means_the_namespace_of_the_policy() {
    assert_eq!(who_enters("{ingress: [{from: [{podSelector: {matchLabels: {app: cart}}}]}]}"), ["shop/cart"]);
    assert_eq!(
        who_enters("{ingress: [{from: [{podSelector: {}}]}]}"),
        ["shop/cart", "shop/web", "shop/bare"]
    );
}

#[test]
fn a_namespace_selector_alone_means_all_pods_of_those_namespaces() {
    let spec = "{ingress: [{from: [{namespaceSelector: {matchLabels: {kind: store}}}]}]}";
    assert_eq!(who_enters(spec), ["data/cart", "data/pg"]);
    let all = "{ingress: [{from: [{namespaceSelector: {}}]}]}";
    assert_eq!(who_enters(all).len(), LABELS.len(), "pods, and nothing outside the cluster");
}

#[test]
fn both_selectors_in_one_peer_have_to_hold_and_two_peers_are_alternatives() {
    let both = "{ingress: [{from: [{namespaceSelector: {matchLabels: {kind: store}}, podSelector: {matchLabels: {app: cart}}}]}]}";
    assert_eq!(who_enters(both), ["data/cart"]);
    let either = "{ingress: [{from: [{namespaceSelector: {matchLabels: {kind: store}}}, {podSelector: {matchLabels: {app: cart}}}]}]}";
    assert_eq!(who_enters(either), ["shop/cart", "data/cart", "data/pg"]);
}

#[test]
fn all_requirements_of_a_selector_have_to_hold() {
    let among = |expressions: &str| {
        let selector = format!("namespaceSelector: {{}}, podSelector: {{matchExpressions: [{expressions}]}}");
        who_enters(&format!("{{ingress: [{{from: [{{{selector}}}]}}]}}"))
    };
    let every = ["shop/cart", "shop/web", "shop/bare", "data/cart", "data/pg"];
    assert_eq!(among("{key: app, operator: In, values: [web, other]}"), ["shop/web"]);
    assert_eq!(
        among("{key: app, operator: NotIn, values: [cart]}"),
        ["shop/web", "shop/bare", "data/pg"],
        "what has no such label has no such value"
    );
    assert_eq!(among("{key: app, operator: Exists}"), ["shop/cart", "shop/web", "data/cart"]);
    assert_eq!(among("{key: app, operator: DoesNotExist}"), ["shop/bare", "data/pg"]);
    assert_eq!(among("{key: nobody, operator: Exists}"), Vec::<&str>::new());
    assert_eq!(among("{key: nobody, operator: DoesNotExist}"), every);
    assert_eq!(among("{key: nobody, operator: NotIn, values: [x]}"), every);
    assert_eq!(
        among("{key: app, operator: Exists}, {key: tier, operator: NotIn, values: [backend]}"),
        ["shop/web"]
    );
}

#[test]
fn a_block_holds_the_addresses_of_its_range_without_the_exceptions() {
    let spec =
        "{ingress: [{from: [{ipBlock: {cidr: 192.0.2.7/24, except: [192.0.2.128/25, 192.0.2.64/26]}}]}]}";
    assert_eq!(who_enters(spec), ["192.0.2.1"]);
    assert_eq!(
        who_enters("{ingress: [{from: [{ipBlock: {cidr: '2001:db8::/32', except: ['2001:db8:1::/48']}}]}]}"),
        ["2001:db8::1"]
    );
    assert_eq!(who_enters("{ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}"), ["2001:db8::1"]);
    assert_eq!(who_enters("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/32}}]}]}"), ["shop/web"]);
}

#[test]
fn an_exception_of_one_block_does_not_bind_another() {
    let spec = "{ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}, {ipBlock: {cidr: 192.0.2.200/32}}]}]}";
    assert_eq!(who_enters(spec), ["192.0.2.1", "192.0.2.200"]);
}

#[test]
fn ports_are_tcp_unless_something_else_is_said() {
    let port = |port: &str| enters(&format!("{{ingress: [{{ports: [{port}]}}]}}"), "shop/web", "shop/cart");
    assert_eq!(port("{port: 80}"), "TCP 80");
    assert_eq!(port("{port: 80, protocol: SCTP}"), "SCTP 80");
    assert_eq!(port("{port: 80, endPort: 90, protocol: UDP}"), "UDP 80-90");
    assert_eq!(port("{port: 80, endPort: 80}"), "TCP 80");
    assert_eq!(port("{}"), "every TCP port");
    assert_eq!(port("{protocol: UDP}"), "every UDP port");
    assert_eq!(port("{port: 80, endPort: 90}, {port: 85, endPort: 100}, {port: 101}"), "TCP 80-101");
    assert_eq!(port("{}, {protocol: UDP}, {protocol: SCTP}"), "every port");
}

#[test]
fn the_ports_of_a_rule_are_for_the_peers_of_the_same_rule() {
    let spec = "{ingress: [
        {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 1}]},
        {from: [{podSelector: {matchLabels: {app: cart}}}], ports: [{port: 2}]}]}";
    assert_eq!(enters(spec, "shop/web", "shop/cart"), "TCP 1");
    assert_eq!(enters(spec, "shop/cart", "shop/cart"), "TCP 2", "another pod of the same labels");
}

#[test]
fn a_named_port_is_the_one_of_the_pod_that_is_called() {
    let ingress = "{ingress: [{ports: [{port: http}]}]}";
    assert_eq!(enters(ingress, "shop/web", "shop/cart"), "TCP 8000");
    assert_eq!(enters(ingress, "192.0.2.1", "shop/bare"), "TCP 8002");
    let egress = "{policyTypes: [Egress], egress: [{ports: [{port: http}]}]}";
    assert_eq!(leaves(egress, "shop/cart", "shop/web"), "TCP 8001");
    assert_eq!(leaves(egress, "shop/cart", "data/pg"), "TCP 8004");
    assert_eq!(leaves(egress, "shop/cart", "192.0.2.1"), "nothing", "a machine has no names of ports");
}

#[test]
fn a_named_port_of_another_protocol_is_another_port() {
    let port = |port: &str| enters(&format!("{{ingress: [{{ports: [{port}]}}]}}"), "shop/web", "shop/cart");
    assert_eq!(port("{port: dns}"), "nothing");
    assert_eq!(port("{port: dns, protocol: UDP}"), "UDP 5300");
    assert_eq!(port("{port: nobody}"), "nothing");
}

#[test]
fn a_connection_needs_both_of_its_ends() {
    let specs = [
        "{podSelector: {matchLabels: {app: cart}}, ingress: [{ports: [{port: 80, endPort: 90}]}]}",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 85, endPort: 99}]}]}",
    ];
    let policies: Vec<NetworkPolicy> = specs.iter().map(|spec| policy("shop", spec)).collect();
    let policies = Policies::new(&policies).expect("they are right");
    let endpoints: Vec<Endpoint> = endpoints().into_iter().map(|(_, endpoint)| endpoint).collect();
    let evaluation = Evaluation::new(&policies, &endpoints);
    assert_eq!(evaluation.between(1, 0).to_string(), "TCP 85-90");
    assert!(evaluation.is_isolated(Direction::Egress, 1) && !evaluation.is_isolated(Direction::Egress, 0));
}

#[test]
fn what_kubernetes_refuses_is_reported_all_at_once_with_its_place() {
    let spec = "
  policyTypes: [Ingress, Both]
  podSelector: {matchExpressions: [{key: a, operator: Like}]}
  ingress:
  - from:
    - {}
    - {ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}
    - {ipBlock: {cidr: 10.0.0.0}}
    - {ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16, 10.0.0.0/8, x, '::/0']}}
    ports: [{port: 0}, {port: 65536}, {port: 9, endPort: 8}, {port: http, endPort: 9}, {endPort: 9}, {protocol: ICMP}]
  egress: [{to: [{namespaceSelector: {matchExpressions: [{key: a, operator: In}]}}]}]";
    assert_eq!(
        faults("shop", spec),
        [
            "shop/test: spec.policyTypes[1]: \"Both\" is neither Ingress nor Egress",
            "shop/test: spec.ingress[0].from[0]: one of podSelector, namespaceSelector and ipBlock is needed",
            "shop/test: spec.ingress[0].from[1]: ipBlock stands alone, without podSelector and namespaceSelector",
            "shop/test: spec.ingress[0].from[2].ipBlock.cidr: \"10.0.0.0\" is no address range such as 10.0.0.0/16",
            "shop/test: spec.ingress[0].from[3].ipBlock.except[0]: 11.0.0.0/16 is no part of 10.0.0.0/8",
            "shop/test: spec.ingress[0].from[3].ipBlock.except[1]: 10.0.0.0/8 is no part of 10.0.0.0/8",
            "shop/test: spec.ingress[0].from[3].ipBlock.except[2]: \"x\" is no address range such as 10.0.0.0/16",
            "shop/test: spec.ingress[0].from[3].ipBlock.except[3]: ::/0 is no part of 10.0.0.0/8",
            "shop/test: spec.ingress[0].ports[0].port: 0 is no port: they go from 1 to 65535",
            "shop/test: spec.ingress[0].ports[1].port: 65536 is no port: they go from 1 to 65535",
            "shop/test: spec.ingress[0].ports[2].endPort: 8 is smaller than port 9",
            "shop/test: spec.ingress[0].ports[3].endPort: it needs a port that is a number",
            "shop/test: spec.ingress[0].ports[4].endPort: it needs a port that is a number",
            "shop/test: spec.ingress[0].ports[5].protocol: \"ICMP\" is none of TCP, UDP and SCTP",
            "shop/test: spec.egress[0].to[0].namespaceSelector.matchExpressions[0]: In needs values",
            "shop/test: spec.podSelector.matchExpressions[0]: \"Like\" is none of In, NotIn, Exists and DoesNotExist",
        ]
    );
    assert_eq!(faults("''", "{}"), ["/test: metadata.namespace: it is needed to know which pods are meant"]);
}
