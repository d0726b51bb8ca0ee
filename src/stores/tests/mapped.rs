//! Stores that are read by the operator's queries.

use super::{Database, at, read, told, window};
use crate::stores::{Dialect, Form, Mapping, TimeForm, Window, Words};
use crate::time::{DAY, MINUTE};

const JOBS: &str =
    "CREATE TABLE jobs (id, name, enabled, kind, schedule, timezone, next_run, last_start, last_end, last_status,
    last_error, errors, created_at, running_since)";
const RUNS: &str =
    "CREATE TABLE runs (job, name, start, \"end\", duration_ms, status, tokens, cost_usd, message, error)";

/// A store whose columns have no types, so that they hold what a test puts there.
fn store() -> Database {
    Database::new("store.db", &format!("{JOBS}; {RUNS}; CREATE TABLE beats (at)"))
}

/// A mapping of that store by these queries.
fn mapping(jobs: &str, runs: Option<&str>) -> Mapping {
    Mapping {
        name: "x".to_owned(),
        place: ("config.toml".into(), 1),
        tables: ["jobs", "runs", "beats"].map(str::to_owned).to_vec(),
        optional: Vec::new(),
        jobs: jobs.to_owned(),
        runs: runs.map(str::to_owned),
        heartbeat: None,
        kinds: [
            ("cron", Form::Cron),
            ("ms", Form::EveryMs),
            ("s", Form::EverySeconds),
            ("min", Form::EveryMinutes),
            ("at", Form::At),
        ]
        .map(|(word, form)| (word.to_owned(), form))
        .into(),
        words: Words::default(),
        time: None,
        dialect: Dialect::default(),
        moves_before: false,
        parallel: None,
        longest_run: Some(9 * MINUTE),
        keeps: None,
        backoff: Vec::new(),
        commands: Vec::new(),
    }
}

fn whole() -> Mapping {
    mapping("SELECT * FROM jobs", Some("SELECT * FROM runs"))
}

fn told_by(store: &Database, mapping: &Mapping) -> String {
    told(&read(&store.path, &window("10:30"), std::slice::from_ref(mapping)))
}

/// Adds a row of these columns; a value is SQL.
fn insert(store: &mut Database, table: &str, values: &[(&str, &str)]) {
    let columns: Vec<String> = values.iter().map(|(column, _)| format!("\"{column}\"")).collect();
    let values: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
    store.sql(&format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), values.join(", ")));
}

#[test]
fn every_column_of_a_job_is_read() {
    let mut store = store();
    let mut job = |id: &str, more: &[(&str, &str)]| {
        let id = format!("'{id}'");
        let is_given = more.iter().any(|(column, _)| *column == "created_at");
        let made = [("created_at", "'2026-03-01 07:06:05'")];
        let made = if is_given { &[][..] } else { &made[..] };
        insert(&mut store, "jobs", &[&[("id", id.as_str()), ("kind", "'cron'")], made, more].concat());
    };
    let hourly = ("schedule", "'0 * * * *'");
    job(
        "full",
        &[
            ("name", "'Full name'"),
            ("schedule", "'0 9 * * *'"),
            ("timezone", "'Europe/Berlin'"),
            ("next_run", "1772524800"),
            ("last_start", "'2026-03-02 08:00:00'"),
            ("last_end", "'2026-03-02 08:01:01.5'"),
            ("last_status", "'Failed'"),
            ("last_error", "'HTTP 400' || char(10) || 'second'"),
            ("errors", "3"),
            ("running_since", "'2026-03-02 10:30:00'"),
        ],
    );
    job("later", &[hourly, ("next_run", "'soon'"), ("running_since", "'2026-03-02 10:30:01'"), ("errors", "-3")]);
    let (start, end) = (("last_start", "'2026-03-02 10:30:00'"), ("last_end", "'2026-03-02 10:29:00'"));
    job("backwards", &[hourly, start, end, ("last_status", "'ok'"), ("last_error", "'stale'"), ("next_run", "0")]);
    job("ended", &[hourly, end, ("last_error", "'by its error'"), ("errors", "'many'"), ("timezone", "''")]);
    job("ahead", &[hourly, ("last_start", "'2026-03-02 10:30:01'"), ("next_run", "'2126-03-03 10:30:00'")]);
    job("unknown", &[hourly, start, ("last_status", "'KO'"), ("next_run", "'2126-03-02 10:29:59'")]);
    let since = ("running_since", "'2026-03-02 10:30:00'");
    job("unknown and failed", &[hourly, start, ("last_status", "'KO'"), ("last_error", "'x'"), since]);
    job("not yet", &[hourly, ("created_at", "'2026-03-02 10:30:01'")]);
    job("new", &[hourly, ("created_at", "'2026-03-02 10:30:00'")]);
    for (id, status, last) in [
        ("done", "'ok'", start),
        ("failed", "'error'", start),
        ("skipped", "'skipped'", start),
        ("off", "'ok'", ("errors", "0")),
    ] {
        let at = [("kind", "'at'"), ("schedule", "'2026-03-02 09:00:00'")];
        let row = [&[("id", id), ("enabled", "0"), ("last_status", status), last][..], &at].concat();
        let id = format!("'{id}'");
        insert(&mut store, "jobs", &[&[("id", id.as_str())], &row[1..]].concat());
    }
    for (id, kind, schedule) in [
        ("ms", "'ms'", "60000"),
        ("seconds", "'s'", "'90'"),
        ("minutes", "'min'", "5"),
        ("in words", "'s'", "'2h'"),
        ("least", "'ms'", "1"),
        ("none", "'ms'", "0"),
        ("too many", "'min'", "9223372036854775807"),
        ("odd interval", "'s'", "'often'"),
        ("odd time", "'at'", "'soon'"),
        ("odd kind", "'lunar'", "'full'"),
        ("no kind", "NULL", "'0 4 * * *'"),
        ("no schedule", "'ms'", "' '"),
        ("odd expression", "'cron'", "'61 * * * *'"),
        ("with a zone", "'cron'", "'CRON_TZ=Asia/Tokyo 0 9 * * *'"),
        ("every", "'cron'", "'@every 5m'"),
    ] {
        let id = format!("'{id}'");
        insert(&mut store, "jobs", &[("id", id.as_str()), ("kind", kind), ("schedule", schedule), ("enabled", "'no'")]);
    }
    insert(&mut store, "jobs", &[("id", "'odd zone'"), hourly, ("kind", "'cron'"), ("timezone", "'Mars/Base'")]);
    insta::assert_snapshot!("jobs_by_their_rows", told_by(&store, &mapping("SELECT * FROM jobs", None)));
    insta::assert_snapshot!(
        "jobs_without_their_next_runs",
        told_by(
            &store,
            &mapping(
                "SELECT id, enabled, kind, schedule, last_start, created_at FROM jobs",
                Some("SELECT * FROM runs")
            )
        )
    );
}

#[test]
fn every_column_of_a_run_is_read() {
    let mut store = store();
    for id in ["'a'", "'b'", "'open'"] {
        let last = ("last_start", "'2026-03-02 10:00:00'");
        insert(
            &mut store,
            "jobs",
            &[("id", id), ("schedule", "'0 * * * *'"), ("next_run", "'2026-03-02 11:00:00'"), last],
        );
    }
    let mut minute = 0;
    let mut run = |more: &[(&str, &str)]| {
        minute += 2;
        let (start, end) = (format!("'2026-03-02 09:{minute:02}:00'"), format!("'2026-03-02 09:{minute:02}:30.5'"));
        let is_given = |name: &str| more.iter().any(|(column, _)| *column == name);
        let usual = [("job", "'a'"), ("start", start.as_str()), ("end", end.as_str())];
        let usual = usual.into_iter().filter(|(column, _)| !is_given(column));
        insert(&mut store, "runs", &usual.chain(more.iter().copied()).collect::<Vec<_>>());
    };
    let tokens = ("tokens", "7");
    run(&[("status", "'ok'"), tokens, ("cost_usd", "0.5"), ("message", "'Delivered'"), ("error", "'stale'")]);
    run(&[("status", "'ok'"), ("tokens", "5000000000"), ("cost_usd", "-1"), ("message", "'LOST'")]);
    run(&[("status", "'ok'"), ("tokens", "0"), ("cost_usd", "'0.25'"), ("message", "'perhaps'")]);
    run(&[("status", "'ok'"), ("tokens", "-3"), ("cost_usd", "'much'"), ("message", "''")]);
    run(&[("status", "'ok'"), ("tokens", "'many'")]);
    run(&[("status", "'ok'")]);
    run(&[("status", "'error'"), tokens, ("error", "'HTTP 400' || char(10) || 'second'")]);
    run(&[("status", "'error'")]);
    run(&[("status", "'skipped'"), tokens]);
    run(&[("status", "'KO'"), tokens]);
    run(&[("status", "'KO'"), tokens, ("error", "'x'")]);
    run(&[("error", "' '"), tokens]);
    run(&[("error", "'x'")]);
    run(&[("end", "'later'")]);
    run(&[("end", "NULL"), ("duration_ms", "5000"), ("status", "'ok'")]);
    run(&[("start", "NULL"), ("duration_ms", "5000"), ("status", "'ok'")]);
    run(&[("start", "NULL"), ("duration_ms", "-5"), ("status", "'ok'")]);
    run(&[("end", "NULL"), ("status", "'ok'")]);
    run(&[("start", "NULL"), ("end", "NULL"), ("status", "'ok'")]);
    run(&[("start", "'soon'"), ("end", "NULL")]);
    run(&[("start", "'2026-03-02 10:30:01'"), ("end", "NULL")]);
    run(&[("start", "'2028-03-02 10:30:00'"), ("end", "NULL")]);
    run(&[
        ("start", "'2026-03-02 10:30:00'"),
        ("end", "'2026-03-02 10:30:01'"),
        ("status", "'ok'"),
        ("error", "'stale'"),
    ]);
    for start in ["'2026-03-02 10:01:00'", "'2026-03-02 10:02:00'", "'2026-03-02 10:03:00'"] {
        run(&[("job", "'open'"), ("start", start), ("end", "NULL"), ("status", "'Running'")]);
    }
    // Within a minute of what its row says is its last run, of which it does not know how long it took.
    run(&[
        ("job", "'b'"),
        ("start", "'2026-03-02 09:58:00'"),
        ("end", "'2026-03-02 09:59:00'"),
        ("status", "'error'"),
        ("error", "'y'"),
    ]);
    for (job, name, start) in [
        ("'gone'", "'n1'", "'2026-03-02 04:00:00'"),
        ("'gone'", "'n2'", "'2026-03-02 02:00:00'"),
        ("'gone'", "'n3'", "'2026-03-02 03:00:00'"),
        ("'rare'", "'n4'", "'2026-03-02 02:30:00'"),
        ("''", "'n5'", "'2026-03-02 02:30:00'"),
    ] {
        run(&[
            ("job", job),
            ("name", name),
            ("start", start),
            ("end", "NULL"),
            ("duration_ms", "1000"),
            ("status", "'ok'"),
        ]);
    }
    insta::assert_snapshot!("runs_by_their_rows", told_by(&store, &whole()));
    let starts = mapping("SELECT id, schedule, next_run FROM jobs", Some("SELECT job, start FROM runs"));
    insta::assert_snapshot!("runs_by_their_starts_alone", told_by(&store, &starts));
}

#[test]
fn a_heartbeat_tells_whether_its_scheduler_lives() {
    let mut store = store();
    insert(&mut store, "jobs", &[("id", "'a'"), ("schedule", "'0 * * * *'"), ("next_run", "'2026-03-02 11:00:00'")]);
    let mapping = Mapping {
        heartbeat: Some("SELECT max(at) AS beat FROM beats".to_owned()),
        ..mapping("SELECT id, schedule, next_run FROM jobs", None)
    };
    for (name, beat) in [
        ("no_beat", "NULL"),
        ("odd_beat", "'soon'"),
        ("dead_beat", "'2026-03-02 10:24:59'"),
        ("last_living_beat", "'2026-03-02 10:25:00'"),
        ("later_beat", "'2026-03-02 10:31:00'"),
        ("beat_of_another_age", "'2028-01-01 00:00:00'"),
    ] {
        store.sql(&format!("DELETE FROM beats; INSERT INTO beats VALUES ({beat})"));
        insta::assert_snapshot!(name, told_by(&store, &mapping));
    }
}

#[test]
fn a_job_that_is_nowhere_said_to_be_due_is_judged_by_what_is_known_of_it() {
    let mut store = store();
    let at_ten = ("created_at", "'2026-03-02 08:00:00'");
    for (id, schedule, kind, next) in [
        ("'learned'", "'daily'", "'lunar'", "NULL"),
        ("'no rhythm'", "'daily'", "'lunar'", "NULL"),
        ("'by its schedule'", "'0 * * * *'", "'cron'", "NULL"),
        ("'odd next run'", "'0 * * * *'", "'cron'", "'soon'"),
        ("'past'", "'2026-03-02 09:00:00'", "'at'", "NULL"),
        ("'to come'", "'2026-03-02 10:30:01'", "'at'", "NULL"),
        ("'now'", "'2026-03-02 10:30:00'", "'at'", "NULL"),
    ] {
        insert(&mut store, "jobs", &[("id", id), ("schedule", schedule), ("kind", kind), ("next_run", next), at_ten]);
    }
    insert(&mut store, "jobs", &[("id", "'unknown age'"), ("schedule", "'0 * * * *'"), ("kind", "'cron'")]);
    for (job, minutes) in [("'learned'", vec![0, 9, 19, 30, 42, 54]), ("'no rhythm'", vec![0, 10, 20])] {
        for minute in minutes {
            let start = format!("'2026-03-02 09:{minute:02}:00'");
            insert(&mut store, "runs", &[("job", job), ("start", &start), ("end", &start), ("status", "'ok'")]);
        }
    }
    let columns = "id, schedule, kind, created_at";
    let without = mapping(&format!("SELECT {columns} FROM jobs"), Some("SELECT * FROM runs"));
    insta::assert_snapshot!("due_without_next_runs", told_by(&store, &without));
    let unread = mapping(&format!("SELECT {columns}, next_run FROM jobs"), Some("SELECT * FROM runs"));
    insta::assert_snapshot!("due_with_next_runs_of_which_none_can_be_read", told_by(&store, &unread));
    insert(
        &mut store,
        "jobs",
        &[("id", "'read'"), ("schedule", "'0 * * * *'"), ("next_run", "'2026-03-02 11:00:00'"), at_ten],
    );
    insta::assert_snapshot!("due_with_next_runs", told_by(&store, &unread));
    let forgetful = Mapping { keeps: Some(60 * MINUTE), ..without };
    insta::assert_snapshot!("due_where_runs_are_kept_for_an_hour", told_by(&store, &forgetful));
}

#[test]
fn since_is_bound_in_the_form_of_the_times_and_the_newest_older_run_is_found() {
    let query = "SELECT job, start, \"end\", status FROM runs WHERE start > :since";
    let ten = at("10:00").seconds();
    for (form, named) in [
        ("{}", None),
        ("{} * 1.0", None),
        ("{} * 1000000.0", None),
        ("{} * 1000", None),
        ("{} * 1000000", None),
        ("{} * 1000000000", None),
        ("datetime({}, 'unixepoch')", None),
        ("julianday({}, 'unixepoch')", None),
        ("{}", Some(TimeForm::Unix)),
        ("{} * 1000", Some(TimeForm::UnixMs)),
        ("datetime({}, 'unixepoch')", Some(TimeForm::Iso)),
        ("{} * 1000", Some(TimeForm::Iso)),
    ] {
        let mut store = store();
        for id in ["'a'", "'old'", "'paused'"] {
            let enabled = ("enabled", if id == "'paused'" { "0" } else { "1" });
            insert(
                &mut store,
                "jobs",
                &[("id", id), ("schedule", "'0 0 * * *'"), ("created_at", "'2026-01-01'"), enabled],
            );
        }
        let mut run = |job: &str, back: i64| {
            let start = form.replace("{}", &(ten - back).to_string());
            insert(&mut store, "runs", &[("job", job), ("start", &start), ("end", &start), ("status", "'ok'")]);
        };
        run("'a'", 0);
        run("'a'", 5 * 86_400);
        run("'a'", 8 * 86_400 + 3_600);
        run("'a'", 12 * 86_400);
        run("'paused'", 40 * 86_400);
        [50, 40, 60].into_iter().for_each(|days| run("'old'", days * 86_400));
        let mapping =
            Mapping { time: named, ..mapping("SELECT id, enabled, schedule, created_at FROM jobs", Some(query)) };
        let snapshot = read(&store.path, &window("10:30"), &[mapping]);
        let runs: Vec<Vec<i64>> = snapshot
            .jobs
            .iter()
            .map(|job| job.fires.iter().map(|fire| at("10:00").since(fire.end) / DAY).collect())
            .collect();
        assert_eq!(runs, [vec![8, 5, 0], vec![40], vec![]], "{form}: {}", told(&snapshot));
    }
}

#[test]
fn what_is_not_read_of_jobs_and_runs_is_noted_and_its_jobs_are_not_judged() {
    let judged = |change: &str, window: &Window| {
        let mut store = store();
        for id in ["'a'", "'b'"] {
            insert(
                &mut store,
                "jobs",
                &[("id", id), ("schedule", "'0 * * * *'"), ("next_run", "'2026-03-02 11:00:00'")],
            );
            for minute in 0..5 {
                let time = format!("'2026-03-02 0{}:00:00'", 5 + minute);
                insert(
                    &mut store,
                    "runs",
                    &[("job", id), ("start", &time), ("end", &time), ("status", "'ok'"), ("tokens", "5")],
                );
            }
        }
        store.sql(change);
        let snapshot = read(&store.path, window, &[whole()]);
        let mut told: Vec<String> =
            snapshot.jobs.iter().filter_map(|job| Some(format!("{}: {}", job.id, job.unjudged.as_ref()?))).collect();
        told.extend(snapshot.notes);
        told
    };
    let window = window("10:30");
    let mut all = String::new();
    for change in [
        "",
        "UPDATE runs SET start = 'soon', \"end\" = 'soon' WHERE job = 'a' AND start LIKE '%05:%'",
        "UPDATE runs SET start = 'soon', \"end\" = 'soon' WHERE job = 'a' AND (start LIKE '%05:%' OR start LIKE '%06:%')",
        "UPDATE runs SET start = '2030-01-01', \"end\" = NULL WHERE job = 'a' AND start LIKE '%05:%'",
        "UPDATE runs SET start = NULL, \"end\" = NULL WHERE job = 'a'",
        "UPDATE runs SET start = NULL, \"end\" = NULL WHERE job = 'a' AND start LIKE '%05:%'",
        "UPDATE runs SET start = 'soon', \"end\" = NULL",
        "UPDATE runs SET job = 'x' || job",
        "UPDATE runs SET job = 'x' WHERE job = 'a'; UPDATE runs SET \"end\" = '2026-03-02 10:00:00' WHERE start LIKE '%09:%'",
        "UPDATE runs SET job = 'x' WHERE job = 'a'; UPDATE jobs SET created_at = '2026-03-02 08:59:59' WHERE id = 'a';
         UPDATE runs SET \"end\" = '2026-03-02 09:31:00' WHERE start LIKE '%09:%'",
        "UPDATE runs SET job = 'x' WHERE job = 'a'; UPDATE jobs SET created_at = '2026-03-02 09:31:00' WHERE id = 'a';
         UPDATE runs SET \"end\" = '2026-03-02 09:31:00' WHERE start LIKE '%09:%'",
        "UPDATE runs SET tokens = NULL WHERE job = 'a' AND start LIKE '%09:%'",
        "UPDATE runs SET tokens = 'many' WHERE job = 'a' AND start LIKE '%09:%'",
        "UPDATE runs SET \"end\" = 'soon' WHERE job = 'a' AND start LIKE '%09:%'",
        "UPDATE runs SET status = 'KO' WHERE job = 'a' AND start LIKE '%09:%'",
        "DELETE FROM runs",
        "DELETE FROM runs; UPDATE jobs SET last_start = '2026-03-02 10:00:00' WHERE id = 'b'",
        "UPDATE jobs SET schedule = 'full moon'",
        "UPDATE jobs SET schedule = 'full moon', created_at = 'then', errors = 'some' WHERE id = 'a'",
    ] {
        all += &format!("{change}\n");
        judged(change, &window).iter().for_each(|line| all += &format!("    {line}\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_query_says_what_it_gave() {
    let mut store = store();
    insert(&mut store, "jobs", &[("id", "'a'"), ("schedule", "'0 * * * *'"), ("next_run", "'2026-03-02 11:00:00'")]);
    for (start, end) in [("'2026-03-02 08:00:00'", "NULL"), ("'2026-03-02 09:00:00'", "'2026-03-02 09:01:00'")] {
        insert(&mut store, "runs", &[("job", "'a'"), ("start", start), ("end", end), ("status", "'ok'")]);
    }
    let mut mapping =
        mapping("SELECT id, schedule, next_run, late FROM jobs", Some("SELECT job, start, \"end\", status FROM runs;"));
    mapping.optional = vec![("jobs".to_owned(), "late".to_owned()), ("jobs".to_owned(), "id".to_owned())];
    let refused = super::super::read(&store.path, &window("10:30"), None, std::slice::from_ref(&mapping));
    assert!(refused.is_err_and(|error| error.to_string().contains("no column is called \"late\"")));
    mapping.jobs = "WITH j AS (SELECT id, schedule, next_run, late AS name FROM jobs) SELECT * FROM j".to_owned();
    insta::assert_snapshot!(told_by(&store, &mapping));
}
