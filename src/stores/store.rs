//! The schedulers whose stores are known.

use super::{hermes, openclaw, phantom};
use crate::db::{Access, ReadError};
use clap::ValueEnum;
use std::path::PathBuf;

/// A scheduler whose store can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// The agent phantom
    Phantom,
    /// OpenClaw
    Openclaw,
    /// Hermes Agent
    Hermes,
}

impl Store {
    /// The tables whose columns may be read, and nothing else.
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Store::Phantom => &phantom::TABLES,
            Store::Openclaw => &openclaw::TABLES,
            Store::Hermes => &hermes::TABLES,
        }
    }

    /// The table by which a database is recognized.
    pub fn job_table(self) -> &'static str {
        match self {
            Store::Phantom => phantom::JOB_TABLE,
            Store::Openclaw => openclaw::JOB_TABLE,
            Store::Hermes => hermes::JOB_TABLE,
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

    /// Whether a database with its job table is one of its stores: other programs have tables of that name too.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_its_own(self, access: &mut Access<'_>) -> Result<bool, ReadError> {
        match self {
            Store::Phantom => Ok(true),
            Store::Openclaw => access.consistent_read(openclaw::recognizes),
            Store::Hermes => access.consistent_read(hermes::recognizes),
        }
    }

    /// Where its databases usually are, as far as that can be told.
    pub fn usual_places(self) -> Vec<PathBuf> {
        match self {
            Store::Phantom => vec![phantom::usual_place()],
            Store::Openclaw => openclaw::places::usual_place().into_iter().collect(),
            Store::Hermes => hermes::places::usual_places(),
        }
    }

    /// Where its database is in a directory of its own.
    pub fn place(self) -> &'static str {
        match self {
            Store::Phantom => phantom::PLACE,
            Store::Openclaw => openclaw::places::PLACE,
            Store::Hermes => hermes::places::PLACE,
        }
    }
}
