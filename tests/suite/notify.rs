//! `--notify`: told once, never lost.

use crate::{HOURLY, History, Run, command, fixture};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const INCIDENT: &str = "2026-04-30T12:00:00Z";
const RECOVERED: &str = "2026-05-01T06:25:30Z";

/// A database with a place of its own for the state, and a log that commands append to.
struct Teller {
    home: tempfile::TempDir,
}

impl Teller {
    fn new() -> Teller {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("data")).unwrap();
        let teller = Teller { home };
        teller.copy("incident.db");
        teller
    }

    fn copy(&self, name: &str) {
        std::fs::copy(fixture(name), self.database()).unwrap();
    }

    fn database(&self) -> PathBuf {
        self.home.path().join("data/phantom.db")
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("state.json")
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// The command that appends what it is told to the log.
    fn append(&self) -> String {
        format!("cat >> {}", self.log().display())
    }

    fn told(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        log.lines().filter(|line| line.contains(" on ") && !line.starts_with(' ')).map(str::to_owned).collect()
    }

    fn call(&self, notify: &str, now: &str, database: &Path, more: &[&str]) -> Command {
        let mut call = command();
        call.args(["--notify", notify, "--now", now]).arg("--state").arg(self.state()).args(more).arg(database);
        call.stdin(Stdio::null());
        call
    }

    fn tell(&self, notify: &str, now: &str, more: &[&str]) -> Run {
        self.call(notify, now, &self.database(), more).output().unwrap().into()
    }
}

#[test]
fn an_incident_is_told_once_and_its_end_once() {
    let teller = Teller::new();
    let first = teller.tell("-", INCIDENT, &[]);
    assert!(first.code == 2 && first.out.starts_with("CRITICAL on ") && first.err.is_empty(), "{}", first.out);
    for part in [
        "heartbeat has not run for 26h: stopped after 10 errors in a row",
        "2026-04-29 10:00 UTC",
        "\nsqlite3 ",
        "Error   ",
    ] {
        assert!(first.out.contains(part), "{part}: {}", first.out);
    }
    let again = teller.tell("-", "2026-04-30T12:10:00Z", &[]);
    assert_eq!((again.code, again.out.as_str(), again.err.as_str()), (2, "", ""));
    teller.copy("recovered.db");
    let over = teller.tell("-", RECOVERED, &[]);
    assert!(over.out.starts_with("OVER after 40h on ") && over.out.contains("heartbeat has not run"), "{}", over.out);
    assert_eq!(teller.tell("-", RECOVERED, &[]).out, "");
}

#[test]
fn a_command_gets_the_news_on_stdin_and_the_facts_in_its_environment() {
    let teller = Teller::new();
    let facts = "env | grep ^SCHED_AUDIT_ | sort >&2; cat";
    let run = teller.tell(facts, INCIDENT, &[]);
    assert!(run.code == 2 && run.out.contains("Seen    10 failed runs"), "{}", run.out);
    for fact in [
        "SCHED_AUDIT_EVENT=new",
        "SCHED_AUDIT_SEVERITY=critical",
        "SCHED_AUDIT_FINGERPRINT=ea1abcca7f241b8e",
        "SCHED_AUDIT_TITLE=CRITICAL on ",
        &format!("SCHED_AUDIT_DATABASE={}", teller.database().display()),
    ] {
        assert!(run.err.contains(fact), "{fact}: {}", run.err);
    }
    assert_eq!(teller.tell(facts, INCIDENT, &[]).err, "", "nothing is run if nothing is new");
}

#[test]
fn what_a_failing_command_was_told_is_told_again() {
    let teller = Teller::new();
    for _ in 0..2 {
        let failed = teller.tell("false", INCIDENT, &[]);
        assert!(failed.code == 3 && failed.err.contains("told again by the next call"), "{}", failed.err);
    }
    assert!(!teller.state().exists());
    assert_eq!(teller.tell("true", INCIDENT, &[]).code, 2);
    assert_eq!(teller.tell("false", INCIDENT, &[]).code, 2, "nothing was new");
    teller.copy("recovered.db");
    assert_eq!(teller.tell("false", RECOVERED, &[]).code, 3);
    assert!(teller.tell("-", RECOVERED, &[]).out.starts_with("OVER "), "an end is not lost either");
}

#[test]
fn of_200_calls_at_the_same_time_one_tells() {
    let teller = Teller::new();
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let mut call = teller.call(&teller.append(), INCIDENT, &teller.database(), &["--timeout", "60s"]);
            call.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut call in calls {
        assert_eq!(call.wait().unwrap().code(), Some(2));
    }
    assert_eq!(teller.told().len(), 1, "{:?}", teller.told());
}

#[test]
fn a_call_that_is_killed_tells_twice_at_worst() {
    let teller = Teller::new();
    // The command is over, and the state not yet written.
    let notify = format!("{}; kill -9 $PPID", teller.append());
    assert_eq!(teller.call(&notify, INCIDENT, &teller.database(), &[]).status().unwrap().code(), None);
    assert_eq!(teller.tell(&teller.append(), INCIDENT, &[]).code, 2);
    assert_eq!(teller.tell(&teller.append(), INCIDENT, &[]).code, 2);
    assert_eq!(teller.told().len(), 2, "{:?}", teller.told());
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let teller = Teller::new();
    let call = teller.call("-", INCIDENT, &teller.database(), &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(call.get_program()).args(call.get_args());
    shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(teller.home.path());
    let full = Run::from(shell.output().unwrap());
    assert!(full.code == 3 && full.err.contains("state.json: can't be written"), "{}", full.err);
    assert!(full.out.starts_with("CRITICAL ") && teller.tell("-", INCIDENT, &[]).out.starts_with("CRITICAL "));
    assert_eq!(teller.tell("-", INCIDENT, &[]).out, "");
}

#[test]
fn a_hostile_name_neither_runs_nor_hides_anything() {
    let history = History::new();
    for (id, name) in [("a", "x\nCRITICAL on y: z"), ("b", "$(touch hacked)`touch hacked`'\"; touch hacked")] {
        history.job(id, "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
        history.sql(&format!("UPDATE scheduled_jobs SET name = '{}' WHERE id = '{id}'", name.replace('\'', "''")));
    }
    let teller = Teller::new();
    let titles = teller.home.path().join("titles");
    let notify = format!("{}; printf '%s\\n' \"$SCHED_AUDIT_TITLE\" >> {}", teller.append(), titles.display());
    let mut call = teller.call(&notify, "2026-03-02T10:30:00Z", &history.path, &[]);
    assert_eq!(call.current_dir(teller.home.path()).status().unwrap().code(), Some(2));
    assert_eq!(teller.told().len(), 2, "{:?}", teller.told());
    assert_eq!(std::fs::read_to_string(titles).unwrap().lines().count(), 2);
    assert!(!teller.home.path().join("hacked").exists());
}

#[test]
fn what_was_told_of_one_database_says_nothing_about_another() {
    let (teller, other) = (Teller::new(), Teller::new());
    let tell = |database: &Path, now: &str| Run::from(teller.call("-", now, database, &[]).output().unwrap()).out;
    assert!(tell(&teller.database(), INCIDENT).starts_with("CRITICAL "));
    assert!(tell(&other.database(), INCIDENT).starts_with("CRITICAL "), "the same incident elsewhere");
    assert_eq!(tell(&teller.database(), INCIDENT), "", "told before the other database was looked at");
    std::fs::remove_file(teller.database()).unwrap();
    assert!(tell(&teller.database(), INCIDENT).contains("could not be audited"));
    assert_eq!(tell(&teller.database(), INCIDENT), "");
    teller.copy("recovered.db");
    let over = tell(&teller.database(), RECOVERED);
    assert!(over.matches("OVER ").count() == 2 && over.contains("heartbeat has not run"), "{over}");
}

#[test]
fn severities_that_rise_and_reminders_are_told() {
    let teller = Teller::new();
    let history = History::new();
    history.job("a", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("a", &["2026-03-02 10:01:00"]);
    let on = |now: &str, more: &[&str]| {
        let more = [&["--notify-on", "warning"], more].concat();
        Run::from(teller.call("-", now, &history.path, &more).output().unwrap()).out
    };
    assert_eq!(on("2026-03-02T11:10:00Z", &[]), "");
    assert!(on("2026-03-02T11:20:00Z", &[]).starts_with("WARNING on "));
    assert_eq!(on("2026-03-02T11:50:00Z", &[]), "");
    assert!(on("2026-03-02T13:50:00Z", &[]).starts_with("CRITICAL, worse than before on "));
    assert_eq!(on("2026-03-03T13:49:59Z", &["--remind", "24h"]), "");
    assert!(on("2026-03-03T13:50:00Z", &["--remind", "24h"]).starts_with("CRITICAL, still on "));
    assert_eq!(on("2026-03-03T13:55:00Z", &["--remind", "24h"]), "");
}

#[test]
fn other_jobs_muted_ones_and_a_foreign_state_file_are_not_taken_for_an_end() {
    let teller = Teller::new();
    assert!(teller.tell("-", INCIDENT, &[]).out.starts_with("CRITICAL "));
    assert_eq!(teller.tell("-", INCIDENT, &["--job", "mail-*"]).out, "");
    let config = teller.home.path().join("config.toml");
    std::fs::write(&config, "[[mute]]\nfingerprint = \"ea1abcca7f241b8e\"\n").unwrap();
    assert_eq!(teller.tell("-", INCIDENT, &["--config", config.to_str().unwrap()]).out, "");
    std::fs::write(teller.state(), "{\"notes\": []}").unwrap();
    let foreign = teller.tell("-", INCIDENT, &[]);
    assert!(foreign.code == 3 && foreign.out.starts_with("CRITICAL "), "{}", foreign.err);
    assert_eq!(std::fs::read_to_string(teller.state()).unwrap(), "{\"notes\": []}", "and it is kept");
}

#[test]
fn nothing_is_written_beside_a_database() {
    let teller = Teller::new();
    for state in ["data/state.json", "data/../data/s.json"] {
        let state = teller.home.path().join(state);
        let mut call = command();
        call.args(["--notify", "-", "--now", INCIDENT]).arg("--state").arg(&state).arg(teller.database());
        let run = Run::from(call.output().unwrap());
        assert!(run.code == 3 && run.err.contains("in the directory of a database"), "{}", run.err);
    }
    assert_eq!(std::fs::read_dir(teller.home.path().join("data")).unwrap().count(), 1);
}
