//! Whether stdout was closed when the process started. Rust's own start-up opens /dev/null in its place, so that a report
//! would vanish and the exit code claim that it was written.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

extern "C" fn check() {
    // SAFETY: asks for the flags of a descriptor and changes nothing.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    CLOSED.store(flags == -1, Ordering::Relaxed);
}

/// Runs before Rust's start-up, as the loader does with every function that is listed here.
// SAFETY: the section holds pointers to functions of this type, and the function calls nothing but fcntl.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static CHECK: extern "C" fn() = check;

/// Whether nothing can be written to stdout because there is none.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}
