#!/usr/bin/env node
// Starts the binary for this platform with the same arguments, and ends as it ends.
"use strict";
const { spawnSync } = require("node:child_process");
const path = require("node:path");

const COULD_NOT_AUDIT = 3;

const platform = `${process.platform}-${process.arch}`;
const binary = path.join(__dirname, "binaries", platform, "sched-audit");
const { error, signal, status } = spawnSync(binary, process.argv.slice(2), { stdio: "inherit" });
if (error) {
  console.error(`sched-audit: ${platform} is not supported, or its binary can't be run: ${error.message}`);
  process.exitCode = COULD_NOT_AUDIT;
} else if (signal) {
  process.kill(process.pid, signal);
} else {
  process.exitCode = status;
}
