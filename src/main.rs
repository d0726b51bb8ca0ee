//! sched-audit reports which jobs of an AI agent's scheduler have silently stopped working.
//!
//! Data flows one way. [`cli`] and [`config`] are merged into [`options`]. The [`runner`] takes the databases that [`discover`]
//! finds; of each, its scheduler's [`stores`] read a snapshot through [`db`], which is then closed, and [`audit`] judges it.
//! [`report`] renders the result, [`output`] writes it at once, [`notify`] tells what is new,
//! and the exit code follows. [`catalog`] lists everything that can
//! be reported; [`model`], [`settings`], [`schedule`], and [`time`] are the vocabulary of the others, [`secrets`] and [`shell`]
//! make texts safe to show. [`explain`], [`config_keys`], and [`generate`] print what needs no database. Verdicts depend on no clock but the one
//! that is read here.

#![cfg_attr(test, allow(clippy::panic))]
#![cfg_attr(fuzzing, no_main, allow(dead_code))]

mod audit;
mod catalog;
mod cli;
mod config;
mod config_keys;
mod db;
mod discover;
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
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|age| i64::try_from(age.as_millis()).ok());
    let now = time::Instant::from_millis(now.unwrap_or(0));
    let run = || match cli::Cli::try_parse() {
        Ok(cli) => session::run(cli, now, started),
        Err(message) => session::refuse(&message, now),
    };
    ExitCode::from(panics::catch(run).unwrap_or_else(|error| session::fail(&report::CallError::Internal(error))))
}
