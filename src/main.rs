//! sched-audit reports which jobs of an AI agent's scheduler have silently stopped working.
//!
//! In reading order, as data flows: [`cli`] and [`config`] are merged into [`options`], [`effective`] says where each comes from, and a [`session`] is one call
//! with them. Its [`runner`] takes the databases that [`discover`] finds, while [`progress`] counts them. Of each,
//! [`stores`] reads a snapshot through [`db`], which is then closed, and settles its [`zone`]; [`results`] looks for the
//! files that jobs should leave behind; [`audit`] writes what
//! became of each slot, judges it, and groups what is wrong by cause. [`report`] renders the result, [`output`] writes
//! it at once, [`notify`] tells what is new, and the exit code follows.
//!
//! The others are the vocabulary: [`model`] is what was read, [`settings`] what an operator may set, [`catalog`]
//! everything that can be reported, [`schedule`] and [`time`] are slots and instants, [`text`] and [`numbers`]
//! sentences and what stands in them. [`secrets`] and [`shell`] make texts safe to show. [`explain`], [`config_keys`],
//! and [`generate`] print what needs no database; [`terminal`], [`signals`], [`panics`], and [`parallel`] are about the
//! process. Verdicts depend on no clock but the one that is read here.

#![cfg_attr(test, allow(clippy::panic))]
#![cfg_attr(fuzzing, no_main, allow(dead_code))]

mod audit;
mod catalog;
mod cli;
mod config;
mod config_keys;
mod db;
mod discover;
mod effective;
mod explain;
#[cfg(fuzzing)]
mod fuzz;
mod generate;
mod model;
mod notify;
mod numbers;
mod options;
mod output;
mod panics;
mod parallel;
mod progress;
mod report;
mod results;
mod runner;
mod schedule;
mod secrets;
mod session;
mod settings;
mod shell;
mod signals;
mod stores;
mod terminal;
mod text;
mod time;
mod zone;

use clap::Parser;
use std::process::ExitCode;
use std::time::{Instant as Clock, SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    panics::remember();
    let started = Clock::now();
    let run = || match cli::Cli::try_parse() {
        Ok(cli) => session::run(cli, now, started),
        Err(message) => session::refuse(&message, now()),
    };
    ExitCode::from(panics::catch(run).unwrap_or_else(|error| session::fail(&report::CallError::Internal(error))))
}

/// The current time.
fn now() -> time::Instant {
    if let Some(instant) = time_of_tests() {
        return instant;
    }
    let age = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|age| i64::try_from(age.as_millis()).ok());
    time::Instant::from_millis(age.unwrap_or(0))
}

/// The time that tests of --notify give to a debug build: what is told depends on the clock, which nothing else may set.
fn time_of_tests() -> Option<time::Instant> {
    let given = if cfg!(debug_assertions) { std::env::var("SCHED_AUDIT_TEST_CLOCK").ok() } else { None };
    settings::parse_instant(&given?).ok()
}
