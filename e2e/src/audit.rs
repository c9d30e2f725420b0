//! The audit log of the control plane.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

use crate::{
    requests::{Request, Requests},
    wait::{PATIENCE, wait_until},
};

/// An operator acts within milliseconds of a change, a retry of its comes
/// within a second or two.
const SETTLED: Duration = Duration::from_secs(3);

/// More than any line of the log is long.
const LONGEST_LINE: u64 = 1 << 20;

static MARKERS: AtomicU32 = AtomicU32::new(0);

/// Reads the audit log of one control plane.
#[derive(Clone)]
pub struct Audit {
    path: PathBuf,
    client: Client,
}

/// A place in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl Audit {
    pub(crate) fn new(path: PathBuf, client: Client) -> Self {
        Self { path, client }
    }

    /// Where the log ends now, with every request that was answered so far.
    pub async fn mark(&self) -> Result<Mark> {
        self.settle().await?;
        self.end()
    }

    /// What was answered since the mark.
    pub async fn since(&self, mark: Mark) -> Result<Requests> {
        self.settle().await?;
        Ok(Requests::parse(&self.read(mark)?)?)
    }

    /// What was answered since the control plane started.
    pub async fn since_start(&self) -> Result<Requests> {
        self.since(Mark(0)).await
    }

    /// Waits until a user has asked for nothing for a while, Leases and renewed
    /// watches apart: what had to follow from an earlier change has followed.
    pub async fn quiet(&self, user: &str, pause: Duration) -> Result<()> {
        self.quiet_for(pause, &format!("{user} to be quiet"), |request| request.user == user).await
    }

    /// Waits until a user has asked for nothing in one namespace for long
    /// enough that nothing more is to be expected.
    pub async fn quiet_within(&self, namespace: &str, user: &str) -> Result<()> {
        let what = format!("{user} to be quiet in {namespace}");
        self.quiet_for(SETTLED, &what, |request| request.user == user && request.namespace == namespace).await
    }

    async fn quiet_for(&self, pause: Duration, what: &str, counts: impl Fn(&Request) -> bool) -> Result<()> {
        let mut mark = self.end()?;
        let mut since = Instant::now();
        wait_until(what, PATIENCE + pause, async || {
            let log = self.read(mark)?;
            mark.0 += log.len() as u64;
            let requests = Requests::parse(&log)?.filter(&counts);
            let requests = requests.filter(|request| request.resource != "leases" && request.verb != "watch");
            if !requests.is_empty() {
                since = Instant::now();
            }
            ensure!(since.elapsed() >= pause, "the last request was {:?} ago\n{requests}", since.elapsed());
            Ok(())
        })
        .await
    }

    /// A request's line can be written a moment after its answer arrived. So
    /// this asks for something that is unmistakable and waits for its line.
    async fn settle(&self) -> Result<()> {
        let marker = format!("audit-marker-{}-{}", process::id(), MARKERS.fetch_add(1, Ordering::Relaxed));
        let before = self.end()?;
        let config_maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "default");
        config_maps.get_opt(&marker).await?;
        wait_until("the audit log to be written", PATIENCE, async || {
            ensure!(self.read(before)?.contains(&marker), "no line with {marker}");
            Ok(())
        })
        .await
    }

    /// The end of the last complete line.
    fn end(&self) -> Result<Mark> {
        let length =
            fs::metadata(&self.path).with_context(|| format!("look at {}", self.path.display()))?.len();
        // A line is written at once, yet it can be seen half written.
        let nearby = Mark(length.saturating_sub(LONGEST_LINE));
        Ok(Mark(nearby.0 + self.read_bytes(nearby)?.len() as u64))
    }

    /// All complete lines after the mark.
    fn read(&self, mark: Mark) -> Result<String> {
        Ok(String::from_utf8(self.read_bytes(mark)?)?)
    }

    fn read_bytes(&self, mark: Mark) -> Result<Vec<u8>> {
        let mut file = File::open(&self.path).with_context(|| format!("open {}", self.path.display()))?;
        file.seek(SeekFrom::Start(mark.0))?;
        let mut log = Vec::new();
        file.read_to_end(&mut log)?;
        log.truncate(log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        Ok(log)
    }
}
