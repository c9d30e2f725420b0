//! The queue of apps that want a reconcile: each at most once in it, and never two runs of one app side by side.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Identity of an app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl AppKey {
    /// The key of an app.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A queue with one consumer.
#[derive(Debug)]
pub struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    /// In the order of their time; the number tells apart what has the same time.
    order: BTreeMap<(Instant, u64), K>,
    scheduled: HashMap<K, (Instant, u64)>,
    running: HashSet<K>,
    /// Wanted again while it runs.
    again: HashMap<K, Instant>,
    numbers: u64,
    /// While it is off nothing is taken in and nothing given out.
    on: bool,
    closed: bool,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        let state = State {
            order: BTreeMap::new(),
            scheduled: HashMap::new(),
            running: HashSet::new(),
            again: HashMap::new(),
            numbers: 0,
            on: false,
            closed: false,
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches it on, or off and empties it.
    pub fn switch(&self, on: bool) {
        let mut state = self.lock();
        state.on = on;
        if !on {
            state.order.clear();
            state.scheduled.clear();
            state.again.clear();
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Gives out nothing more, for good.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Wants a run after a delay, or earlier when that was wanted already: what comes meanwhile joins in.
    pub fn add(&self, key: &K, delay: Duration) {
        self.lock().schedule(key, Instant::now() + delay);
        self.changed.notify_one();
    }

    /// The next key whose time has come; nothing when the queue is closed. Tell when its run is over.
    pub async fn next(&self) -> Option<K> {
        loop {
            let due = {
                let mut state = self.lock();
                if state.closed {
                    return None;
                }
                match state.take_due(Instant::now()) {
                    Ok(key) => return Some(key),
                    Err(due) => due,
                }
            };
            match due {
                Some(due) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    /// The run of a key is over.
    pub fn done(&self, key: &K) {
        let mut state = self.lock();
        state.running.remove(key);
        if let Some(due) = state.again.remove(key) {
            state.schedule(key, due);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Drops what was wanted of a key.
    pub fn forget(&self, key: &K) {
        let mut state = self.lock();
        state.again.remove(key);
        if let Some(place) = state.scheduled.remove(key) {
            state.order.remove(&place);
        }
    }

    /// How many keys wait although their time has come.
    pub fn depth(&self) -> usize {
        let state = self.lock();
        state.order.range(..=(Instant::now(), u64::MAX)).count() + state.again.len()
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    fn schedule(&mut self, key: &K, due: Instant) {
        if !self.on {
            return;
        }
        if self.running.contains(key) {
            let again = self.again.entry(key.clone()).or_insert(due);
            *again = due.min(*again);
            return;
        }
        if let Some(place) = self.scheduled.get(key) {
            if place.0 <= due {
                return;
            }
            self.order.remove(place);
        }
        self.numbers += 1;
        self.order.insert((due, self.numbers), key.clone());
        self.scheduled.insert(key.clone(), (due, self.numbers));
    }

    /// A key whose time has come, or else when the next one's will.
    fn take_due(&mut self, now: Instant) -> Result<K, Option<Instant>> {
        let Some((&(due, _), _)) = self.order.first_key_value() else {
            return Err(None);
        };
        if due > now {
            return Err(Some(due));
        }
        let (_, key) = self.order.pop_first().ok_or(None)?;
        self.scheduled.remove(&key);
        self.running.insert(key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SOON: Duration = Duration::from_millis(75);

    fn queue() -> Arc<Queue<&'static str>> {
        let queue = Queue::default();
        queue.switch(true);
        Arc::new(queue)
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_one_run_and_does_not_put_it_off() {
        let queue = queue();
        let started = Instant::now();
        queue.add(&"shop", SOON);
        tokio::time::advance(Duration::from_millis(50)).await;
        queue.add(&"shop", SOON);
        assert_eq!(queue.next().await, Some("shop"));
        assert_eq!(started.elapsed(), SOON);
        queue.done(&"shop");
        assert_eq!(queue.lock().scheduled.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_never_runs_twice_at_the_same_time() {
        let queue = queue();
        queue.add(&"shop", Duration::ZERO);
        assert_eq!(queue.next().await, Some("shop"));
        queue.add(&"shop", Duration::ZERO);
        queue.add(&"other", Duration::ZERO);
        assert_eq!(queue.next().await, Some("other"));
        assert_eq!(queue.depth(), 1);
        let waiting = tokio::time::timeout(Duration::from_secs(9), queue.next()).await;
        assert!(waiting.is_err(), "it still runs");
        queue.done(&"shop");
        assert_eq!(queue.next().await, Some("shop"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_brings_a_late_retry_forward() {
        let queue = queue();
        queue.add(&"shop", Duration::from_secs(300));
        queue.add(&"shop", SOON);
        let started = Instant::now();
        assert_eq!(queue.next().await, Some("shop"));
        assert_eq!(started.elapsed(), SOON);
    }

    #[tokio::test(start_paused = true)]
    async fn a_standby_takes_nothing_in_and_a_closed_queue_gives_nothing_out() {
        let queue = queue();
        queue.add(&"shop", Duration::ZERO);
        queue.switch(false);
        queue.add(&"shop", Duration::ZERO);
        assert_eq!(queue.depth(), 0);
        queue.switch(true);
        queue.add(&"shop", Duration::ZERO);
        queue.close();
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_consumer_hears_of_a_new_key() {
        let queue = queue();
        let consumer = queue.clone();
        let task = tokio::spawn(async move { consumer.next().await });
        tokio::task::yield_now().await;
        queue.add(&"shop", SOON);
        assert_eq!(task.await.expect("it ends"), Some("shop"));
    }
}
