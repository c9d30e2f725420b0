//! What an image is made of, and the archive that is made of it once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{
    archive::{Archive, Container, hexadecimal},
    tree::Tree,
};
use crate::kept;

/// Changes when the way of archiving does, so that everything is archived anew.
const RECIPE: &str = "1";

/// How many archives of one image are kept: branches that are worked on in turn do not make each other's anew.
const KEPT: usize = 3;

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

/// Removes archives of an image but for the newest, before another one is added.
fn remove_old(cache: &Path, file: &str) -> Result<()> {
    let mut archives: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.rsplit_once('-').is_some_and(|(begin, _)| begin == file) {
            archives.push(path);
        }
    }
    archives.sort_by_key(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok());
    for old in archives.iter().rev().skip(KEPT - 1) {
        fs::remove_dir_all(old).with_context(|| format!("remove {}", old.display()))?;
    }
    Ok(())
}
