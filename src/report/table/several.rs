//! Several databases: each below its path, the worst first.

use super::page::{BOLD, Page};
use super::{foot, screen};
use crate::catalog::Severity;
use crate::report::content::Database;

/// Healthy databases that have lines of their own, unless all are asked for.
const MAX_HEALTHY: usize = 5;

/// The blocks of a call that audits several databases.
pub fn blocks(page: &Page, databases: &[Database]) -> Vec<String> {
    let mut worst_first: Vec<&Database> = databases.iter().collect();
    worst_first.sort_by_key(|database| database.rank());
    let is_healthy = |database: &&Database| database.severity() == Some(Severity::Ok);
    let (healthy, ailing): (Vec<&Database>, Vec<&Database>) = worst_first.iter().partition(|one| is_healthy(one));
    let most = if page.all { healthy.len() } else { MAX_HEALTHY };
    let mut blocks = Vec::new();
    for database in ailing.into_iter().chain(healthy.iter().take(most).copied()) {
        let path = foot::shown_path(page, &database.path, page.text_width());
        let mut own = screen::of_several(page, database);
        if let Some(first) = own.first_mut() {
            *first = page.line(&path, BOLD) + first;
        }
        blocks.extend(own);
    }
    let rest = healthy.len().saturating_sub(most);
    if rest > 0 {
        blocks.push(page.line(&format!("{rest} more are ok"), BOLD));
    }
    blocks.push(foot::of_several(page, &worst_first));
    blocks
}
