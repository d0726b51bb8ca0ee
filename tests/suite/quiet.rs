//! Quiet hours and mutes: what they hide is said everywhere.

use crate::{HOURLY, History, INCIDENT, Run, command};

/// Three hourly jobs that ran at 21:00.
fn silent_since_the_evening() -> History {
    let history = History::new();
    for id in ["a", "b", "c"] {
        history.job(id, "cron", HOURLY, Some("2026-03-02T21:00:00.000Z"), Some("2026-03-02T22:00:00.000Z"));
        history.fires(id, &["2026-03-02 21:01:00"]);
    }
    history
}

fn with(config: &str, arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agents.toml");
    std::fs::write(&path, config).unwrap();
    command().arg("--config").arg(&path).args(arguments).output().unwrap().into()
}

#[test]
fn every_format_says_how_many_due_jobs_are_not_judged_until_when() {
    let history = silent_since_the_evening();
    let config = "timezone = \"UTC\"\nquiet = \"22:00-07:00\"\n";
    let at = |now: &str, format: &str| {
        with(config, &["--process", "ignore", "--now", now, "-f", format, history.path.to_str().unwrap()])
    };
    let words = "quiet until 07:00 UTC: 3 due jobs not judged";
    for (format, said) in [
        ("table", words),
        ("json", "\"due_jobs\": 3"),
        ("ndjson", "\"due_jobs\":3"),
        ("nagios", words),
        ("github", words),
        ("junit", words),
        ("html", words),
    ] {
        let quiet = at("2026-03-03T03:00:00Z", format);
        assert!(quiet.code == 0 && quiet.out.contains(said), "{format}: {}", quiet.out);
        let over = at("2026-03-03T07:00:00Z", format);
        assert!(!over.out.contains(said), "{format}: {}", over.out);
    }
    let metric = |now: &str| {
        let metrics = at(now, "prometheus").out;
        let line = metrics.lines().find(|line| line.starts_with("sched_audit_quiet_jobs{"));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!([metric("2026-03-03T03:00:00Z"), metric("2026-03-03T07:00:00Z")], ["3", "0"]);
    let several = with(
        config,
        &[
            "--now",
            "2026-03-03T03:00:00Z",
            "--process",
            "ignore",
            history.path.to_str().unwrap(),
            "fixtures/healthy.db",
        ],
    );
    assert!(several.out.replace('\n', " ").contains("quiet until"), "{}", several.out);
}

#[test]
fn what_fell_silent_before_the_night_is_told_after_it_from_its_true_begin() {
    let history = silent_since_the_evening();
    let config = "timezone = \"UTC\"\nquiet = \"22:00-07:00\"\n";
    let at = |now: &str| with(config, &["--process", "ignore", "--now", now, history.path.to_str().unwrap()]);
    assert_eq!((at("2026-03-03T06:59:00Z").code, at("2026-03-03T07:15:00Z").code), (0, 0));
    let told = at("2026-03-03T07:15:01Z");
    assert!(
        told.code == 1
            && told.out.contains("nothing has run for 10h: ")
            && told.out.contains("\nSince     2026-03-02 21:01 UTC, "),
        "{}",
        told.out
    );
}

#[test]
fn a_mute_says_why_and_until_when() {
    let mute =
        "[[mute]]\nfingerprint = \"ea1abcca7f241b8e\"\nuntil = \"2026-05-02\"\nreason = \"it moves\\u001b[2J\"\n";
    let all = with(mute, &[&["--all"], INCIDENT.as_slice()].concat()).out;
    assert!(all.contains("\n1 muted\n") && !all.contains('\u{1b}'), "{all}");
    let all = all.replace('\n', " ");
    assert!(
        all.contains(
            "heartbeat has not run for 26h: stopped after 10 errors in a row (muted until 05-03 00:00: it moves"
        ),
        "{all}"
    );
    let json = with(mute, &[&["-f", "json"], INCIDENT.as_slice()].concat()).json();
    let muted = &json["databases"][0]["muted"][0];
    assert_eq!(muted["reason"], "it moves\u{1b}[2J");
    assert_eq!(muted["muted_until"], "2026-05-03T00:00:00Z");
}

#[test]
fn check_config_says_which_mutes_and_expected_jobs_match_nothing() {
    let file = "expect = [\"heartbeat\", \"nightly\"]\n[[mute]]\ncause = \"job-failing\"\n[[mute]]\njob = \"nobody\"\n\
                [[mute]]\nfingerprint = \"0\"\n[[mute]]\ncause = \"undelivered\"\nuntil = \"2026-01-01\"\n";
    let check = with(file, &[&["--check-config"], INCIDENT.as_slice()].concat());
    for said in [
        "\"nightly\" (no watched job matches)",
        "line 2): mutes 1 incident\n",
        "line 4): matches no job\n",
        "line 6): matches nothing now\n",
        "line 8): has ended, remove it\n",
    ] {
        assert!(check.code == 0 && check.out.contains(said), "{said}: {}{}", check.out, check.err);
    }
}
