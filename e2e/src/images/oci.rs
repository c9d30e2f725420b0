//! The documents of an image. See <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Where programs are looked for.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is run in a container of the image, unless its pod says otherwise.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Container {
    /// Numbers of the user and its group, so that a kubelet can see that it is not root.
    pub user: &'static str,
    pub entrypoint: &'static [&'static str],
    pub arguments: &'static [&'static str],
    /// Each as `NAME=value`.
    pub environment: &'static [&'static str],
    pub port: Option<u16>,
    /// What asks it to end, where that is not SIGTERM.
    pub stop_signal: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Configuration<'a> {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    config: Process<'a>,
    rootfs: Layers<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Process<'a> {
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposed_ports: Option<serde_json::Value>,
    env: Vec<&'a str>,
    entrypoint: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cmd: &'a [&'a str],
    working_dir: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<&'a str>,
}

#[derive(Serialize)]
struct Layers<'a> {
    r#type: &'static str,
    diff_ids: [&'a str; 1],
}

impl<'a> Configuration<'a> {
    pub fn new(container: &'a Container, layer: &'a str) -> Self {
        let environment = std::iter::once(PATH).chain(container.environment.iter().copied());
        let ports = container.port.map(|port| serde_json::json!({format!("{port}/tcp"): {}}));
        Self {
            created: "1970-01-01T00:00:00Z",
            architecture: architecture(),
            os: "linux",
            config: Process {
                user: container.user,
                exposed_ports: ports,
                env: environment.collect(),
                entrypoint: container.entrypoint,
                cmd: container.arguments,
                working_dir: "/",
                stop_signal: container.stop_signal,
            },
            rootfs: Layers { r#type: "layers", diff_ids: [layer] },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
}

impl Manifest {
    pub fn new(configuration: &[u8], layer: Descriptor) -> Self {
        let config = Descriptor::of(CONFIGURATION, configuration);
        Self { schema_version: 2, media_type: MANIFEST, config, layers: [layer] }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    schema_version: u8,
    media_type: String,
    manifests: Vec<Descriptor>,
}

impl Index {
    /// The same image under each name.
    pub fn new(names: &[String], manifest: &[u8]) -> Self {
        let named = |name: &String| Descriptor {
            platform: Some(Platform { architecture: architecture().to_owned(), os: "linux".to_owned() }),
            annotations: Some(Annotations { name: name.clone() }),
            ..Descriptor::of(MANIFEST, manifest)
        };
        Self { schema_version: 2, media_type: INDEX.to_owned(), manifests: names.iter().map(named).collect() }
    }

    /// The names and the digest of the image, of which there is only one.
    pub fn image(self) -> Option<(Vec<String>, String)> {
        let digest = self.manifests.first()?.digest.clone();
        let names = self.manifests.into_iter().filter_map(|manifest| Some(manifest.annotations?.name));
        Some((names.collect(), digest))
    }
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::sized(media_type, digest(bytes), bytes.len() as u64)
    }

    /// Of a layer with this hash and length.
    pub fn of_layer(hash: &[u8], length: u64) -> Self {
        Self::sized(LAYER, format!("sha256:{}", hexadecimal(hash)), length)
    }

    fn sized(media_type: &str, digest: String, size: u64) -> Self {
        Self { media_type: media_type.to_owned(), digest, size, platform: None, annotations: None }
    }
}

#[derive(Clone, Deserialize, Serialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// By this name containerd, and so kind and k3d, know what they import.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Annotations {
    #[serde(rename = "io.containerd.image.name")]
    name: String,
}

/// The name that Go, and so every container runtime, has for this machine's processor.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(&Sha256::digest(bytes)))
}

/// Bytes as digests show them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
