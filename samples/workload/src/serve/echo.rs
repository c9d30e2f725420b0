//! What comes back as it came.

use super::Service;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Sends back what comes over TCP, until the client has no more or `closing` is set.
pub async fn bytes(mut stream: TcpStream, closing: &CancellationToken) {
    let (mut from, mut to) = stream.split();
    tokio::select! {
        // A client that goes away ends it as well.
        _ = tokio::io::copy(&mut from, &mut to) => {}
        () = closing.cancelled() => {}
    }
}

/// Sends back what comes over a WebSocket.
pub async fn messages(State(service): State<Arc<Service>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| {
        let tasks = service.tasks.clone();
        tasks.track_future(async move { converse(socket, &service.stopping).await })
    })
}

/// Tells the client to go when the service stops: <https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1>, 1001.
async fn converse(mut socket: WebSocket, stopping: &CancellationToken) {
    loop {
        let message = tokio::select! {
            message = socket.recv() => message,
            () = stopping.cancelled() => {
                let frame = CloseFrame { code: close_code::AWAY, reason: "the service stops".into() };
                // A client that is gone needs no word.
                let _ = socket.send(Message::Close(Some(frame))).await;
                return;
            }
        };
        match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
        }
    }
}
