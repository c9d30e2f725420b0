//! Archives in the OCI image layout, with one image each.
//! See <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use super::{
    oci::{Configuration, Container, Descriptor, Index, Manifest, digest},
    tree::Tree,
};

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
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
        let mut archive = tar::Archive::new(BufReader::new(file));
        for entry in archive.entries()? {
            let entry = entry?;
            if entry.path()?.as_os_str() == "index.json" {
                let index: Index = serde_json::from_reader(entry)?;
                let (names, digest) = index.image().context("the archive has no image")?;
                return Ok(Self { path: path.to_owned(), names, digest });
            }
        }
        bail!("{} is not an archive of an image", path.display())
    }

    /// Writes an image to `path`.
    pub(super) fn write(path: &Path, names: &[String], container: &Container, tree: &Tree) -> Result<Self> {
        let unpacked = path.with_extension("layer");
        let layer = write_layer(&unpacked, tree)?;
        let configuration = serde_json::to_vec(&Configuration::new(container, &layer.digest))?;
        let manifest = serde_json::to_vec(&Manifest::new(&configuration, layer.clone()))?;
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
    Ok(Descriptor::of_layer(&output.hash.finalize(), output.length))
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
