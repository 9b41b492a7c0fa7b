//! Items that only the window knows to be in sight: their sizes follow from how they are drawn.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::base::ids::TabId;

/// Items of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Items {
    /// The tabs over the editor.
    Tabs,
    /// The messages of a tab.
    Messages { tab: TabId },
    /// The rows of the welcome screen.
    Welcome,
    /// The settings on their page.
    Settings,
    /// The fields of the dialog that is open.
    Fields,
}

/// Of each kind the items that were last drawn in sight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct InSight(Vec<(Items, Vec<Range<usize>>)>);

impl InSight {
    pub(super) fn set(&mut self, items: Items, in_sight: Vec<Range<usize>>) {
        let kind = std::mem::discriminant(&items);
        self.0.retain(|(known, _)| std::mem::discriminant(known) != kind);
        self.0.push((items, in_sight));
    }

    pub(super) fn get(&self, items: Items) -> Option<&Vec<Range<usize>>> {
        let known = self.0.iter().find(|(known, _)| *known == items);
        known.map(|(_, in_sight)| in_sight)
    }

    pub(super) fn forget(&mut self, items: Items) {
        self.0.retain(|(known, _)| *known != items);
    }
}
