//! What the user handed in: files, the resources in them, and every mistake that can be seen without a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use console::colors_enabled_stderr;
use msapp_core::build;
use msapp_core::desired::DesiredSet;
use msapp_core::graph::{self, App};
use msapp_core::policy::{self, Proof};
use msapp_core::reference::{ReferenceKey, ReferenceKind, ReferenceState, References, config_map_entries};
use msapp_core::source::{Binding, Bindings, Source};
use msapp_core::violation::{Code, Severity, Violation};

use super::check::{counted, summary};
use super::diagnostic::{Diagnostic, File, report, sort};
use super::hidden::credentials;
use super::resource::{self, Kind};
use super::yaml::{self, Node, locate};

/// Mistakes of one weight that are told; who has more of them learns nothing from the rest.
const MOST_TOLD: usize = 1000;

/// Which files a command reads.
#[derive(Args, Debug)]
pub(super) struct FilesArgs {
    /// Files or directories (their .yaml, .yml and .json files); `-` reads the standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Namespace of resources that name none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
}

impl FilesArgs {
    /// Reads and judges them.
    pub(super) fn read(&self) -> Result<Input> {
        read(&self.files, &self.namespace)
    }

    /// The same without the proof of the policies, for who makes it himself.
    pub(super) fn read_unproven(&self) -> Result<Input> {
        read_and_prove(&self.files, &self.namespace, None)
    }
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// The files, in the order of the command line.
    pub(super) files: Vec<File>,
    /// How many MicroserviceApps there are, right or wrong.
    pub(super) apps: usize,
    /// The right ones, sorted by namespace and name.
    pub(super) resolved: Vec<App>,
    /// ConfigMaps by namespace: their content decides when pods restart.
    pub(super) references: BTreeMap<String, References>,
    /// The MicroserviceApps as they were written, right or wrong.
    pub(super) written: Vec<Written>,
    /// Every mistake, from top to bottom.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// How many of them there are of each weight, and how many more were found.
    told: BTreeMap<Severity, (usize, usize)>,
}

/// A MicroserviceApp and where it was written.
#[derive(Debug)]
pub(super) struct Written {
    /// Which of the files.
    pub(super) file: usize,
    /// The document.
    pub(super) node: Node,
    /// What the core makes an app of.
    pub(super) source: Source,
}

/// Makes the proof of an app; [`policy::prove`] but in tests.
type Prove = fn(&App, &DesiredSet) -> Proof;

/// Reads and judges files, directories and, for `-`, the standard input. Resources that name no namespace count to
/// `namespace`. Fails when no MicroserviceApp is among them.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> Result<Input> {
    read_and_prove(paths, namespace, Some(policy::prove))
}

fn read_and_prove(paths: &[PathBuf], namespace: &str, prove: Option<Prove>) -> Result<Input> {
    let input = judged(read_files(paths)?, namespace, prove);
    // A pipeline that checks nothing would be green for ever.
    if input.apps == 0 && input.diagnostics.is_empty() {
        bail!("no MicroserviceApp in {}", counted(input.files.len(), "file"));
    }
    Ok(input)
}

/// The same for one file whose content is known already.
pub(super) fn read_bytes(name: &str, bytes: Vec<u8>, namespace: &str) -> Input {
    judged(vec![(name.to_owned(), bytes)], namespace, Some(policy::prove))
}

fn judged(files: Vec<(String, Vec<u8>)>, namespace: &str, prove: Option<Prove>) -> Input {
    let mut input = Input::default();
    let (mut written, mut others) = (Vec::new(), Vec::new());
    for (file, (name, bytes)) in files.into_iter().enumerate() {
        let (text, unreadable) = yaml::decode(bytes);
        let (documents, problems) =
            unreadable.map_or_else(|| yaml::load(&text), |problem| (Vec::new(), vec![problem]));
        input.files.push(File { name, text, hidden: credentials(&documents) });
        problems.into_iter().for_each(|problem| input.report_problem(file, problem));
        for node in documents.into_iter().flat_map(resource::unpacked) {
            match resource::kind(&node) {
                Kind::Other => others.push(node),
                kind => input.sort_in(file, (kind, node), namespace, &mut written),
            }
        }
    }
    for app in &mut written {
        app.source.bindings = bindings(&app.source, &others, namespace);
    }
    input.judge(&written);
    if let Some(prove) = prove.filter(|_| !input.has_errors()) {
        input.prove(&written, prove);
    }
    input.written = written;
    sort(&mut input.diagnostics);
    input.count_the_rest();
    input.resolved.sort_by(|left, right| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)));
    input
}

impl Input {
    /// Whether something stops the apps from being applied; warnings and advice do not.
    pub(super) fn has_errors(&self) -> bool {
        self.weighs(Severity::Error)
    }

    /// Whether something is found of this weight or more.
    pub(super) fn weighs(&self, least: Severity) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity <= least)
    }

    /// The input, for commands that print something else than mistakes. Nothing when a mistake stops the apps from being
    /// applied; then all of them are told on the standard error.
    pub(super) fn unless_mistaken(self) -> Option<Self> {
        if !self.has_errors() {
            return Some(self);
        }
        eprint!("{}", report(&self.diagnostics, &self.files, colors_enabled_stderr()));
        eprintln!("{}", summary(&self));
        None
    }

    fn sort_in(
        &mut self,
        file: usize,
        (kind, node): (Kind, Node),
        namespace: &str,
        written: &mut Vec<Written>,
    ) {
        match kind {
            Kind::App => {
                self.apps += 1;
                self.report(file, &node, resource::check(&node));
                let source = resource::source(&node, namespace);
                written.push(Written { file, node, source });
            }
            Kind::ConfigMap => {
                let references = self.references.entry(resource::namespace(&node, namespace)).or_default();
                let key = ReferenceKey { kind: ReferenceKind::ConfigMap, name: resource::name(&node) };
                references.insert(key, ReferenceState::Present(config_map_entries(&node.to_value())));
            }
            Kind::Mistaken(violation) => {
                self.apps += 1;
                self.report(file, &node, [violation]);
            }
            Kind::Other => {}
        }
    }

    fn report(&mut self, file: usize, node: &Node, violations: impl IntoIterator<Item = Violation>) {
        for violation in violations {
            let severity = violation.code.severity();
            if self.has_room(severity) {
                self.diagnostics.push(Diagnostic {
                    file,
                    span: locate(node, &violation.path, violation.code == Code::UnknownField),
                    path: violation.path,
                    code: violation.code.as_str(),
                    severity,
                    message: violation.message,
                    suggestion: violation.suggestion,
                });
            }
        }
    }

    fn report_problem(&mut self, file: usize, problem: yaml::Problem) {
        if self.has_room(Severity::Error) {
            self.diagnostics.push(Diagnostic::plain(
                file,
                problem.span,
                problem.code,
                (Severity::Error, problem.message),
            ));
        }
    }

    /// Whether one more of this weight is told. Counts it in any case.
    fn has_room(&mut self, severity: Severity) -> bool {
        let (told, more) = self.told.entry(severity).or_default();
        let has_room = *told < MOST_TOLD;
        *(if has_room { told } else { more }) += 1;
        has_room
    }

    /// Says at the end what was found besides and is not told.
    fn count_the_rest(&mut self) {
        for (severity, (_, more)) in std::mem::take(&mut self.told) {
            if let (Some(last), 1..) = (self.files.last(), more) {
                let (file, end) = (self.files.len() - 1, last.text.len());
                let message = format!("{more} more of the weight {:?} were found", severity.as_str());
                self.diagnostics.push(Diagnostic::plain(file, end..end, "more", (severity, message)));
            }
        }
    }

    fn judge(&mut self, written: &[Written]) {
        let mut apps: BTreeMap<(&str, &str), &Written> = BTreeMap::new();
        let mut services: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for app in written {
            match graph::resolve(&app.source) {
                Ok(resolved) => {
                    self.report(app.file, &app.node, resolved.findings.iter().cloned());
                    self.resolved.push(resolved);
                }
                Err(violations) => self.report(app.file, &app.node, violations.iter().cloned()),
            }
            let (namespace, name) = (app.source.namespace.as_str(), app.source.name.as_str());
            if !name.is_empty() && apps.insert((namespace, name), app).is_some() {
                let message =
                    format!("namespace {namespace} has a MicroserviceApp {name:?} already, in these files");
                self.report(app.file, &app.node, [Violation::new("metadata.name", Code::Duplicate, message)]);
                continue;
            }
            let taken = taken_names(app, &mut services);
            self.report(app.file, &app.node, taken);
        }
    }

    /// Only what is right otherwise is worth a proof.
    fn prove(&mut self, written: &[Written], prove: Prove) {
        for app in std::mem::take(&mut self.resolved) {
            let violations = prove(&app, &build::objects(&app)).violations();
            let here = |other: &&Written| {
                (&other.source.name, &other.source.namespace) == (&app.name, &app.namespace)
            };
            if let Some(written) = written.iter().find(here) {
                self.report(written.file, &written.node, violations.iter().cloned());
            }
            self.resolved.push(app);
        }
    }
}

/// The Secrets that Provisioned Services among the documents name. One that names none, or is not there, may have one in
/// the cluster, so nothing is concluded.
fn bindings(source: &Source, others: &[Node], namespace: &str) -> Bindings {
    let bound = source.provisioned_services().into_iter().filter_map(|service| {
        let here = |node: &&Node| {
            resource::is_service(node, &service) && resource::namespace(node, namespace) == source.namespace
        };
        let binding = Binding::of(others.iter().find(here).map(Node::to_value).as_ref());
        matches!(binding, Binding::Secret(_)).then_some((service, binding))
    });
    bound.collect()
}

/// Services whose name another app of the namespace has taken: their objects would be the same.
fn taken_names<'w>(app: &'w Written, services: &mut BTreeMap<(&'w str, &'w str), &'w str>) -> Vec<Violation> {
    let Source { name, namespace, spec, .. } = &app.source;
    let names = spec["services"].as_array().into_iter().flatten().map(|service| service["name"].as_str());
    let mut taken = Vec::new();
    for (index, service) in names.enumerate().filter_map(|(index, service)| Some((index, service?))) {
        let first = *services.entry((namespace, service)).or_insert(name);
        if first != name {
            let message = format!(
                "the MicroserviceApp {first} of namespace {namespace} has a service {service:?} already"
            );
            taken.push(Violation::new(format!("spec.services[{index}].name"), Code::Duplicate, message));
        }
    }
    taken
}

/// Names and contents.
fn read_files(paths: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read the standard input")?;
            files.push(("<stdin>".to_owned(), bytes));
        } else if path.is_dir() {
            for path in manifests_in(path)? {
                files.push(read_file(&path)?);
            }
        } else {
            files.push(read_file(path)?);
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|(name, _)| seen.insert(name.clone()));
    Ok(files)
}

fn read_file(path: &Path) -> Result<(String, Vec<u8>)> {
    let name = path.display().to_string();
    let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    Ok((name, bytes))
}

/// The manifests of a directory, not of those below it, sorted by name.
fn manifests_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let shown = directory.display();
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {shown}"))? {
        let path = entry.with_context(|| format!("cannot read {shown}"))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_file() && matches!(extension, Some("yaml" | "yml" | "json")) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        bail!("{shown} has no .yaml, .yml or .json files");
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "\
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: shop}
spec:
  services:
  - {name: web, image: 'web:1', resources: {limits: {memory: 64Mi}}}
";

    fn broken(app: &App, _: &DesiredSet) -> Proof {
        policy::prove(app, &DesiredSet::default())
    }

    #[test]
    fn a_provisioned_service_in_the_same_files_names_the_secret() {
        let shop = SHOP.replace("64Mi}}}", "64Mi}}, dependencies: [{name: db}]}")
            + "  backingServices:\n  - {name: db, engine: PostgreSQL, managedBy: {provisionedService: {apiVersion: db.example/v1, kind: Database, name: orders}}}\n";
        let database = |namespace: &str, binding: &str| {
            format!(
                "---\napiVersion: db.example/v1\nkind: Database\nmetadata: {{name: orders, namespace: {namespace}}}\nstatus: {binding}\n"
            )
        };
        let bound = "{binding: {name: orders-7f}}";
        for (document, secret) in [
            (database("default", bound), "orders-7f"),
            (database("elsewhere", bound), "orders"),
            (database("default", "{}"), "orders"),
            (String::new(), "orders"),
        ] {
            let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file can be made");
            fs::write(file.path(), format!("{shop}{document}")).expect("it can be written to");
            let input = read_and_prove(&[file.path().to_owned()], "default", None).expect("it can be read");
            let app = input.resolved.first().unwrap_or_else(|| panic!("{:?}", input.diagnostics));
            let names: Vec<String> = app.references().into_iter().map(|reference| reference.name).collect();
            assert_eq!(names, [secret], "{document}");
        }
    }

    fn codes(text: &str, prove: Prove) -> Vec<(&'static str, String)> {
        let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file can be made");
        fs::write(file.path(), text).expect("it can be written to");
        let input =
            read_and_prove(&[file.path().to_owned()], "default", Some(prove)).expect("it can be read");
        input.diagnostics.into_iter().map(|found| (found.code, found.message)).collect()
    }

    #[test]
    fn a_proof_that_fails_is_a_mistake_with_a_code_of_its_own() {
        let found = codes(SHOP, broken);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "proof-failed");
        assert!(found[0].1.ends_with("a defect of msapp, not of the resource: nothing makes pods of web"));
        assert_eq!(codes(SHOP, policy::prove), []);
    }

    #[test]
    fn what_has_other_mistakes_is_not_proven() {
        let found = codes(&SHOP.replace("web:1", ""), broken);
        assert!(!found.is_empty() && found.iter().all(|(code, _)| *code != "proof-failed"), "{found:?}");
    }

    #[test]
    fn of_very_many_mistakes_the_first_are_told_and_the_rest_is_counted() {
        let unknown: String = (0..1_500).map(|at| format!("  wrong{at}: 1\n")).collect();
        let found = codes(&format!("{SHOP}{unknown}"), policy::prove);
        assert_eq!(found.len(), MOST_TOLD + 1);
        let last = ("more", "500 more of the weight \"error\" were found".to_owned());
        assert_eq!(found.last(), Some(&last));
    }
}
