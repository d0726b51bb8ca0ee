-- The tables of Gitea that matter here.
CREATE TABLE action_schedule (id INTEGER PRIMARY KEY, title TEXT, repo_id INTEGER, workflow_id TEXT, created INTEGER);
CREATE TABLE action_schedule_spec (id INTEGER PRIMARY KEY, repo_id INTEGER, schedule_id INTEGER, next INTEGER, prev INTEGER, spec TEXT);
CREATE TABLE action_run (id INTEGER PRIMARY KEY, title TEXT, repo_id INTEGER, workflow_id TEXT, schedule_id INTEGER, status INTEGER,
  created INTEGER, started INTEGER, stopped INTEGER);
