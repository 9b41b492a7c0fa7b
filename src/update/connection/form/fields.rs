//! Between a configuration and the dialog's fields, in both directions.

use std::collections::BTreeMap;

use super::{ConnectionForm, Field, TUNNEL_KEY};
use crate::{
    base::text::Buffer,
    conninfo::{ChannelBinding, Colour, Config, SshAuth, SshTunnel, SslMode, TargetSession},
};

const COLOURS: [Colour; 6] =
    [Colour::Green, Colour::Red, Colour::Amber, Colour::Blue, Colour::Violet, Colour::Grey];

const SSH_PORT: u16 = 22;

/// What a person reads before a field.
pub(super) fn label(field: Field, ssh_key: bool) -> &'static str {
    match field {
        Field::Name => "Name",
        Field::Host => "Host",
        Field::Port => "Port",
        Field::Database => "Database",
        Field::User => "User",
        Field::Password => "Password",
        Field::Store => "Store password",
        Field::TargetSession => "Target session",
        Field::ReadOnly => "Read-only",
        Field::Group => "Group",
        Field::Colour => "Colour",
        Field::Tunnel => "SSH login",
        Field::SshHost => "SSH host",
        Field::SshPort => "SSH port",
        Field::SshUser => "SSH user",
        Field::SshKey => "SSH key",
        Field::SshSecret if ssh_key => "SSH passphrase",
        Field::SshSecret => "SSH password",
        Field::SslMode => "SSL mode",
        Field::RootCert => "CA file",
        Field::Cert => "Client certificate",
        Field::Key => "Client key",
        Field::KeyPassphrase => "Key passphrase",
        Field::ChannelBinding => "Channel binding",
        Field::Cleartext => "Cleartext",
        Field::ConnectTimeout => "Connect, s",
        Field::StatementTimeout => "Statement, ms",
        Field::PoolSize => "Pool size",
        Field::PoolTimeout => "Pool wait, s",
        Field::ApplicationName => "Application",
        Field::Options => "Options",
        Field::Passfile => "Password file",
    }
}

/// The texts of a configuration.
pub(super) fn texts(config: &Config) -> BTreeMap<Field, Buffer> {
    let tunnel = config.ssh.clone().unwrap_or_else(|| SshTunnel {
        host: String::new(),
        port: SSH_PORT,
        user: String::new(),
        auth: SshAuth::Agent,
    });
    let key = match &tunnel.auth {
        SshAuth::Key { path } => path.as_str(),
        SshAuth::Agent | SshAuth::Password => "",
    };
    let texts = [
        (Field::Name, config.name.clone()),
        (Field::Host, config.typed_hosts()),
        (Field::Port, config.port.to_string()),
        (Field::Database, config.database.clone()),
        (Field::User, config.user.clone()),
        (Field::Group, config.group.clone()),
        (Field::SshHost, tunnel.host.clone()),
        (Field::SshPort, tunnel.port.to_string()),
        (Field::SshUser, tunnel.user.clone()),
        (Field::SshKey, key.to_owned()),
        (Field::RootCert, config.ssl_root_cert.clone()),
        (Field::Cert, config.ssl_cert.clone()),
        (Field::Key, config.ssl_key.clone()),
        (Field::ConnectTimeout, config.connect_timeout_s.to_string()),
        (Field::StatementTimeout, config.statement_timeout_ms.to_string()),
        (Field::PoolSize, config.pool_size.to_string()),
        (Field::PoolTimeout, config.pool_timeout_s.to_string()),
        (Field::ApplicationName, config.application_name.clone()),
        (Field::Options, config.options.clone()),
        (Field::Passfile, config.passfile.clone()),
    ];
    texts.into_iter().map(|(field, text)| (field, Buffer::new(&text))).collect()
}

/// The choices of a configuration.
pub(super) fn choices(config: &Config) -> BTreeMap<Field, usize> {
    let tunnel = config.ssh.as_ref().map(|tunnel| match tunnel.auth {
        SshAuth::Agent => 1,
        SshAuth::Key { .. } => TUNNEL_KEY,
        SshAuth::Password => 3,
    });
    BTreeMap::from([
        (Field::SslMode, place(&SslMode::ALL, config.ssl_mode)),
        (Field::Colour, place(&COLOURS, config.colour)),
        (Field::TargetSession, place(&TargetSession::ALL, config.target_session)),
        (Field::ChannelBinding, place(&ChannelBinding::ALL, config.channel_binding)),
        (Field::Cleartext, usize::from(config.allow_cleartext)),
        (Field::ReadOnly, usize::from(config.read_only)),
        (Field::Tunnel, tunnel.unwrap_or(0)),
        (Field::Store, 0),
    ])
}

/// The configuration that the fields describe. What can't be read is told, and taken as it was.
pub(super) fn config(
    form: &ConnectionForm,
    base: &Config,
    problems: &mut Vec<(Field, String)>,
) -> Config {
    let text = |field| form.text(field).trim().to_owned();
    let port = number(form, Field::Port, 5432, problems);
    let mut config = Config {
        name: text(Field::Name),
        group: text(Field::Group),
        database: text(Field::Database),
        user: text(Field::User),
        ssl_root_cert: text(Field::RootCert),
        ssl_cert: text(Field::Cert),
        ssl_key: text(Field::Key),
        passfile: text(Field::Passfile),
        application_name: text(Field::ApplicationName),
        options: text(Field::Options),
        ssl_mode: chosen(form, Field::SslMode, &SslMode::ALL),
        colour: chosen(form, Field::Colour, &COLOURS),
        target_session: chosen(form, Field::TargetSession, &TargetSession::ALL),
        channel_binding: chosen(form, Field::ChannelBinding, &ChannelBinding::ALL),
        allow_cleartext: form.choice(Field::Cleartext) == 1,
        read_only: form.choice(Field::ReadOnly) == 1,
        connect_timeout_s: number(form, Field::ConnectTimeout, 10, problems),
        statement_timeout_ms: number(form, Field::StatementTimeout, 0, problems),
        pool_size: number(form, Field::PoolSize, 10, problems),
        pool_timeout_s: number(form, Field::PoolTimeout, 30, problems),
        ssh: tunnel(form, problems),
        ..base.clone()
    };
    match Config::read_hosts(&text(Field::Host), port) {
        Ok(mut servers) => {
            // An address that a URL gave stays with its host.
            for (server, before) in servers.iter_mut().zip(base.endpoints()) {
                if server.host == before.host {
                    server.hostaddr = before.hostaddr;
                }
            }
            config.set_endpoints(servers);
        }
        Err(sentence) => problems.push((Field::Host, sentence.to_owned())),
    }
    config
}

fn tunnel(form: &ConnectionForm, problems: &mut Vec<(Field, String)>) -> Option<SshTunnel> {
    let text = |field| form.text(field).trim().to_owned();
    let auth = match form.choice(Field::Tunnel) {
        0 => return None,
        1 => SshAuth::Agent,
        TUNNEL_KEY => SshAuth::Key { path: text(Field::SshKey) },
        _ => SshAuth::Password,
    };
    Some(SshTunnel {
        host: text(Field::SshHost),
        port: number(form, Field::SshPort, SSH_PORT, problems),
        user: text(Field::SshUser),
        auth,
    })
}

/// The number in a field; the usual one where it is empty, or where what is there is no number.
fn number<T: std::str::FromStr + Copy>(
    form: &ConnectionForm,
    field: Field,
    usual: T,
    problems: &mut Vec<(Field, String)>,
) -> T {
    let text = form.text(field);
    let text = text.trim();
    if text.is_empty() {
        return usual;
    }
    text.parse().unwrap_or_else(|_| {
        let sentence = match field {
            Field::Port | Field::SshPort => "The port is a number from 1 to 65535.",
            _ => "This is a whole number, without a unit.",
        };
        problems.push((field, sentence.to_owned()));
        usual
    })
}

fn place<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|other| *other == one).unwrap_or(0)
}

fn chosen<T: Copy>(form: &ConnectionForm, field: Field, all: &[T]) -> T {
    all[form.choice(field).min(all.len() - 1)]
}
