//! What is said of a panic that was caught: no input should cause one, and if one does, its place helps to mend it.

use std::sync::Mutex;

/// Where the newest panic was. It is said only where one is caught as an internal error: rusqlite catches those of its own
/// hooks (a function's name in a corrupt schema that is no UTF-8) and turns them into errors of SQLite.
static PANICKED_AT: Mutex<String> = Mutex::new(String::new());

/// Keeps panics from printing, and remembers where they were.
pub fn remember_place() {
    std::panic::set_hook(Box::new(|info| {
        if let (Some(location), Ok(mut place)) = (info.location(), PANICKED_AT.lock()) {
            *place = format!("{}:{}", location.file(), location.line());
        }
    }));
}

/// The error to show for the panic that was caught last.
pub fn internal_error() -> String {
    let place = PANICKED_AT.lock().map_or_else(|_| String::new(), |place| place.clone());
    format!("internal error at {place}; please report it")
}
