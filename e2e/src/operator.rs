//! The operator, run as a process with the identity that the chart gives it.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitStatus,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::sync::OnceCell;

use crate::{
    cluster::Cluster,
    http,
    installation::Installation,
    tether::{Signal, Tether, wait_for_end},
    wait::{PATIENCE, wait_until},
};

static SHARED: OnceCell<Operator> = OnceCell::const_new();
static STARTED: AtomicU32 = AtomicU32::new(0);

/// How much of the log a failed test prints.
const TAIL_LINES: usize = 60;

/// A running `msapp controller`. It is killed when this is dropped.
#[derive(Debug)]
pub struct Operator {
    installation: Installation,
    identity: String,
    credential: String,
    address: SocketAddr,
    log: PathBuf,
    tether: Mutex<Tether>,
}

impl Operator {
    /// The operator that watches all namespaces of [`Cluster::shared`], for
    /// tests that are content with a namespace of their own.
    ///
    /// # Panics
    /// When it does not start: no test can go on then.
    pub async fn shared() -> Shared {
        let operator = SHARED.get_or_init(|| async {
            let cluster = Cluster::shared().await;
            let installation = Installation::install(&cluster, "msapp-system", &[]).await;
            let installation = installation.expect("the chart can be installed");
            Self::start(&installation, &[]).await.expect("the shared operator starts")
        });
        Shared(operator.await)
    }

    /// Starts one with the arguments of the chart's Deployment and then
    /// `flags`, which win over them, and waits until it is ready.
    pub async fn start(installation: &Installation, flags: &[&str]) -> Result<Self> {
        let operator = Self::spawn(installation, flags).await?;
        operator.ready().await?;
        Ok(operator)
    }

    /// Starts one and does not wait.
    pub async fn spawn(installation: &Installation, flags: &[&str]) -> Result<Self> {
        let access = installation.access();
        let own = access.as_service_account(installation.namespace(), installation.service_account()).await?;
        let credential = own.credential().await?;
        let identity = format!("operator-{}", STARTED.fetch_add(1, Ordering::Relaxed));
        let address = free_address()?;
        let log = access.scratch().join(format!("{}-{identity}.log", installation.namespace()));
        let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let program = command_line(installation, address, flags)?;
        let environment = [
            ("KUBECONFIG".to_owned(), own.kubeconfig().into()),
            ("POD_NAME".to_owned(), OsString::from(&identity)),
            ("POD_NAMESPACE".to_owned(), installation.namespace().into()),
            ("RUST_BACKTRACE".to_owned(), "1".into()),
        ];
        let tether = Mutex::new(Tether::start(access.tools(), &program, &environment, &output)?);
        Ok(Self { installation: installation.clone(), identity, credential, address, log, tether })
    }

    /// Waits until `/readyz` says so.
    pub async fn ready(&self) -> Result<()> {
        wait_until(&format!("{} to be ready", self.identity), PATIENCE, async || {
            if let Some(status) = self.tether().ended()? {
                bail!("it ended with {status}:\n{}", self.tail());
            }
            let (code, body) = http::get(self.address, "/readyz").await?;
            ensure!(code == 200, "/readyz answers {code}: {body}\n{}", self.tail());
            Ok(())
        })
        .await
    }

    /// Ends it as a node that loses power would, and waits until it is gone.
    pub async fn kill9(&self) -> Result<()> {
        self.tether().signal(Signal::Kill);
        self.ended().await?;
        Ok(())
    }

    /// Asks it to end, as a kubelet would, and waits until it is gone.
    pub async fn terminate(&self) -> Result<ExitStatus> {
        self.tether().signal(Signal::Terminate);
        self.ended().await
    }

    /// Freezes it where it is.
    pub fn freeze(&self) {
        self.tether().signal(Signal::Stop);
    }

    /// Lets it go on after [`Operator::freeze`].
    pub fn thaw(&self) {
        self.tether().signal(Signal::Continue);
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> Result<bool> {
        Ok(self.tether().ended()?.is_none())
    }

    /// Waits until it ends, by itself or after a signal.
    pub async fn ended(&self) -> Result<ExitStatus> {
        wait_for_end(PATIENCE, || self.tether().ended()).await
    }

    /// The body of one of its pages, such as `/metrics`.
    pub async fn page(&self, path: &str) -> Result<String> {
        let (code, body) = http::get(self.address, path).await?;
        ensure!(code == 200, "{path} answers {code}: {body}");
        Ok(body)
    }

    /// Its metrics, in the format of Prometheus.
    pub async fn metrics(&self) -> Result<String> {
        self.page("/metrics").await
    }

    /// The value of one series, written as `/metrics` writes it, labels and all.
    pub async fn metric(&self, series: &str) -> Result<f64> {
        let metrics = self.metrics().await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.ok_or_else(|| anyhow!("there is no {series} in\n{metrics}"))?;
        value.parse().with_context(|| format!("the value of {series} is {value}"))
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Who it is for the API server, as the audit log has it.
    pub fn user(&self) -> String {
        self.installation.user()
    }

    /// What tells its requests from those of other operators with the same ServiceAccount.
    pub fn credential(&self) -> &str {
        &self.credential
    }

    /// Its name as the holder of the Lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The release of the chart that it belongs to.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// In a test that fails, tells what the operator did last.
    fn explain_failure(&self) {
        if thread::panicking() {
            eprintln!("--- the last lines of {}:\n{}\n---", self.identity, self.tail());
        }
    }

    fn tether(&self) -> MutexGuard<'_, Tether> {
        self.tether.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.explain_failure();
    }
}

/// The shared operator in the hands of one test.
#[derive(Debug)]
pub struct Shared(&'static Operator);

impl std::ops::Deref for Shared {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.0.explain_failure();
    }
}

/// The `msapp` binary beside the running program: built by the same cargo, or
/// named by `MSAPP_BINARY`.
pub fn msapp_binary() -> Result<PathBuf> {
    match env::var_os("MSAPP_BINARY") {
        Some(path) => Ok(path.into()),
        None => program("msapp"),
    }
}

/// A program of this workspace beside the running one, built by the same cargo.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("find the running program")?;
    // Tests are in a directory below the one with the binaries.
    let mut places = own.ancestors().skip(1).take(2).map(|directory| directory.join(name));
    places
        .find(|path| path.is_file())
        .with_context(|| format!("there is no {name} beside the running program: `cargo build` makes it"))
}

/// The chart's arguments, with an address that is free here.
fn command_line(installation: &Installation, address: SocketAddr, flags: &[&str]) -> Result<Vec<OsString>> {
    let mut line = vec![msapp_binary()?.into_os_string()];
    let chart = installation.arguments().iter().filter(|argument| !overridden(argument, flags));
    line.extend(chart.map(OsString::from));
    line.push(format!("--listen={address}").into());
    line.extend(flags.iter().map(OsString::from));
    Ok(line)
}

/// Whether the flags say otherwise than this argument of the form `--name=value`.
fn overridden(argument: &str, flags: &[&str]) -> bool {
    let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
    let own = name(argument);
    own == "--listen" || (own.starts_with("--") && flags.iter().any(|flag| name(flag) == own))
}

/// A loopback port that nobody uses at this moment.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?)
}
