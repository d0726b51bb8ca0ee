-- A homemade scheduler.
CREATE TABLE tasks (id INTEGER PRIMARY KEY, name TEXT, enabled INTEGER DEFAULT 1, cron TEXT NOT NULL, next_run INTEGER);
CREATE TABLE task_log (task_id INTEGER, started INTEGER, ended INTEGER, status TEXT, tokens INTEGER, error TEXT);
