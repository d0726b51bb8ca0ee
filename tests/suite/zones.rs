//! Jobs without a zone of their own, where the machine's zone is not the scheduler's; and restarts that the rows show.

use super::*;

const DAILY: &str = r#"{"expr":"0 9 * * *"}"#;

/// What is wrong on a machine of this zone.
fn incidents_in(history: &History, machine: &str, now: &str) -> Vec<String> {
    let report = command().env("TZ", machine).args(["--format", "json", "--now", now]).arg(&history.path).output();
    Run::from(report.unwrap()).incidents()
}

#[test]
fn nothing_is_wrong_on_the_day_the_clocks_go_back_whatever_the_machines_zone() {
    // What London, St John's, and Lord Howe make of 09:00: the last two runs before the change, and the first after it.
    let changes = [
        ("2026-10-23 08:00", "2026-10-24 08:00", "2026-10-25 09:00"),
        ("2026-10-30 11:30", "2026-10-31 11:30", "2026-11-01 12:30"),
        ("2026-04-02 22:00", "2026-04-03 22:00", "2026-04-04 22:30"),
    ];
    for (first, second, third) in changes {
        for machine in ["UTC", "Africa/Lagos", "America/Sao_Paulo"] {
            let history = History::new();
            let row = |time: &str| format!("{}:00.000Z", time.replace(' ', "T"));
            history.job("j", "cron", DAILY, Some(&row(second)), Some(&row(third)));
            history.fires("j", &[&format!("{first}:20"), &format!("{second}:20")]);
            let now = format!("{}:00Z", third.replace(' ', "T"));
            assert_eq!(incidents_in(&history, machine, &now), [""; 0], "{third}, {machine}");
        }
    }
}

#[test]
fn an_outage_of_an_hour_is_told_when_it_is_over_by_the_starts_of_the_runs_after_it() {
    let history = History::new();
    let ran = |id: &str, kind: &str, schedule: &str, start: &str, next: &str| {
        history.job(id, kind, schedule, Some(start), Some(next));
        history.sql(&format!(
            "UPDATE scheduled_jobs SET last_run_duration_ms = 2000, updated_at = datetime(last_run_at, '+2 seconds') WHERE id = '{id}'"
        ));
    };
    ran("minutely", "cron", r#"{"expr":"* * * * *"}"#, "2026-03-02T12:00:00.016Z", "2026-03-02T12:01:00.000Z");
    ran("morning", "cron", r#"{"expr":"20 11 * * *"}"#, "2026-03-02T11:58:35.733Z", "2026-03-03T11:20:00.000Z");
    ran("noon", "cron", r#"{"expr":"30 11 * * *"}"#, "2026-03-02T11:58:40.735Z", "2026-03-03T11:30:00.000Z");
    for minute in 50..60 {
        history.fires("minutely", &[&format!("2026-03-02 10:{minute}:02")]);
    }
    history.fires("minutely", &["2026-03-02 11:58:32"]);
    history.fires("morning", &["2026-03-02 11:58:37"]);
    history.fires("noon", &["2026-03-02 11:58:42"]);
    history.fires("minutely", &["2026-03-02 11:59:02", "2026-03-02 12:00:02"]);
    let run = history.audit("2026-03-02T12:00:30Z", &[]);
    assert_eq!(run.incidents(), ["warning scheduler-silent resolved"], "{}", run.out);
    // Begun at other moments, they followed a run that may have taken an hour.
    history.sql("UPDATE scheduled_jobs SET last_run_at = '2026-03-02T11:58:41.100Z' WHERE id = 'noon'");
    let run = history.audit("2026-03-02T12:00:30Z", &[]);
    assert_eq!(run.incidents(), [""; 0], "{}", run.out);
}
