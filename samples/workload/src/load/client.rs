//! One connection of the load client.

use super::LoadOptions;
use super::tally::Tally;
use crate::work::{cause, causes};
use anyhow::{Context, ensure};
use axum::body::Body;
use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One connection, which is opened when it is needed.
pub struct Client {
    options: LoadOptions,
    open: Option<SendRequest<Body>>,
}

impl Client {
    /// A client without a connection yet.
    pub fn new(options: LoadOptions) -> Self {
        Self { options, open: None }
    }

    /// Sends one request; an error when no answer comes in time, or one that says that the server failed.
    pub async fn request(&mut self, tally: &Tally) -> Result<(), String> {
        let limit = self.options.timeout;
        match tokio::time::timeout(limit, self.exchange(tally)).await {
            Ok(result) => result.map_err(|error| causes(error.as_ref())),
            Err(_) => Err(format!("no answer within {} ms", limit.as_millis())),
        }
    }

    /// A connection is kept when its answer was read to the end; one that broke off is closed.
    async fn exchange(&mut self, tally: &Tally) -> anyhow::Result<()> {
        let (sender, response) = self.answer(tally).await?;
        let status = response.status();
        let body = response.into_body().collect().await.context("the answer broke off")?.to_bytes();
        self.open = Some(sender);
        ensure!(!status.is_server_error(), "answered {}: {}", status.as_u16(), cause(&body));
        Ok(())
    }

    async fn answer(&mut self, tally: &Tally) -> anyhow::Result<(SendRequest<Body>, Response<Incoming>)> {
        let mut request = self.message()?;
        if let Some(mut sender) = self.open.take()
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((sender, response)),
                // It comes back when not a byte of it was sent: then this is still its first time.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let mut sender = self.connect(tally).await?;
        let response = sender.send_request(request).await?;
        Ok((sender, response))
    }

    fn message(&self) -> anyhow::Result<Request<Body>> {
        let url = &self.options.url;
        let host = url.authority().map_or("", |authority| authority.as_str());
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let request =
            Request::builder().method(self.options.method.clone()).uri(path).header(header::HOST, host);
        let request = if self.options.fresh { request.header(header::CONNECTION, "close") } else { request };
        Ok(request.body(Body::empty())?)
    }

    async fn connect(&self, tally: &Tally) -> anyhow::Result<SendRequest<Body>> {
        tally.connect();
        let url = &self.options.url;
        let address = (url.host().unwrap_or_default().trim_matches(['[', ']']), url.port_u16().unwrap_or(80));
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
