//! What the process itself does and must withstand: threads, signals, a closed stdout.

#![allow(unsafe_code)]

use crate::output;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether stdout was closed when the process started. Rust's own start-up opens /dev/null in its place, so that a report
/// would vanish and the exit code say that it was written.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

extern "C" fn look_at_stdout() {
    // SAFETY: asks for the flags of a descriptor and changes nothing.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    STDOUT_CLOSED.store(flags == -1, Ordering::Relaxed);
}

/// Runs before Rust's start-up, as the loader does with every function that is listed here.
// SAFETY: the section holds pointers to functions of this type, and the function calls nothing but fcntl.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_AT_STDOUT: extern "C" fn() = look_at_stdout;

/// Whether nothing can be written to stdout because there is none.
pub fn stdout_was_closed() -> bool {
    STDOUT_CLOSED.load(Ordering::Relaxed)
}

/// Makes signals harmless: beyond a file-size limit a write fails instead of ending the process, and what ends it leaves no
/// unfinished file behind.
///
/// # Errors
/// Why a signal can't be handled.
pub fn withstand_signals() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGXFSZ])?;
    std::thread::Builder::new().spawn(move || {
        for signal in signals.forever().filter(|signal| *signal != SIGXFSZ) {
            output::clean_up();
            // It ends the process as the signal would have; if it can't, the next one will.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// Does one piece of work in a thread of its own while it does the other here.
///
/// # Errors
/// Why no thread could be started.
pub fn side_by_side<A: Send, B>(there: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> Result<(A, B), String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, there);
        let thread = thread.map_err(|error| format!("no thread could be started: {error}"))?;
        let here = here();
        Ok((thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), here))
    })
}
