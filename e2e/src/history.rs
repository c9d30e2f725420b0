//! Everything that was ever the case, not only what is when somebody looks.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use futures::TryStreamExt;
use kube::{
    Api, Resource,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;

/// Every value that something about the objects of a kind had since it was made, in order.
#[derive(Debug)]
pub struct History<T> {
    seen: Arc<Mutex<Vec<T>>>,
    task: JoinHandle<Result<(), watcher::Error>>,
}

impl<T: Clone + PartialEq + Send + 'static> History<T> {
    /// Notes what `view` shows of each object, whenever that changes.
    pub fn of<K>(api: Api<K>, view: impl Fn(K) -> Option<T> + Send + 'static) -> Self
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let objects = watcher(api, watcher::Config::default()).default_backoff().applied_objects();
            let mut objects = std::pin::pin!(objects);
            while let Some(object) = objects.try_next().await? {
                let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(value) = view(object).filter(|value| seen.last() != Some(value)) {
                    seen.push(value);
                }
            }
            Ok(())
        });
        Self { seen, task }
    }

    /// What there was so far.
    pub fn seen(&self) -> Vec<T> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<T> Drop for History<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
