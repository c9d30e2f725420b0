//! Files and scratch directories: volumes, mounts, and the content of the service's ConfigMap.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, SecretVolumeSource, Volume, VolumeMount,
};
use msapp_crds::v1alpha1::{FileMount, KeyReference, Scratch, ScratchMedium, ServiceSpec};

use super::autoscaling::stored;
use super::bindings::Binding;
use super::exclusive::exactly_one;
use super::object_names::{check_key, check_name};
use crate::name;
use crate::reference::{ReferenceKey, ReferenceKind, ReferenceUse};
use crate::violation::{Code, Violation, Violations, field_path};

/// Inline text that one service may carry: a ConfigMap holds 1 MiB, the discovery file included.
const LARGEST_CONTENT: usize = 900_000;

/// What the pod mounts.
#[derive(Default)]
pub(super) struct Storage {
    pub volumes: Vec<Volume>,
    pub mounts: Vec<VolumeMount>,
    pub files: BTreeMap<String, String>,
}

/// Resolves files, scratch directories and the bindings of edges.
pub(super) fn resolve(
    service: &ServiceSpec,
    bindings: &[Binding],
    path: &str,
    references: &mut Vec<ReferenceUse>,
    violations: &mut Violations,
) -> Storage {
    let mut storage = Storage::default();
    check_paths(service, path, violations);
    for (index, file) in service.files.iter().enumerate() {
        storage.add_file(file, &service.name, &format!("{path}.files[{index}]"), references, violations);
    }
    for scratch in &service.scratch {
        storage.add_scratch(scratch);
    }
    for binding in bindings {
        storage.volumes.push(binding.volume(&service.name));
        storage.mounts.push(binding.mount());
        storage.files.extend(binding.entries());
    }
    let bytes: usize = storage.files.values().map(String::len).sum();
    if bytes > LARGEST_CONTENT {
        let message =
            format!("{bytes} bytes of inline files, at most {LARGEST_CONTENT} fit; refer to a ConfigMap");
        violations.push(Violation::new(format!("{path}.files"), Code::InvalidValue, message));
    }
    storage.volumes.sort_by(|left, right| left.name.cmp(&right.name));
    storage.mounts.sort_by(|left, right| left.mount_path.cmp(&right.mount_path));
    storage
}

/// Mounted paths are plain, differ from each other and leave the operator's directory alone.
fn check_paths(service: &ServiceSpec, path: &str, violations: &mut Violations) {
    let files = service
        .files
        .iter()
        .enumerate()
        .map(|(index, file)| (format!("{path}.files[{index}].path"), &file.path));
    let scratch = service
        .scratch
        .iter()
        .enumerate()
        .map(|(index, scratch)| (format!("{path}.scratch[{index}].path"), &scratch.path));
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    for (path, mounted) in files.chain(scratch) {
        let plain = mounted.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != "..");
        if !plain {
            let message = format!("{mounted:?} has an empty, '.' or '..' part");
            violations.push(Violation::new(&path, Code::InvalidValue, message));
        }
        check_operators_directory(mounted, &path, violations);
        match first.get(mounted.as_str()) {
            // Two entries of one list are reported by the schema.
            Some(earlier) if earlier.contains(".files[") != path.contains(".files[") => {
                let message = format!("{mounted:?} is already mounted by {earlier}");
                violations.push(Violation::new(&path, Code::Duplicate, message));
            }
            Some(_) => {}
            None => {
                first.insert(mounted, path);
            }
        }
    }
}

fn check_operators_directory(mounted: &str, path: &str, violations: &mut Violations) {
    let is_within = |inner: &str, outer: &str| {
        let outer = outer.trim_end_matches('/');
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let message = if is_within(mounted, name::DIRECTORY) {
        format!("{} belongs to the operator", name::DIRECTORY)
    } else if is_within(name::DIRECTORY, mounted) {
        format!("{mounted} would hide {}, which belongs to the operator", name::DIRECTORY)
    } else {
        return;
    };
    violations.push(Violation::new(path, Code::Forbidden, message));
}

impl Storage {
    fn add_file(
        &mut self,
        file: &FileMount,
        service: &str,
        path: &str,
        references: &mut Vec<ReferenceUse>,
        violations: &mut Violations,
    ) {
        let given = [
            ("content", file.content.is_some()),
            ("contents", file.contents.is_some()),
            ("configMap", file.config_map.is_some()),
            ("secret", file.secret.is_some()),
        ];
        if !exactly_one(&given, path, violations) {
            return;
        }
        check_references(file, path, violations);
        let last = file.path.rsplit('/').next().unwrap_or_default();
        let mut volume = Volume { name: name::path_volume(&file.path), ..Volume::default() };
        let mut single = file.content.is_some();
        if let Some(content) = &file.content {
            let key = name::file_key(&file.path, "");
            volume.config_map = Some(config_map_source(service, Some(vec![item(&key, last)]), false));
            self.files.insert(key, content.clone());
        } else if let Some(contents) = &file.contents {
            volume.config_map = Some(self.directory(contents, file, service, path, violations));
        }
        single |= refer(file, last, &mut volume, references);
        let single = single.then(|| last.to_owned());
        self.mounts.push(read_only(volume.name.clone(), &file.path, single));
        self.volumes.push(volume);
    }

    fn directory(
        &mut self,
        contents: &BTreeMap<String, String>,
        file: &FileMount,
        service: &str,
        path: &str,
        violations: &mut Violations,
    ) -> ConfigMapVolumeSource {
        let mut items = Vec::new();
        for (entry, content) in contents {
            if entry.is_empty() || entry.contains('/') || entry == "." || entry.starts_with("..") {
                let message = format!("{entry:?} is no name of a file");
                violations.push(Violation::new(
                    field_path(&format!("{path}.contents"), entry),
                    Code::InvalidValue,
                    message,
                ));
            }
            let key = name::file_key(&file.path, entry);
            items.push(item(&key, entry));
            self.files.insert(key, content.clone());
        }
        config_map_source(service, Some(items), false)
    }

    fn add_scratch(&mut self, scratch: &Scratch) {
        let name = name::path_volume(&scratch.path);
        let source = EmptyDirVolumeSource {
            medium: (scratch.medium == Some(ScratchMedium::Memory)).then(|| "Memory".to_owned()),
            size_limit: scratch.size_limit.as_ref().map(stored),
            ..EmptyDirVolumeSource::default()
        };
        self.volumes.push(Volume { name: name.clone(), empty_dir: Some(source), ..Volume::default() });
        self.mounts.push(VolumeMount { name, mount_path: scratch.path.clone(), ..VolumeMount::default() });
    }
}

/// Fills in the volume of a referenced object; whether one key of it is mounted as a file.
fn refer(file: &FileMount, last: &str, volume: &mut Volume, references: &mut Vec<ReferenceUse>) -> bool {
    let mut single = false;
    let referred = [(ReferenceKind::ConfigMap, &file.config_map), (ReferenceKind::Secret, &file.secret)];
    for (kind, reference) in referred.into_iter().filter_map(|(kind, used)| Some((kind, used.as_ref()?))) {
        references.push(object_use(kind, reference));
        single = reference.key.is_some();
        let items = reference.key.as_ref().map(|key| vec![item(key, last)]);
        let optional = reference.optional.unwrap_or_default();
        match kind {
            ReferenceKind::ConfigMap => {
                volume.config_map = Some(config_map_source(&reference.name, items, optional));
            }
            ReferenceKind::Secret => {
                volume.secret = Some(secret_source(&reference.name, items, optional));
            }
        }
    }
    single
}

/// Nothing but the pod's node looks at these names, and then it waits for ever.
fn check_references(file: &FileMount, path: &str, violations: &mut Violations) {
    let referred = [(&file.config_map, "a ConfigMap", "configMap"), (&file.secret, "a Secret", "secret")];
    for (reference, what, field) in referred {
        let Some(reference) = reference else { continue };
        check_name(&reference.name, what, &format!("{path}.{field}.name"), violations);
        if let Some(key) = &reference.key {
            check_key(key, &format!("{path}.{field}.key"), violations);
        }
    }
}

fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath { key: key.to_owned(), path: path.to_owned(), ..KeyToPath::default() }
}

fn config_map_source(name: &str, items: Option<Vec<KeyToPath>>, optional: bool) -> ConfigMapVolumeSource {
    ConfigMapVolumeSource {
        name: name.to_owned(),
        items,
        optional: optional.then_some(true),
        ..ConfigMapVolumeSource::default()
    }
}

fn secret_source(name: &str, items: Option<Vec<KeyToPath>>, optional: bool) -> SecretVolumeSource {
    SecretVolumeSource {
        secret_name: Some(name.to_owned()),
        items,
        optional: optional.then_some(true),
        ..SecretVolumeSource::default()
    }
}

fn read_only(name: String, path: &str, file: Option<String>) -> VolumeMount {
    VolumeMount {
        name,
        mount_path: path.to_owned(),
        sub_path: file,
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

fn object_use(kind: ReferenceKind, reference: &KeyReference) -> ReferenceUse {
    ReferenceUse {
        key: ReferenceKey { kind, name: reference.name.clone() },
        entries: reference.key.as_ref().map(|key| BTreeSet::from([key.clone()])),
        optional: reference.optional.unwrap_or_default(),
    }
}
