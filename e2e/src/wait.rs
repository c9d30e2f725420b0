//! Waiting for something to come true.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Long enough for anything that happens at all, on a slow machine too. Tests
/// wait on conditions: only one that fails ever takes this long.
pub const PATIENCE: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(50);

/// Asks `probe` again and again until it answers with a value. While it is not
/// yet so, the probe answers with an error that says what is missing; the last
/// of these is part of the error after the time is over.
pub async fn wait_until<T>(
    what: &str,
    patience: Duration,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let begin = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return Ok(value),
            Err(missing) if begin.elapsed() > patience => {
                return Err(missing).with_context(|| format!("waited {patience:?} for {what}"));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
