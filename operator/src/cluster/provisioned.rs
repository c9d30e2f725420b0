//! Looks up the Secret of a Provisioned Service: an object of any kind that names it in `status.binding.name`
//! (<https://servicebinding.io/spec/core/1.1.0/#provisioned-service>).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::{Api, Client};
use msapp_core::source::Binding;
use msapp_crds::v1alpha1::ProvisionedService;

/// Asks the API server for Provisioned Services. What the kinds are called in URLs is asked once.
pub struct ProvisionedServices {
    client: Client,
    /// API version and kind → how it is asked for.
    kinds: Mutex<HashMap<(String, String), ApiResource>>,
}

impl ProvisionedServices {
    /// Asks with a client.
    pub fn new(client: Client) -> Self {
        Self { client, kinds: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), ApiResource>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a Provisioned Service of a namespace says of its Secret.
    ///
    /// # Errors
    /// When the API server gives no answer that tells anything of it.
    pub async fn fetch(&self, namespace: &str, service: &ProvisionedService) -> kube::Result<Binding> {
        let resource = match self.resource(service).await {
            Ok(Some(resource)) => resource,
            Ok(None) => return Ok(unknown(service)),
            Err(error) => return unreadable(error),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        match api.get(&service.name).await {
            Ok(object) => Ok(Binding::of(Some(&object.data))),
            Err(kube::Error::Api(status)) if status.code == 404 => {
                // The kind itself may be gone, or be called something else when it comes back.
                self.lock().remove(&kind_of(service));
                Ok(Binding::Pending)
            }
            Err(error) => unreadable(error),
        }
    }

    /// How the kind is asked for; nothing when the API server does not serve it in namespaces.
    async fn resource(&self, service: &ProvisionedService) -> kube::Result<Option<ApiResource>> {
        if let Some(known) = self.lock().get(&kind_of(service)) {
            return Ok(Some(known.clone()));
        }
        let Some(kind) = parsed(service) else {
            return Ok(None);
        };
        match pinned_kind(&self.client, &kind).await {
            Ok((resource, capabilities)) if capabilities.scope == Scope::Namespaced => {
                self.lock().insert(kind_of(service), resource.clone());
                Ok(Some(resource))
            }
            Ok(_) | Err(kube::Error::Discovery(_)) => Ok(None),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn kind_of(service: &ProvisionedService) -> (String, String) {
    (service.api_version.clone(), service.kind.clone())
}

/// Group, version and kind. What stands in a resource becomes part of a path, so only what names are made of is let in.
fn parsed(service: &ProvisionedService) -> Option<GroupVersionKind> {
    let (group, version) = service.api_version.split_once('/').unwrap_or(("", &service.api_version));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
    let is_name = |text: &str| text.chars().all(is_part) && !text.starts_with('.');
    let legal = is_name(group) && is_name(version) && !version.is_empty();
    legal.then(|| GroupVersionKind::gvk(group, version, &service.kind))
}

fn unknown(service: &ProvisionedService) -> Binding {
    Binding::Unreadable(format!("the API server serves no kind {} of {}", service.kind, service.api_version))
}

fn unreadable(error: kube::Error) -> kube::Result<Binding> {
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            let why = "the operator may not read it: see rbac.serviceBinding of its chart";
            Ok(Binding::Unreadable(why.to_owned()))
        }
        error => Err(error),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::service_fn;

    use super::*;

    /// What the tests look up.
    pub(crate) fn orders() -> ProvisionedService {
        let text = str::to_owned;
        ProvisionedService {
            api_version: text("db.example/v1"),
            kind: text("Database"),
            name: text("orders"),
        }
    }

    /// An API server that answers each path with a status code and a body, and notes what it was asked.
    fn server(answers: &[(&'static str, u16, Value)]) -> (ProvisionedServices, Arc<Mutex<Vec<String>>>) {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answers, notes) = (answers.to_vec(), asked.clone());
        let service = service_fn(move |request: Request<Body>| {
            let path = request.uri().path().to_owned();
            let found = answers.iter().find(|(known, _, _)| *known == path);
            let (code, body) = found
                .map_or((404, json!({"kind": "Status", "code": 404})), |(_, code, body)| {
                    (*code, body.clone())
                });
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(path);
            let response = Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
            async move { Ok::<_, std::convert::Infallible>(response.expect("a response")) }
        });
        (ProvisionedServices::new(Client::new(service, "default")), asked)
    }

    const KINDS: &str = "/apis/db.example/v1";
    const ORDERS: &str = "/apis/db.example/v1/namespaces/shop/databases/orders";

    fn kinds() -> Value {
        json!({"kind": "APIResourceList", "groupVersion": "db.example/v1", "resources": [
            {"name": "databases", "singularName": "database", "namespaced": true, "kind": "Database", "verbs": ["get"]},
        ]})
    }

    fn object(status: &Value) -> Value {
        json!({"apiVersion": "db.example/v1", "kind": "Database", "metadata": {"name": "orders"}, "status": status})
    }

    fn refusal(code: u16) -> Value {
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "No", "code": code})
    }

    #[tokio::test]
    async fn the_secret_is_the_one_that_the_object_names_and_its_kind_is_looked_up_once() {
        let bound = object(&json!({"binding": {"name": "orders-7f"}}));
        let (services, asked) = server(&[(KINDS, 200, kinds()), (ORDERS, 200, bound)]);
        for _ in 0..2 {
            let binding = services.fetch("shop", &orders()).await.expect("an answer");
            assert_eq!(binding, Binding::Secret("orders-7f".into()));
        }
        assert_eq!(*asked.lock().expect("nobody panicked"), [KINDS, ORDERS, ORDERS]);
    }

    #[tokio::test]
    async fn an_object_that_is_missing_or_names_no_secret_is_pending() {
        for answer in [(ORDERS, 404, refusal(404)), (ORDERS, 200, object(&json!({})))] {
            let (services, _) = server(&[(KINDS, 200, kinds()), answer]);
            assert_eq!(services.fetch("shop", &orders()).await.expect("an answer"), Binding::Pending);
        }
    }

    #[tokio::test]
    async fn an_unknown_kind_and_a_refusal_say_what_is_wrong_and_an_outage_concludes_nothing() {
        let told = async |answers: &[(&'static str, u16, Value)]| match server(answers)
            .0
            .fetch("shop", &orders())
            .await
        {
            Ok(Binding::Unreadable(why)) => why,
            other => format!("{other:?}"),
        };
        let other = json!({"groupVersion": "db.example/v1", "resources": []});
        let unknown = "the API server serves no kind Database of db.example/v1";
        assert_eq!(told(&[(KINDS, 404, refusal(404))]).await, unknown);
        assert_eq!(told(&[(KINDS, 200, other)]).await, unknown);
        let refused = told(&[(KINDS, 200, kinds()), (ORDERS, 403, refusal(403))]).await;
        assert!(refused.contains("rbac.serviceBinding"), "{refused}");
        let (services, _) = server(&[(KINDS, 200, kinds()), (ORDERS, 500, refusal(500))]);
        services.fetch("shop", &orders()).await.expect_err("nothing is known");
    }

    #[tokio::test]
    async fn what_is_no_api_version_is_never_asked_for() {
        let (services, asked) = server(&[]);
        for odd in ["../api/v1", "a/b/c", "v1?x=y", "db.example/", "a%2fb/v1"] {
            let service = ProvisionedService { api_version: odd.into(), ..orders() };
            let binding = services.fetch("shop", &service).await.expect("an answer");
            assert!(matches!(binding, Binding::Unreadable(_)), "{odd}");
        }
        assert!(asked.lock().expect("nobody panicked").is_empty());
    }
}
