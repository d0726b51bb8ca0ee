//! `--notify`: told once, never lost.

use crate::{HOURLY, History, Run, command, fixture};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
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
        let is_title = |line: &&str| line.contains(" on ") && !line.starts_with("Where ");
        log.lines().filter(is_title).map(str::to_owned).collect()
    }

    fn call(&self, notify: &str, now: &str, database: &Path, more: &[&str]) -> Command {
        let mut call = command();
        call.args(["--notify", notify, "--process", "ignore"])
            .arg("--state")
            .arg(self.state())
            .args(more)
            .arg(database);
        call.env("SCHED_AUDIT_TEST_CLOCK", now).stdin(Stdio::null());
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
        "\n\nWhere     ",
        "\nSince     2026-04-29 10:00 UTC, 26 hourly runs lost\nError     Claude Code process exited with code 1",
        "\nDo        Fix that error, then revive the job. ",
        "\n\nsqlite3 ",
        "\n\nTold 2026-04-30 12:00 UTC. More: sched-audit --explain job-failing\n",
        "\nFingerprint ea1abcca7f241b8e. The next message is that it is over.\n",
    ] {
        assert!(first.out.contains(part), "{part}: {}", first.out);
    }
    let again = teller.tell("-", "2026-04-30T12:10:00Z", &[]);
    assert_eq!((again.code, again.out.as_str(), again.err.as_str()), (2, "", ""));
    teller.copy("recovered.db");
    let over = teller.tell("-", RECOVERED, &[]);
    assert!(over.out.starts_with("OVER on ") && over.out.contains(": heartbeat runs again, "), "{}", over.out);
    assert_eq!(teller.tell("-", RECOVERED, &[]).out, "");
}

#[test]
fn a_command_gets_the_news_on_stdin_and_the_facts_in_its_environment() {
    let teller = Teller::new();
    let facts = "env | grep ^SCHED_AUDIT_ | sort >&2; cat";
    let run = teller.tell(facts, INCIDENT, &[]);
    assert!(run.code == 2 && run.out.contains("Error     Claude Code process exited"), "{}", run.out);
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
            let mut call = teller.call(&teller.append(), INCIDENT, &teller.database(), &["--timeout", "30m"]);
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
    assert_eq!(tell(&teller.database(), INCIDENT), "", "it may be locked for a moment");
    assert!(tell(&teller.database(), INCIDENT).contains("could not be audited"));
    assert_eq!(tell(&teller.database(), INCIDENT), "");
    teller.copy("recovered.db");
    let over = tell(&teller.database(), RECOVERED);
    assert!(over.matches("OVER ").count() == 2 && over.contains("heartbeat runs again"), "{over}");
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
    assert!(on("2026-03-02T13:50:00Z", &[]).starts_with("Worse: CRITICAL on "));
    assert_eq!(on("2026-03-03T13:49:59Z", &["--remind", "24h"]), "");
    assert!(on("2026-03-03T13:50:00Z", &["--remind", "24h"]).starts_with("Still: CRITICAL on "));
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
    assert_eq!(std::fs::read_to_string(teller.home.path().join("state.json.1")).unwrap(), "{\"notes\": []}", "kept");
    assert_eq!(teller.tell("-", INCIDENT, &[]).out, "", "and not told again");
}

#[test]
fn nothing_is_written_beside_a_database() {
    let teller = Teller::new();
    for state in ["data/state.json", "data/../data/s.json"] {
        let state = teller.home.path().join(state);
        let mut call = command();
        call.args(["--notify", "-", "--process", "ignore"]).arg("--state").arg(&state).arg(teller.database());
        let run = Run::from(call.env("SCHED_AUDIT_TEST_CLOCK", INCIDENT).output().unwrap());
        assert!(run.code == 3 && run.err.contains("in the directory of a database"), "{}", run.err);
        assert!(run.out.starts_with("CRITICAL "), "{}", run.out);
    }
    assert_eq!(std::fs::read_dir(teller.home.path().join("data")).unwrap().count(), 1);
}

#[test]
fn the_key_of_the_config_file_makes_no_other_call_mute() {
    let teller = Teller::new();
    let config = teller.home.path().join("config.toml");
    std::fs::write(&config, format!("notify = {:?}\nstate = {:?}\n", teller.append(), teller.state())).unwrap();
    let database = teller.database();
    let call = |more: &[&str]| {
        let mut call = command();
        call.env("SCHED_AUDIT_TEST_CLOCK", INCIDENT).args(["--process", "ignore", "--config"]).arg(&config);
        Run::from(call.arg(&database).args(more).output().unwrap())
    };
    for more in
        [&[][..], &["--all"], &["-f", "json"], &["-f", "nagios"], &["--now", INCIDENT], &["--notify-on", "warning"]]
    {
        let report = call(more);
        assert!(report.code == 2 && report.out.contains("heartbeat"), "{more:?}: {}{}", report.out, report.err);
    }
    assert!(!teller.log().exists() && !teller.state().exists(), "{:?}", teller.told());
    for more in [
        &["--now", INCIDENT, "--notify"][..],
        &["--now", INCIDENT, "--notify", "-"],
        &["--now", INCIDENT, "--notify-test"],
    ] {
        let replay = call(more);
        assert!(replay.code == 3 && replay.err.contains("cannot be used with"), "{more:?}: {}", replay.err);
    }
    assert!(!teller.log().exists() && !teller.state().exists(), "a replay tells nothing");
    let told = call(&["--notify"]);
    assert_eq!((told.code, told.out.as_str(), teller.told().len()), (2, "", 1), "{}", told.err);
}

#[test]
fn a_command_that_tells_nobody_is_refused() {
    let teller = Teller::new();
    for empty in ["", "  ", "# mail me"] {
        let refused = teller.tell(empty, INCIDENT, &[]);
        assert!(refused.code == 3 && refused.err.contains("nobody would be told"), "{empty:?}: {}", refused.err);
    }
    let config = teller.home.path().join("config.toml");
    std::fs::write(&config, "notify = \"\"\n").unwrap();
    let refused: Run = command().args(["--notify", "--config"]).arg(&config).output().unwrap().into();
    assert!(refused.code == 3 && refused.err.contains("line 1: notify: \"\": is empty"), "{}", refused.err);
    let nameless: Run = command().args(["--no-config", "x.db", "--notify"]).output().unwrap().into();
    assert!(nameless.code == 3 && nameless.err.contains("--notify needs a command"), "{}", nameless.err);
    let mistaken: Run = command().arg("--notify").arg(teller.database()).output().unwrap().into();
    assert!(mistaken.code == 3 && mistaken.err.contains("a file that can't be run"), "{}", mistaken.err);
}

#[test]
fn whatever_is_wrong_with_the_state_the_news_are_told() {
    let teller = Teller::new();
    let home = teller.home.path();
    let pipe = home.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::create_dir(home.join("directory")).unwrap();
    std::fs::write(home.join("file"), "").unwrap();
    assert!(Command::new("mkfifo").arg(home.join("piped.json.lock")).status().unwrap().success());
    std::fs::write(home.join("mine"), "").unwrap();
    std::os::unix::fs::symlink(home.join("mine"), home.join("linked.json.lock")).unwrap();
    for (state, why) in [
        ("pipe", "is not a regular file"),
        ("directory", "is not a regular file"),
        ("file/state.json", "can't be created"),
        ("piped.json", ".lock: "),
        ("linked.json", "can't be opened"),
    ] {
        let mut call = command();
        call.args(["--notify", "-", "--process", "ignore", "--state"]).arg(home.join(state)).arg(teller.database());
        let run = Run::from(call.env("SCHED_AUDIT_TEST_CLOCK", INCIDENT).output().unwrap());
        assert!(run.code == 3 && run.out.starts_with("CRITICAL "), "{state}: {}{}", run.out, run.err);
        assert!(run.err.contains(why) && run.err.contains("may be told again"), "{state}: {}", run.err);
    }
    assert!(pipe.metadata().unwrap().file_type().is_fifo(), "and it stays what it is");
    let mut homeless = command();
    homeless.env_remove("HOME").env_remove("XDG_STATE_HOME").args(["--notify", "-"]).arg(teller.database());
    let homeless = Run::from(homeless.env("SCHED_AUDIT_TEST_CLOCK", INCIDENT).output().unwrap());
    assert!(homeless.code == 3 && homeless.out.starts_with("CRITICAL "), "{}{}", homeless.out, homeless.err);
}

#[test]
fn a_lock_that_somebody_keeps_is_waited_for_no_longer_than_the_time_out() {
    let teller = Teller::new();
    let path = teller.home.path().join("state.json.lock");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let lock = std::fs::File::open(&path).unwrap();
    lock.lock().unwrap();
    let before = std::time::Instant::now();
    let kept = teller.tell("-", INCIDENT, &["--timeout", "1s"]);
    assert!(before.elapsed().as_secs() < 9 && kept.code == 3, "{:?}: {}", before.elapsed(), kept.err);
    assert!(kept.out.starts_with("CRITICAL ") && kept.err.contains("kept the lock"), "{}{}", kept.out, kept.err);
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600, "nobody else can take it again");
    drop(lock);
    assert_eq!(teller.tell("-", INCIDENT, &[]).code, 2);
}

#[test]
fn the_time_of_the_audit_is_that_of_the_turn() {
    let teller = Teller::new();
    let lock = std::fs::File::create(teller.home.path().join("state.json.lock")).unwrap();
    lock.lock().unwrap();
    let mut call = teller.call("-", INCIDENT, &teller.database(), &["--expect", "no-such-job"]);
    let call = call.env_remove("SCHED_AUDIT_TEST_CLOCK").stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let turn = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    drop(lock);
    call.wait_with_output().unwrap();
    let state: serde_json::Value = serde_json::from_slice(&std::fs::read(teller.state()).unwrap()).unwrap();
    let told_at = state["told"][0]["told_at"].as_u64().unwrap();
    assert!(u128::from(told_at) >= turn, "{told_at} is before {turn}");
}

#[test]
fn a_config_file_that_cant_be_used_is_told_once_a_day_and_its_end_once() {
    let teller = Teller::new();
    let config = teller.home.path().join("config.toml");
    let on = |text: &str, now: &str| {
        std::fs::write(&config, text).unwrap();
        teller.tell("-", now, &["--config", config.to_str().unwrap()])
    };
    let broken = on("x = 1\n", INCIDENT);
    assert!(broken.code == 3 && broken.out.starts_with("CRITICAL on "), "{}", broken.out);
    assert!(
        broken.out.contains("nothing could be audited\n\nSince     2026-04-30 12:00 UTC\nError     ")
            && broken.out.contains("line 1"),
        "{}",
        broken.out
    );
    assert_eq!(on("x = 1\n", "2026-04-30T12:15:00Z").out, "");
    assert!(on("x = 1\n", "2026-05-01T12:00:00Z").out.starts_with("Still: CRITICAL on "));
    let mended = on("ignore = [\"*\"]\n", "2026-05-01T12:15:00Z").out;
    assert!(
        mended.starts_with("OVER on ")
            && mended.contains(": audits work again after 24h\n")
            && mended.matches("OVER").count() == 1,
        "{mended}"
    );
}

#[test]
fn a_state_that_cant_be_understood_is_set_aside_and_told_once() {
    let teller = Teller::new();
    for (number, unknown) in
        [&b"{\"version\": 9, \"told\": []}"[..], b"\xff\xfe", b"{\"version\": 1"].iter().enumerate()
    {
        std::fs::write(teller.state(), unknown).unwrap();
        let first = teller.tell("-", INCIDENT, &[]);
        assert!(first.code == 3 && first.out.starts_with("CRITICAL "), "{}{}", first.out, first.err);
        assert!(first.err.contains("was renamed to"), "{}", first.err);
        let aside = teller.home.path().join(format!("state.json.{}", number + 1));
        assert_eq!(&std::fs::read(aside).unwrap(), unknown);
        let second = teller.tell("-", INCIDENT, &[]);
        assert_eq!((second.code, second.out, second.err), (2, String::new(), String::new()));
    }
}

#[test]
fn a_database_that_is_locked_for_one_call_is_neither_over_nor_new() {
    let teller = Teller::new();
    let tell = |now: &str| teller.tell("-", now, &["--job", "heartbeat"]);
    assert!(tell(INCIDENT).out.starts_with("CRITICAL "));
    let (database, away) = (teller.database(), teller.home.path().join("away"));
    std::fs::rename(&database, &away).unwrap();
    let unread = tell("2026-04-30T12:15:00Z");
    assert_eq!((unread.code, unread.out.as_str()), (3, ""), "{}", unread.err);
    std::fs::rename(&away, &database).unwrap();
    assert_eq!(tell("2026-04-30T12:30:00Z").out, "");
    std::fs::rename(&database, &away).unwrap();
    assert_eq!(tell("2026-04-30T12:45:00Z").out, "", "it was read meanwhile");
    let second = tell("2026-04-30T13:00:00Z").out;
    assert!(second.contains("could not be audited") && second.matches("CRITICAL on ").count() == 1, "{second}");
    std::fs::rename(&away, &database).unwrap();
    let over = tell("2026-04-30T13:15:00Z").out;
    assert!(
        over.contains(": phantom.db can be audited again after 30m\n") && over.matches("OVER").count() == 1,
        "{over}"
    );
}

#[test]
fn what_cant_be_remembered_does_not_wait_for_a_second_call() {
    let teller = Teller::new();
    let state = teller.home.path().join("no-file/state.json");
    std::fs::write(teller.home.path().join("no-file"), "").unwrap();
    let mut call = command();
    call.args(["--notify", "-", "--state"]).arg(&state).arg(teller.home.path().join("data/none.db"));
    let run = Run::from(call.env("SCHED_AUDIT_TEST_CLOCK", INCIDENT).output().unwrap());
    assert!(run.code == 3 && run.out.contains("could not be audited"), "{}{}", run.out, run.err);
}

#[test]
fn the_same_file_by_another_path_is_the_same() {
    let teller = Teller::new();
    let link = teller.home.path().join("link.db");
    std::os::unix::fs::symlink(teller.database(), &link).unwrap();
    let tell = |database: &Path| Run::from(teller.call("-", INCIDENT, database, &[]).output().unwrap()).out;
    assert!(tell(&link).starts_with("CRITICAL "));
    assert_eq!(tell(&teller.database()), "");
    assert_eq!(tell(&teller.home.path().join("data/../data/phantom.db")), "");
}

#[test]
fn a_state_that_is_a_link_stays_one_and_has_one_lock() {
    let teller = Teller::new();
    std::fs::create_dir(teller.home.path().join("real")).unwrap();
    let target = teller.home.path().join("real/told.json");
    std::os::unix::fs::symlink(&target, teller.state()).unwrap();
    assert!(teller.tell("-", INCIDENT, &[]).out.starts_with("CRITICAL "));
    assert!(teller.state().is_symlink() && target.is_file());
    assert_eq!(std::fs::read_dir(teller.home.path()).unwrap().count(), 3, "data, real, and the link");
    assert_eq!(teller.tell("-", INCIDENT, &[]).out, "");
}

#[test]
fn what_was_told_by_a_clock_that_was_ahead_is_still_reminded_of() {
    let teller = Teller::new();
    let tell = |now: &str, more: &[&str]| teller.tell("-", now, &[&["--job", "heartbeat"], more].concat()).out;
    assert!(tell("2026-05-30T12:00:00Z", &[]).starts_with("CRITICAL "));
    assert_eq!(tell(INCIDENT, &[]), "");
    assert!(tell(INCIDENT, &["--remind", "24h"]).starts_with("Still: CRITICAL on "));
    assert_eq!(tell(INCIDENT, &["--remind", "24h"]), "");
}

#[test]
fn an_expected_job_is_over_only_when_all_databases_show_it() {
    let (teller, other) = (Teller::new(), Teller::new());
    let (first, second) = (teller.database(), other.database());
    let tell = |databases: &[&Path], more: &[&str]| {
        let mut call = teller.call("-", INCIDENT, databases[0], &[&["--ignore", "x"][..], more].concat());
        Run::from(call.args(&databases[1..]).output().unwrap()).out
    };
    let expects = ["--expect", "nightly"];
    assert_eq!(
        tell(&[&first, &second], &expects).matches("nightly is not in the database, though it is expected").count(),
        1
    );
    assert_eq!(tell(&[&second, &first], &expects), "", "in another order");
    assert_eq!(tell(&[&first, &second], &[]), "", "a call that expects nothing");
    std::fs::remove_file(&first).unwrap();
    assert!(!tell(&[&first, &second], &expects).contains("nightly"), "the job may be in the other database");
    teller.copy("incident.db");
    assert_eq!(tell(&[&first, &second], &expects), "");
    let db = super::open(&first);
    db.execute("UPDATE scheduled_jobs SET name = 'nightly'", ()).unwrap();
    let over = tell(&[&first, &second], &expects);
    assert!(over.starts_with("OVER on ") && over.contains(": nightly is there again\n"), "{over}");
    assert_eq!(tell(&[&first, &second], &expects), "");
}

#[test]
fn an_end_says_what_was_lost_and_is_no_failure() {
    let teller = Teller::new();
    assert_eq!(teller.tell("-", INCIDENT, &[]).code, 2);
    teller.copy("recovered.db");
    let over = teller.tell("-", RECOVERED, &[]);
    assert_eq!(over.code, 0, "cron writes \"(failed)\" into the subject of what ends otherwise");
    for part in [
        ": heartbeat runs again, after 34 lost runs\n\nWhere     ",
        "\nFrom      2026-04-29 10:00 to 2026-04-30 21:25 UTC (35h): 34 hourly runs lost\n",
        "\nSeen      10 runs since then, none failed; the newest at 06:19, next run 07:00\n",
        "\nDo        Nothing now",
        "\nTold 2026-05-01 06:25 UTC. Fingerprint ea1abcca7f241b8e\n",
    ] {
        assert!(over.out.contains(part), "{part}: {}", over.out);
    }
}

#[test]
fn a_job_whose_problem_is_muted_is_not_over() {
    let teller = Teller::new();
    assert!(teller.tell("-", INCIDENT, &[]).out.starts_with("CRITICAL "));
    let config = teller.home.path().join("config.toml");
    std::fs::write(&config, "[[job]]\nmatch = \"heartbeat\"\nmute = [\"job-failing\"]\n").unwrap();
    assert_eq!(teller.tell("-", INCIDENT, &["--config", config.to_str().unwrap()]).out, "");
}

#[test]
fn a_message_names_the_first_three_jobs_and_how_many_more() {
    let teller = Teller::new();
    let history = History::new();
    for id in ["a", "b", "c", "d", "e"] {
        history.job(id, "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
        history.fires(id, &["2026-03-02 05:01:00"]);
    }
    let told = Run::from(teller.call("-", "2026-03-02T10:30:00Z", &history.path, &[]).output().unwrap()).out;
    assert!(told.contains("\nJobs      a, b, c, and 2 more\n"), "{told}");
    let lines = told.lines().filter(|line| !line.is_empty()).all(|line| line.len() > 10);
    assert!(lines, "no label stands alone: {told}");
}

#[test]
fn a_test_sends_a_made_up_incident_and_its_end_and_remembers_nothing() {
    let teller = Teller::new();
    let events = teller.home.path().join("events");
    let notify = format!("{}; echo $SCHED_AUDIT_EVENT >> {}", teller.append(), events.display());
    let test = teller.tell(&notify, INCIDENT, &["--notify-test"]);
    assert_eq!((test.code, test.out.as_str(), test.err.as_str()), (0, "", ""));
    assert_eq!(std::fs::read_to_string(events).unwrap(), "new\nover\n");
    let told = teller.told();
    assert!(
        told.len() == 2 && told[0].starts_with("CRITICAL on ") && told[1].ends_with(", is over after 2h"),
        "{told:?}"
    );
    assert!(told.iter().all(|line| line.contains("a test of --notify")) && !teller.state().exists());
    assert_eq!(teller.tell("false", INCIDENT, &["--notify-test"]).code, 3);
    let config = teller.home.path().join("config.toml");
    std::fs::write(&config, "notify = \"-\"\n").unwrap();
    let of_file: Run = command().args(["--notify-test", "--config"]).arg(&config).output().unwrap().into();
    assert!(of_file.code == 0 && of_file.out.contains("is over after 2h"), "{}{}", of_file.out, of_file.err);
}
