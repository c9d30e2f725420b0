//! Directories of bindings (<https://servicebinding.io/spec/core/1.1.0/#workload-projection>): below
//! `$SERVICE_BINDING_ROOT` one for each backing service, with a file for each fact and each key of its Secret.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, KeyToPath, ProjectedVolumeSource, SecretProjection, Volume, VolumeMount,
    VolumeProjection,
};

use super::connection::{Connection, Part};
use super::outside::BindingFacts;
use crate::name;

/// The directory of one backing service.
pub(super) struct Binding {
    /// Name of the dependency.
    pub dependency: String,
    /// File → text; what a Secret tells is not among them.
    texts: BTreeMap<&'static str, String>,
    secret: Option<Projected>,
}

/// The Secret in the directory.
struct Projected {
    name: String,
    optional: bool,
    /// Files whose key has another name: (key, file).
    renamed: Vec<(String, &'static str)>,
}

impl Binding {
    /// What the directory of a dependency holds.
    pub(super) fn of(
        dependency: &str,
        optional: bool,
        connection: &Connection,
        facts: &BindingFacts,
    ) -> Self {
        let secret = connection.secret.as_ref();
        let parts = [
            ("host", Some(&connection.host)),
            ("port", Some(&connection.port)),
            ("database", connection.database.as_ref()),
            ("username", secret.map(|secret| &secret.username)),
        ];
        let mut texts =
            BTreeMap::from([("type", facts.kind.to_owned()), ("provider", facts.provider.to_owned())]);
        let mut keys: Vec<(String, &'static str)> = Vec::new();
        for (file, part) in parts {
            match part {
                Some(Part::Text(text)) => {
                    texts.insert(file, text.clone());
                }
                Some(Part::Key(key)) => keys.push((key.clone(), file)),
                None => {}
            }
        }
        match secret {
            Some(secret) => {
                keys.push((secret.password.clone(), "password"));
                keys.extend(secret.uri.clone().map(|key| (key, "uri")));
            }
            // With credentials only the Secret can tell the whole URI.
            None => texts.extend(connection.url().map(|url| ("uri", url))),
        }
        keys.retain(|(key, file)| key != file);
        let secret = secret.map(|secret| Projected { name: secret.name.clone(), optional, renamed: keys });
        Self { dependency: dependency.to_owned(), texts, secret }
    }

    /// Its texts as they stand in the service's ConfigMap: key → text.
    pub(super) fn entries(&self) -> BTreeMap<String, String> {
        let key = |file: &str| name::binding_key(&self.dependency, file);
        self.texts.iter().map(|(file, text)| (key(file), text.clone())).collect()
    }

    /// Its volume: the texts, and over them whatever the Secret holds.
    pub(super) fn volume(&self, service: &str) -> Volume {
        let items = self.texts.keys().map(|file| item(&name::binding_key(&self.dependency, file), file));
        let texts = ConfigMapProjection {
            name: service.to_owned(),
            items: Some(items.collect()),
            ..ConfigMapProjection::default()
        };
        let mut sources = vec![VolumeProjection { config_map: Some(texts), ..VolumeProjection::default() }];
        sources.extend(self.secret.iter().flat_map(Projected::sources));
        let projected = ProjectedVolumeSource { sources: Some(sources), ..ProjectedVolumeSource::default() };
        Volume {
            name: name::binding_volume(&self.dependency),
            projected: Some(projected),
            ..Volume::default()
        }
    }

    /// Where it is mounted.
    pub(super) fn mount(&self) -> VolumeMount {
        VolumeMount {
            name: name::binding_volume(&self.dependency),
            mount_path: name::binding_directory(&self.dependency),
            read_only: Some(true),
            ..VolumeMount::default()
        }
    }
}

impl Projected {
    /// All keys by their names, and those of other names by the names of the specification.
    fn sources(&self) -> Vec<VolumeProjection> {
        let source = |items: Option<Vec<KeyToPath>>| VolumeProjection {
            secret: Some(SecretProjection {
                name: self.name.clone(),
                items,
                optional: self.optional.then_some(true),
            }),
            ..VolumeProjection::default()
        };
        let renamed: Vec<KeyToPath> = self.renamed.iter().map(|(key, file)| item(key, file)).collect();
        let mut sources = vec![source(None)];
        sources.extend((!renamed.is_empty()).then(|| source(Some(renamed))));
        sources
    }
}

fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath { key: key.to_owned(), path: path.to_owned(), ..KeyToPath::default() }
}
