//! Writes that the disk refused: they wait in memory, in order, until there is room again.
//!
//! A write that a later one supersedes is dropped, so a disk that stays full costs memory for what there is to store,
//! not for every key that was pressed.

use std::collections::BTreeSet;

use crate::{
    base::ids::QueryId,
    update::keeping::{Effect, HistoryEntry},
};

#[derive(Debug, Default)]
pub(super) struct Backlog {
    writes: Vec<Effect>,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(super) fn writes(&self) -> &[Effect] {
        &self.writes
    }

    pub(super) fn clear(&mut self) {
        self.writes.clear();
    }

    pub(super) fn push(&mut self, write: Effect) {
        if let Effect::RecordRuns { entries, .. } = &write {
            self.forget_runs(entries);
        }
        self.writes.retain(|earlier| !supersedes(&write, earlier));
        self.writes.push(write);
    }

    /// Later writes of these runs replace the earlier ones.
    fn forget_runs(&mut self, later: &[HistoryEntry]) {
        let later: BTreeSet<QueryId> = later.iter().map(|entry| entry.query).collect();
        for write in &mut self.writes {
            if let Effect::RecordRuns { entries, .. } = write {
                entries.retain(|entry| !later.contains(&entry.query));
            }
        }
    }
}

/// Whether the later write leaves nothing of the earlier one.
fn supersedes(later: &Effect, earlier: &Effect) -> bool {
    match (later, earlier) {
        (Effect::SaveTab { tab, .. }, Effect::JournalEdits { tab: earlier, .. }) => {
            tab.id == *earlier
        }
        (Effect::SaveTab { tab, .. }, Effect::SaveTab { tab: earlier, .. }) => tab.id == earlier.id,
        (
            Effect::SaveConnection { connection, .. },
            Effect::SaveConnection { connection: earlier, .. },
        ) => connection.id == earlier.id,
        (Effect::RecordRuns { .. }, Effect::RecordRuns { entries, .. }) => entries.is_empty(),
        (Effect::SaveLayout { .. }, Effect::SaveLayout { .. })
        | (Effect::SaveSettings { .. }, Effect::SaveSettings { .. }) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{
            ids::{Request, TabId},
            text::{Edit, RopeText},
        },
        update::keeping::SavedTab,
    };

    fn edits(tab: u128, revision: u64) -> Effect {
        Effect::JournalEdits {
            request: Request(revision),
            tab: TabId(uuid::Uuid::from_u128(tab)),
            revision,
            edits: vec![Edit { start: 0, removed: 0, inserted: "x".into() }],
        }
    }

    fn whole(tab: u128) -> Effect {
        Effect::SaveTab {
            request: Request(9),
            tab: Box::new(SavedTab {
                id: TabId(uuid::Uuid::from_u128(tab)),
                place: 0,
                active: true,
                title: String::new(),
                path: None,
                form: Default::default(),
                unsaved: false,
                connection: None,
                text: RopeText::from("xx"),
                revision: 2,
                cursor: 0,
            }),
        }
    }

    #[test]
    fn a_tab_that_is_kept_whole_takes_the_place_of_its_edits_and_of_no_others() {
        let mut backlog = Backlog::default();
        for write in [edits(1, 1), edits(2, 1), edits(1, 2), whole(1), edits(1, 3)] {
            backlog.push(write);
        }
        assert_eq!(backlog.writes(), [edits(2, 1), whole(1), edits(1, 3)]);
    }

    #[test]
    fn only_the_last_layout_counts() {
        let layout = |request| Effect::SaveLayout { request: Request(request), tabs: vec![] };
        let mut backlog = Backlog::default();
        for write in [layout(1), edits(1, 1), layout(2)] {
            backlog.push(write);
        }
        assert_eq!(backlog.writes(), [edits(1, 1), layout(2)]);
    }
}
