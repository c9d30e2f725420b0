//! The program as a service.

mod running;

use running::{ask, connected, program, receive, send, service, wait_until};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;

/// A discovery file with these dependencies.
fn discovery(directory: &TempDir, service: &str, dependencies: &Value) -> PathBuf {
    let file = directory.path().join(format!("{service}.json"));
    let text = json!({"app": "shop", "service": service, "dependencies": dependencies});
    std::fs::write(&file, text.to_string()).expect("the folder is ours");
    file
}

fn called(address: SocketAddr, protocol: &str) -> Value {
    json!({"kind": "Service", "host": "127.0.0.1", "port": address.port(), "protocol": protocol})
}

/// An address where nobody listens.
fn closed() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    listener.local_addr().expect("it has an address")
}

#[test]
fn a_service_calls_what_it_depends_on_and_tells_what_it_heard() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = service(Some(&discovery(&directory, "catalog", &json!({}))), &[]);
    let dependencies =
        json!({"by-grpc": called(catalog.grpc, "GRPC"), "by-http": called(catalog.http, "HTTP")});
    let file = discovery(&directory, "cart", &dependencies);
    for calls in ["Sequential", "Parallel"] {
        let cart = service(Some(&file), &[("WORKLOAD_CALLS", calls)]);
        let answer = ask(cart.http, "GET", "/cart/7", &["x-request-id: seven"]);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let told = answer.json();
        assert_eq!((&told["service"], &told["depth"]), (&json!("cart"), &json!(0)));
        for (index, by) in ["GRPC", "HTTP"].into_iter().enumerate() {
            let said = &told["dependencies"][index];
            assert_eq!(said["by"], by);
            assert_eq!(said["answer"]["service"], "catalog");
            assert_eq!(said["answer"]["request"], "seven");
            assert_eq!(said["answer"]["depth"], 1);
        }
    }
}

#[test]
fn a_dependency_that_fails_is_named_with_its_cause() {
    let directory = tempfile::tempdir().unwrap();
    let file = discovery(&directory, "orders", &json!({"payment": called(closed(), "HTTP")}));
    let orders = service(Some(&file), &[]);
    let shop =
        service(Some(&discovery(&directory, "shop", &json!({"orders": called(orders.http, "HTTP")}))), &[]);
    let answer = shop.get("/");
    assert_eq!(answer.status, 502);
    let failure = &answer.json()["failure"];
    assert_eq!(failure["dependency"], "orders");
    let cause = failure["cause"].as_str().unwrap();
    assert!(cause.starts_with("answered 502: payment: ") && cause.contains("Connection refused"), "{cause}");
}

#[test]
fn an_optional_dependency_may_fail() {
    let directory = tempfile::tempdir().unwrap();
    let mut gone = called(closed(), "HTTP");
    gone["optional"] = json!(true);
    let cart = service(Some(&discovery(&directory, "cart", &json!({"recommendation": gone}))), &[]);
    let answer = cart.get("/");
    assert_eq!(answer.status, 200);
    assert!(answer.json()["dependencies"][0]["error"].as_str().unwrap().contains("Connection refused"));
}

#[test]
fn an_edge_says_how_often_and_how_long_it_is_tried() {
    let directory = tempfile::tempdir().unwrap();
    let slow = service(None, &[("WORKLOAD_TROUBLE", "latency=1m")]);
    let mut edge = called(slow.http, "HTTP");
    edge["retries"] = json!(2);
    edge["timeoutMilliseconds"] = json!(20);
    let cart = service(Some(&discovery(&directory, "cart", &json!({"slow": edge}))), &[]);
    let said = &cart.get("/").json()["dependencies"][0];
    assert_eq!((&said["attempts"], &said["error"]), (&json!(3), &json!("no answer within 20 ms")));
}

#[test]
fn the_discovery_file_is_read_anew() {
    let directory = tempfile::tempdir().unwrap();
    let file = discovery(&directory, "cart", &json!({}));
    let cart = service(Some(&file), &[]);
    assert_eq!(cart.get("/").json()["dependencies"], json!([]));
    discovery(&directory, "cart", &json!({"itself": called(cart.http, "HTTP")}));
    assert_eq!(cart.get("/").json()["dependencies"][0]["name"], "itself");
}

#[test]
fn a_circle_of_calls_comes_to_an_end() {
    let directory = tempfile::tempdir().unwrap();
    let cart = service(Some(&discovery(&directory, "cart", &json!({}))), &[]);
    discovery(&directory, "cart", &json!({"itself": called(cart.http, "HTTP")}));
    let mut answer = cart.get("/").json();
    let mut depth = 0;
    while !answer["dependencies"][0]["answer"].is_null() {
        answer = answer["dependencies"][0]["answer"].clone();
        depth += 1;
    }
    assert_eq!((depth, &answer["depth"]), (8, &json!(8)));
}

#[test]
fn events_wait_while_their_broker_is_away_and_the_order_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("discovery.json");
    let broker =
        json!({"kind": "BackingService", "engine": "RabbitMQ", "host": "127.0.0.1", "port": closed().port()});
    let text = json!({"app": "shop", "service": "orders", "dependencies": {"events": broker},
        "publishes": {"OrderPlaced": {"broker": "events", "topic": "orders.placed"}}});
    std::fs::write(&file, text.to_string()).unwrap();
    let orders = service(Some(&file), &[]);
    assert_eq!(orders.get("/orders").json()["events"], json!([]));
    let answer = ask(orders.http, "POST", "/orders", &["x-request-id: one"]);
    assert_eq!((answer.status, &answer.json()["events"]), (200, &json!(["OrderPlaced:one"])));
    let counts = json!({"published": 1, "confirmed": 0, "waiting": 1, "consumed": 0});
    assert_eq!(orders.get("/events").json()["OrderPlaced"], counts);
}

#[test]
fn liveness_and_readiness_are_told_apart() {
    let cart = service(None, &[]);
    let told = |paths: &[&str]| paths.iter().map(|path| cart.get(path).status).collect::<Vec<_>>();
    let alive = ["/livez", "/alive", "/actuator/health/liveness"];
    let ready = ["/readyz", "/health", "/actuator/health/readiness"];
    assert_eq!((told(&alive), told(&ready), told(&["/healthz"])), (vec![200; 3], vec![200; 3], vec![200]));
    assert!(cart.control(&["ready=false"]).status.success());
    assert_eq!((told(&alive), told(&ready), told(&["/healthz"])), (vec![200; 3], vec![503; 3], vec![503]));
    assert!(cart.control(&["ready=true", "alive=false"]).status.success());
    assert_eq!((told(&alive), told(&ready), told(&["/healthz"])), (vec![503; 3], vec![200; 3], vec![503]));
}

#[test]
fn the_name_of_the_program_asks_for_health() {
    let directory = tempfile::tempdir().unwrap();
    let cart = service(None, &[]);
    for name in ["healthy", "healthcheck"] {
        let link = directory.path().join(name);
        std::os::unix::fs::symlink(running::PROGRAM, &link).unwrap();
        let ask = || {
            std::process::Command::new(&link)
                .env("WORKLOAD_CONTROL", cart.control.to_string())
                .output()
                .unwrap()
        };
        assert!(ask().status.success());
        cart.control(&["alive=false"]);
        assert_eq!(String::from_utf8(ask().stderr).unwrap(), "not healthy\n");
        assert_eq!(ask().status.code(), Some(1));
        cart.control(&["alive=true"]);
    }
}

#[test]
fn trouble_is_made_and_ended_while_it_runs() {
    let cart = service(None, &[("WORKLOAD_TROUBLE", "failures=1")]);
    let answer = cart.get("/");
    assert_eq!((answer.status, &answer.json()["failure"]["cause"]), (500, &json!("an injected failure")));
    let told: Value = serde_json::from_slice(&cart.control(&["failures=0", "latency=1ms"]).stdout).unwrap();
    assert_eq!((&told["failures"], &told["latencyMilliseconds"]), (&json!(0.0), &json!(1)));
    assert_eq!(cart.get("/").status, 200);
    let refused = cart.control(&["latency=5ms", "speed=9"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("there is no trouble called \"speed\""));
    assert_eq!(serde_json::from_slice::<Value>(&cart.control(&[]).stdout).unwrap()["latencyMilliseconds"], 1);
}

#[test]
fn memory_grows_as_it_is_told() {
    let cart = service(None, &[]);
    let pages = |cart: &running::Running| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", cart.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    cart.control(&["memory=200"]);
    wait_until("it holds 200 MiB", || (pages(&cart) > 200).then_some(()));
    cart.control(&["memory=0"]);
    wait_until("it has given them back", || (pages(&cart) < 100).then_some(()));
}

#[test]
fn a_crash_leaves_its_code_and_last_words() {
    let mut cart = service(None, &[]);
    cart.control(&["crash=3:no such database"]);
    let (status, words) = cart.end();
    assert_eq!((status.code(), words.as_str()), (Some(3), "no such database\n"));
}

#[test]
fn a_request_under_way_is_answered_after_sigterm_and_an_idle_connection_once_more() {
    let mut cart = service(None, &[("WORKLOAD_DRAIN", "1m")]);
    let mut idle = connected(cart.http);
    send(&mut idle, "GET", "/livez", &[]);
    assert!(!receive(&mut idle).head.contains("connection: close"));
    cart.control(&["latency=300ms"]);
    let mut busy = connected(cart.http);
    send(&mut busy, "GET", "/", &[]);
    cart.terminate();
    wait_until("it is not ready", || (cart.get("/readyz").status == 503).then_some(()));
    assert_eq!(cart.get("/livez").status, 200);
    send(&mut idle, "GET", "/", &[]);
    for stream in [&mut busy, &mut idle] {
        let answer = receive(stream);
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(cart.end().0.code(), Some(0));
}

#[test]
fn a_connection_that_nobody_uses_does_not_hold_the_end_up() {
    let mut cart = service(None, &[("WORKLOAD_DRAIN", "10ms")]);
    let _idle = connected(cart.http);
    let _echo = connected(cart.tcp);
    cart.terminate();
    assert_eq!(cart.end().0.code(), Some(0));
}

#[test]
fn what_comes_over_tcp_goes_back() {
    let cart = service(None, &[]);
    let mut stream = connected(cart.tcp);
    stream.write_all(b"hello").unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hello");
}

#[tokio::test]
async fn what_comes_over_a_websocket_goes_back_until_the_service_stops() {
    use futures::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let mut cart = service(None, &[]);
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", cart.http)).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    cart.terminate();
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else {
        panic!("it is told to go")
    };
    assert_eq!(u16::from(frame.code), 1001);
    assert_eq!(cart.end().0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_over_grpc_and_watched() {
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let mut cart = service(None, &[("WORKLOAD_DRAIN", "10ms")]);
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut client = HealthClient::with_origin(client, format!("http://{}", cart.grpc).parse().unwrap());
    let question = |name: &str| HealthCheckRequest { service: name.into() };
    assert_eq!(client.check(question("")).await.unwrap().into_inner().status, 1);
    assert!(client.check(question("another")).await.is_err());
    let mut watched = client.watch(question("")).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
    cart.control(&["ready=false"]);
    assert_eq!(watched.message().await.unwrap().unwrap().status, 2);
    assert_eq!(client.check(question("liveness")).await.unwrap().into_inner().status, 1);
    assert_eq!(client.check(question("readiness")).await.unwrap().into_inner().status, 2);
    cart.terminate();
    let last = async {
        while let Some(told) = watched.message().await.unwrap() {
            assert_eq!(told.status, 2);
        }
    };
    tokio::time::timeout(running::PATIENCE, last).await.expect("the stream ends");
    assert_eq!(cart.end().0.code(), Some(0));
}

#[test]
fn metrics_are_text_that_prometheus_reads() {
    let cart = service(None, &[]);
    cart.get("/");
    let text = cart.get("/metrics").body;
    assert!(text.contains("workload_work_total{code=\"200\"} 1\n") && text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = program()
        .args([
            "serve",
            "--address",
            "127.0.0.1",
            "--control",
            "127.0.0.1:0",
            "--listen",
            &format!("http={port}"),
        ])
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.starts_with(&format!("workload: cannot listen on 127.0.0.1:{port}: ")), "{words}");
    assert_eq!(output.status.code(), Some(1));
}
