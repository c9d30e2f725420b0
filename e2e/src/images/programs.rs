//! Images of the Rust programs of this project: one static program, nothing else.

use std::path::Path;

use anyhow::Result;

use super::{
    archive::Archive,
    compile::with_program,
    names::{self, checkout},
    oci::Container,
    recipe::Recipe,
    tree::Tree,
};

/// Whoever nobody else is; the Dockerfile says the same.
const USER: &str = "65532:65532";
/// As the base image of the Dockerfile has it. A kubelet hands on the number of the user alone, and container runtimes
/// take the group from here; without this file it would be that of root.
const PASSWD: &str = "nonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin\n";

/// The operator of this checkout.
pub(super) fn operator() -> Result<Archive> {
    operator_in(&checkout(), &names::operator_tag()?)
}

/// The operator of any checkout.
pub(super) fn operator_in(checkout: &Path, tag: &str) -> Result<Archive> {
    let names = vec![format!("{}:{tag}", names::operator()?)];
    with_program(checkout, "msapp", "msapp", |program| Recipe {
        file: "operator",
        names,
        container: operator_container(),
        tree: Tree::default().name_services().text("etc/passwd", PASSWD).program("msapp", program),
    })
}

/// What the Dockerfile says about the container.
fn operator_container() -> Container {
    Container {
        user: USER,
        entrypoint: &["/msapp"],
        arguments: &["controller"],
        port: Some(8080),
        ..Container::default()
    }
}

/// What stands for every service of the samples.
pub(super) fn workload() -> Result<Archive> {
    let names = names::samples()?;
    with_program(&checkout(), "msapp-workload", "workload", |program| Recipe {
        file: "workload",
        names,
        container: Container {
            user: USER,
            entrypoint: &["/app/workload"],
            port: Some(8080),
            ..Container::default()
        },
        // Samples call these for a probe of kind exec; the program knows by its name what it is asked.
        tree: Tree::default()
            .name_services()
            .text("etc/passwd", PASSWD)
            .program("app/workload", program)
            .link("app/healthy", "workload")
            .link("app/healthcheck", "workload"),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The arguments of a line of the Dockerfile that is written as JSON.
    fn dockerfile(instruction: &str) -> Vec<String> {
        serde_json::from_str(&line(instruction)).expect("the line is JSON")
    }

    /// The last line with this instruction.
    fn line(instruction: &str) -> String {
        let text = fs::read_to_string(checkout().join("Dockerfile")).expect("there");
        let found = text.lines().filter_map(|line| line.strip_prefix(instruction)).next_back();
        found.expect("the Dockerfile has the instruction").trim().to_owned()
    }

    #[test]
    fn the_user_is_known_with_the_group_that_the_image_names() {
        let numbers: Vec<_> = PASSWD.split(':').skip(2).take(2).collect();
        assert_eq!(numbers.join(":"), USER);
    }

    #[test]
    fn the_operator_starts_as_the_dockerfile_says() {
        let container = operator_container();
        assert_eq!(dockerfile("ENTRYPOINT"), container.entrypoint);
        assert_eq!(dockerfile("CMD"), container.arguments);
        assert_eq!(line("USER"), container.user);
        assert_eq!(line("EXPOSE"), container.port.expect("it has a port").to_string());
        assert!(line("COPY --from=build").ends_with(container.entrypoint[0]));
    }
}
