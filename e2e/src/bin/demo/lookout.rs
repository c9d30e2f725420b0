//! How to look around, printed once all is ready.

use std::path::Path;

use crate::shop::NAMESPACE;

/// Things to try where pods are simulated.
pub(crate) const EXPERIMENTS: [(&str, &str); 3] = [
    (
        "an image that does not exist",
        r#"kubectl patch msapp shop -n shop --type=json -p '[{"op":"replace","path":"/spec/services/0/image","value":"no-such-image"}]'"#,
    ),
    ("a service that somebody deletes", "kubectl delete deployment cart -n shop"),
    ("all of it goes", "kubectl delete msapp shop -n shop"),
];

/// Things to try where containers run and orders are placed.
pub(crate) const FAULTS: [(&str, &str); 6] = [
    (
        "what a policy refuses: customers reach the orders, and not the payments",
        "kubectl exec -n ingress-nginx deployment/customers -- /app/workload connect order-taking.shop:80 payment.shop:9090",
    ),
    (
        "the broker is killed: events wait, and none is lost",
        "kubectl exec -n data deployment/rabbitmq -- sh -c 'kill 1'",
    ),
    ("PostgreSQL is restarted", "kubectl exec -n data deployment/orders-pg -- sh -c 'kill -INT 1'"),
    (
        "a service fails for a reason of its own",
        "kubectl exec -n shop deployment/cart -- /app/workload control crash=3:no_space_left",
    ),
    (
        "an image that does not exist",
        r#"kubectl patch msapp shop -n shop --type=json -p '[{"op":"replace","path":"/spec/services/0/image","value":"no-such-image"}]'"#,
    ),
    ("a service that somebody deletes", "kubectl delete deployment cart -n shop"),
];

/// What to type into another terminal.
pub(crate) fn hints(kubeconfig: Option<&Path>, programs: &[&Path], experiments: &[(&str, &str)]) -> String {
    let mut lines = vec!["\nLook around from another terminal:".to_owned(), String::new()];
    if let Some(kubeconfig) = kubeconfig {
        lines.push(format!("  export KUBECONFIG={}", kubeconfig.display()));
    }
    for directory in programs {
        lines.push(format!("  export PATH={}:$PATH", directory.display()));
    }
    lines.push(format!("  msapp status shop -n {NAMESPACE} --watch"));
    lines.push(format!("  kubectl get msapp -n {NAMESPACE}"));
    lines.push(format!("  kubectl describe msapp shop -n {NAMESPACE}"));
    lines.push(format!("  kubectl get deployments,services,pods,networkpolicies -n {NAMESPACE}"));
    lines.push("  kubectl explain msapp.spec.services".to_owned());
    if !experiments.is_empty() {
        lines.push("\nBreak something and see what the status says of it:".to_owned());
    }
    for (what, command) in experiments {
        lines.push(format!("\n  # {what}\n  {command}"));
    }
    lines.push("\nCtrl-C ends the demo and removes all of it.".to_owned());
    lines.join("\n")
}
