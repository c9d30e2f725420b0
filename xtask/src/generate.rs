//! Every generated file, in one list.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use msapp::cli::{Shell, completion_script};

use crate::{command_line, pictures, reference, workspace};

/// Path from the root of the workspace, and content.
fn files() -> Result<Vec<(String, String)>> {
    let mut files = vec![
        ("crds/microserviceapps.yaml".to_owned(), msapp_crds::manifest()),
        ("charts/msapp/files/crds/microserviceapps.yaml".to_owned(), msapp_crds::manifest()),
        ("docs/reference.md".to_owned(), reference::page()),
        ("docs/cli.md".to_owned(), command_line::page()),
    ];
    for path in pictures::PAGES {
        files.push((path.to_owned(), pictures::page(path)?));
    }
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        files.push((format!("completions/{}", shell.file_name()), completion_script(shell)));
    }
    Ok(files)
}

/// Writes every file that is not as it should be.
pub(crate) fn write() -> Result<()> {
    for (path, content) in differing()? {
        let target = workspace::root().join(&path);
        if let Some(directory) = target.parent() {
            fs::create_dir_all(directory).with_context(|| format!("cannot make the directory of {path}"))?;
        }
        fs::write(&target, content).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails, and names the files that are not as they should be.
pub(crate) fn check() -> Result<()> {
    let paths: Vec<String> = differing()?.into_iter().map(|(path, _)| path).collect();
    if !paths.is_empty() {
        bail!("not as generated: {}; run `make generate` and commit the result", paths.join(", "));
    }
    Ok(())
}

fn differing() -> Result<Vec<(String, String)>> {
    let root = workspace::root();
    let is_same = |path: &str, content: &str| {
        fs::read_to_string(root.join(Path::new(path))).is_ok_and(|found| found == content)
    };
    Ok(files()?.into_iter().filter(|(path, content)| !is_same(path, content)).collect())
}
