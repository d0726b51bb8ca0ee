//! Messages that reached nobody, although the runs did their work.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::catalog::Severity;
use crate::model::{Delivery, Fire, MessageFate, State};
use crate::time::DAY;

/// So many messages of a day that were lost, or all of a day of which it is not known, are no chance; nor are fewer over a day.
const MIN_LOST: usize = 3;
const MIN_UNKNOWN: usize = 2;

/// What became of a job's messages: at most one thing.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    match subject.job.state {
        State::Completed => undelivered_once(fleet.context, subject),
        State::Watched => undelivered(fleet.context, subject).or_else(|| messages_lost(fleet.context, subject)),
        _ if subject.job.state.is_watched() => messages_lost(fleet.context, subject),
        _ => None,
    }
}

/// The row knows the last attempt to deliver, which may be older than the last run: an error or an empty answer leaves it as
/// it was.
fn undelivered(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let row = subject.job.row.as_ref()?;
    let (Some(Delivery::Failed(error)), Some(run)) = (&row.delivery, &row.last_run) else { return None };
    if row.consecutive_errors > 0 || run.failed {
        return None;
    }
    // A message that was late is lost once; what is wrong with a channel stays wrong.
    let severity = if error.is_late { context.settings.severity_after(run.end())? } else { Severity::Warning };
    let evidence = Evidence::Undelivered { delivery_status: error.text.clone() };
    Some(Finding::new(subject.index, severity, evidence))
}

/// Messages of the last day that were lost while later ones arrived, or the last ones of which none is known to have arrived.
fn messages_lost(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (job, now) = (subject.job, context.settings.now);
    let day = job.fires_since(now.plus(-DAY));
    let lost: Vec<&Fire> = day.iter().filter(|fire| fire.message == MessageFate::Lost).collect();
    let sent = day.iter().filter(|fire| fire.message != MessageFate::None).count();
    let lost_count = lost.len().max(job.dead_letters);
    if lost_count >= MIN_LOST {
        let delivery_status = job.delivery_error.as_ref().map(|error| error.text.clone());
        let sent = sent.max(lost_count);
        let evidence = Evidence::MessagesLost { lost: lost_count, unconfirmed: 0, sent, delivery_status };
        let since = lost.first().map(|fire| fire.end);
        return Some(Finding::new(subject.index, Severity::Warning, evidence).since(since));
    }
    let with_message = job.fires.iter().rev().filter(|fire| fire.message != MessageFate::None);
    let unknown: Vec<&Fire> = with_message.take_while(|fire| fire.message == MessageFate::Unconfirmed).collect();
    let first = unknown.last()?.end;
    let unconfirmed = unknown.len();
    let is_all_day = unconfirmed >= MIN_UNKNOWN && now.since(first) >= DAY;
    if !is_all_day && (unconfirmed < MIN_LOST || unconfirmed < sent) {
        return None;
    }
    let evidence = Evidence::MessagesLost { lost: 0, unconfirmed, sent, delivery_status: None };
    Some(Finding::new(subject.index, Severity::Warning, evidence).since(first))
}

/// A one-shot that did its work, but whose message reached nobody.
fn undelivered_once(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let row = subject.job.row.as_ref()?;
    let (Some(Delivery::Failed(error)), Some(run)) = (&row.delivery, &row.last_run) else { return None };
    let severity = context.settings.severity_after(run.end())?;
    let evidence = Evidence::Undelivered { delivery_status: error.text.clone() };
    Some(Finding::new(subject.index, severity, evidence).since(run.end()))
}
