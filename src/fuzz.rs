//! Coverage-guided fuzzing by libFuzzer, under `--cfg fuzzing` only: a database of these bytes goes all the way to every
//! format. docs/development.md says how to run it.

#![allow(unsafe_code)]

use crate::cli::Cli;
use crate::options::Options;
use crate::report::{self, Format};
use crate::terminal::Style;
use crate::time::Instant;
use clap::{Parser, ValueEnum};
use std::sync::Arc;

/// rusqlite catches its own panic over a name that is not UTF-8, and denies the statement: that is not a bug of ours.
fn abort_on_our_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if !panic.location().is_some_and(|place| place.file().contains("/rusqlite-")) {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: abort_on_our_panics(), |bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("sched-audit-fuzz-{}.db", std::process::id()));
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
    let path = path.to_string_lossy();
    let arguments =
        ["sched-audit", "--timezone", "UTC", "--now", "2026-03-02T12:00:00Z", "--timeout", "5s", "--quiet", &path];
    let cli = Cli::try_parse_from(arguments).unwrap_or_else(|error| panic!("{error}"));
    let options = Options::new(cli, Instant::MIN).unwrap_or_else(|error| panic!("{error}"));
    let report = crate::runner::run(&Arc::new(options), std::time::Instant::now());
    let style = Style { color: true, width: 80, utf8: true };
    for &format in Format::value_variants() {
        let rendered = report::render(&report, format, style, true, &mut std::io::sink());
        rendered.unwrap_or_else(|error| panic!("{error}"));
    }
});
