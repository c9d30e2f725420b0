//! What scenarios share: one node, with the operator installed, and a book for what they measure.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use msapp_e2e::{Namespace, Node, images::Image};
use tokio::{
    runtime::Handle,
    sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{Company, Scenario, operator::release::Release};

/// The namespace of the operator that all scenarios share: the one that its documentation installs it into.
pub(crate) const OPERATOR: &str = "msapp-system";

/// What a scenario is given. Clones are the same stage.
#[derive(Clone)]
pub(crate) struct Stage {
    scenario: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Handle,
    node: OnceCell<Node>,
    operator: OnceCell<()>,
    shown: Mutex<BTreeMap<&'static str, Shown>>,
    turns: RwLock<()>,
}

/// Held while a scenario runs.
enum Turn<'a> {
    Alone(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'a, ()>),
    Beside(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'a, ()>),
}

/// What came of a scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// What it measured, in sentences.
    pub figures: Vec<String>,
    /// Whether it came to its end and found all as promised.
    pub passed: bool,
}

impl Stage {
    pub(crate) fn new(runtime: Handle) -> Self {
        let shared = Shared {
            runtime,
            node: OnceCell::new(),
            operator: OnceCell::new(),
            shown: Mutex::default(),
            turns: RwLock::default(),
        };
        Self { scenario: "", shared: Arc::new(shared) }
    }

    /// The same stage for another scenario.
    pub(crate) fn of(&self, scenario: &'static str) -> Self {
        Self { scenario, shared: Arc::clone(&self.shared) }
    }

    /// Runs a scenario to its end, from a thread outside of the async runtime.
    pub(crate) fn run(&self, scenario: Scenario) -> Result<()> {
        let outcome = self.shared.runtime.block_on(self.take_turn(scenario));
        self.note(|shown| shown.passed = outcome.is_ok());
        outcome
    }

    async fn take_turn(&self, scenario: Scenario) -> Result<()> {
        let turns = &self.shared.turns;
        let _turn = match scenario.company {
            Company::Alone => Turn::Alone(turns.write().await),
            Company::Any => Turn::Beside(turns.read().await),
        };
        (scenario.run)(self.clone()).await
    }

    /// The shared node, with the workload's image. The first who asks starts it.
    pub(crate) async fn node(&self) -> Result<Node> {
        let start = async || {
            let node = Node::start().await?;
            node.load_built(&[Image::Workload]).await?;
            Ok::<_, anyhow::Error>(node)
        };
        self.shared.node.get_or_try_init(start).await.cloned()
    }

    /// The shared node with the operator, which Helm installed from its own image with the chart's own values.
    pub(crate) async fn operator(&self) -> Result<Node> {
        let node = self.node().await?;
        let install = async || {
            node.load_built(&[Image::Operator]).await?;
            Release::install(&node).await.context("install the operator")?;
            Ok::<_, anyhow::Error>(())
        };
        self.shared.operator.get_or_try_init(install).await?;
        Ok(node)
    }

    /// A namespace for this scenario alone, on a node with the operator.
    pub(crate) async fn namespace(&self, prefix: &str) -> Result<Namespace> {
        Namespace::create(&*self.operator().await?, prefix).await
    }

    /// Writes down what was measured, in a sentence that docs/proof.md repeats.
    pub(crate) fn figure(&self, sentence: impl Display) {
        println!("{}: {sentence}", self.scenario);
        self.note(|shown| shown.figures.push(sentence.to_string()));
    }

    /// What came of each scenario that was run.
    pub(crate) fn shown(&self) -> BTreeMap<&'static str, Shown> {
        self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        change(shown.entry(self.scenario).or_default());
    }
}
