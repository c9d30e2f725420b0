//! Requests that the API server answered, to be counted.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

/// Verbs that change something.
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
const READS: [&str; 2] = ["get", "list"];

/// One request of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asked, such as `system:serviceaccount:msapp-system:msapp`.
    pub user: String,
    /// Which of the user's certificates or tokens it was: two operators are one user with a token each.
    pub credential: String,
    /// get, list, watch, create, update, patch, delete or deletecollection.
    pub verb: String,
    /// Plural name of the kind, such as `deployments`; empty for paths such as `/version`.
    pub resource: String,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
    /// Namespace of the object; empty for cluster-wide requests.
    pub namespace: String,
    /// Name of the object; empty for lists and some creates.
    pub name: String,
    /// Path and query of the request.
    pub path: String,
    /// Status code of the answer.
    pub code: u16,
}

impl Request {
    /// The API group of the resource; empty for the core group.
    pub fn group(&self) -> &str {
        let below = self.path.strip_prefix("/apis/");
        below.and_then(|path| path.split('/').next()).unwrap_or_default()
    }

    fn is_housekeeping(&self) -> bool {
        matches!(self.resource.as_str(), "leases" | "events")
    }

    /// Reviews are created and never stored: they ask who or what somebody is.
    pub(crate) fn is_question(&self) -> bool {
        self.resource.ends_with("reviews")
    }
}

/// Requests in the order in which they were answered. The methods that narrow
/// them down can be chained: `requests.of(user).writes().on("deployments")`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(Vec<Request>);

impl Requests {
    /// Those of one user.
    pub fn of(&self, user: &str) -> Self {
        self.filter(|request| request.user == user)
    }

    /// Those that were authenticated by one certificate or token.
    pub fn with_credential(&self, credential: &str) -> Self {
        self.filter(|request| request.credential == credential)
    }

    /// Those for objects of one kind, given as its plural name. Requests for
    /// its subresources are not among them.
    pub fn on(&self, resource: &str) -> Self {
        self.filter(|request| request.resource == resource && request.subresource.is_empty())
    }

    /// Those for a subresource, such as `status`.
    pub fn on_subresource(&self, resource: &str, subresource: &str) -> Self {
        self.filter(|request| request.resource == resource && request.subresource == subresource)
    }

    /// Those in one namespace.
    pub fn within(&self, namespace: &str) -> Self {
        self.filter(|request| request.namespace == namespace)
    }

    /// Those for one object.
    pub fn named(&self, name: &str) -> Self {
        self.filter(|request| request.name == name)
    }

    /// Those with one verb.
    pub fn with_verb(&self, verb: &str) -> Self {
        self.filter(|request| request.verb == verb)
    }

    /// Creates, updates, patches and deletes, those of Leases and Events apart.
    pub fn writes(&self) -> Self {
        self.filter(|request| {
            WRITES.contains(&request.verb.as_str()) && !request.is_housekeeping() && !request.is_question()
        })
    }

    /// Gets and lists, those of Leases and Events apart. Watches are no reads:
    /// one stays open and is only renewed now and then.
    pub fn reads(&self) -> Self {
        self.filter(|request| READS.contains(&request.verb.as_str()) && !request.is_housekeeping())
    }

    /// Watches that were opened.
    pub fn watches(&self) -> Self {
        self.with_verb("watch")
    }

    /// Writes of Leases.
    pub fn lease_writes(&self) -> Self {
        self.on("leases").filter(|request| WRITES.contains(&request.verb.as_str()))
    }

    /// Writes of Events.
    pub fn event_writes(&self) -> Self {
        self.on("events").filter(|request| WRITES.contains(&request.verb.as_str()))
    }

    /// Those that were refused.
    pub fn refused(&self) -> Self {
        self.filter(|request| request.code >= 400)
    }

    /// Those for which `keep` holds.
    pub fn filter(&self, keep: impl Fn(&Request) -> bool) -> Self {
        Self(self.0.iter().filter(|request| keep(request)).cloned().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        self.0.iter()
    }

    /// The requests in a piece of an audit log. What was not answered yet, or
    /// was noted before (a watch, when it ends), is left out.
    pub(crate) fn parse(log: &str) -> serde_json::Result<Self> {
        let mut requests = Vec::new();
        for line in log.lines() {
            let event: Event = serde_json::from_str(line)?;
            let opens_watch = event.stage == "ResponseStarted";
            if opens_watch == (event.verb == "watch") {
                requests.push(event.into());
            }
        }
        Ok(Self(requests))
    }
}

/// A table of what there is, for the messages of failed assertions.
impl fmt::Display for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = BTreeMap::new();
        for request in &self.0 {
            let subresource = if request.subresource.is_empty() {
                String::new()
            } else {
                format!("/{}", request.subresource)
            };
            let what = format!(
                "{} {} {}{subresource} {}/{} {}",
                request.user, request.verb, request.resource, request.namespace, request.name, request.code
            );
            *counts.entry(what).or_insert(0) += 1;
        }
        for (what, count) in counts {
            writeln!(formatter, "{count:>5} {what}")?;
        }
        Ok(())
    }
}

/// A line of the audit log, as far as it is of interest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    #[serde(default)]
    user: User,
    #[serde(default)]
    object_ref: ObjectReference,
    #[serde(default)]
    response_status: ResponseStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    extra: BTreeMap<String, Vec<String>>,
}

/// Under this key the API server notes which credential a user has shown.
pub(crate) const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectReference {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl From<Event> for Request {
    fn from(event: Event) -> Self {
        let credential = event.user.extra.get(CREDENTIAL).and_then(|all| all.first());
        Self {
            credential: credential.cloned().unwrap_or_default(),
            user: event.user.username,
            verb: event.verb,
            resource: event.object_ref.resource,
            subresource: event.object_ref.subresource,
            namespace: event.object_ref.namespace,
            name: event.object_ref.name,
            path: event.request_uri,
            code: event.response_status.code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Requests;

    const LOG: &str = r#"{"stage":"ResponseComplete","verb":"patch","requestURI":"/a","user":{"username":"operator"},"objectRef":{"resource":"deployments","namespace":"shop","name":"web"},"responseStatus":{"code":200}}
{"stage":"ResponseComplete","verb":"patch","requestURI":"/b","user":{"username":"operator"},"objectRef":{"resource":"microserviceapps","namespace":"shop","name":"shop","subresource":"status"},"responseStatus":{"code":409}}
{"stage":"ResponseStarted","verb":"watch","requestURI":"/c","user":{"username":"operator"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"stage":"ResponseComplete","verb":"watch","requestURI":"/c","user":{"username":"operator"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"stage":"ResponseComplete","verb":"update","requestURI":"/d","user":{"username":"operator"},"objectRef":{"resource":"leases","namespace":"system","name":"msapp"},"responseStatus":{"code":200}}
{"stage":"ResponseComplete","verb":"get","requestURI":"/version","user":{"username":"admin"},"responseStatus":{"code":200}}
"#;

    #[test]
    fn a_watch_counts_once() {
        let requests = Requests::parse(LOG).expect("the log can be read");
        assert_eq!(requests.watches().len(), 1);
        assert_eq!(requests.len(), 5);
    }

    #[test]
    fn leases_are_counted_apart_from_other_writes() {
        let requests = Requests::parse(LOG).expect("the log can be read").of("operator");
        assert_eq!(requests.writes().len(), 2);
        assert_eq!(requests.lease_writes().len(), 1);
    }

    #[test]
    fn a_status_patch_is_not_a_write_of_the_object() {
        let requests = Requests::parse(LOG).expect("the log can be read");
        assert!(requests.on("microserviceapps").is_empty());
        assert_eq!(requests.on_subresource("microserviceapps", "status").refused().len(), 1);
    }

    #[test]
    fn the_table_says_who_did_what_how_often() {
        let requests = Requests::parse(LOG).expect("the log can be read").of("operator").on("deployments");
        assert_eq!(requests.to_string(), "    1 operator patch deployments shop/web 200\n");
    }
}
