//! Connections that are kept for the next request.

use std::collections::HashMap;
use std::sync::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many connections one pod has at most at a time: databases have a hundred for everybody.
const MOST: usize = 8;

/// Idle connections by the name of the dependency. One that is not given back, after an error or at a time limit, is
/// closed.
pub struct Pool<C> {
    idle: Mutex<HashMap<String, Vec<C>>>,
    permits: Semaphore,
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self { idle: Mutex::default(), permits: Semaphore::new(MOST) }
    }
}

impl<C> Pool<C> {
    /// Waits until another connection may be used.
    pub async fn permit(&self) -> SemaphorePermit<'_> {
        self.permits.acquire().await.expect("nobody closes it")
    }

    /// The connection that was used last, if one is idle.
    pub fn take(&self, name: &str) -> Option<C> {
        self.idle.lock().expect("nobody panics with it").get_mut(name)?.pop()
    }

    /// Keeps a connection that works.
    pub fn put(&self, name: &str, connection: C) {
        self.idle.lock().expect("nobody panics with it").entry(name.to_owned()).or_default().push(connection);
    }
}
