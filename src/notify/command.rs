//! Runs the operator's command.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant as Clock};

/// A command that takes longer is ended.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a running command is looked at.
const STEP: Duration = Duration::from_millis(10);

/// What a command is told by its environment.
pub type Environment = [(&'static str, String); 6];

/// A command for `sh -c`.
pub struct Command<'a> {
    line: &'a str,
    /// When all of its runs together have taken too long.
    deadline: Clock,
}

impl<'a> Command<'a> {
    /// The command.
    pub fn new(line: &'a str) -> Command<'a> {
        Command { line, deadline: Clock::now() + 2 * PATIENCE }
    }

    /// Runs it with a text on stdin.
    ///
    /// # Errors
    /// How it ended, if not with 0.
    pub fn run(&mut self, text: &str, environment: &Environment) -> Result<(), String> {
        let until = self.deadline.min(Clock::now() + PATIENCE);
        if Clock::now() >= until {
            return Err("no time was left for another run of the command".to_owned());
        }
        let mut child = start(self.line, environment).map_err(|error| format!("sh can't be started: {error}"))?;
        feed(&mut child, text);
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("the command failed ({status})")),
                Ok(None) if Clock::now() < until => std::thread::sleep(STEP),
                Ok(None) => {
                    end(&mut child);
                    return Err(format!("the command was ended after {} seconds", PATIENCE.as_secs()));
                }
                Err(error) => return Err(format!("the command can't be waited for: {error}")),
            }
        }
    }
}

/// Starts a command in a process group of its own, by which it can be ended with everything that it starts.
fn start(line: &str, environment: &Environment) -> std::io::Result<Child> {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line]).envs(environment.iter().map(|(name, value)| (name, value)));
    shell.stdin(Stdio::piped()).process_group(0).spawn()
}

/// Writes to a command that may not read: in a thread, which ends with the command.
fn feed(child: &mut Child, text: &str) {
    let Some(mut stdin) = child.stdin.take() else { return };
    let text = text.to_owned();
    let write = move || {
        // A command that takes all from its environment need not read.
        let _ = stdin.write_all(text.as_bytes());
    };
    // Where no thread can be started, the command reads nothing and gets its environment.
    let _ = std::thread::Builder::new().spawn(write);
}

/// Ends a command with everything that it has started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // What has ended by itself can't be ended.
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn nothing() -> Environment {
        ["A", "B", "C", "D", "E", "F"].map(|name| (name, String::new()))
    }

    #[test]
    fn a_command_is_ended_with_everything_that_it_started() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()));
        let line = format!("(echo started; sleep 20; echo survived) > {} & wait", pipe.display());
        let mut child = start(&line, &nothing()).unwrap_or_else(|error| panic!("{error}"));
        let mut pipe = std::fs::File::open(&pipe).unwrap_or_else(|error| panic!("{error}"));
        let mut said = [0; 8];
        assert!(pipe.read_exact(&mut said).is_ok() && &said == b"started\n");
        end(&mut child);
        // The pipe ends when the last process that writes to it is gone.
        let mut more = String::new();
        assert!(pipe.read_to_string(&mut more).is_ok());
        assert_eq!(more, "");
    }

    #[test]
    fn no_command_is_run_after_all_of_them_have_had_their_time() {
        let mut command = Command { line: "true", deadline: Clock::now() };
        let refused = command.run("", &nothing());
        assert_eq!(refused, Err("no time was left for another run of the command".to_owned()));
        assert_eq!(Command::new("true").run("", &nothing()), Ok(()));
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let mut command = Command { line: "sleep 100", deadline: Clock::now() + 5 * STEP };
        assert_eq!(command.run("", &nothing()), Err("the command was ended after 60 seconds".to_owned()));
    }
}
