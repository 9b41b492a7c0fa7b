//! Saved connections as a list of the user's own: their order in a folder, and a copy of one.

use super::Connection;
use crate::{
    base::ids::ConnectionId,
    conninfo::Config,
    update::{
        connection::{self, Connections, Link},
        cx::Cx,
        keeping::{self, SavedConnection},
    },
};

/// The connections of a folder, in the order in which they are listed.
pub fn in_folder(connections: &Connections, group: &str) -> Vec<ConnectionId> {
    let mut listed: Vec<_> =
        connections.iter().filter(|(_, known)| known.config.group == group).collect();
    listed.sort_by_key(|(_, known)| place(&known.config));
    listed.into_iter().map(|(id, _)| *id).collect()
}

/// What connections are sorted by: folder, place in it, name.
pub fn place(config: &Config) -> (String, u32, String) {
    (config.group.clone(), config.order, config.label())
}

/// The place behind all others of a folder.
pub fn last_place(connections: &Connections, group: &str) -> u32 {
    let used = connections
        .values()
        .filter(|known| known.config.group == group)
        .map(|known| known.config.order.saturating_add(1));
    used.max().unwrap_or(0)
}

/// Moves a connection by one place within its folder, and keeps the order.
pub fn step(connections: &mut Connections, cx: &mut Cx, id: Option<ConnectionId>, down: bool) {
    let Some((id, known)) = id.and_then(|id| Some((id, connections.get(&id)?))) else {
        return;
    };
    let mut listed = in_folder(connections, &known.config.group);
    let Some(from) = listed.iter().position(|other| *other == id) else {
        return;
    };
    let to = if down { from + 1 } else { from.wrapping_sub(1) };
    if to >= listed.len() {
        return;
    }
    listed.swap(from, to);
    for (order, id) in (0..).zip(&listed) {
        if let Some(known) = connections.get_mut(id)
            && known.config.order != order
        {
            known.config.order = order;
            if known.saved {
                connection::save(connections, cx, *id);
            }
        }
    }
}

/// Saves a copy of a connection. No secret is copied: the keychain gives none away without being asked for it.
pub fn duplicate(connections: &mut Connections, cx: &mut Cx, id: Option<ConnectionId>) {
    let Some(known) = id.and_then(|id| connections.get(&id)) else {
        cx.notify("There is no connection here to duplicate.");
        return;
    };
    let mut config = known.config.clone();
    config.name = free_name(connections, &config.label());
    config.order = last_place(connections, &config.group);
    let copy = ConnectionId::next(&mut cx.ids);
    let notice = format!(
        "“{}” is a copy without the passwords: it asks for what it needs when it connects.",
        config.name
    );
    connections.insert(copy, Connection::new(config, true));
    cx.notify(notice);
    connection::save(connections, cx, copy);
}

/// `shop copy`, `shop copy 2`, …: the first that no connection has.
fn free_name(connections: &Connections, label: &str) -> String {
    let taken = |name: &str| connections.values().any(|known| known.config.name == name);
    let first = format!("{label} copy");
    let later = (2..=connections.len() + 2).map(|number| format!("{first} {number}"));
    std::iter::once(first.clone()).chain(later).find(|name| !taken(name)).unwrap_or(first)
}

/// Keeps every saved connection.
pub fn keep_all(connections: &Connections, cx: &mut Cx) {
    for (id, known) in connections.iter().filter(|(_, known)| known.saved) {
        let request = cx.request();
        let connection = Box::new(SavedConnection {
            id: *id,
            config: known.config.clone(),
            last_used_us: known.last_used_us,
        });
        cx.ask(keeping::Effect::SaveConnection { request, connection });
    }
}

/// Another Tusk saved or deleted connections.
pub fn changed_elsewhere(
    connections: &mut Connections,
    changed: Vec<SavedConnection>,
    deleted: Vec<ConnectionId>,
    is_used: impl Fn(ConnectionId) -> bool,
) {
    for saved in changed {
        let known = connections
            .entry(saved.id)
            .or_insert_with(|| Connection::new(saved.config.clone(), true));
        // One that is open goes on as it was opened; the next time it is opened as it is saved.
        known.config = saved.config;
        known.saved = true;
        known.last_used_us = known.last_used_us.max(saved.last_used_us);
    }
    for id in deleted {
        match connections.get_mut(&id) {
            Some(known)
                if is_used(id) || !matches!(known.link, Link::Closed | Link::Failed { .. }) =>
            {
                known.saved = false;
            }
            _ => {
                connections.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::secret::{Secret, SecretKind},
        effect::Effect as RootEffect,
        update::{
            keeping::{self, Kept, SavedConnection},
            shell::{command::Command, sidebar},
            testing::{World, config, expect, nothing_kept},
        },
    };

    fn world(names: &[(&str, &str)]) -> World {
        let mut ids = crate::base::ids::Ids::seeded(1);
        let saved = names.iter().map(|(group, name)| SavedConnection {
            id: ConnectionId::next(&mut ids),
            config: Config { name: (*name).into(), group: (*group).into(), ..config(7000) },
            last_used_us: None,
        });
        let mut world = World::with(Kept { connections: saved.collect(), ..nothing_kept() });
        world.command(Command::FocusSidebar);
        world
    }

    fn listed(world: &World) -> Vec<String> {
        let name = |row| match row {
            sidebar::Row::Connection(id) => Some(world.model.connections[&id].config.name.clone()),
            sidebar::Row::Run(_) => None,
        };
        sidebar::rows(&world.model).into_iter().filter_map(name).collect()
    }

    fn saved(effects: &[RootEffect]) -> Vec<(String, u32)> {
        let one = |effect: &RootEffect| match effect {
            RootEffect::Store(keeping::Effect::SaveConnection { connection, .. }) => {
                Some((connection.config.name.clone(), connection.config.order))
            }
            _ => None,
        };
        effects.iter().filter_map(one).collect()
    }

    #[test]
    fn a_connection_moves_within_its_folder_and_the_order_is_kept() {
        let mut world = world(&[("", "a"), ("", "b"), ("", "c"), ("work", "d")]);
        let effects = world.press("alt-down");
        // b has the place 0 already: all of them had it.
        assert_eq!(saved(&effects), [("a".into(), 1), ("c".into(), 2)]);
        assert_eq!(listed(&world), ["b", "a", "c", "d"]);
        assert_eq!(world.model.sidebar.selected, 1, "the choice goes with it");
        let effects = world.press("alt-down");
        assert_eq!(saved(&effects), [("c".into(), 1), ("a".into(), 2)]);
        expect!(world.press("alt-down"), []);
        assert_eq!(listed(&world), ["b", "c", "a", "d"]);
        let effects = world.press("alt-up");
        assert_eq!(saved(&effects), [("a".into(), 1), ("c".into(), 2)]);
        assert_eq!(listed(&world), ["b", "a", "c", "d"]);
    }

    #[test]
    fn a_copy_has_a_name_of_its_own_and_no_secret() {
        let mut world = world(&[("", "a"), ("", "b")]);
        let original = world.model.connections.values_mut().find(|known| known.config.name == "a");
        let secret = Some(Secret::new("hunter2"));
        original.unwrap().secrets.set(SecretKind::Database, secret);
        let effects = world.command(Command::ConnectionDuplicate);
        expect!(effects, [Store(SaveConnection { .. })]);
        assert_eq!(saved(&effects), [("a copy".into(), 1)]);
        assert!(world.notice().contains("without the passwords"));
        let effects = world.command(Command::ConnectionDuplicate);
        assert_eq!(saved(&effects), [("a copy 2".into(), 2)]);
        assert_eq!(listed(&world), ["a", "b", "a copy", "a copy 2"]);
        let copies = world.model.connections.values();
        let copies = copies.filter(|known| known.config.name.starts_with("a copy"));
        assert!(
            copies.clone().count() == 2 && copies.clone().all(|known| known.secrets.is_empty())
        );
    }

    #[test]
    fn where_nothing_is_chosen_nothing_is_copied_or_moved() {
        let mut world = world(&[]);
        expect!(world.command(Command::ConnectionDuplicate), []);
        assert_eq!(world.notice(), "There is no connection here to duplicate.");
        expect!(world.command(Command::ConnectionMoveUp), []);
    }
}
