//! The real Helm, and what it renders.

use std::{path::PathBuf, process::Command, sync::LazyLock};

use msapp_e2e::Tools;
use serde_json::Value;

/// Release that the tests install.
pub(crate) const RELEASE: &str = "msapp";
/// Namespace that rendered charts are meant for.
pub(crate) const NAMESPACE: &str = "msapp-system";

/// The folder of the chart.
pub(crate) fn chart() -> PathBuf {
    workspace().join("charts/msapp")
}

/// The folder of the checkout.
pub(crate) fn workspace() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the workspace").to_path_buf()
}

/// Text of a file of the checkout.
pub(crate) fn text_of(path: &str) -> String {
    let path = workspace().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of values below `ci/` of the chart.
pub(crate) fn values_file(name: &str) -> String {
    chart().join("ci").join(name).display().to_string()
}

/// Names of all files below `ci/` of the chart.
pub(crate) fn values_files() -> Vec<String> {
    let entries = std::fs::read_dir(chart().join("ci")).expect("the chart has sets of values");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.len() >= 6, "too few sets of values: {names:?}");
    names
}

/// Runs Helm without a cluster: its standard output, or its standard error.
pub(crate) fn helm(arguments: &[&str]) -> Result<String, String> {
    static HELM: LazyLock<PathBuf> =
        LazyLock::new(|| Tools::built().expect("the tools are built").program("helm"));
    let home = tempfile::tempdir().expect("a directory for what Helm remembers");
    let mut command = Command::new(&*HELM);
    command.args(arguments).env("KUBECONFIG", home.path().join("none"));
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, home.path());
    }
    let output = command.output().expect("Helm runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Objects that the chart renders with these arguments of `helm template`, or why it refuses.
pub(crate) fn try_render(arguments: &[&str]) -> Result<Rendered, String> {
    let chart = chart().display().to_string();
    let mut all = vec!["template", RELEASE, chart.as_str(), "--namespace", NAMESPACE];
    all.extend(arguments);
    let text = helm(&all)?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("Helm prints YAML");
    Ok(Rendered { objects: documents.into_iter().filter(Value::is_object).collect() })
}

/// Objects that the chart renders with these arguments of `helm template`.
pub(crate) fn render(arguments: &[&str]) -> Rendered {
    try_render(arguments).unwrap_or_else(|error| panic!("helm template {arguments:?}: {error}"))
}

/// Objects that the chart renders with one of its sets of values.
pub(crate) fn render_file(name: &str) -> Rendered {
    render(&["--values", &values_file(name)])
}

/// The objects of one rendering.
pub(crate) struct Rendered {
    /// In Helm's order of installation.
    pub(crate) objects: Vec<Value>,
}

impl Rendered {
    /// All objects of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.objects.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The only object of a kind.
    pub(crate) fn only(&self, kind: &str) -> &Value {
        match self.of_kind(kind)[..] {
            [object] => object,
            ref found => panic!("{} objects of kind {kind}", found.len()),
        }
    }

    /// The object of this kind and name.
    pub(crate) fn named(&self, kind: &str, name: &str) -> &Value {
        let found = self.of_kind(kind).into_iter().find(|object| object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    /// Kind, namespace and name of every object, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.objects.iter().map(name_of).collect();
        names.sort();
        names
    }

    /// Arguments of the operator.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let container = &self.only("Deployment")["spec"]["template"]["spec"]["containers"][0];
        strings(&container["args"])
    }
}

/// `Kind namespace/name`, or `Kind name` of an object of the cluster.
pub(crate) fn name_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// The strings of a list; of nothing, none.
pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
