//! Signals that must not leave a half-written file behind.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// Beyond a file-size limit a write fails instead of ending the process, and before a signal ends it, `clean_up` is called.
///
/// # Errors
/// Why a signal can't be handled.
pub fn handle(clean_up: fn()) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGXFSZ])?;
    std::thread::Builder::new().spawn(move || {
        for signal in signals.forever().filter(|signal| *signal != SIGXFSZ) {
            clean_up();
            // It ends the process as the signal would have; if it can't, the next one will.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    })?;
    Ok(())
}
