//! The work over gRPC: one unary call, whose messages are written here instead of being generated from
//! `service Work { rpc Do(Question) returns (Told); }`.

use super::Service;
use crate::trace::Trace;
use crate::work::{self, Job};
use anyhow::anyhow;
use axum::extract::{Request, State};
use axum::response::Response;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::metadata::MetadataMap;
use tonic_prost::ProstCodec;

/// The path of the call.
pub const PATH: &str = "/msapp.workload.v1.Work/Do";

/// What is asked: the same as by a path and a method of HTTP.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Question {
    /// The path.
    #[prost(string, tag = "1")]
    pub path: String,
    /// Whether it changes something.
    #[prost(bool, tag = "2")]
    pub writes: bool,
}

/// What is told: the same JSON as over HTTP.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Told {
    /// The JSON.
    #[prost(string, tag = "1")]
    pub answer: String,
}

struct Work(Arc<Service>);

impl tonic::codegen::Service<tonic::Request<Question>> for Work {
    type Response = tonic::Response<Told>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<Question>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move {
            let trace = Trace::of(request.metadata().as_ref());
            let Question { path, writes } = request.into_inner();
            let answer = work::run(&service, &Job { what: "Do".into(), path, writes, trace }).await;
            if let Some(failure) = &answer.failure {
                let dependency =
                    failure.dependency.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                return Err(Status::unavailable(format!("{dependency}{}", failure.cause)));
            }
            let answer =
                serde_json::to_string(&answer).map_err(|error| Status::internal(error.to_string()))?;
            Ok(tonic::Response::new(Told { answer }))
        })
    }
}

/// Answers the call.
pub async fn work(State(service): State<Arc<Service>>, request: Request) -> Response {
    let mut grpc = tonic::server::Grpc::new(ProstCodec::<Told, Question>::default());
    grpc.unary(Work(service), request).await.map(axum::body::Body::new)
}

/// Asks another workload. The connection is this call's alone: one that is kept would hold all calls at one pod.
pub async fn ask(authority: &str, job: &Job) -> anyhow::Result<Value> {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build(work::connector());
    let mut grpc = tonic::client::Grpc::with_origin(client, format!("http://{authority}").parse()?);
    grpc.ready().await.map_err(|error| anyhow!(work::causes(&error)))?;
    let question = Question { path: job.path.clone(), writes: job.writes };
    let metadata = MetadataMap::from_headers(job.trace.onward());
    let request = tonic::Request::from_parts(metadata, http::Extensions::new(), question);
    let codec = ProstCodec::<Question, Told>::default();
    let told = grpc.unary(request, PathAndQuery::from_static(PATH), codec).await;
    let told = told.map_err(|status| anyhow!("{:?}: {}", status.code(), status.message()))?;
    Ok(serde_json::from_str(&told.into_inner().answer)?)
}
