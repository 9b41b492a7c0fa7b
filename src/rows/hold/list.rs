//! The chunks of a result as a list that only grows. Whoever draws or copies a result holds the list while it grows: a
//! clone is one reference, and an append to a list that is held elsewhere copies one node for each level of the tree,
//! never the list.

use std::slice::Iter;
use std::sync::Arc;

use super::held::Held;

/// A node has at most so many parts.
const WIDTH: usize = 32;

/// A part of a node, and the number of its first row.
type Placed<T> = (u64, T);

/// Nodes fill from the left, so that equal lists have equal trees.
#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Placed<Held>>),
    Branch(Vec<Placed<Arc<Node>>>),
}

/// Chunks in order, each with the number of its first row.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    root: Option<Arc<Node>>,
}

impl List {
    /// Adds a chunk that begins at this row, which is behind all others.
    pub(super) fn push(&mut self, start: u64, held: Held) {
        let Some(root) = &mut self.root else {
            self.root = Some(Arc::new(Node::Leaf(vec![(start, held)])));
            return;
        };
        if let Some(sibling) = push(root, start, held) {
            *root = Arc::new(Node::Branch(vec![(0, root.clone()), (start, sibling)]));
        }
    }

    /// The chunk that a row lies in, or the last one, and the number of its first row.
    pub(super) fn find(&self, row: u64) -> Option<(u64, &Held)> {
        let mut node = self.root.as_deref()?;
        loop {
            match node {
                Node::Leaf(parts) => {
                    let (start, held) = parts.get(place(parts, row))?;
                    return Some((*start, held));
                }
                Node::Branch(parts) => node = &parts.get(place(parts, row))?.1,
            }
        }
    }

    /// The chunks from the one on that a row lies in.
    pub(super) fn from(&self, row: u64) -> Chunks<'_> {
        let mut chunks = Chunks { above: Vec::new(), leaf: [].iter() };
        if let Some(root) = &self.root {
            chunks.descend(root, row);
        }
        chunks
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        match (&self.root, &other.root) {
            (Some(one), Some(other)) => are_equal(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

fn are_equal(one: &Arc<Node>, other: &Arc<Node>) -> bool {
    if Arc::ptr_eq(one, other) {
        return true;
    }
    match (&**one, &**other) {
        (Node::Leaf(one), Node::Leaf(other)) => one == other,
        (Node::Branch(one), Node::Branch(other)) => {
            let parts = || one.iter().zip(other);
            one.len() == other.len()
                && parts().all(|((one, _), (other, _))| one == other)
                && parts().all(|((_, one), (_, other))| are_equal(one, other))
        }
        _ => false,
    }
}

/// Where the part is that a row lies in.
fn place<T>(parts: &[Placed<T>], row: u64) -> usize {
    parts.partition_point(|(start, _)| *start <= row).saturating_sub(1)
}

/// Adds a chunk under a node. Where there is no room, it answers with the node that goes beside this one.
fn push(node: &mut Arc<Node>, start: u64, held: Held) -> Option<Arc<Node>> {
    if let Node::Leaf(parts) = &**node
        && parts.len() == WIDTH
    {
        return Some(Arc::new(Node::Leaf(vec![(start, held)])));
    }
    match Arc::make_mut(node) {
        Node::Leaf(parts) => {
            parts.push((start, held));
            None
        }
        Node::Branch(parts) => {
            let (_, last) = parts.last_mut()?;
            let sibling = push(last, start, held)?;
            if parts.len() == WIDTH {
                return Some(Arc::new(Node::Branch(vec![(start, sibling)])));
            }
            parts.push((start, sibling));
            None
        }
    }
}

/// The chunks of a list, each with the number of its first row.
pub(super) struct Chunks<'list> {
    above: Vec<Iter<'list, Placed<Arc<Node>>>>,
    leaf: Iter<'list, Placed<Held>>,
}

impl<'list> Chunks<'list> {
    fn descend(&mut self, mut node: &'list Node, row: u64) {
        loop {
            match node {
                Node::Leaf(parts) => {
                    self.leaf = parts.get(place(parts, row)..).unwrap_or_default().iter();
                    return;
                }
                Node::Branch(parts) => {
                    let mut parts = parts.get(place(parts, row)..).unwrap_or_default().iter();
                    let Some((_, first)) = parts.next() else {
                        return;
                    };
                    self.above.push(parts);
                    node = first;
                }
            }
        }
    }
}

impl<'list> Iterator for Chunks<'list> {
    type Item = (u64, &'list Held);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((start, held)) = self.leaf.next() {
                return Some((*start, held));
            }
            match self.above.last_mut()?.next() {
                Some((start, node)) => self.descend(node, *start),
                None => {
                    self.above.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rows::samples::chunk_of;

    fn nodes(node: &Arc<Node>) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([Arc::as_ptr(node) as usize]);
        if let Node::Branch(parts) = &**node {
            found.extend(parts.iter().flat_map(|(_, part)| nodes(part)));
        }
        found
    }

    #[test]
    fn an_append_to_a_list_that_is_held_copies_a_node_of_each_level() {
        let held = Held(Arc::new(chunk_of(&[&[Some(b"1")]])));
        for (count, levels) in [(10, 1), (1_000, 2), (20_000, 3)] {
            let mut list = List::default();
            (0..count).for_each(|start| list.push(start, held.clone()));
            let drawn = list.clone();
            list.push(count, held.clone());
            let before = nodes(drawn.root.as_ref().unwrap());
            let after = nodes(list.root.as_ref().unwrap());
            assert_eq!(after.difference(&before).count(), levels, "of {count} chunks");
            assert_eq!(drawn.from(0).count() as u64, count);
            assert_eq!(list.from(0).count() as u64, count + 1);
        }
    }
}
