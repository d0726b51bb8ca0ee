-- The tables of ZeroClaw.
CREATE TABLE cron_jobs (
  id TEXT PRIMARY KEY, expression TEXT NOT NULL, command TEXT NOT NULL, schedule TEXT, job_type TEXT, prompt TEXT, name TEXT,
  enabled INTEGER NOT NULL DEFAULT 1, created_at TEXT NOT NULL, next_run TEXT NOT NULL, last_run TEXT, last_status TEXT,
  last_output TEXT, locked_at TEXT
);
CREATE TABLE cron_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL,
  status TEXT NOT NULL, output TEXT, duration_ms INTEGER
);
