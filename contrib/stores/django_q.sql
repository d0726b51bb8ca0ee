-- The tables of django-q2 that matter here.
CREATE TABLE django_q_schedule (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(100), func VARCHAR(256) NOT NULL,
  schedule_type VARCHAR(2) NOT NULL, minutes SMALLINT UNSIGNED, repeats INTEGER NOT NULL, next_run DATETIME, cron VARCHAR(100),
  task VARCHAR(100));
CREATE TABLE django_q_task (id VARCHAR(32) PRIMARY KEY, name VARCHAR(100) NOT NULL, func VARCHAR(256) NOT NULL, result TEXT,
  started DATETIME NOT NULL, stopped DATETIME NOT NULL, success BOOL NOT NULL, "group" VARCHAR(100), attempt_count INTEGER NOT NULL);
