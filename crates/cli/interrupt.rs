//! Ctrl-C: the first one asks, the second one insists.

use crate::common::say;
use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
/// A command with several seeds trains several times, and a handler is installed once.
static INSTALL: Once = Once::new();

// ANCHOR: stop
/// A flag that the first Ctrl-C (or a request to terminate) sets. The second one ends the program at
/// once.
pub fn stop_on_ctrl_c() -> &'static AtomicBool {
    INSTALL.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                process::exit(1);
            }
            say("stopping after this step, and saving; Ctrl-C again stops at once");
        });
        if let Err(error) = installed {
            crate::common::warn(&format!("Ctrl-C will not save: {error}"));
        }
    });
    &STOP
}
// ANCHOR_END: stop
