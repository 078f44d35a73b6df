//! How much memory a process holds.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Of a process, in bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// Before there is a model.
    pub start: u64,
    /// At most.
    pub peak: u64,
}

impl Memory {
    /// What model and work took.
    pub fn above(&self) -> f64 {
        (self.peak - self.start) as f64
    }
}

/// Bytes as MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// `VmRSS` (now) or `VmHWM` (at most, so far) of this process, in bytes. The latter is what getrusage calls
/// ru_maxrss, except that it does not begin with what the parent held.
pub fn held(field: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")
        .context("memory is measured by what Linux tells in /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    ensure!(kib.is_some(), "/proc/self/status has no {field}");
    Ok(1024 * kib.unwrap_or_default())
}
