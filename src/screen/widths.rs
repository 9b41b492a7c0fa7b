//! How wide the window draws words, and what of them it has room for.

use super::{Action, Tab};
use std::ops::Range;

use super::TabMark;
use crate::rows::show::display;

/// Between the texts of a part of a bar, and what is around a key in its box, in logical pixels at 100 %.
pub(super) const PART_GAP: u32 = 8;
const KEY_BOX: u32 = 12;
/// A letter of a key's box.
const KEY_LETTER_TENTHS: u32 = 66;
/// A tab of the editor, but for its words and what it is marked with: its padding, the place of its last mark, its edge.
const TAB: u32 = 14 + 8 + 6 + 16 + 1;
/// A tab's other mark.
const TAB_MARK: u32 = 14;
const TAB_MAX: u32 = 240;
/// The `+` behind the tabs, but for its key.
const PLUS: u32 = 2 * 14 + 9 + 1;
/// How wide the interface's letters from the space on are, in tenths of a logical pixel; any other one is less than
/// the last of them.
const LETTER_TENTHS: [u32; 96] = [
    37, 37, 53, 82, 83, 106, 84, 29, 48, 48, 65, 86, 37, 60, 36, 47, 84, 62, 80, 84, 85, 82, 83,
    76, 82, 83, 36, 37, 86, 86, 86, 66, 122, 88, 85, 95, 94, 78, 77, 97, 97, 35, 71, 85, 74, 116,
    98, 99, 83, 99, 84, 83, 84, 97, 88, 124, 84, 87, 82, 48, 47, 48, 61, 59, 65, 74, 81, 73, 81,
    76, 47, 80, 77, 31, 31, 71, 31, 114, 77, 78, 80, 80, 49, 68, 48, 76, 73, 106, 71, 73, 71, 48,
    43, 48, 86, 140,
];

pub(super) fn text_width(text: &str) -> u32 {
    let last = LETTER_TENTHS.len() - 1;
    let tenths = |letter: char| {
        let place = (letter as usize).checked_sub(usize::from(b' '));
        LETTER_TENTHS[place.unwrap_or(last).min(last)]
    };
    text.chars().map(tenths).sum::<u32>() / 10 + 1
}

pub(super) fn key_width(key: Option<&str>) -> u32 {
    key.map_or(0, |key| {
        let letters = u32::try_from(display::text_width(key)).unwrap_or(u32::MAX / 1_000);
        PART_GAP + KEY_BOX + letters * KEY_LETTER_TENTHS / 10 + 1
    })
}

/// The tabs that a row so wide has room for, the active one among them.
pub(super) fn tabs_in_sight(tabs: &[Tab], new_tab: &Action, room: u64) -> Range<usize> {
    let plus = PLUS + key_width(new_tab.key.as_deref());
    let room = room.saturating_sub(u64::from(plus));
    let mut right = 0;
    let edges: Vec<Range<u64>> = tabs
        .iter()
        .map(|tab| {
            let other = tab.mark != TabMark::None && (tab.unsaved || tab.changed_on_disk);
            let other = if other { TAB_MARK } else { 0 };
            let left = right;
            right += u64::from((TAB + text_width(&tab.label) + other).min(TAB_MAX));
            left..right
        })
        .collect();
    let active = tabs.iter().position(|tab| tab.active);
    let scrolled = active.map_or(0, |active| edges[active].end.saturating_sub(room));
    let is_seen =
        |tab: &&Range<u64>| (scrolled..scrolled + room).contains(&tab.start.midpoint(tab.end));
    let start = edges.iter().take_while(|tab| !is_seen(tab)).count();
    let count = edges[start..].iter().take_while(is_seen).count();
    start..start + count
}
