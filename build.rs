//! Ends the build on Windows with one sentence, before any error that would hide it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        println!("cargo::error=sched-audit runs on Linux and macOS; Windows is not supported.");
    }
}
