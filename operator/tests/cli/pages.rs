//! The pages of the checks show what `msapp check` prints of their examples.
//!
//! `MSAPP_UPDATE_PAGES=1` writes what it prints now; read the difference.

use std::path::{Path, PathBuf};
use std::{env, fs};

use msapp_core::graph::Check;

use crate::program::Directory;

const EXAMPLE: &str = "## Example\n\n```yaml\n";
const PRINTED: &str = "## What it says\n\n```text\n";
const END: &str = "```\n";

fn path(check: Check) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/checks/{}.md", check.as_str()))
}

/// What stands between a mark and the next end of a block.
fn between<'a>(page: &'a str, mark: &str) -> &'a str {
    let (_, behind) = page.split_once(mark).unwrap_or_else(|| panic!("no {mark:?} in\n{page}"));
    behind.split_once(END).expect("the block is closed").0
}

#[test]
fn every_page_shows_what_is_printed_of_its_example() {
    let update = env::var_os("MSAPP_UPDATE_PAGES").is_some();
    for check in Check::ALL {
        let page = fs::read_to_string(path(check)).expect("every check has a page");
        let directory = Directory::with(&[("shop.yaml", between(&page, EXAMPLE))]);
        let printed = directory.msapp(&["check", "shop.yaml"]).stdout;
        let shown = between(&page, PRINTED);
        if update {
            let block = |text: &str| format!("{PRINTED}{text}{END}");
            fs::write(path(check), page.replace(&block(shown), &block(&printed))).expect("it can be written");
        } else {
            assert_eq!(shown, printed, "{}", check.as_str());
        }
    }
}
