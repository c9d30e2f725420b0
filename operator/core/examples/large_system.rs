//! Prints the MicroserviceApp of the benches as JSON: `cargo run -p msapp-core --example large_system -- 100 32`.

use serde_json::json;

#[path = "../benches/figures/system.rs"]
mod system;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (services, calls) = (numbers.next().unwrap_or(100), numbers.next().unwrap_or(32));
    let source = system::source(services, calls);
    let app = json!({
        "apiVersion": "msapp.dev/v1alpha1",
        "kind": "MicroserviceApp",
        "metadata": {"name": source.name, "namespace": source.namespace},
        "spec": source.spec,
    });
    println!("{app:#}");
}
