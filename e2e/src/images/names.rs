//! Names of images, from the files in which they are used.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use msapp_crds::v1alpha1::MicroserviceApp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// What stands in for a database of which there is no image here; `samples/shop-data.yaml` says for which.
const STAND_IN: &str = "msapp.test/stand-in:1";

/// The top of this checkout.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The image that the chart runs when nobody says otherwise, without its tag.
pub(crate) fn operator() -> Result<String> {
    #[derive(Deserialize)]
    struct Values {
        image: Image,
    }
    #[derive(Deserialize)]
    struct Image {
        repository: String,
    }
    let values: Values = yaml(&checkout().join("charts/msapp/values.yaml"))?;
    Ok(values.image.repository)
}

/// The tag of the operator's image that the chart asks for.
pub(crate) fn operator_tag() -> Result<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Chart {
        app_version: String,
    }
    let chart: Chart = yaml(&checkout().join("charts/msapp/Chart.yaml"))?;
    Ok(chart.app_version)
}

/// What the workload plays: the images of all services of all samples, in full, and of the stand-ins behind them.
pub(crate) fn samples() -> Result<Vec<String>> {
    let apps = sample_apps()?;
    let images = apps.iter().flat_map(|app| &app.spec.services).map(|service| full(&service.image));
    let mut names: BTreeSet<String> = images.collect();
    ensure!(!names.is_empty(), "no sample names an image");
    names.insert(STAND_IN.to_owned());
    Ok(names.into_iter().collect())
}

/// All apps that the files in `samples/` declare.
pub(crate) fn sample_apps() -> Result<Vec<MicroserviceApp>> {
    let folder = checkout().join("samples");
    let mut apps = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            apps.extend(declared(&path)?);
        }
    }
    Ok(apps)
}

fn declared(path: &Path) -> Result<Vec<MicroserviceApp>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).with_context(|| format!("parse {}", path.display()))?;
    let apps = documents.into_iter().filter(|document| document["kind"] == "MicroserviceApp");
    apps.map(serde_json::from_value)
        .collect::<Result<_, _>>()
        .with_context(|| format!("parse {}", path.display()))
}

/// The name as a container runtime completes it: what names no registry is at Docker's.
/// See <https://pkg.go.dev/github.com/distribution/reference#ParseDockerRef>.
fn full(name: &str) -> String {
    let registry = name.split_once('/').map_or("", |(first, _)| first);
    let named = if registry.contains(['.', ':']) || registry == "localhost" {
        name.to_owned()
    } else if registry.is_empty() {
        format!("docker.io/library/{name}")
    } else {
        format!("docker.io/{name}")
    };
    let last = named.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { named } else { named + ":latest" }
}

fn yaml<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("parse {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_completed_as_a_container_runtime_does() {
        assert_eq!(full("nginxinc/nginx-unprivileged:1.29"), "docker.io/nginxinc/nginx-unprivileged:1.29");
        assert_eq!(full("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(full("registry.example/shop/cart:1.4.2"), "registry.example/shop/cart:1.4.2");
        assert_eq!(full("localhost:5000/cart"), "localhost:5000/cart:latest");
    }

    #[test]
    fn every_sample_and_all_behind_it_finds_its_images() {
        let names = samples().expect("the samples are valid");
        let text: String = fs::read_dir(checkout().join("samples"))
            .expect("there")
            .map(|entry| entry.expect("there").path())
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).expect("text"))
            .collect();
        let written: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image: "))
            .map(full)
            .collect();
        let played: BTreeSet<_> = names.into_iter().collect();
        let databases: Vec<_> = written.difference(&played).collect();
        assert_eq!(
            databases,
            [
                "msapp.test/memcached:1",
                "msapp.test/postgresql:15",
                "msapp.test/rabbitmq:3",
                "msapp.test/redis:7"
            ]
        );
        assert!(played.is_subset(&written), "{played:?} of {written:?}");
    }
}
