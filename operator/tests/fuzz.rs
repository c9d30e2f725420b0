//! The targets of the fuzzer on what was found once, and on what is known to be hostile; see `fuzz/` and CONTRIBUTING.md.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/targets/mod.rs"]
mod targets;

/// A name and what it runs.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 4] = [
    ("check", targets::check),
    ("render", targets::render),
    ("graph", targets::graph),
    ("resolve", targets::resolve),
];

const HEAD: &str = "apiVersion: msapp.dev/v1alpha1\nkind: MicroserviceApp\nmetadata: {name: shop}\nspec:\n";

/// What makes readers of YAML panic, hang or grow, each with a name.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let of_app = |spec: String| format!("{HEAD}{spec}").into_bytes();
    let list = |count: usize, item: fn(usize) -> String| (0..count).map(item).collect::<String>();
    let bomb = list(9, |level| {
        format!("  a{level}: &a{level} [{}]\n", format!("*a{},", level as i64 - 1).repeat(9))
    });
    vec![
        ("nothing", Vec::new()),
        ("no text", b"\xff\xfe\x00a".to_vec()),
        ("zeros", vec![0; 50_000]),
        ("a byte order mark", [b"\xef\xbb\xbf", HEAD.as_bytes()].concat()),
        ("byte order marks inside", of_app("  services: [\u{feff}{name: \u{feff}web}]\n".to_owned())),
        ("aliases of aliases", bomb.replace("*a-1", "x").into_bytes()),
        ("deep lists", "[".repeat(50_000).into_bytes()),
        ("deep blocks", "- ".repeat(50_000).into_bytes()),
        ("deep fields", of_app(format!("  defaults: {}", "{env: ".repeat(300)))),
        ("a long text", of_app(format!("  services: [{{name: {}}}]\n", "a".repeat(500_000)))),
        ("many keys", of_app(list(2_000, |at| format!("  key{at}: 1\n")))),
        ("a key many times", of_app("  suspend: true\n".repeat(5_000))),
        ("mistakes on one line", of_app(format!("  services: [{}]\n", "{name: A},".repeat(2_000)))),
        ("documents", "--- {\n".repeat(1_000).into_bytes()),
        ("apps", "---\napiVersion: msapp.dev/v1alpha1\nkind: MicroserviceApp\n".repeat(100).into_bytes()),
        (
            "services",
            of_app(format!(
                "  services:\n{}",
                list(3_000, |at| format!(
                    "  - {{name: s{at}, image: 'i:1', dependencies: [{{name: t{at}}}]}}\n"
                ))
            )),
        ),
    ]
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory can be listed");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn what_the_fuzzer_found_once_is_mended() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/regressions");
    let known = files(&regressions);
    assert!(!known.is_empty());
    for path in known {
        let bytes = fs::read(&path).expect("the file can be read");
        for (name, run) in TARGETS {
            println!("{name} on {}", path.display());
            run(&bytes);
        }
    }
}

#[test]
fn hostile_bytes_are_answered_like_others() {
    for (what, bytes) in hostile() {
        for (name, run) in TARGETS {
            println!("{name} on {what}");
            run(&bytes);
        }
    }
}
