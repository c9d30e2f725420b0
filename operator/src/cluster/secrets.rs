//! Digests of the content of the Secrets that resources refer to. The content is read once for each version, hashed
//! with a key and dropped; it is never stored, logged or shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::PostParams;
use msapp_core::digest;
use rustls::crypto::ring;

use super::client::get;

/// Name of the Secret with the key of the digests, in the operator's own namespace.
pub const DIGEST_KEY_NAME: &str = "msapp-digest-key";
const KEY_FIELD: &str = "key";
const KEY_LENGTH: usize = 32;

/// Digests of Secrets, each valid for one version.
pub struct SecretDigests {
    client: Client,
    key: Vec<u8>,
    known: Mutex<HashMap<(String, String), Known>>,
}

#[derive(Clone)]
struct Known {
    uid: String,
    resource_version: String,
    entries: BTreeMap<String, String>,
}

impl SecretDigests {
    /// Reads Secrets with a client and hashes them with a key.
    pub fn new(client: Client, key: Vec<u8>) -> Self {
        Self { client, key, known: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Digest of each entry of a Secret, of which the watch tells UID and resource version. `None` when it is gone.
    ///
    /// # Errors
    /// When it must be read and cannot.
    pub async fn entries(
        &self,
        namespace: &str,
        name: &str,
        (uid, resource_version): (&str, &str),
    ) -> kube::Result<Option<BTreeMap<String, String>>> {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = self.lock().get(&key).filter(|known| known.covers(uid, resource_version)) {
            return Ok(Some(known.entries.clone()));
        }
        let known = self.fetch(namespace, name).await?;
        let entries = known.as_ref().map(|known| known.entries.clone());
        match known {
            Some(known) => self.lock().insert(key, known),
            None => self.lock().remove(&key),
        };
        Ok(entries)
    }

    /// What was known before, for when the Secret cannot be read at present.
    pub fn last_known(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, String>> {
        self.lock().get(&(namespace.to_owned(), name.to_owned())).map(|known| known.entries.clone())
    }

    /// The Secret is gone.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.lock().remove(&(namespace.to_owned(), name.to_owned()));
    }

    async fn fetch(&self, namespace: &str, name: &str) -> kube::Result<Option<Known>> {
        let Some(secret) = read_secret(&self.client, namespace, name).await? else {
            return Ok(None);
        };
        let digest =
            |(entry, ByteString(content)): (String, ByteString)| (entry, digest::keyed(&self.key, &content));
        Ok(Some(Known {
            uid: secret.metadata.uid.unwrap_or_default(),
            resource_version: secret.metadata.resource_version.unwrap_or_default(),
            entries: secret.data.unwrap_or_default().into_iter().map(digest).collect(),
        }))
    }
}

impl Known {
    /// Whether this is what the watch tells of, or something newer.
    fn covers(&self, uid: &str, resource_version: &str) -> bool {
        let number = |version: &str| version.parse::<u64>().ok();
        let newer = number(&self.resource_version)
            .zip(number(resource_version))
            .is_some_and(|(ours, theirs)| ours > theirs);
        newer || (self.uid == uid && self.resource_version == resource_version)
    }
}

/// Reads a Secret. The client's own decoding would log an answer that it cannot read, so the text is taken.
async fn read_secret(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Secret>> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    let text = match client.request_text(get(&path).map_err(kube::Error::HttpError)?).await {
        Ok(text) => text,
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(None),
        Err(error) => return Err(error),
    };
    serde_json::from_str(&text).map(Some).map_err(kube::Error::SerdeError)
}

/// The key of the digests: made once, by whichever process is first, and kept in a Secret of the operator's namespace.
///
/// # Errors
/// When the Secret can be neither read nor created, or holds no key.
pub async fn fetch_digest_key(client: &Client, namespace: &str) -> Result<Vec<u8>> {
    let found = match read_secret(client, namespace, DIGEST_KEY_NAME).await? {
        Some(secret) => secret,
        None => create_digest_key(client, namespace).await?,
    };
    let key = found.data.and_then(|mut data| data.remove(KEY_FIELD)).map(|ByteString(key)| key);
    let key = key.filter(|key| key.len() >= KEY_LENGTH);
    key.with_context(|| {
        format!("the Secret {namespace}/{DIGEST_KEY_NAME} holds no key; delete it to get a new one")
    })
}

async fn create_digest_key(client: &Client, namespace: &str) -> Result<Secret> {
    let mut key = vec![0; KEY_LENGTH];
    let random = ring::default_provider().secure_random;
    random.fill(&mut key).ok().context("the machine has no randomness")?;
    let secret = Secret {
        metadata: ObjectMeta { name: Some(DIGEST_KEY_NAME.to_owned()), ..ObjectMeta::default() },
        data: Some(BTreeMap::from([(KEY_FIELD.to_owned(), ByteString(key))])),
        immutable: Some(true),
        ..Secret::default()
    };
    let parameters =
        PostParams { field_manager: Some(msapp_crds::MANAGER.to_owned()), ..PostParams::default() };
    match kube::Api::<Secret>::namespaced(client.clone(), namespace).create(&parameters, &secret).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            read_secret(client, namespace, DIGEST_KEY_NAME).await?.context("the Secret was just there")
        }
        created => Ok(created?),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use tower::service_fn;

    use super::*;

    /// An API server with one Secret in version 7; counts how often it was read.
    fn server() -> (Client, Arc<AtomicUsize>) {
        let reads = Arc::new(AtomicUsize::new(0));
        let counter = reads.clone();
        let service = service_fn(move |_: Request<Body>| {
            counter.fetch_add(1, Ordering::Relaxed);
            let secret = json!({"metadata": {"uid": "u", "resourceVersion": "7"}, "data": {"password": "aHVudGVyMg=="}});
            async move {
                Ok::<_, std::convert::Infallible>(Response::new(Body::from(secret.to_string().into_bytes())))
            }
        });
        (Client::new(service, "default"), reads)
    }

    #[tokio::test]
    async fn a_version_is_read_once() {
        let (client, reads) = server();
        let digests = SecretDigests::new(client, b"key".to_vec());
        for version in ["7", "7", "6"] {
            let entries =
                digests.entries("shop", "db", ("u", version)).await.expect("readable").expect("there");
            assert_eq!(entries["password"], digest::keyed(b"key", b"hunter2"));
        }
        assert_eq!(
            reads.load(Ordering::Relaxed),
            1,
            "an older version than the one that was read is no news"
        );
        digests.entries("shop", "db", ("u", "8")).await.expect("readable");
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn the_content_is_not_kept() {
        let (client, _) = server();
        let digests = SecretDigests::new(client, b"key".to_vec());
        digests.entries("shop", "db", ("u", "7")).await.expect("readable");
        assert!(!format!("{:?}", digests.last_known("shop", "db")).contains("hunter2"));
    }
}
