//! The parameter `:since` of the query for runs: bound in the type of the column that it is compared with.

use super::super::ids;
use super::query::{Prepared, Query, SINCE};
use super::reader::Reader;
use super::run_row::RunRow;
use super::tally::Tally;
use super::unjudged;
use super::values::Bound;
use crate::db::ReadError;
use crate::model::{Job, State};
use crate::time::{Instant, Millis, SECOND};
use rusqlite::types::Value;
use std::collections::HashMap;

/// Rows that are read at most to find the newest run of jobs that have none in the window.
const MAX_BACKWARDS: usize = 200_000;
/// Before every run, since 1970.
const AT_FIRST: Millis = SECOND;

/// Binds the parameter, if there is one; returns its form. Where nothing is found by it, rows of any time are taken.
pub fn bind(
    reader: &Reader<'_>,
    query: &Query,
    prepared: &mut Prepared<'_>,
    since: Instant,
) -> Result<Option<Bound>, ReadError> {
    let Some(parameter) = prepared.statement.parameter_index(SINCE)? else { return Ok(None) };
    let named = reader.mapping.time.map(Bound::of);
    if let Some(form) = named
        && finds_any(query, prepared, parameter, form.value(since))?
    {
        return Ok(named);
    }
    let sampled = sampled(query, prepared, parameter)?;
    let forms = [named, sampled, Some(Bound::Text), Some(Bound::Number(1)), Some(Bound::Number(1_000))];
    for at in [since, Instant::from_millis(AT_FIRST)] {
        for form in forms.into_iter().flatten() {
            if finds_any(query, prepared, parameter, form.value(at))? {
                return Ok(Some(form));
            }
        }
    }
    Ok(named.or(sampled).or(Some(Bound::Text)))
}

/// Binds a value; returns whether the query then gives a row.
fn finds_any(query: &Query, prepared: &mut Prepared<'_>, parameter: usize, value: Value) -> Result<bool, ReadError> {
    prepared.statement.raw_bind_parameter(parameter, value)?;
    let mut rows = prepared.statement.raw_query();
    Ok(rows.next().map_err(|error| query.failed(error))?.is_some())
}

/// The form of the times in the first row: text and any time are greater than 0.
fn sampled(query: &Query, prepared: &mut Prepared<'_>, parameter: usize) -> Result<Option<Bound>, ReadError> {
    prepared.statement.raw_bind_parameter(parameter, 0)?;
    let mut rows = prepared.statement.raw_query();
    let Some(row) = rows.next().map_err(|error| query.failed(error))? else { return Ok(None) };
    let values = prepared.columns.values(row)?;
    for column in ["start", "end"] {
        if let Some(form) = Bound::like(values.get(column)) {
            return Ok(Some(form));
        }
    }
    Ok(None)
}

/// The newest run of each watched job that has none yet, however old, by the job's position.
pub fn newest_before(
    reader: &Reader<'_>,
    query: &Query,
    prepared: &mut Prepared<'_>,
    form: Bound,
    jobs: &mut [Job],
) -> Result<HashMap<usize, RunRow>, ReadError> {
    let mut newest: HashMap<usize, RunRow> = HashMap::new();
    let without: HashMap<String, usize> = jobs
        .iter()
        .enumerate()
        .filter(|(_, job)| job.state == State::Watched && job.fires.is_empty() && job.running_since.is_none())
        .map(|(position, job)| (job.id.clone(), position))
        .collect();
    let Some(parameter) = prepared.statement.parameter_index(SINCE)? else { return Ok(newest) };
    if without.is_empty() {
        return Ok(newest);
    }
    prepared.statement.raw_bind_parameter(parameter, form.value(Instant::from_millis(AT_FIRST)))?;
    let (mut rows, mut count) = (prepared.statement.raw_query(), 0);
    let mut uncounted = Tally::of(query.key, &prepared.columns);
    while let Some(row) = rows.next().map_err(|error| query.failed(error))? {
        count += 1;
        if count > MAX_BACKWARDS {
            let missing = without.values().filter(|position| !newest.contains_key(position));
            missing.for_each(|position| {
                unjudged::one(&mut jobs[*position], "its last run is too long ago to be looked for")
            });
            break;
        }
        let values = prepared.columns.values(row)?;
        let id = ids::id(&ids::bytes(values.get("job")));
        let Some(position) = without.get(id.as_str()).copied() else { continue };
        let Ok(run) = RunRow::read(reader, &values, &mut uncounted) else { continue };
        if newest.get(&position).is_none_or(|known| known.start < run.start) {
            newest.insert(position, run);
        }
    }
    Ok(newest)
}
