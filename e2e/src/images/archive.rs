//! Archives in the OCI image layout, with one image each.
//! See <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use super::tree::Tree;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Where programs are looked for.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image in a file, fit for `ctr images import`, `kind load image-archive` and `k3d image import`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Archive {
    /// The file.
    pub path: PathBuf,
    /// All names that the image has, in full: with registry and tag.
    pub names: Vec<String>,
    /// The digest of the image's manifest: `sha256:…`. The same content has the same digest.
    pub digest: String,
}

impl Archive {
    /// Reads the names and the digest of an archive that [`Archive::write`] wrote.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
        let mut archive = tar::Archive::new(BufReader::new(file));
        for entry in archive.entries()? {
            let entry = entry?;
            if entry.path()?.as_os_str() == "index.json" {
                let index: Index = serde_json::from_reader(entry)?;
                let digest = index.manifests.first().context("the archive has no image")?.digest.clone();
                let names =
                    index.manifests.into_iter().filter_map(|manifest| Some(manifest.annotations?.name));
                return Ok(Self { path: path.to_owned(), names: names.collect(), digest });
            }
        }
        bail!("{} is not an archive of an image", path.display())
    }

    /// Writes an image to `path`.
    pub(crate) fn write(path: &Path, names: &[String], container: &Container, tree: &Tree) -> Result<Self> {
        let unpacked = path.with_extension("layer");
        let layer = write_layer(&unpacked, tree)?;
        let configuration = serde_json::to_vec(&Configuration::new(container, &layer.digest))?;
        let manifest = serde_json::to_vec(&Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            config: Descriptor::of(CONFIGURATION, &configuration),
            layers: vec![layer.clone()],
        })?;
        let index = serde_json::to_vec(&Index::new(names, &manifest))?;
        let mut archive = Builder::new(BufWriter::new(File::create(path)?));
        append(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append(&mut archive, "index.json", &index)?;
        append(&mut archive, &blob(&digest(&manifest)), &manifest)?;
        append(&mut archive, &blob(&digest(&configuration)), &configuration)?;
        let mut header = header(layer.size);
        archive.append_data(&mut header, blob(&layer.digest), File::open(&unpacked)?)?;
        archive.into_inner()?.flush()?;
        fs::remove_file(&unpacked)?;
        Ok(Self { path: path.to_owned(), names: names.to_vec(), digest: digest(&manifest) })
    }

    /// How large the file is, in bytes.
    pub fn size(&self) -> Result<u64> {
        Ok(fs::metadata(&self.path).with_context(|| format!("look at {}", self.path.display()))?.len())
    }
}

/// What is run in a container of the image, unless its pod says otherwise.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Container {
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
struct Configuration<'a> {
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
    fn new(container: &'a Container, layer: &'a str) -> Self {
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
struct Manifest {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: String,
    manifests: Vec<Descriptor>,
}

impl Index {
    /// The same image under each name.
    fn new(names: &[String], manifest: &[u8]) -> Self {
        let named = |name: &String| Descriptor {
            platform: Some(Platform { architecture: architecture().to_owned(), os: "linux".to_owned() }),
            annotations: Some(Annotations { name: name.clone() }),
            ..Descriptor::of(MANIFEST, manifest)
        };
        Self { schema_version: 2, media_type: INDEX.to_owned(), manifests: names.iter().map(named).collect() }
    }
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::sized(media_type, digest(bytes), bytes.len() as u64)
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
struct Annotations {
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

/// Writes bytes on and hashes them.
struct Hashing<W> {
    output: W,
    hash: Sha256,
    length: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn write_layer(path: &Path, tree: &Tree) -> Result<Descriptor> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    let mut output = Hashing { output: BufWriter::new(file), hash: Sha256::new(), length: 0 };
    tree.write(&mut output)?;
    output.flush()?;
    Ok(Descriptor::sized(LAYER, format!("sha256:{}", hexadecimal(&output.hash.finalize())), output.length))
}

fn append(archive: &mut Builder<impl Write>, path: &str, bytes: &[u8]) -> Result<()> {
    Ok(archive.append_data(&mut header(bytes.len() as u64), path, bytes)?)
}

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(&Sha256::digest(bytes)))
}

/// Bytes as digests show them.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, names: &[&str], text: &str) -> Archive {
        let names: Vec<_> = names.iter().copied().map(String::from).collect();
        let container =
            Container { user: "1:1", entrypoint: &["/start"], port: Some(80), ..Container::default() };
        let tree = Tree::default().script("start", text).folder("data", 1);
        let path = folder.join(format!("{}.tar", names.len()));
        Archive::write(&path, &names, &container, &tree).expect("written")
    }

    #[test]
    fn the_same_input_makes_the_same_bytes() {
        let (one, other) = (tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"));
        let (first, second) =
            (written(one.path(), &["a:1"], "#!/bin/sh"), written(other.path(), &["a:1"], "#!/bin/sh"));
        assert_eq!(first.digest, second.digest);
        assert_eq!(fs::read(first.path).expect("there"), fs::read(second.path).expect("there"));
    }

    #[test]
    fn the_digest_follows_from_the_content_and_not_from_the_names() {
        let folder = tempfile::tempdir().expect("made");
        let first = written(folder.path(), &["a:1"], "#!/bin/sh");
        assert_eq!(first.digest, written(folder.path(), &["a:1", "b:1"], "#!/bin/sh").digest);
        assert_ne!(first.digest, written(folder.path(), &["a:1"], "#!/bin/dash").digest);
    }

    #[test]
    fn an_archive_tells_its_names_and_its_digest() {
        let folder = tempfile::tempdir().expect("made");
        let archive = written(folder.path(), &["registry.example/a:1", "registry.example/b:2"], "#!/bin/sh");
        assert_eq!(Archive::read(&archive.path).expect("an archive"), archive);
    }

    #[test]
    fn every_blob_has_the_digest_that_it_is_named_by() {
        let folder = tempfile::tempdir().expect("made");
        let archive = written(folder.path(), &["a:1"], "#!/bin/sh");
        let mut blobs = 0;
        for entry in tar::Archive::new(File::open(&archive.path).expect("there")).entries().expect("entries")
        {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let mut bytes = Vec::new();
            io::copy(&mut entry, &mut bytes).expect("read");
            if let Some(name) = path.strip_prefix("blobs/sha256/") {
                assert_eq!(digest(&bytes), format!("sha256:{name}"));
                blobs += 1;
            }
        }
        assert_eq!(blobs, 3, "a manifest, a configuration and a layer");
    }
}
