//! sched-audit says which jobs of an AI agent's scheduler have silently stopped working.
//!
//! Data flows one way: argv and a [`config`] file become [`cli`] options and a [`policy`]. For each database of the [`fleet`] its
//! scheduler's [`stores`] read a snapshot through [`db`], which is then closed; [`audit`] judges it; [`report`] makes the text,
//! which [`output`] writes at once; then comes the exit code. [`time`], [`cadence`] and [`model`] are the vocabulary of the
//! others; [`explain`] and [`generate`] print what is true without a database. [`process`] and [`panics`] see to it that the
//! process always ends with one of its exit codes. Only this file knows the clock and the exit code.

#![cfg_attr(test, allow(clippy::panic))]
#![cfg_attr(fuzzing, no_main, allow(dead_code))]

mod time;

mod cadence;

mod model;

mod policy;

mod config;

mod cli;

mod db;

mod stores;

mod audit;

mod report;

mod fleet;

mod output;

mod explain;

mod generate;

mod panics;

mod process;

#[cfg(fuzzing)]
mod fuzz;

use clap::Parser;
use cli::{Cli, ColorWhen, Format, Options, Target};
use report::{COULD_NOT_AUDIT, Report, safe, table};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant as Clock, SystemTime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A table needs so many columns.
const NARROWEST: u16 = 40;
/// What a time-out may be overstepped by to say that it was.
const TIME_TO_SAY_SO: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    panics::remember_place();
    ExitCode::from(std::panic::catch_unwind(run).unwrap_or_else(|_| {
        complain(&panics::internal_error());
        COULD_NOT_AUDIT
    }))
}

fn run() -> u8 {
    let started = Clock::now();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) if message.use_stderr() => return wrong_arguments(&message),
        Err(help) => return help.print().map_or(COULD_NOT_AUDIT, |()| 0),
    };
    if let Some(text) = said_without_database(&cli) {
        return text.map_or_else(|error| fail(&error), |text| finish(&text, 0, &cli.target));
    }
    if let Err(error) = process::withstand_signals() {
        return tell(&failed_report(format!("signals can't be handled: {error}")), &cli.target);
    }
    match cli.options(clock_now()) {
        Ok(options) => by_deadline(cli, options, started),
        Err(error) => tell(&failed_report(error), &cli.target),
    }
}

fn said_without_database(cli: &Cli) -> Option<Result<String, String>> {
    let topic = || cli.explain.as_deref().map(|name| Ok(explain::explain(name)));
    cli.generate.map(generate::generate).or_else(topic)
}

/// Audits, judges, renders and writes in a thread of its own, so that the time-out is kept whatever hangs.
fn by_deadline(cli: Cli, options: Options, started: Clock) -> u8 {
    let deadline = started + Duration::from_millis(options.timeout.max(0) as u64);
    let target = cli.target.clone();
    let (sender, done) = std::sync::mpsc::channel();
    let work = move || {
        let code = std::panic::catch_unwind(|| {
            let report = audit_all(&cli, &options, started, deadline);
            if cli.check_config && report.unread().is_empty() {
                return finish(&report::policy::render(&report, &options.policy), 0, &cli.target);
            }
            let quiet = cli.only_trouble && report.exit_code() == 0;
            if quiet { 0 } else { tell(&report, &cli.target) }
        });
        // Nobody waits any more after the deadline.
        let _ = sender.send(code.map_err(|_| panics::internal_error()));
    };
    if let Err(error) = std::thread::Builder::new().spawn(work) {
        return tell(&failed_report(format!("a thread can't be started: {error}")), &target);
    }
    match done.recv_timeout(deadline.saturating_duration_since(Clock::now()) + TIME_TO_SAY_SO) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => fail(&error),
        Err(_) => {
            output::clean_up();
            fail("could not be judged and told before the time-out; give it longer with --timeout")
        }
    }
}

fn audit_all(cli: &Cli, options: &Options, started: Clock, deadline: Clock) -> Report {
    let policy = &options.policy;
    let mut databases = fleet::audit(fleet::Request {
        databases: options.databases.clone(),
        directories: options.recursive.clone(),
        policy: policy.clone(),
        store: cli.store,
        deadline,
        progress: !cli.target.quiet,
    });
    let now = policy.settings.now;
    let unmatched = fleet::hold_against(&mut databases, policy);
    let databases = if unmatched.is_empty() { Ok(databases) } else { Err(unmatched) };
    Report { now, took: started.elapsed(), databases, fail_on: options.fail_on }
}

fn failed_report(error: String) -> Report {
    Report { now: clock_now(), took: Duration::ZERO, databases: Err(error), fail_on: cli::FailOn::default() }
}

/// Programs that read a format get the failure in it; people have been told by clap.
fn wrong_arguments(message: &clap::Error) -> u8 {
    // There is nothing left to tell a failure to.
    let _ = message.print();
    let target = Target::of_wrong_arguments();
    if target.format == Format::Table || target.quiet {
        return COULD_NOT_AUDIT;
    }
    let text = message.render().to_string();
    let why = text.lines().next().map_or("", |line| line.trim_start_matches("error: "));
    say(&failed_report(why.to_owned()), &target)
}

/// Says on stderr what could not be done, and on stdout or in a file the report.
fn tell(report: &Report, target: &Target) -> u8 {
    report.complaints().iter().for_each(|complaint| complain(complaint));
    if target.quiet { report.exit_code() } else { say(report, target) }
}

fn say(report: &Report, target: &Target) -> u8 {
    render(report, target).map_or_else(|error| fail(&error), |text| finish(&text, report.exit_code(), target))
}

fn render(report: &Report, target: &Target) -> Result<String, String> {
    match target.format {
        Format::Table => Ok(table::render(report, look(target))),
        Format::Json => Ok(report::json::render(report)),
        Format::Ndjson => Ok(report::json::render_lines(report)),
        Format::Prometheus => report::prometheus::render(report),
        Format::Nagios => Ok(report::nagios::render(report)),
        Format::Github => Ok(report::github::render(report)),
        Format::Junit => report::junit::render(report),
        Format::Html => Ok(report::html::render(report)),
    }
}

/// The one write, and the exit code if it succeeds.
fn finish(text: &str, exit_code: u8, target: &Target) -> u8 {
    let written = match &target.output {
        Some(path) => output::to_file(text, path),
        None => output::to_stdout(text),
    };
    written.map_or_else(|error| fail(&error), |()| exit_code)
}

fn fail(error: &str) -> u8 {
    complain(error);
    COULD_NOT_AUDIT
}

fn clock_now() -> time::Instant {
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    time::Instant::from_millis(age.map_or(0, |age| age.as_millis() as i64))
}

fn complain(text: &str) {
    // There is nothing left to tell a failure to.
    let _ = writeln!(std::io::stderr(), "sched-audit: {}", safe::text(text, 1000));
}

fn look(target: &Target) -> table::Look {
    let terminal = std::io::stdout().is_terminal() && target.output.is_none();
    let color = match target.color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            terminal && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    };
    let width = if terminal { terminal_width() } else { columns() };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let utf8 = locale.is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8"));
    table::Look { color, width, utf8, all: target.all }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn terminal_width() -> u16 {
    terminal_size::terminal_size().map_or_else(columns, |(width, _)| width.0).max(NARROWEST)
}

/// The width that COLUMNS asks for, else the usual one.
fn columns() -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked.unwrap_or(table::DEFAULT_WIDTH).max(NARROWEST)
}
