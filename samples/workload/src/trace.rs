//! The headers by which a request can be followed through the system.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// W3C Trace Context, Zipkin's B3, and the request id that proxies give; <https://www.w3.org/TR/trace-context/>.
const FORWARDED: [&str; 9] = [
    "traceparent",
    "tracestate",
    REQUEST_ID,
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
];
const REQUEST_ID: &str = "x-request-id";
/// How many services a request has passed.
const DEPTH: &str = "x-workload-depth";

/// What goes from a request into every call and event that follows from it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Trace {
    headers: BTreeMap<String, String>,
    /// How many services the request has passed.
    pub depth: u32,
}

impl Trace {
    /// The trace of a request; begins one where the request has none.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut forwarded: BTreeMap<String, String> =
            FORWARDED.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?))).collect();
        if !["traceparent", "b3", "x-b3-traceid"].iter().any(|name| forwarded.contains_key(*name)) {
            let parent = format!("00-{:032x}-{:016x}-01", fastrand::u128(1..), fastrand::u64(1..));
            forwarded.insert("traceparent".into(), parent);
        }
        forwarded.entry(REQUEST_ID.into()).or_insert_with(|| format!("{:032x}", fastrand::u128(..)));
        Self { headers: forwarded, depth: text(DEPTH).and_then(|depth| depth.parse().ok()).unwrap_or(0) }
    }

    /// A trace that begins with something else than a request, which has this id.
    pub fn begin(id: &str) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(REQUEST_ID, id);
        }
        Self::of(&headers)
    }

    /// The headers of a call that follows from this request.
    pub fn onward(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        headers.insert(DEPTH, HeaderValue::from(self.depth + 1));
        headers
    }

    /// The id of the trace, by which logs are searched.
    pub fn id(&self) -> &str {
        let part = |name: &str, at| self.headers.get(name).and_then(|value| value.split('-').nth(at));
        part("traceparent", 1).or(part("x-b3-traceid", 0)).or(part("b3", 0)).unwrap_or_default()
    }

    /// The id of the request; the same in all services that it passes.
    pub fn request(&self) -> &str {
        self.headers.get(REQUEST_ID).map_or("", String::as_str)
    }

    /// The trace of what an event sets off.
    pub fn further(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_headers_of_a_trace_go_on_and_others_do_not() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let given =
            headers(&[("traceparent", parent), ("tracestate", "a=b"), ("b3", "1-2"), ("cookie", "secret")]);
        let trace = Trace::of(&given);
        assert_eq!(trace.id(), "0af7651916cd43dd8448eb211c80319c");
        let onward = trace.onward();
        assert_eq!(onward["traceparent"], parent);
        assert_eq!(onward["tracestate"], "a=b");
        assert_eq!(onward["b3"], "1-2");
        assert_eq!(onward["x-workload-depth"], "1");
        assert!(!onward.contains_key("cookie"));
    }

    #[test]
    fn a_request_without_a_trace_begins_one() {
        let trace = Trace::of(&HeaderMap::new());
        assert_eq!(trace.id().len(), 32);
        assert_eq!(Trace::of(&trace.onward()).id(), trace.id());
        assert_eq!(Trace::of(&trace.onward()).request(), trace.request());
        assert_eq!(Trace::of(&trace.onward()).depth, 1);
    }

    #[test]
    fn a_trace_of_zipkin_is_kept_as_it_is() {
        let trace = Trace::of(&headers(&[("x-b3-traceid", "463ac35c9f6413ad")]));
        assert_eq!(trace.id(), "463ac35c9f6413ad");
        assert!(!trace.onward().contains_key("traceparent"));
    }
}
