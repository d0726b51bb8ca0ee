//! What is special about single recipes of contrib/stores.

use crate::Run;
use crate::mapped::{Outcome, RECIPES, Recipe, Store, iso, sql};

fn recipe(name: &str) -> &'static Recipe {
    static ALL: &[Recipe] = &RECIPES;
    ALL.iter().find(|recipe| recipe.name == name).unwrap_or_else(|| panic!("{name}"))
}

fn audit(store: &Store<'_>, minutes: i64) -> Run {
    store.audit(minutes, &["-f", "json", "--timezone", "UTC"])
}

const DAY: i64 = 24 * 60;

#[test]
fn a_monthly_task_of_solid_queue_whose_run_was_deleted_is_fine() {
    let store = Store::new(recipe("solid_queue"));
    store.job(0).ran(&[-60, 0], Outcome::Ok);
    let made = iso(-100 * DAY);
    sql(
        &store.db,
        &format!(
            "INSERT INTO solid_queue_recurring_tasks VALUES (2, 'monthly', '0 9 1 * *', 'M', 1, '{made}', '{made}'),
               (3, 'words', 'every month', 'M', 1, '{made}', '{made}')"
        ),
    );
    assert_eq!(audit(&store, 10).incidents(), [""; 0], "due 25 hours ago, and deleted since");
    let store = Store::new(recipe("solid_queue"));
    store.job(0).ran(&[-60, 0], Outcome::Ok);
    sql(
        &store.db,
        &format!(
            "INSERT INTO solid_queue_recurring_tasks VALUES (2, 'daily', '0 9 * * *', 'M', 1, '{made}', '{made}')"
        ),
    );
    let told = audit(&store, 10);
    assert_eq!(told.code, 2, "due an hour ago, and no run: {}", told.out);
}

#[test]
fn a_task_of_solid_queue_every_hour_that_is_dead_for_days_is_critical() {
    let store = Store::new(recipe("solid_queue"));
    store.job(0).ran(&[-120, -60, 0], Outcome::Ok);
    sql(&store.db, "UPDATE solid_queue_recurring_tasks SET schedule = 'every hour'");
    assert_eq!(audit(&store, 10).incidents(), [""; 0]);
    assert_eq!(audit(&store, 5 * DAY).code, 2);
}

#[test]
fn a_worker_of_solid_queue_that_lives_says_nothing_about_its_scheduler() {
    let store = Store::new(recipe("solid_queue"));
    store.job(0).ran(&[-120, -60, 0], Outcome::Ok);
    let beats = |scheduler: i64| {
        sql(
            &store.db,
            &format!(
                "DELETE FROM solid_queue_processes;
                 INSERT INTO solid_queue_processes VALUES (1, 'Scheduler', '{}'), (2, 'Worker', '{}')",
                iso(scheduler),
                iso(10)
            ),
        );
        let config = "contrib/stores/solid_queue.toml";
        let mut call = crate::command();
        call.args(["--config", config, "-f", "json", "--timezone", "UTC", "--now", &iso(10)]).arg(&store.path);
        Run::from(call.output().unwrap())
    };
    assert_eq!(beats(9).incidents(), [""; 0]);
    assert_eq!(beats(4).incidents(), ["warning scheduler-down ongoing"]);
}

#[test]
fn a_store_of_zeroclaw_without_locked_at_is_read() {
    let store = Store::new(recipe("zeroclaw"));
    store.job(60).ran(&[-120, -60, 0], Outcome::Ok);
    sql(&store.db, "ALTER TABLE cron_jobs DROP COLUMN locked_at");
    let told = audit(&store, 10);
    assert_eq!((told.code, told.incidents().len()), (0, 0), "{}{}", told.out, told.err);
}

#[test]
fn degraded_runs_of_zeroclaw_did_their_work_and_their_messages_are_lost() {
    for (lost, told) in [(2, &[][..]), (3, &["warning undelivered ongoing"][..])] {
        let store = Store::new(recipe("zeroclaw"));
        store.job(60).ran(&[-180, -120, -60, 0], Outcome::Ok);
        sql(&store.db, "UPDATE cron_runs SET output = 'the weather is fine'");
        sql(&store.db, &format!("UPDATE cron_runs SET status = 'degraded' WHERE id > 4 - {lost}"));
        let run = audit(&store, 10);
        assert_eq!(run.incidents(), told, "{lost}: {}", run.out);
        assert!(!run.out.contains("weather"), "{}", run.out);
    }
}

#[test]
fn six_fields_of_zeroclaw_count_days_from_sunday_as_one() {
    // 10:00 on a Monday, day 2.
    let store = Store::new(recipe("zeroclaw"));
    store.job(7 * DAY).ran(&[-14 * DAY, -7 * DAY, 0], Outcome::Ok);
    sql(&store.db, r#"UPDATE cron_jobs SET schedule = '{"kind": "cron", "expr": "0 0 10 * * 2", "tz": "UTC"}'"#);
    assert_eq!(audit(&store, 2 * DAY).incidents(), [""; 0]);
}

#[test]
fn schedules_of_gitea_by_name_are_read() {
    for schedule in ["@hourly", "@every 1h", "TZ=UTC 0 * * * *"] {
        let store = Store::new(recipe("gitea"));
        store.job(60).ran(&[-180, -120, -60, 0], Outcome::Ok);
        sql(&store.db, &format!("UPDATE action_schedule_spec SET spec = '{schedule}'"));
        assert_eq!(audit(&store, 10).incidents(), [""; 0], "{schedule}");
        assert_eq!(audit(&store, DAY).code, 2, "{schedule}");
    }
}

#[test]
fn late_runs_of_nanoclaw_on_its_grid_are_no_second_runs() {
    let store = Store::new(recipe("nanoclaw"));
    store.job(10);
    sql(&store.db, "UPDATE scheduled_tasks SET schedule_type = 'interval', schedule_value = '600000'");
    for slot in 0..40 {
        store.ran(&[-10 * slot + if slot % 2 == 0 { 3 } else { 0 }], Outcome::Ok);
    }
    assert_eq!(audit(&store, 8).incidents(), [""; 0]);
}

#[test]
fn workflows_of_n8n_have_schedules_in_their_nodes() {
    let node = |interval: &str| {
        format!(
            r#"[{{"type": "n8n-nodes-base.set"}}, {{"type": "n8n-nodes-base.scheduleTrigger",
               "parameters": {{"rule": {{"interval": [{interval}]}}}}}}]"#
        )
    };
    for (interval, shown) in [
        (r#"{"field": "minutes", "minutesInterval": 10}"#, "every 10m"),
        (r#"{"field": "hours"}"#, "every 1h"),
        ("{}", "every 25h"),
        (r#"{"field": "cronExpression", "expression": "0 30 9 * * 1-5"}"#, "0 30 9 * * 1-5"),
        (r#"{"field": "hours"}, {"field": "minutes"}"#, "about every 1h, by its runs"),
    ] {
        let store = Store::new(recipe("n8n_legacy"));
        store.job(0).ran(&[-240, -180, -120, -60, 0], Outcome::Ok);
        sql(&store.db, &format!("UPDATE workflow_entity SET nodes = '{}'", node(interval)));
        let told = store.audit(5, &["--check-config", "--timezone", "UTC"]);
        assert!(told.out.contains(&format!("watched, {shown}, next run")), "{interval}: {}{}", told.out, told.err);
    }
}

#[test]
fn what_n8n_has_deleted_was_not_silent() {
    let store = Store::new(recipe("n8n_legacy"));
    store.job(0);
    sql(&store.db, &format!("UPDATE workflow_entity SET createdAt = '{}'", iso(-100 * DAY)));
    sql(&store.db, "UPDATE workflow_entity SET nodes = replace(nodes, '0 * * * *', '0 9 1 1 *')");
    assert_eq!(audit(&store, 10).incidents(), [""; 0], "its yearly run is long deleted");
    sql(&store.db, "UPDATE workflow_entity SET nodes = replace(nodes, '0 9 1 1 *', '0 9 1 3 *')");
    assert_eq!(audit(&store, 10).code, 2, "its run was due yesterday");
}
