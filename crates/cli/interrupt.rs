//! Ctrl-C: the first one asks, the second one insists.

use crate::common::say;
use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
/// What a training says.
pub const SAVING: &str = "stopping after this step, and saving; Ctrl-C again stops at once";
/// A command with several seeds trains several times, and a handler is installed once.
static INSTALL: Once = Once::new();

// ANCHOR: stop
/// A flag that the first Ctrl-C (or a request to terminate) sets, and says so. The second one ends the program at
/// once.
pub fn stop_on_ctrl_c(message: &'static str) -> &'static AtomicBool {
    INSTALL.call_once(|| {
        let installed = ctrlc::set_handler(move || {
            if STOP.swap(true, Ordering::Relaxed) {
                process::exit(1);
            }
            say(message);
        });
        if let Err(error) = installed {
            crate::common::warn(&format!("Ctrl-C will end the program at once: {error}"));
        }
    });
    &STOP
}
// ANCHOR_END: stop
