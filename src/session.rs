//! One call from the command line to the exit code: audit, render, write.

use crate::cli::{Cli, ColorWhen, OutputArgs};
use crate::notify::{self, Notify, NotifyError, Sight};
use crate::options::{self, DEFAULT_TIMEOUT, Options};
use crate::report::{self, COULD_NOT_AUDIT, CallError, Format, Report, sanitize};
use crate::terminal::Style;
use crate::time::Instant;
use crate::{explain, generate, output, panics, runner, signals};
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant as Clock};

/// How far past the time-out an audit may go to report that it was late.
const GRACE: Duration = Duration::from_millis(100);
/// How long a full pipe may hold up a message on stderr.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest message on stderr.
const MAX_MESSAGE_LEN: usize = 1000;

/// Does what the command line asks for and returns the exit code.
pub fn run(cli: Cli, clock: fn() -> Instant, started: Clock) -> u8 {
    if let Some(text) = offline_output(&cli) {
        let written = |text: String| write_out(|out| out.write_all(text.as_bytes()), 0, &cli.output, &[]);
        return text.map_or_else(|error| fail(&error), written);
    }
    let output = cli.output.clone();
    let arguments: Vec<PathBuf> = cli.databases.iter().chain(&cli.config).cloned().collect();
    let failed = |error| emit(&Report::failed(error, clock()), &output, &arguments);
    if let Err(error) = signals::handle(output::clean_up) {
        return failed(CallError::Signals(error));
    }
    let without_file = Notify::without_file(&cli).map(|notify| (notify, options::named_by(&cli)));
    match (Options::new(cli, clock()), without_file) {
        (Ok(options), _) => audit(options, clock, started),
        (Err(error), None) => failed(CallError::Options(error.to_string())),
        (Err(error), Some((notify, call))) => {
            let sight = Sight { call, ..Sight::default() };
            tell_failure(&notify, &sight, CallError::Options(error.to_string()), clock, started)
        }
    }
}

/// What can be printed without a database.
fn offline_output(cli: &Cli) -> Option<Result<String, generate::GenerateError>> {
    let topic = || cli.explain.as_deref().map(|name| Ok(explain::explain(name)));
    cli.generate.map(generate::generate).or_else(topic)
}

/// Audits, tells what is new, and writes the report. With --notify, the report is only written to a file.
fn audit(options: Options, clock: fn() -> Instant, started: Clock) -> u8 {
    let Some(notify) = options.notify.clone() else {
        let options = Arc::new(options);
        let report = in_time(&options, started);
        complain_of(&report, &options.output);
        return write(&report, &options);
    };
    if options.notify_test {
        return complain_of_telling(&notify.try_out(clock()), 0);
    }
    tell(&notify, options, clock, started)
}

/// Audits and tells what is new when it is this call's turn; the time of the audit is that of the turn.
fn tell(notify: &Notify, mut options: Options, clock: fn() -> Instant, started: Clock) -> u8 {
    let memory = notify.recall(&options.databases, &options.directories, started + options.timeout);
    options.policy.settings.now = clock();
    let options = Arc::new(options);
    let report = in_time(&options, Clock::now());
    let errors = notify.tell(&report, &options.sight(), memory);
    if options.output.file.is_some() && write(&report, &options) != report.exit_code() {
        return complain_of_telling(&errors, COULD_NOT_AUDIT);
    }
    complain_of_telling(&errors, notify::exit_code(&report))
}

/// Tells that the options can't be used, as of a database that can't be audited.
fn tell_failure(notify: &Notify, sight: &Sight, error: CallError, clock: fn() -> Instant, started: Clock) -> u8 {
    eprint(&error);
    let memory = notify.recall(&[], &[], started + DEFAULT_TIMEOUT);
    let report = Report::failed(error, clock());
    complain_of_telling(&notify.tell(&report, sight, memory), COULD_NOT_AUDIT)
}

/// Prints what went wrong when news were told, and returns the exit code.
fn complain_of_telling(errors: &[NotifyError], exit_code: u8) -> u8 {
    errors.iter().for_each(eprint);
    if errors.is_empty() { exit_code } else { COULD_NOT_AUDIT }
}

/// Audits in a thread of its own, so that the time-out holds whatever hangs. Writing has no deadline: however slowly the report is
/// read, it is read whole.
fn in_time(options: &Arc<Options>, started: Clock) -> Report {
    let deadline = started + options.timeout + GRACE;
    let (sender, report) = channel();
    let theirs = options.clone();
    let work = move || {
        // No one is waiting any more after the deadline.
        let _ = sender.send(panics::catch(|| runner::run(&theirs, started)));
    };
    let spawned = std::thread::Builder::new().spawn(work).map_err(CallError::Thread);
    let done = spawned.and_then(|_| {
        let report = report.recv_timeout(deadline.saturating_duration_since(Clock::now()));
        report.map_err(|_| CallError::TimedOut)?.map_err(CallError::Internal)
    });
    done.unwrap_or_else(|error| Report::failed(error, options.policy.settings.now))
}

/// Writes a report, and returns the exit code.
fn write(report: &Report, options: &Options) -> u8 {
    let output = &options.output;
    let is_settings = options.check_config.is_some() && report.errors().is_empty();
    let exit_code = if is_settings { 0 } else { report.exit_code() };
    let is_silent = options.only_trouble && exit_code == 0;
    // A file would keep the trouble of an earlier call.
    if output.quiet || is_silent && output.file.is_none() {
        return exit_code;
    }
    let render = |out: &mut dyn Write| if is_silent { Ok(()) } else { render(report, options, out) };
    write_out(render, exit_code, output, &options.inputs())
}

fn render(report: &Report, options: &Options, out: &mut dyn Write) -> std::io::Result<()> {
    if let Some(settings) = &options.check_config
        && report.errors().is_empty()
    {
        return out.write_all(report::render_settings(report, &options.policy, settings).as_bytes());
    }
    render_as(report, &options.output, out)
}

fn render_as(report: &Report, output: &OutputArgs, out: &mut dyn Write) -> std::io::Result<()> {
    report::render(report, output.format, style(output), output.all, out)
}

fn style(output: &OutputArgs) -> Style {
    let color = match output.color {
        ColorWhen::Auto => None,
        ColorWhen::Always => Some(true),
        ColorWhen::Never => Some(false),
    };
    Style::detect(color, output.file.is_some())
}

/// Reports a failed call on stderr and in the format that was asked for, so that no stale file looks healthy.
fn emit(report: &Report, output: &OutputArgs, arguments: &[PathBuf]) -> u8 {
    complain_of(report, output);
    if output.quiet {
        return report.exit_code();
    }
    write_out(|out| render_as(report, output, out), report.exit_code(), output, arguments)
}

/// Prints what could not be audited on stderr, unless the same terminal shows it in the table.
fn complain_of(report: &Report, output: &OutputArgs) {
    let in_table = output.format == Format::Table && output.file.is_none() && !output.quiet;
    if !(in_table && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()) {
        report.errors().iter().for_each(eprint);
    }
}

/// Prints clap's message: help, or what is wrong with the arguments. Wrong arguments never write a file; programs that read
/// stdout get the error in their format.
pub fn refuse(message: &clap::Error, now: Instant) -> u8 {
    if !message.use_stderr() {
        return message.print().map_or(COULD_NOT_AUDIT, |()| 0);
    }
    let shown = message.render().ansi().to_string();
    complain(move || {
        // If this fails, there is nowhere left to report it.
        let _ = anstream::stderr().write_all(shown.as_bytes());
    });
    let (format, quiet) = OutputArgs::of_wrong_arguments();
    if quiet || format == Format::Table {
        return COULD_NOT_AUDIT;
    }
    let text = message.render().to_string();
    let why = text.lines().next().map_or("", |line| line.trim_start_matches("error: "));
    let report = Report::failed(CallError::Options(why.to_owned()), now);
    let output = OutputArgs { format, ..OutputArgs::default() };
    write_out(|out| render_as(&report, &output, out), COULD_NOT_AUDIT, &output, &[])
}

/// The one write, and the exit code if it succeeds; `arguments` are the files that the call reads.
fn write_out(
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    exit_code: u8,
    output: &OutputArgs,
    arguments: &[PathBuf],
) -> u8 {
    let guard = || output::Guard { arguments: arguments.to_vec(), overwrites: output.overwrite };
    let written = match &output.file {
        Some(path) => output::to_file(write, path, &guard()),
        None => output::to_stdout(write),
    };
    written.map_or_else(|error| fail(&error), |()| exit_code)
}

/// Prints an error that no report can contain.
pub fn fail(error: &impl Display) -> u8 {
    eprint(error);
    COULD_NOT_AUDIT
}

fn eprint(text: &impl Display) {
    let line = format!("sched-audit: {}\n", sanitize::workflow_text(&text.to_string(), MAX_MESSAGE_LEN));
    complain(move || {
        // If this fails, there is nowhere left to report it.
        let _ = std::io::stderr().write_all(line.as_bytes());
    });
}

/// Writes to stderr, but not for longer than it takes to see that no one reads it; after that, not at all.
fn complain(write: impl FnOnce() + Send + 'static) {
    static UNREAD: AtomicBool = AtomicBool::new(false);
    if UNREAD.load(Ordering::Relaxed) {
        return;
    }
    let (sender, written) = channel();
    let write = move || {
        write();
        // No one is waiting any more after the patience.
        let _ = sender.send(());
    };
    if std::thread::Builder::new().spawn(write).is_ok() {
        UNREAD.store(written.recv_timeout(PATIENCE).is_err(), Ordering::Relaxed);
    }
}
