//! The audit log of the control plane.

use std::{
    fs::File,
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
    requests::Requests,
    wait::{PATIENCE, wait_until},
};

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
        Ok(Mark(self.read(Mark(0))?.len() as u64))
    }

    /// What was answered since the mark.
    pub async fn since(&self, mark: Mark) -> Result<Requests> {
        self.settle().await?;
        Ok(Requests::parse(&self.read(mark)?)?)
    }

    /// Waits until a user has asked for nothing for a while, Leases apart: what
    /// had to follow from an earlier change has followed.
    pub async fn quiet(&self, user: &str, pause: Duration) -> Result<()> {
        let mut seen = usize::MAX;
        let mut since = Instant::now();
        wait_until(&format!("{user} to be quiet for {pause:?}"), PATIENCE + pause, async || {
            let requests = Requests::parse(&self.read(Mark(0))?)?.of(user);
            let count = requests.filter(|request| request.resource != "leases").len();
            if count != seen {
                seen = count;
                since = Instant::now();
            }
            ensure!(since.elapsed() >= pause, "{seen} requests, the last one {:?} ago", since.elapsed());
            Ok(())
        })
        .await
    }

    /// A request's line can be written a moment after its answer arrived. So
    /// this asks for something that is unmistakable and waits for its line.
    async fn settle(&self) -> Result<()> {
        let marker = format!("audit-marker-{}-{}", process::id(), MARKERS.fetch_add(1, Ordering::Relaxed));
        let config_maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "default");
        config_maps.get_opt(&marker).await?;
        wait_until("the audit log to be written", PATIENCE, async || {
            ensure!(self.read(Mark(0))?.contains(&marker), "no line with {marker}");
            Ok(())
        })
        .await
    }

    /// All complete lines after the mark.
    fn read(&self, mark: Mark) -> Result<String> {
        let mut file = File::open(&self.path).with_context(|| format!("open {}", self.path.display()))?;
        file.seek(SeekFrom::Start(mark.0))?;
        let mut log = String::new();
        file.read_to_string(&mut log)?;
        log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
        Ok(log)
    }
}
