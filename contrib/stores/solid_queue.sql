-- The tables of Solid Queue that matter here.
CREATE TABLE solid_queue_recurring_tasks (id INTEGER PRIMARY KEY, key TEXT NOT NULL, schedule TEXT NOT NULL, class_name TEXT,
  static INTEGER, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE solid_queue_recurring_executions (id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, task_key TEXT NOT NULL,
  run_at TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE solid_queue_jobs (id INTEGER PRIMARY KEY, class_name TEXT NOT NULL, finished_at TEXT, created_at TEXT NOT NULL);
CREATE TABLE solid_queue_failed_executions (id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, error TEXT, created_at TEXT NOT NULL);
CREATE TABLE solid_queue_processes (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, last_heartbeat_at TEXT NOT NULL);
