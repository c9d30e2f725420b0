//! One connection of the load client.

use super::LoadOptions;
use super::tally::Tally;
use crate::work::causes;
use anyhow::{Context, anyhow, bail};
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
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
        let result = match tokio::time::timeout(limit, self.exchange(tally)).await {
            Ok(result) => result,
            Err(_) => Err(anyhow!("no answer within {} ms", limit.as_millis())),
        };
        if result.is_err() || self.options.fresh {
            self.open = None;
        }
        result.map_err(|error| format!("{error:#}"))
    }

    async fn exchange(&mut self, tally: &Tally) -> anyhow::Result<()> {
        let mut request = Some(self.message()?);
        if let Some(sender) = self.open.as_mut()
            && sender.ready().await.is_ok()
            && let Some(message) = request.take()
        {
            match sender.try_send_request(message).await {
                Ok(response) => return judge(response).await,
                // It comes back when not a byte of it was sent: then this is still its first time.
                Err(mut error) => match error.take_message() {
                    Some(message) => request = Some(message),
                    None => bail!(causes(error.error())),
                },
            }
        }
        let mut sender = self.connect(tally).await?;
        let response = sender.send_request(request.context("it was sent")?).await;
        let response = response.map_err(|error| anyhow!(causes(&error)))?;
        self.open = Some(sender);
        judge(response).await
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

/// Reads all of the answer, so that the connection is free for the next one.
async fn judge(response: http::Response<hyper::body::Incoming>) -> anyhow::Result<()> {
    let status = response.status();
    let body =
        response.into_body().collect().await.map_err(|error| anyhow!("it broke off: {}", causes(&error)))?;
    if status.is_server_error() {
        let text = String::from_utf8_lossy(&body.to_bytes()).chars().take(300).collect::<String>();
        bail!("answered {}: {text}", status.as_u16());
    }
    Ok(())
}
