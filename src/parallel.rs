//! Threads.

/// Does one piece of work in a thread of its own while it does the other here.
///
/// # Errors
/// Why no thread could be started.
pub fn join<A: Send, B>(there: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> std::io::Result<(A, B)> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, there)?;
        let here = here();
        Ok((thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), here))
    })
}
