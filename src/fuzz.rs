//! Coverage-guided fuzzing by libFuzzer, under `--cfg fuzzing` only: a database of these bytes goes the whole way to every
//! format. docs/development.md says how to run it.

#![allow(unsafe_code)]

use crate::cli::{Cli, Format};
use clap::{Parser, ValueEnum};
use std::time::{Duration, Instant};

/// rusqlite catches its own panic over a name that is not UTF-8, and denies the statement: that is no find.
fn abort_on_panics_of_ours() {
    std::panic::set_hook(Box::new(|panic| {
        if !panic.location().is_some_and(|place| place.file().contains("/rusqlite-")) {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: abort_on_panics_of_ours(), |bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("sched-audit-fuzz-{}.db", std::process::id()));
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
    let path = path.to_string_lossy();
    let arguments = ["sched-audit", "--timezone", "UTC", "--now", "2026-03-02T12:00:00Z", "--quiet", &path];
    let cli = Cli::try_parse_from(arguments).unwrap_or_else(|error| panic!("{error}"));
    let options = cli.options(crate::clock_now()).unwrap_or_else(|error| panic!("{error}"));
    let started = Instant::now();
    let report = crate::audit_all(&cli, &options, started, started + Duration::from_secs(5));
    for &format in Format::value_variants() {
        let mut target = cli.target.clone();
        target.format = format;
        let rendered = crate::render(&report, &target);
        rendered.unwrap_or_else(|error| panic!("{error}"));
    }
});
