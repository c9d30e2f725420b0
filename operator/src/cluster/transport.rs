//! One request to the API server: deadlines, a few retries, metrics, and the fence that keeps a process that no
//! longer leads from writing.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use kube::client::Body;
use tower::{BoxError, Service, ServiceExt};

use super::client::Limits;
use super::leadership::Leadership;
use super::request::Target;
use crate::telemetry::{Metrics, RequestOutcome, Verb};

/// A longer wait than this is left to the caller, who has other work.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What is waited before the first retry, and how often that is doubled; half of it is left to chance.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const DOUBLINGS: u32 = 6;
/// No answer of an API server is as long as this.
const LARGEST_BODY: usize = 512 << 20;

/// The body of an answer: read to its end already, or the stream of a watch.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No answer in time.
    #[error("the API server did not answer in time")]
    TimedOut,
}

/// The process does not lead (any more), so it must not write.
#[derive(Debug, thiserror::Error)]
#[error("this process does not hold the lease, so it writes nothing")]
pub struct Fenced;

/// The service around the bare HTTP client.
#[derive(Clone)]
pub(super) struct Transport<S> {
    inner: S,
    limits: Limits,
    metrics: Arc<Metrics>,
    fence: Option<Leadership>,
}

impl<S> Transport<S> {
    pub fn new(inner: S, limits: Limits, metrics: Arc<Metrics>, fence: Option<Leadership>) -> Self {
        Self { inner, limits, metrics, fence }
    }
}

impl<S, B> Service<Request<Body>> for Transport<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<AnswerBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let transport = self.clone();
        Box::pin(async move { transport.exchange(request).await })
    }
}

impl<S, B> Transport<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn exchange(self, request: Request<Body>) -> Result<Response<AnswerBody>, BoxError> {
        let target = Target::of(&request);
        let mut request = request;
        let mut tried = 0;
        loop {
            tried += 1;
            if target.writes() && self.fence.as_ref().is_some_and(|fence| !fence.is_valid()) {
                return Err(Fenced.into());
            }
            let again = (tried < self.limits.tries).then(|| copy_of(&request)).flatten();
            let result = attempt(self.inner.clone(), self.limit(target), target, request).await;
            self.metrics.requested(target.verb, target.resource, outcome(&result));
            match (again, wait_before_retry(&result, target, tried)) {
                (Some(next), Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    request = next;
                }
                _ => return result,
            }
        }
    }

    fn limit(&self, target: Target) -> Duration {
        if target.verb == Verb::List { self.limits.list } else { self.limits.request }
    }
}

/// One attempt. The deadline covers the answer to its end, but of a watch only the headers.
async fn attempt<S, B>(
    service: S,
    limit: Duration,
    target: Target,
    request: Request<Body>,
) -> Result<Response<AnswerBody>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let exchange = async {
        let (head, body) = service.oneshot(request).await?.into_parts();
        if target.verb == Verb::Watch && head.status.is_success() {
            return Ok(Response::from_parts(head, body.map_err(Into::into).boxed_unsync()));
        }
        let whole = Limited::new(body, LARGEST_BODY).collect().await?.to_bytes();
        let whole = Full::new(whole).map_err(|never| match never {}).boxed_unsync();
        Ok(Response::from_parts(head, whole))
    };
    tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| Err(TransportError::TimedOut.into()))
}

fn copy_of(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

/// How long to wait before the same request is made again, if it is.
fn wait_before_retry(
    result: &Result<Response<AnswerBody>, BoxError>,
    target: Target,
    tried: u32,
) -> Option<Duration> {
    if target.verb == Verb::Watch {
        return None;
    }
    let backoff = (FIRST_WAIT * (1 << tried.min(DOUBLINGS))).mul_f64(0.5 + fastrand::f64() / 2.0);
    match result {
        Ok(answer) => {
            let busy =
                matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            let wait = backoff.max(retry_after(answer).unwrap_or_default());
            (busy && wait <= LONGEST_WAIT).then_some(wait)
        }
        Err(error) if error.is::<TransportError>() => None,
        Err(_) => target.is_idempotent().then_some(backoff),
    }
}

fn retry_after<B>(answer: &Response<B>) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn outcome(result: &Result<Response<AnswerBody>, BoxError>) -> RequestOutcome {
    match result {
        Ok(answer) if answer.status() == StatusCode::CONFLICT => RequestOutcome::Conflict,
        Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => RequestOutcome::Throttled,
        Ok(answer) if answer.status().is_client_error() => RequestOutcome::ClientError,
        Ok(answer) if answer.status().is_server_error() => RequestOutcome::ServerError,
        Ok(_) => RequestOutcome::Success,
        Err(error) if error.is::<TransportError>() => RequestOutcome::Timeout,
        Err(_) => RequestOutcome::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tower::service_fn;

    use super::*;

    type Answers = Arc<Mutex<Vec<Result<Response<Body>, BoxError>>>>;

    fn answer(status: u16, retry_after: Option<&str>) -> Result<Response<Body>, BoxError> {
        let mut builder = Response::builder().status(status);
        if let Some(seconds) = retry_after {
            builder = builder.header(header::RETRY_AFTER, seconds);
        }
        Ok(builder.body(Body::from(b"x".to_vec())).expect("a response"))
    }

    /// Sends one request against prepared answers; gives the status, how many were used and how long it took.
    async fn send(
        method: &str,
        answers: Vec<Result<Response<Body>, BoxError>>,
        fence: Option<Leadership>,
    ) -> (Result<u16, String>, usize, Duration) {
        let before = answers.len();
        let answers: Answers = Arc::new(Mutex::new(answers));
        let shared = answers.clone();
        let inner = service_fn(move |_: Request<Body>| {
            let next = shared.lock().expect("not poisoned").pop();
            async move { next.unwrap_or_else(|| Err("no answer prepared".into())) }
        });
        let mut transport = Transport::new(inner, Limits::default(), Arc::default(), fence);
        let uri = "/api/v1/namespaces/a/configmaps/b";
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).expect("a request");
        let started = tokio::time::Instant::now();
        let result = transport.call(request).await;
        let status = result.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string());
        let used = before - answers.lock().expect("not poisoned").len();
        (status, used, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_overloaded_server_is_asked_again_after_the_time_it_names() {
        let (status, used, took) = send("PATCH", vec![answer(200, None), answer(429, Some("2"))], None).await;
        assert_eq!((status, used), (Ok(200), 2));
        assert!(took >= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn retries_are_few_and_a_long_wait_is_left_to_the_caller() {
        let busy = || answer(503, None);
        let (status, used, _) = send("PATCH", vec![busy(), busy(), busy(), busy(), busy()], None).await;
        assert_eq!((status, used), (Ok(503), 3));
        let (status, used, _) = send("PATCH", vec![busy(), answer(429, Some("60"))], None).await;
        assert_eq!((status, used), (Ok(429), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_connection_is_retried_unless_it_would_create_twice() {
        let lost = || Err(BoxError::from("connection reset"));
        let (status, used, _) = send("PATCH", vec![answer(200, None), lost()], None).await;
        assert_eq!((status, used), (Ok(200), 2));
        let (status, used, _) = send("POST", vec![answer(200, None), lost()], None).await;
        assert_eq!((status, used), (Err("connection reset".to_owned()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_costs_one_deadline() {
        let inner =
            service_fn(|_: Request<Body>| futures::future::pending::<Result<Response<Body>, BoxError>>());
        let mut transport = Transport::new(inner, Limits::default(), Arc::default(), None);
        let started = tokio::time::Instant::now();
        let request =
            Request::builder().method("PATCH").uri("/api/v1/x").body(Body::empty()).expect("a request");
        let error = transport.call(request).await.expect_err("no answer");
        assert!(error.is::<TransportError>());
        assert_eq!(started.elapsed(), Limits::default().request);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_lead_reads_but_does_not_write() {
        let standby = Leadership::standby();
        let (status, used, _) = send("PATCH", vec![answer(200, None)], Some(standby.clone())).await;
        assert_eq!((status.map_err(|error| error.contains("lease")), used), (Err(true), 0));
        let (status, used, _) = send("GET", vec![answer(200, None)], Some(standby)).await;
        assert_eq!((status, used), (Ok(200), 1));
    }
}
