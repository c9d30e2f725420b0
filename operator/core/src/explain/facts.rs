//! Facts while they are collected, and the look into what was written.

use std::fmt;

use serde_json::Value;

use super::Fact;
use crate::graph::{App, Service};
use crate::violation::steps;

/// What is known so far.
pub(super) struct Facts<'a> {
    pub app: &'a App,
    pub service: &'a Service,
    spec: &'a Value,
    /// Where settings of the service can stand, nearest first.
    levels: Vec<String>,
    pub told: Vec<Fact>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(app: &'a App, service: &'a Service, spec: &'a Value) -> Self {
        let mut levels = vec![service.path.clone()];
        levels.extend(profile(spec, service));
        levels.push("spec.defaults".to_owned());
        Self { app, service, spec, levels, told: Vec::new() }
    }

    /// A value that the resource says at these places.
    pub(super) fn written(
        &mut self,
        field: impl Into<String>,
        value: impl fmt::Display,
        declared: Vec<String>,
        because: impl Into<String>,
    ) {
        let (field, value, because) = (field.into(), value.to_string(), because.into());
        self.told.push(Fact { field, value, declared, because });
    }

    /// A value that msapp takes by itself.
    pub(super) fn usual(
        &mut self,
        field: impl Into<String>,
        value: impl fmt::Display,
        because: impl Into<String>,
    ) {
        self.written(field, value, Vec::new(), because);
    }

    /// A value that stands at one of these places, or else has a reason.
    pub(super) fn first(
        &mut self,
        field: impl Into<String>,
        value: impl fmt::Display,
        places: &[String],
        usual: &str,
    ) {
        match places.iter().find(|place| self.is_written(place)) {
            Some(place) => self.written(field, value, vec![place.clone()], ""),
            None => self.usual(field, value, usual),
        }
    }

    /// A part of a setting that may be inherited.
    pub(super) fn part(&mut self, setting: &str, part: &str, value: impl fmt::Display, usual: &str) {
        let place = self.setting(setting).map(|path| format!("{path}.{part}"));
        self.first(format!("{setting}.{part}"), value, place.as_slice(), usual);
    }

    /// Where a setting that may be inherited stands.
    pub(super) fn setting(&self, setting: &str) -> Option<String> {
        self.service.settings.origins.get(setting).cloned()
    }

    /// Where settings of the service can stand, nearest first.
    pub(super) fn levels(&self) -> &[String] {
        &self.levels
    }

    /// Whether somebody wrote something at a path.
    pub(super) fn is_written(&self, path: &str) -> bool {
        self.value(path).is_some()
    }

    /// What is written at a path.
    pub(super) fn value(&self, path: &str) -> Option<&'a Value> {
        let mut value = self.spec;
        for step in steps(path.strip_prefix("spec")?) {
            value = match value {
                Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
                _ => value.get(step)?,
            };
        }
        Some(value).filter(|value| !value.is_null())
    }

    /// The items of a list of the service, each with its path.
    pub(super) fn items(&self, list: &str) -> Vec<(String, &'a Value)> {
        let path = format!("{}.{list}", self.service.path);
        let items = self.value(&path).and_then(Value::as_array).into_iter().flatten();
        items.enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect()
    }
}

/// Where the profile of a service stands.
fn profile(spec: &Value, service: &Service) -> Option<String> {
    let index: usize = service.path.strip_prefix("spec.services[")?.strip_suffix(']')?.parse().ok()?;
    let name = spec["services"][index]["profile"].as_str()?;
    let at = spec["profiles"].as_array()?.iter().position(|profile| profile["name"] == name)?;
    Some(format!("spec.profiles[{at}]"))
}
