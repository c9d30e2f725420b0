//! What has become of every event, and those that wait for the broker.

use super::Event;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use tokio::sync::watch;

/// How many events may wait; more are refused, which their requests tell, and not lost.
const MOST_WAITING: usize = 10_000;

/// The books of all events. They are in memory, so they end with the process.
pub struct Ledger {
    books: Mutex<Books>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Books {
    events: BTreeMap<String, Book>,
    waiting: BTreeMap<u64, (String, Event)>,
    last: u64,
}

#[derive(Default)]
struct Book {
    published: BTreeSet<String>,
    confirmed: BTreeSet<String>,
    consumed: BTreeSet<String>,
}

/// How many distinct events there are of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Handed over by this process.
    pub published: usize,
    /// Of these, those that the broker has confirmed.
    pub confirmed: usize,
    /// Of these, those that it has not.
    pub waiting: usize,
    /// Received by this process.
    pub consumed: usize,
}

impl Counts {
    /// The numbers with their names.
    pub fn by_state(&self) -> [(&'static str, usize); 4] {
        [
            ("Published", self.published),
            ("Confirmed", self.confirmed),
            ("Waiting", self.waiting),
            ("Consumed", self.consumed),
        ]
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self { books: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Ledger {
    fn write<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        let result = change(&mut self.books.lock().expect("nobody panics with it"));
        self.changed.send_replace(());
        result
    }

    fn read<T>(&self, look: impl FnOnce(&Books) -> T) -> T {
        look(&self.books.lock().expect("nobody panics with it"))
    }

    /// Takes an event over to be sent to `broker`; one that is known already is not taken again.
    pub fn publish(&self, broker: &str, event: Event) -> Result<(), String> {
        self.write(|books| {
            if books.waiting.len() >= MOST_WAITING {
                return Err(format!("{MOST_WAITING} events wait for {broker} already"));
            }
            if books.events.entry(event.event.clone()).or_default().published.insert(event.id.clone()) {
                books.last += 1;
                books.waiting.insert(books.last, (broker.to_owned(), event));
            }
            Ok(())
        })
    }

    /// What waits for `broker`, the oldest first, each with its number.
    pub fn waiting(&self, broker: &str) -> Vec<(u64, Event)> {
        self.read(|books| {
            let waiting = books.waiting.iter().filter(|(_, (at, _))| at == broker);
            waiting.map(|(number, (_, event))| (*number, event.clone())).collect()
        })
    }

    /// The broker has the event that waited under this number.
    pub fn confirm(&self, number: u64) {
        self.write(|books| {
            if let Some((_, event)) = books.waiting.remove(&number) {
                books.events.entry(event.event).or_default().confirmed.insert(event.id);
            }
        });
    }

    /// An event was received; false when it is known already.
    pub fn consume(&self, event: &Event) -> bool {
        self.write(|books| {
            books.events.entry(event.event.clone()).or_default().consumed.insert(event.id.clone())
        })
    }

    /// Waits until something is written here, from the moment that this is called.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until the brokers have confirmed all of these.
    pub async fn confirmed(&self, ids: &[String]) {
        self.wait(|books| !books.waiting.values().any(|(_, event)| ids.contains(&event.id))).await;
    }

    /// Waits until no event waits for a broker.
    pub async fn empty(&self) {
        self.wait(|books| books.waiting.is_empty()).await;
    }

    async fn wait(&self, done: impl Fn(&Books) -> bool) {
        let mut changes = self.changes();
        while !self.read(&done) {
            changes.changed().await.expect("the sender is here");
        }
    }

    /// The numbers of every event.
    pub fn counts(&self) -> BTreeMap<String, Counts> {
        self.read(|books| books.events.iter().map(|(name, book)| (name.clone(), book.counts())).collect())
    }

    /// The ids of the received events of one name.
    pub fn consumed(&self, event: &str) -> Vec<String> {
        self.read(|books| {
            books.events.get(event).into_iter().flat_map(|book| book.consumed.clone()).collect()
        })
    }
}

impl Book {
    fn counts(&self) -> Counts {
        let (published, confirmed) = (self.published.len(), self.confirmed.len());
        Counts { published, confirmed, waiting: published - confirmed, consumed: self.consumed.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;

    fn event(id: &str) -> Event {
        let (name, text) = ("OrderPlaced".to_owned(), id.to_owned());
        Event { id: text, event: name.clone(), topic: name, service: "order".into(), trace: Trace::default() }
    }

    #[test]
    fn an_event_waits_until_it_is_confirmed() {
        let ledger = Ledger::default();
        ledger.publish("events", event("a")).unwrap();
        ledger.publish("events", event("b")).unwrap();
        let waiting = ledger.waiting("events");
        assert_eq!(waiting.iter().map(|(_, event)| event.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        ledger.confirm(waiting[0].0);
        let counts = ledger.counts()["OrderPlaced"];
        assert_eq!(counts, Counts { published: 2, confirmed: 1, waiting: 1, consumed: 0 });
        assert!(ledger.waiting("another-broker").is_empty());
    }

    #[test]
    fn the_same_event_counts_once() {
        let ledger = Ledger::default();
        ledger.publish("events", event("a")).unwrap();
        ledger.publish("events", event("a")).unwrap();
        assert_eq!(ledger.waiting("events").len(), 1);
        assert!(ledger.consume(&event("a")));
        assert!(!ledger.consume(&event("a")));
        assert_eq!(ledger.counts()["OrderPlaced"].consumed, 1);
        assert_eq!(ledger.consumed("OrderPlaced"), ["a"]);
    }

    #[test]
    fn more_than_can_wait_is_refused_and_not_lost() {
        let ledger = Ledger::default();
        for number in 0..MOST_WAITING {
            ledger.publish("events", event(&number.to_string())).unwrap();
        }
        assert_eq!(
            ledger.publish("events", event("more")),
            Err("10000 events wait for events already".into())
        );
        assert_eq!(ledger.counts()["OrderPlaced"].published, MOST_WAITING);
    }

    #[tokio::test]
    async fn who_waits_for_a_confirmation_gets_it() {
        let ledger = Ledger::default();
        ledger.publish("events", event("a")).unwrap();
        let number = ledger.waiting("events")[0].0;
        let ids = ["a".to_owned()];
        tokio::join!(ledger.confirmed(&ids), ledger.empty(), async { ledger.confirm(number) });
    }
}
