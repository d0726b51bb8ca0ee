//! How the work of a job's last fires differs from what was usual: tokens, output, time, model, and cost. Nothing is silent, so
//! it is information, although it costs money; but work that has hardly been done for a day is a warning.

use crate::audit::context::Subject;
use crate::audit::evidence::{Change, Evidence};
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::catalog::Severity;
use crate::model::{Fire, ModelIndex, Snapshot};
use crate::time::{DAY, Instant, Millis, SECOND};

/// This many fires in a row show a change, once this many earlier ones are known.
pub const LAST_FIRES: usize = 3;
const MIN_BEFORE: usize = 10;
/// A change by this factor is told.
const FACTOR: f64 = 10.0;
/// Values that differ by less than this factor are of one level, and those beyond it of another.
const HALFWAY: f64 = 3.0;
/// Work that has shrunk for so long is a warning.
pub const LONG_SHRUNK: Millis = DAY;
/// Even growth is told from this factor on, if each quarter of the history is that much above the one before it, over a time
/// that is longer than a session lasts.
const EVEN_FACTOR: f64 = 4.0;
const QUARTER_FACTOR: f64 = 1.2;
const LONGER_THAN_A_SESSION: Millis = 3 * DAY;
/// Shorter runs say nothing by their length.
const MIN_USUAL_RUN: Millis = 10 * SECOND;

/// What changed in the work of a job.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let good = good_runs(subject);
    let growth = grown(subject, &good);
    let model = model_changed(fleet.context.snapshot, subject);
    // More tokens and another model cost more by themselves.
    let cost = if growth.is_some() || model.is_some() { None } else { dearer(subject, &good) };
    growth.into_iter().chain(shrunk(fleet, subject, &good)).chain(model).chain(cost).collect()
}

/// The runs that did their work, oldest first.
fn good_runs<'a>(subject: &Subject<'a>) -> Vec<&'a Fire> {
    let mut good = Vec::with_capacity(subject.job.fires.len());
    for (run, fire) in subject.job.fires.iter().enumerate() {
        if !fire.is_bad() && !fire.is_idle() && subject.too_short(run).is_none() {
            good.push(fire);
        }
    }
    good
}

/// A number of a fire, with its end.
type Point = (Instant, f64);

/// One number of each good fire that has it, oldest first.
struct Series(Vec<Point>);

impl Series {
    fn of(good: &[&Fire], value: impl Fn(&Fire) -> Option<f64>) -> Series {
        let mut points = Vec::with_capacity(good.len());
        for fire in good {
            if let Some(value) = value(fire) {
                points.push((fire.end, value));
            }
        }
        Series(points)
    }

    /// The last fires, and those before them if they are enough.
    fn split(&self) -> Option<(&[Point], &[Point])> {
        let (before, last) = self.0.split_at(self.0.len().checked_sub(LAST_FIRES)?);
        (before.len() >= MIN_BEFORE).then_some((before, last))
    }

    /// The change of the last fires, if each is that much above the median of those before; and since when.
    fn growth(&self) -> Option<(Change, Instant)> {
        let level = least(self.split()?.1) / HALFWAY;
        let (last, usual) = self.changed(|value| value >= level, |value, usual| value >= FACTOR * usual)?;
        Some((Change { now: least(last), usual }, last[0].0))
    }

    /// The last fires as far back as they have changed, and what was usual before. Those of the present level have, and, going on
    /// from there, those that changed against what remains: else more of them than of the others would become the usual.
    fn changed(
        &self,
        is_of_level: impl Fn(f64) -> bool,
        has_changed: impl Fn(f64, f64) -> bool,
    ) -> Option<(&[Point], f64)> {
        let mut first = self.first_of_tail(is_of_level);
        loop {
            // Most jobs end here: the median would cost a sort.
            let before = &self.0[..first];
            if before.len() < MIN_BEFORE {
                return None;
            }
            let usual = median(before);
            let changed = self.first_of_tail(|value| has_changed(value, usual));
            if changed + LAST_FIRES > self.0.len() {
                return None;
            }
            if changed >= first {
                return Some((&self.0[changed..], usual));
            }
            first = changed;
        }
    }

    /// Where the last values begin of which all are like that.
    fn first_of_tail(&self, is_like: impl Fn(f64) -> bool) -> usize {
        self.0.iter().rposition(|(_, value)| !is_like(*value)).map_or(0, |other| other + 1)
    }

    /// The change of the last fires against the oldest ones, if the values rose evenly.
    fn even_growth(&self) -> Option<(Change, Instant)> {
        let (before, last) = self.split()?;
        let (first, newest) = (self.0.first()?.0, self.0.last()?.0);
        if before.len() < 4 * MIN_BEFORE || newest.since(first) < LONGER_THAN_A_SESSION {
            return None;
        }
        let usual = median(&before[..MIN_BEFORE]);
        let now = least(last);
        if now < EVEN_FACTOR * usual {
            return None;
        }
        let quarters: Vec<f64> = before.chunks(before.len().div_ceil(4)).map(median).collect();
        let rises = quarters.windows(2).all(|pair| pair[1] >= QUARTER_FACTOR * pair[0]);
        if rises { Some((Change { now, usual }, first)) } else { None }
    }

    /// The change of the last fires, if each is that much below the median of those before.
    fn decline(&self) -> Option<Decline> {
        let level = most(self.split()?.1) * HALFWAY;
        let is_changed = |value: f64, usual: f64| usual > 0.0 && FACTOR * value <= usual;
        let (last, usual) = self.changed(|value| value <= level, is_changed)?;
        let before = &self.0[..self.0.len() - last.len()];
        let is_known = before.windows(LAST_FIRES).any(|few| FACTOR * most(few) <= usual);
        Some(Decline { change: Change { now: most(last), usual }, since: last[0].0, is_known })
    }
}

/// Work that became less.
struct Decline {
    change: Change,
    since: Instant,
    /// Whether it had been as little before, and became more again.
    is_known: bool,
}

fn most(values: &[Point]) -> f64 {
    values.iter().map(|(_, value)| *value).fold(0.0, f64::max)
}

fn least(values: &[Point]) -> f64 {
    values.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min)
}

fn median(values: &[Point]) -> f64 {
    let mut values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Tokens that grew and stay grown, at once or evenly.
fn grown(subject: &Subject<'_>, good: &[&Fire]) -> Option<Finding> {
    let used = Series::of(good, |fire| fire.tokens.filter(|tokens| *tokens > 0).map(f64::from));
    let (change, since) = used.growth().or_else(|| used.even_growth())?;
    // They come from u32.
    let evidence = Evidence::TokenGrowth { tokens: change.now as u32, usual_tokens: change.usual as u32 };
    Some(Finding::new(subject.index, Severity::Info, evidence).since(since))
}

/// Output or time that shrank: the job still fires, but hardly does its work. What takes less time and writes as much is faster.
fn shrunk(fleet: &Fleet<'_>, subject: &Subject<'_>, good: &[&Fire]) -> Option<Finding> {
    let written = Series::of(good, |fire| fire.output.map(f64::from));
    let output = written.decline();
    let took = Series::of(good, |fire| Some(fire.took?.millis() as f64 / SECOND as f64));
    let took = took.decline().filter(|took| took.change.usual * SECOND as f64 >= MIN_USUAL_RUN as f64);
    let is_faster = output.is_none() && written.split().is_some();
    let decline = output.as_ref().or(took.as_ref())?;
    let lasts = fleet.context.settings.now.since(decline.since) >= LONG_SHRUNK;
    let severity = if lasts && !decline.is_known && !is_faster { Severity::Warning } else { Severity::Info };
    let since = decline.since;
    let (output_tokens, seconds) = (output.map(|output| output.change), took.map(|took| took.change));
    Some(Finding::new(subject.index, severity, Evidence::WorkShrank { output_tokens, seconds }).since(since))
}

/// Another model than most of the fires before ran on, and what that costs.
fn model_changed(snapshot: &Snapshot, subject: &Subject<'_>) -> Option<Finding> {
    let fires = &subject.job.fires;
    let current = fires.iter().rev().find_map(|fire| fire.model)?;
    // Most jobs end here.
    let last_other = fires.iter().rposition(|fire| fire.model.is_some_and(|model| model != current))?;
    let (before, since) = fires.split_at(last_other + 1);
    let (before, since) = (with_model(before), with_model(since));
    let usual = before.last()?.1;
    let with_usual = before.iter().filter(|(_, model)| *model == usual).count();
    if since.len() < LAST_FIRES || with_usual < MIN_BEFORE || 2 * with_usual < before.len() {
        return None;
    }
    let cost_usd = usual_cost(&since).zip(usual_cost(&before)).map(|(now, usual)| Change { now, usual });
    let (model, usual_model) = (model_name(snapshot, current), model_name(snapshot, usual));
    let evidence = Evidence::ModelChanged { model, usual_model, cost_usd };
    Some(Finding::new(subject.index, Severity::Info, evidence).since(since[0].0.end))
}

/// The fires of which the model is known.
fn with_model(fires: &[Fire]) -> Vec<(&Fire, ModelIndex)> {
    fires.iter().filter_map(|fire| Some((fire, fire.model?))).collect()
}

fn model_name(snapshot: &Snapshot, model: ModelIndex) -> String {
    snapshot.models.get(model.position()).cloned().unwrap_or_default()
}

/// What a run usually costs; None where no cost is known.
fn usual_cost(fires: &[(&Fire, ModelIndex)]) -> Option<f64> {
    let known = fires.iter().filter(|(fire, _)| fire.cost_usd > 0.0);
    let costs: Vec<Point> = known.map(|(fire, _)| (fire.end, f64::from(fire.cost_usd))).collect();
    if costs.is_empty() { None } else { Some(median(&costs)) }
}

/// Runs that cost far more than before.
fn dearer(subject: &Subject<'_>, good: &[&Fire]) -> Option<Finding> {
    let costs = Series::of(good, |fire| Some(f64::from(fire.cost_usd)).filter(|cost| *cost > 0.0));
    let (cost_usd, since) = costs.growth()?;
    Some(Finding::new(subject.index, Severity::Info, Evidence::CostGrowth { cost_usd }).since(since))
}
