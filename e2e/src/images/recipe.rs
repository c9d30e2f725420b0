//! What an image is made of, and the archive that is made of it once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{
    archive::Archive,
    oci::{Container, hexadecimal},
    tree::Tree,
};
use crate::kept;

/// Changes when the way of archiving does, so that everything is archived anew.
const RECIPE: &str = "1";

/// How many archives of one image are kept: checkouts that are worked on at a time do not remove each other's.
const KEPT: usize = 8;

/// All that decides what an image becomes.
pub(crate) struct Recipe {
    /// The name of its file, without end.
    pub file: &'static str,
    /// In full, with registry and tag.
    pub names: Vec<String>,
    pub container: Container,
    pub tree: Tree,
}

impl Recipe {
    /// The archive in the cache; made when it is not there.
    pub fn archive(&self) -> Result<Archive> {
        let cache = kept::cache_directory()?.join("images");
        let directory = cache.join(format!("{}-{}", self.file, self.key()?));
        let file = format!("{}.tar", self.file);
        kept::once(&directory, "images", |partial| {
            Archive::write(&partial.join(&file), &self.names, &self.container, &self.tree)?;
            remove_old(&cache, self.file)
        })
        .with_context(|| format!("make the image {}", self.file))?;
        Archive::read(&directory.join(file))
    }

    fn key(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("{RECIPE} {:?} {:?}\n", self.names, self.container));
        self.tree.describe(&mut hash)?;
        Ok(hexadecimal(&hash.finalize()[..8]))
    }
}

/// Removes what is called `<file>-<key>` but for the newest, before another one is added.
pub(super) fn remove_old(cache: &Path, file: &str) -> Result<()> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.rsplit_once('-').is_some_and(|(begin, _)| begin == file) {
            found.push(path);
        }
    }
    found.sort_by_key(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok());
    for old in found.iter().rev().skip(KEPT - 1) {
        fs::remove_dir_all(old).with_context(|| format!("remove {}", old.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(program: &Path, names: &[&str], user: &'static str) -> Recipe {
        Recipe {
            file: "sample",
            names: names.iter().copied().map(String::from).collect(),
            container: Container { user, ..Container::default() },
            tree: Tree::default().program("start", program),
        }
    }

    #[test]
    fn whatever_decides_what_an_image_becomes_changes_its_key() {
        let folder = tempfile::tempdir().expect("made");
        let program = folder.path().join("program");
        fs::write(&program, "one").expect("written");
        let key = |names: &[&str], user| recipe(&program, names, user).key().expect("the program is there");
        let before = key(&["a:1"], "1:1");
        assert_eq!(key(&["a:1"], "1:1"), before, "nothing has changed");
        assert_ne!(key(&["a:2"], "1:1"), before, "another name");
        assert_ne!(key(&["a:1"], "2:2"), before, "another user");
        fs::write(&program, "three").expect("written");
        assert_ne!(key(&["a:1"], "1:1"), before, "another program");
    }

    #[test]
    fn of_the_archives_of_one_image_the_newest_stay() {
        let cache = tempfile::tempdir().expect("made");
        let moment = std::time::SystemTime::UNIX_EPOCH;
        let names: Vec<String> = (0..=KEPT).map(|number| format!("redis-{number}")).collect();
        fs::create_dir(cache.path().join("redis-tools-1")).expect("made");
        for (seconds, name) in names.iter().enumerate() {
            let path = cache.path().join(name);
            fs::create_dir(&path).expect("made");
            let folder = fs::File::open(path).expect("there");
            folder.set_modified(moment + std::time::Duration::from_secs(seconds as u64)).expect("set");
        }
        remove_old(cache.path(), "redis").expect("removed");
        let mut left: Vec<_> = fs::read_dir(cache.path())
            .expect("there")
            .map(|entry| entry.expect("there").file_name())
            .collect();
        left.sort();
        let expected: Vec<_> = names[2..].iter().map(String::as_str).chain(["redis-tools-1"]).collect();
        assert_eq!(left, expected);
    }
}
