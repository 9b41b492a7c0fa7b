//! Where items were drawn that have no places by themselves: which of them are in sight.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use gpui::{Bounds, IntoElement, Pixels, Styled, canvas};

/// The places of the items of one area, as the last frame drew them.
#[derive(Clone, Default)]
pub struct Places {
    area: Rc<Cell<Option<Bounds<Pixels>>>>,
    items: Rc<RefCell<BTreeMap<usize, Bounds<Pixels>>>>,
}

impl Places {
    /// Nothing to see: what it lies in is the area that the items are seen through. Those of earlier frames are
    /// forgotten.
    pub fn area(&self) -> impl IntoElement + use<> {
        let places = self.clone();
        canvas(
            move |bounds, _, _| {
                places.area.set(Some(bounds));
                places.items.borrow_mut().clear();
            },
            |_, (), _, _| {},
        )
        .absolute()
        .top_0()
        .left_0()
        .size_full()
    }

    /// Nothing to see: what it lies in is an item. It has to come after the area.
    pub fn item(&self, index: usize) -> impl IntoElement + use<> {
        let places = self.clone();
        canvas(
            move |bounds, _, _| {
                places.items.borrow_mut().insert(index, bounds);
            },
            |_, (), _, _| {},
        )
        .absolute()
        .top_0()
        .left_0()
        .size_full()
    }

    /// The items of which at least half is in sight.
    pub fn in_sight(&self) -> Vec<Range<usize>> {
        let Some(area) = self.area.get() else {
            return vec![];
        };
        let items = self.items.borrow();
        let is_seen = |bounds: &Bounds<Pixels>| {
            let middle = bounds.center().y;
            middle >= area.top() && middle < area.bottom()
        };
        let seen = items.iter().filter(|(_, bounds)| is_seen(bounds));
        ranges(seen.map(|(index, _)| *index))
    }
}

/// Numbers in order, as ranges.
pub fn ranges(numbers: impl IntoIterator<Item = usize>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => ranges.push(number..number + 1),
        }
    }
    ranges
}
