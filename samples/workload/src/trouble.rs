//! The trouble that a service makes when it is asked to, at its start or while it runs.

use crate::duration;
use rustix::time::{ClockId, clock_gettime};
use serde::{Serialize, Serializer};
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What is wrong with the service; nothing by default.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// How long every answer is held back.
    #[serde(serialize_with = "in_milliseconds", rename = "latencyMilliseconds")]
    pub latency: Duration,
    /// Which part of the work fails, from 0 to 1.
    pub failures: f64,
    /// How much processor time each piece of work burns.
    #[serde(serialize_with = "in_milliseconds", rename = "effortMilliseconds")]
    pub effort: Duration,
    /// Whether it says that it is ready.
    pub ready: bool,
    /// Whether it says that it is alive.
    pub alive: bool,
    /// Memory that is held for nothing, in MiB.
    pub memory: usize,
    /// Processor time that is burnt for nothing, in thousandths of a core.
    pub cpu: u32,
    /// How long it is deaf at its start.
    #[serde(serialize_with = "in_milliseconds", rename = "startMilliseconds")]
    pub start: Duration,
    /// How it ends at once, if it does.
    #[serde(skip)]
    pub crash: Option<Crash>,
}

/// An end without notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Crash {
    /// The exit code.
    pub code: i32,
    /// What stands on standard error.
    pub words: String,
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            failures: 0.0,
            effort: Duration::ZERO,
            ready: true,
            alive: true,
            memory: 0,
            cpu: 0,
            start: Duration::ZERO,
            crash: None,
        }
    }
}

fn in_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration::milliseconds(*duration))
}

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut trouble = Self::default();
        text.split_whitespace().try_for_each(|change| trouble.change(change))?;
        Ok(trouble)
    }
}

impl Trouble {
    /// Takes one `KEY=VALUE` up.
    pub fn change(&mut self, change: &str) -> Result<(), String> {
        let (key, value) = change.split_once('=').ok_or(format!("\"{change}\" is not KEY=VALUE"))?;
        match key {
            "latency" => self.latency = duration::parse(value)?,
            "failures" => self.failures = ratio(value)?,
            "effort" => self.effort = duration::parse(value)?,
            "ready" => self.ready = parsed(key, value)?,
            "alive" => self.alive = parsed(key, value)?,
            "memory" => self.memory = parsed(key, value)?,
            "cpu" => self.cpu = parsed(key, value)?,
            "start" => self.start = duration::parse(value)?,
            "crash" => self.crash = Some(crash(value)?),
            _ => return Err(format!("there is no trouble called \"{key}\"")),
        }
        Ok(())
    }
}

fn parsed<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{key} cannot be \"{value}\""))
}

fn ratio(value: &str) -> Result<f64, String> {
    let ratio: f64 = parsed("failures", value)?;
    if (0.0..=1.0).contains(&ratio) {
        Ok(ratio)
    } else {
        Err(format!("failures is from 0 to 1, not {value}"))
    }
}

/// `3` or `3:the last words`; underscores are spaces, so that a variable can hold them.
fn crash(value: &str) -> Result<Crash, String> {
    let (code, words) = value.split_once(':').unwrap_or((value, "crashed as it was told"));
    Ok(Crash { code: parsed("crash", code)?, words: words.replace('_', " ") })
}

/// Makes the trouble that needs no request: holds memory, burns processor time, crashes; for ever.
pub async fn make(mut trouble: watch::Receiver<Trouble>) {
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut burning = 0;
    loop {
        let now = trouble.borrow_and_update().clone();
        if let Some(crash) = now.crash {
            eprintln!("{}", crash.words);
            std::process::exit(crash.code);
        }
        if now.cpu != burning {
            burning = now.cpu;
            burn(burning, &trouble);
        }
        // Written and not only asked for: pages that nobody touches are not counted against the limit.
        held.resize_with(now.memory, || vec![1; 1 << 20]);
        if trouble.changed().await.is_err() {
            return;
        }
    }
}

/// Threads that burn `millicores` together, and end when another number is wanted. What one could not get in time, since
/// others wanted the processor too, it gets later.
fn burn(millicores: u32, trouble: &watch::Receiver<Trouble>) {
    for core in 0..millicores.div_ceil(1000) {
        let share = (millicores - core * 1000).min(1000);
        let trouble = trouble.clone();
        std::thread::spawn(move || {
            let began = Instant::now();
            while trouble.borrow().cpu == millicores {
                let due = began.elapsed() * share / 1000;
                spin(due.saturating_sub(burnt()));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
    }
}

/// Burns `time` of a processor, which takes longer where others want it too.
pub fn spin(time: Duration) {
    let end = burnt() + time;
    while burnt() < end {
        std::hint::spin_loop();
    }
}

/// The processor time of this thread.
fn burnt() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no thread has burnt less than nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_a_list_of_changes() {
        let trouble: Trouble = "latency=200ms failures=0.25 ready=false memory=64 cpu=1500".parse().unwrap();
        assert_eq!(trouble.latency, Duration::from_millis(200));
        assert_eq!((trouble.failures, trouble.ready, trouble.alive), (0.25, false, true));
        assert_eq!((trouble.memory, trouble.cpu), (64, 1500));
        assert_eq!("".parse(), Ok(Trouble::default()));
    }

    #[test]
    fn what_is_no_trouble_is_refused() {
        let refused = |text: &str| text.parse::<Trouble>().unwrap_err();
        assert_eq!(refused("speed=9"), "there is no trouble called \"speed\"");
        assert_eq!(refused("ready"), "\"ready\" is not KEY=VALUE");
        assert_eq!(refused("ready=maybe"), "ready cannot be \"maybe\"");
        assert_eq!(refused("failures=2"), "failures is from 0 to 1, not 2");
    }

    #[test]
    fn processor_time_is_burnt_and_not_only_waited_for() {
        let before = burnt();
        spin(Duration::from_millis(20));
        assert!(burnt() - before >= Duration::from_millis(20));
    }

    #[test]
    fn a_crash_has_a_code_and_last_words() {
        let crash = |text: &str| text.parse::<Trouble>().unwrap().crash.unwrap();
        assert_eq!(crash("crash=3:no_such_database"), Crash { code: 3, words: "no such database".into() });
        assert_eq!(crash("crash=7").code, 7);
    }
}
