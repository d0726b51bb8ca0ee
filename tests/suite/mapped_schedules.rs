//! Schedules of mapped stores, in the forms that schedulers write, and those that are not understood.

use crate::mapped_unread::{Store, TEN};

const JOBS: &str = "SELECT id, name, cron AS schedule, next AS next_run FROM tasks";
const WITHOUT_NEXT: &str = "SELECT id, name, cron AS schedule FROM tasks";
const RUNS: &str = "SELECT job, start, \"end\", status, tokens, error FROM task_log";

/// A job with this schedule, an SQL value, that ran 40 times so many seconds apart, the last time at TEN.
fn store(schedule: &str, apart: i64) -> Store {
    let store = Store::new();
    store.sql(&format!("INSERT INTO tasks VALUES (1, 'j', {schedule}, {TEN} + {apart}, NULL)")).runs(1, apart, 0..40);
    store
}

#[test]
fn a_healthy_job_is_quiet_and_a_dead_one_is_told_whatever_its_schedule_says() {
    for (schedule, apart) in [
        ("'*/10 * * * *'", 600),
        ("'0 */10 * * * *'", 600),
        ("'@hourly'", 3_600),
        ("'@every 10m'", 600),
        ("'TZ=Europe/Berlin 0 * * * *'", 3_600),
        ("'CRON_TZ=Asia/Tokyo @hourly'", 3_600),
        ("'every 10 minutes'", 600),
        ("'every hour'", 3_600),
        ("'each full moon'", 600),
        ("'@reboot'", 600),
        ("'600'", 600),
        ("NULL", 600),
    ] {
        for jobs in [JOBS, WITHOUT_NEXT] {
            let healthy = store(schedule, apart).audit(jobs, RUNS, "", 5, &["-f", "json"]);
            assert_eq!(healthy.incidents(), [""; 0], "{schedule}: {}", healthy.out);
            let dead = store(schedule, apart).audit(jobs, RUNS, "", 24 * 60, &["-f", "json"]);
            assert_eq!(dead.code, 2, "{schedule}: {}", dead.out);
        }
    }
}

#[test]
fn a_schedule_that_is_not_understood_is_learned_from_the_runs_and_said_to_be() {
    let told = store("'each full moon'", 600).audit(WITHOUT_NEXT, RUNS, "", 5, &["--history"]);
    assert!(told.code == 0 && told.out.contains("about every 10m, by"), "{}", told.out);
    let json = store("'each full moon'", 600).audit(WITHOUT_NEXT, RUNS, "", 5, &["-f", "json"]).out;
    assert!(json.contains("\"kind\": \"learned\"") && json.contains("\"interval_seconds\": 600"), "{json}");
    let by_next_run = store("'each full moon'", 600).audit(JOBS, RUNS, "", 5, &["--all"]);
    assert!(by_next_run.code == 0 && !by_next_run.out.contains("about every"), "{}", by_next_run.out);
}

#[test]
fn what_has_neither_next_run_nor_regular_runs_is_unjudged() {
    for (runs, told) in [(2, &["warning unjudged ongoing"][..]), (4, &[][..])] {
        let store = Store::new();
        store.sql("INSERT INTO tasks VALUES (1, 'j', 'each full moon', NULL, NULL)").runs(1, 600, 0..runs);
        for jobs in [JOBS, WITHOUT_NEXT, "SELECT id, name FROM tasks"] {
            let run = store.audit(jobs, RUNS, "", 5, &["-f", "json"]);
            assert_eq!(run.incidents(), told, "{runs} runs: {}", run.out);
        }
    }
}

#[test]
fn a_store_without_schedules_is_judged_by_next_runs_alone() {
    let store = Store::new();
    store.sql(&format!("INSERT INTO tasks VALUES (1, 'j', '', {TEN}, NULL)"));
    let jobs = "SELECT id, name, next AS next_run FROM tasks";
    let audit = |minutes| store.audit(jobs, "", "longest_run = '1m'", minutes, &[]);
    assert_eq!([audit(-5).code, audit(10).code, audit(1_000).code], [0, 0, 2], "{}", audit(1_000).out);
}

#[test]
fn only_a_time_is_a_one_shot() {
    let at = "SELECT id, name, 'at' AS kind, cron AS schedule, next AS next_run FROM tasks";
    let odd = store("'*/10 * * * *'", 600).audit(at, RUNS, "", 5, &["-f", "json"]);
    assert_eq!(odd.incidents(), [""; 0], "no time: {}", odd.out);
    for (ran, told) in [(true, &[][..]), (false, &["warning one-shot-lost ongoing"][..])] {
        let store = Store::new();
        store.sql(&format!("INSERT INTO tasks VALUES (1, 'j', {TEN}, NULL, NULL)"));
        if ran {
            store.runs(1, 600, 0..1);
        }
        let run = store.audit(at, RUNS, "", 30, &["-f", "json"]);
        assert_eq!(run.incidents(), told, "{}", run.out);
    }
}

#[test]
fn where_the_seconds_are_and_which_day_is_the_first_depends_on_the_dialect() {
    let next_slot = |schedule: &str, dialect: &str| {
        let run = store(schedule, 600).audit(JOBS, RUNS, &format!("cron = '{dialect}'"), 5, &["--check-config"]);
        let slot = run.out.split("next slot ").nth(1).unwrap_or_else(|| panic!("{}{}", run.out, run.err)).to_owned();
        slot[.."2026-03-02 10:10".len()].to_owned()
    };
    assert_eq!(next_slot("'0 30 12 * * *'", "posix"), "2026-03-02 12:30");
    assert_eq!(next_slot("'30 12 * * * 0'", "seconds-last"), "2026-03-02 12:30");
    assert_eq!(next_slot("'0 30 12 * * 3'", "posix"), "2026-03-04 12:30");
    assert_eq!(next_slot("'0 30 12 * * 3'", "quartz"), "2026-03-03 12:30");
}

#[test]
fn intervals_on_a_grid_do_not_run_twice() {
    // A run that began late is followed by one in time: 4 minutes later instead of 5.
    let store = store("'every 5 minutes'", 300);
    store.sql("UPDATE task_log SET start = start + 60, \"end\" = \"end\" + 60 WHERE rowid % 2 = 0");
    let run = store.audit(JOBS, RUNS, "", 2, &["-f", "json"]);
    assert_eq!(run.incidents(), [""; 0], "{}", run.out);
}
