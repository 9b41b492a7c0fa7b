//! Saved connections and settings. Both are JSON in their rows: if a newer program adds a field, reading an older row
//! fills it from the defaults, so it needs no migration.

use rusqlite::{Connection, OptionalExtension, params, types::Type};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::tabs::id_in;
use crate::{base::ids::ConnectionId, settings::Settings, update::keeping::SavedConnection};

/// The row that holds them.
pub(super) const SETTINGS: &str = "settings";

/// Saved connections, in the order of their creation.
pub(super) fn connections(connection: &Connection) -> rusqlite::Result<Vec<SavedConnection>> {
    let sql = "select id, config, last_used_us from connection order by rowid";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(SavedConnection {
            id: ConnectionId(id_in(row, 0)?),
            config: read(&row.get::<_, String>(1)?)?,
            last_used_us: row.get(2)?,
        })
    })?;
    rows.collect()
}

/// Adds a connection or changes it.
pub(super) fn save_connection(
    connection: &Connection,
    saved: &SavedConnection,
) -> rusqlite::Result<()> {
    let sql = "insert into connection (id, config, last_used_us) values (?1, ?2, ?3)
        on conflict (id) do update set config = excluded.config, last_used_us = excluded.last_used_us";
    let config = json(&saved.config)?;
    connection.prepare_cached(sql)?.execute(params![
        saved.id.to_string(),
        config,
        saved.last_used_us
    ])?;
    Ok(())
}

/// Deletes a connection; succeeds if there is none.
pub(super) fn delete_connection(connection: &Connection, id: ConnectionId) -> rusqlite::Result<()> {
    connection.execute("delete from connection where id = ?1", [id.to_string()])?;
    Ok(())
}

/// The settings, or the defaults.
pub(super) fn settings(connection: &Connection) -> rusqlite::Result<Settings> {
    text(connection)?.map_or(Ok(Settings::default()), |text| read(&text))
}

/// Stores the window's layout. The other settings are in the user's own file; what an earlier version stored of them
/// here is deleted once that file has them.
pub(super) fn save_settings(connection: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    let window = serde_json::json!({
        "window": settings.window,
        "sidebar_width": settings.sidebar_width,
        "editor_percent": settings.editor_percent,
    });
    save_text(connection, &json(&window)?)
}

/// The settings as stored.
pub(super) fn text(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "select value from setting where name = ?1";
    connection.query_row(sql, [SETTINGS], |row| row.get(0)).optional()
}

/// Stores settings as they are.
pub(super) fn save_text(connection: &Connection, text: &str) -> rusqlite::Result<()> {
    let sql = "insert into setting (name, value) values (?1, ?2)
        on conflict (name) do update set value = excluded.value";
    connection.execute(sql, params![SETTINGS, text])?;
    Ok(())
}

/// JSON that does not read back the same is damage, like bytes that are not text.
fn read<T: Default + Serialize + DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    with_defaults(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, error.into()))
}

/// A value as stored.
pub(super) fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A stored value, with defaults for what is missing.
pub(super) fn with_defaults<T: Default + Serialize + DeserializeOwned>(
    text: &str,
) -> serde_json::Result<T> {
    let mut whole = serde_json::to_value(T::default())?;
    let kept: Value = serde_json::from_str(text)?;
    if let (Value::Object(whole), Value::Object(kept)) = (&mut whole, kept) {
        whole.extend(kept);
    }
    serde_json::from_value(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conninfo::{Colour, Config, SslMode};

    #[test]
    fn a_field_that_an_older_program_did_not_write_has_its_default() {
        let config: Config = with_defaults(r#"{"host":"db","port":6000,"unheard_of":1}"#).unwrap();
        assert_eq!(config, Config { host: "db".into(), port: 6000, ..Config::default() });
    }

    /// A connection as the first version stored it.
    const FIRST_VERSION: &str = r#"{"name":"prod","colour":"red","group":"work","host":"/run/pg","port":6000,
        "database":"shop","user":"app","ssl_mode":"verify-ca","ssl_root_cert":"/ca","ssl_cert":"/c","ssl_key":"/k",
        "connect_timeout_s":3,"statement_timeout_ms":4,"pool_size":5,"pool_timeout_s":6,"application_name":"me",
        "options":"-c geqo=off","read_only":true}"#;

    #[test]
    fn a_connection_of_the_first_version_is_read_and_what_is_new_in_it_is_the_usual() {
        let expected = Config {
            name: "prod".into(),
            colour: Colour::Red,
            group: "work".into(),
            host: "/run/pg".into(),
            port: 6000,
            database: "shop".into(),
            user: "app".into(),
            ssl_mode: SslMode::VerifyCa,
            ssl_root_cert: "/ca".into(),
            ssl_cert: "/c".into(),
            ssl_key: "/k".into(),
            connect_timeout_s: 3,
            statement_timeout_ms: 4,
            pool_size: 5,
            pool_timeout_s: 6,
            application_name: "me".into(),
            options: "-c geqo=off".into(),
            read_only: true,
            ..Config::default()
        };
        assert_eq!(with_defaults::<Config>(FIRST_VERSION).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Config>(FIRST_VERSION).unwrap(), expected);
        let listed = r#"{"fallbacks":[{"host":"b","port":1}]}"#;
        let fallbacks = with_defaults::<Config>(listed).unwrap().fallbacks;
        assert_eq!((fallbacks[0].port, fallbacks[0].hostaddr.as_str()), (1, ""));
    }

    #[test]
    fn text_that_is_no_json_is_an_error() {
        assert!(with_defaults::<Settings>("{").is_err());
    }
}
