//! The interface `journal`.

use nodepol_facts::journal as facts;

use super::convert::{IntoWit, wit};
use crate::bindings::nodepol::policy::journal::{Entry, Host, KnownLine};
use crate::bindings::nodepol::policy::types::Unavailable;
use crate::host_state::HostState;

impl Host for HostState {
    fn recent(
        &mut self,
        unit: String,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<Entry>, Unavailable>> {
        Ok(wit(self.facts()?.journal.recent(&unit, max)))
    }

    fn known_lines(&mut self) -> wasmtime::Result<Result<Vec<KnownLine>, Unavailable>> {
        Ok(wit(self.facts()?.journal.known_lines()))
    }

    fn last_fatal(&mut self) -> wasmtime::Result<Result<Option<Entry>, Unavailable>> {
        Ok(wit(self.facts()?.journal.last_fatal()))
    }
}

impl IntoWit for facts::Entry {
    type Wit = Entry;

    fn into_wit(self) -> Entry {
        Entry {
            time: self.time,
            unit: self.unit,
            identifier: self.identifier,
            message: self.message,
        }
    }
}

impl IntoWit for facts::KnownLine {
    type Wit = KnownLine;

    fn into_wit(self) -> KnownLine {
        KnownLine {
            signature: self.signature.to_owned(),
            policies: self.policies.iter().map(ToString::to_string).collect(),
            meaning: self.meaning.to_owned(),
            fatal: self.fatal,
            entry: wit(self.entry),
        }
    }
}
