//! The one type for a password: it is wiped when dropped, and nothing prints it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What every secret prints as, in `Debug` and in serde, so also in recordings and dumps.
pub const MASK: &str = "***";

/// A password or passphrase. It goes from the field to the keychain and connect effects, and nowhere else.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text; the caller wipes its own copies.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, only for the driver's configuration and the keychain.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_empty() { "" } else { MASK })
    }
}

/// One of a connection's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// The role's password.
    Database,
    /// The SSH user's password, or the passphrase of the SSH key.
    Ssh,
    /// The passphrase of the client certificate's key.
    SslKey,
}

/// A connection's known secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<SecretKind, Secret>);

impl Secrets {
    /// Only the role's password, if known.
    pub fn with_password(password: Option<Secret>) -> Self {
        let mut secrets = Self::default();
        secrets.set(SecretKind::Database, password);
        secrets
    }

    pub fn get(&self, kind: SecretKind) -> Option<&Secret> {
        self.0.get(&kind)
    }

    /// Whether it is known.
    pub fn has(&self, kind: SecretKind) -> bool {
        self.0.contains_key(&kind)
    }

    /// Sets one, or forgets it.
    pub fn set(&mut self, kind: SecretKind, secret: Option<Secret>) {
        match secret {
            Some(secret) => {
                self.0.insert(kind, secret);
            }
            None => {
                self.0.remove(&kind);
            }
        }
    }

    /// Each known one.
    pub fn iter(&self) -> impl Iterator<Item = (SecretKind, &Secret)> {
        self.0.iter().map(|(kind, secret)| (*kind, secret))
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An empty secret serialises as empty, because `update` may ask whether there is one: a replay decides the same.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { MASK })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_a_secret() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(serde_json::to_string(&Secret::default()).unwrap(), "\"\"");
    }
}
