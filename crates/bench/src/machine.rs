//! What the figures were measured on.

use serde::Serialize;

/// Printed above every table and written into every JSON file.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub isa: &'static str,
    pub bert_by_hand: &'static str,
    /// Of the libraries on the other side.
    pub versions: serde_json::Value,
}

impl Machine {
    /// Asks the system, and prints it.
    ///
    /// # Errors
    /// Standard output that cannot be written.
    pub fn describe(versions: serde_json::Value) -> anyhow::Result<Self> {
        let machine = Self {
            cpu: cpu(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            isa: bert_kernels::isa().name(),
            bert_by_hand: env!("CARGO_PKG_VERSION"),
            versions,
        };
        let Self { cpu, cores, isa, versions, .. } = &machine;
        show!("{cpu}, {cores} cores, {isa}; against {versions}");
        show!("medians of alternating turns (lowest-highest)\n");
        Ok(machine)
    }
}

/// The processor's name, where the system tells it.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let name = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}
