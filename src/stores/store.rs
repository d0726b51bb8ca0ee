//! The schedulers whose stores are known.

use super::{openclaw, phantom};
use clap::ValueEnum;
use std::path::PathBuf;

/// A scheduler whose store can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// The agent phantom
    Phantom,
    /// OpenClaw
    Openclaw,
}

impl Store {
    /// The tables whose columns may be read, and nothing else.
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Store::Phantom => &phantom::TABLES,
            Store::Openclaw => &openclaw::TABLES,
        }
    }

    /// The table by which a database is recognized.
    pub fn job_table(self) -> &'static str {
        match self {
            Store::Phantom => phantom::JOB_TABLE,
            Store::Openclaw => openclaw::JOB_TABLE,
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The schedulers whose job table is among these.
    pub fn recognize(tables: &[String]) -> Vec<Store> {
        let has = |store: &&Store| tables.iter().any(|table| table.eq_ignore_ascii_case(store.job_table()));
        Store::value_variants().iter().filter(has).copied().collect()
    }

    /// Where its database usually is, if that can be told.
    pub fn usual_place(self) -> Option<PathBuf> {
        match self {
            Store::Phantom => Some(phantom::usual_place()),
            Store::Openclaw => openclaw::places::usual_place(),
        }
    }

    /// Where its database is in a directory of its own.
    pub fn place(self) -> &'static str {
        match self {
            Store::Phantom => phantom::PLACE,
            Store::Openclaw => openclaw::places::PLACE,
        }
    }
}
