//! Panics: no input should cause one. If one does, its message and place help to fix it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// What the last panic said and where. It is shown only where one is caught as an internal error: rusqlite catches those of
/// its own hooks (a function's name in a corrupt schema that is not UTF-8) and turns them into errors of SQLite.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Keeps panics from printing, and remembers the last one.
pub fn remember() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        if let Ok(mut last) = LAST.lock() {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            *last = format!("{}{place}", text.unwrap_or("a panic"));
        }
    }));
}

/// Does the work.
///
/// # Errors
/// What it panicked with.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What the work leaves behind half done is not used after a panic.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| LAST.lock().map_or_else(|_| String::new(), |last| last.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_reported_with_its_message_and_place() {
        remember();
        let caught = catch(|| panic!("index {} is odd", 7)).err().unwrap_or_default();
        drop(std::panic::take_hook());
        assert!(caught.starts_with("index 7 is odd at src/panics.rs:"), "{caught}");
    }
}
