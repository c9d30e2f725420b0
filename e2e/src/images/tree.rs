//! The file system of an image, as a value.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// Files, folders and links by their path, without the leading `/`. Everything belongs to root, but for folders that
/// say otherwise; nothing has a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(BTreeMap<PathBuf, Node>);

#[derive(Clone, Debug)]
enum Node {
    Folder { owner: u32, mode: u32 },
    File { content: Content, mode: u32 },
    Link { target: PathBuf },
}

#[derive(Clone, Debug)]
enum Content {
    Text(String),
    Of(PathBuf),
}

/// Without this file the C library asks DNS for names that stand in /etc/hosts. See nsswitch.conf(5).
const NAME_SERVICES: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

impl Tree {
    /// With the file that makes names be looked up as everybody expects.
    pub fn name_services(self) -> Self {
        self.text("etc/nsswitch.conf", NAME_SERVICES)
    }

    /// What is in a directory of this machine.
    pub fn of(directory: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.add_directory(directory, Path::new(""))?;
        Ok(tree)
    }

    fn add_directory(&mut self, directory: &Path, place: &Path) -> Result<()> {
        for entry in fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))? {
            let entry = entry?;
            let (path, place) = (entry.path(), place.join(entry.file_name()));
            let metadata = entry.metadata()?;
            let mode = metadata.permissions().mode() & 0o777;
            let node = if metadata.is_dir() {
                self.add_directory(&path, &place)?;
                Node::Folder { owner: 0, mode: 0o755 }
            } else if metadata.is_symlink() {
                Node::Link { target: fs::read_link(&path)? }
            } else if metadata.is_file() {
                Node::File { content: Content::Of(path), mode }
            } else {
                bail!("{} is neither a file nor a folder nor a link", path.display());
            };
            self.0.insert(place, node);
        }
        Ok(())
    }

    /// With a program, a copy of the file `source`.
    pub fn program(self, path: &str, source: &Path) -> Self {
        self.with(path, Node::File { content: Content::Of(source.to_owned()), mode: 0o755 })
    }

    /// With a script.
    pub fn script(self, path: &str, text: &str) -> Self {
        self.with(path, Node::File { content: Content::Text(text.to_owned()), mode: 0o755 })
    }

    /// With a text that everybody can read.
    pub fn text(self, path: &str, text: &str) -> Self {
        self.with(path, Node::File { content: Content::Text(text.to_owned()), mode: 0o644 })
    }

    /// With a folder into which `owner` alone may write.
    pub fn folder(self, path: &str, owner: u32) -> Self {
        self.with(path, Node::Folder { owner, mode: 0o755 })
    }

    /// With a symbolic link to `target`.
    pub fn link(self, path: &str, target: &str) -> Self {
        self.with(path, Node::Link { target: target.into() })
    }

    /// Without these files, and folders with all that is in them.
    pub fn without(mut self, paths: &[&str]) -> Self {
        self.0.retain(|path, _| !paths.iter().any(|left_out| path.starts_with(left_out)));
        self
    }

    fn with(mut self, path: &str, node: Node) -> Self {
        let path = PathBuf::from(path);
        for parent in path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            self.0.entry(parent.to_owned()).or_insert(Node::Folder { owner: 0, mode: 0o755 });
        }
        self.0.insert(path, node);
        self
    }

    /// Feeds a hash with all that decides what [`Tree::write`] writes. Of files of this machine these are place,
    /// length and time: their content is read only to be written.
    pub fn describe(&self, hash: &mut Sha256) -> Result<()> {
        for (path, node) in &self.0 {
            hash.update(format!("{path:?} {node:?}\n"));
            if let Node::File { content: Content::Of(source), .. } = node {
                let metadata =
                    fs::metadata(source).with_context(|| format!("look at {}", source.display()))?;
                hash.update(format!("{} {} {}\n", metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
            }
        }
        Ok(())
    }

    /// Writes all as a tar archive: sorted by path, owners by number, every time zero.
    pub fn write(&self, output: impl Write) -> Result<()> {
        let mut archive = Builder::new(output);
        for (path, node) in &self.0 {
            append(&mut archive, path, node).with_context(|| format!("archive {}", path.display()))?;
        }
        Ok(archive.finish()?)
    }
}

fn append(archive: &mut Builder<impl Write>, path: &Path, node: &Node) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match node {
        Node::Folder { owner, mode } => {
            header.set_entry_type(EntryType::Directory);
            header.set_uid(u64::from(*owner));
            header.set_gid(u64::from(*owner));
            header.set_mode(*mode);
            archive.append_data(&mut header, path, io::empty())?;
        }
        Node::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            archive.append_link(&mut header, path, target)?;
        }
        Node::File { content, mode } => {
            header.set_mode(*mode);
            match content {
                Content::Text(text) => {
                    header.set_size(text.len() as u64);
                    archive.append_data(&mut header, path, text.as_bytes())?;
                }
                Content::Of(source) => {
                    let file = File::open(source).with_context(|| format!("read {}", source.display()))?;
                    header.set_size(file.metadata()?.len());
                    archive.append_data(&mut header, path, file)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, os::unix::fs::symlink, time::SystemTime};

    use tar::Archive;

    use super::*;

    fn sample(directory: &Path, names: &[&str]) -> Tree {
        for name in names {
            fs::write(directory.join(name), name).expect("written");
        }
        symlink("a", directory.join("link")).expect("linked");
        Tree::of(directory).expect("readable").folder("data", 999).script("start", "#!/bin/sh\n")
    }

    fn bytes(tree: &Tree) -> Vec<u8> {
        let mut bytes = Vec::new();
        tree.write(&mut bytes).expect("written");
        bytes
    }

    #[test]
    fn the_order_and_the_time_of_files_change_nothing() {
        let (one, other) = (tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"));
        let (first, second) = (sample(one.path(), &["a", "b", "c"]), sample(other.path(), &["c", "a", "b"]));
        let late = File::open(other.path().join("a")).expect("there");
        late.set_modified(SystemTime::UNIX_EPOCH).expect("set");
        assert_eq!(bytes(&first), bytes(&second));
    }

    #[test]
    fn only_the_named_folder_belongs_to_somebody_else() {
        let directory = tempfile::tempdir().expect("made");
        let bytes = bytes(&sample(directory.path(), &["a"]));
        let mut archive = Archive::new(bytes.as_slice());
        let mut seen = BTreeSet::new();
        for entry in archive.entries().expect("an archive") {
            let entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let owner = if path == "data" { 999 } else { 0 };
            assert_eq!(entry.header().uid().expect("a number"), owner, "{path}");
            assert_eq!(entry.header().mtime().expect("a number"), 0, "{path}");
            seen.insert(path);
        }
        assert_eq!(seen, ["a", "data", "link", "start"].map(String::from).into());
    }

    #[test]
    fn what_is_left_out_goes_with_all_that_is_in_it() {
        let tree =
            Tree::default().text("usr/share/zoneinfo/right/UTC", "").text("usr/share/zoneinfo/UTC", "");
        let tree = tree.without(&["usr/share/zoneinfo/right"]);
        let kept: Vec<_> = tree.0.keys().map(|path| path.display().to_string()).collect();
        assert_eq!(kept, ["usr", "usr/share", "usr/share/zoneinfo", "usr/share/zoneinfo/UTC"]);
    }
}
