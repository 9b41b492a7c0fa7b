//! The private key of a client certificate: a file that nobody else may read, encrypted or not.
//!
//! Whatever is decrypted here is wiped once TLS has it.

use std::path::Path;
use std::sync::Arc;

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument, pkcs5};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::super::error;
use crate::{
    base::secret::{Secret, SecretKind},
    effects::regular_file::{self, SMALL},
    failure::{Category, Failure, Want},
};

/// Reads a key, with its passphrase if it needs one.
pub fn load(path: &str, passphrase: Option<&Secret>) -> Result<Arc<dyn SigningKey>, Failure> {
    let text = read(path)?;
    let key = decode(path, &text, passphrase)?;
    any_supported_type(&key).map_err(|cause| {
        let message = format!("The key file {path} holds a key that can't be used: {cause}.");
        error::plain(Category::Ssl, message)
    })
}

/// Reads the file, if it is a regular file and private by libpq's rule.
fn read(path: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unreadable = |cause: std::io::Error| {
        let message = format!("The key file {path} can't be read: {cause}.");
        error::plain(Category::Ssl, message)
    };
    let file = regular_file::open(Path::new(path)).map_err(unreadable)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let about = file.metadata();
        if !is_private(about.uid(), about.mode()) {
            let message = format!("The key file {path} can be read by others, so it is not used.");
            let advice = format!(
                "Take their permissions away: chmod 600 {path} (0640 will do for a file of root's)."
            );
            return Err(error::plain(Category::Ssl, message).with_next_step(advice));
        }
    }
    file.bytes(SMALL).map(Zeroizing::new).map_err(unreadable)
}

/// Whether only the owner has access to a file; a group may read what belongs to root.
#[cfg(unix)]
fn is_private(owner: u32, mode: u32) -> bool {
    let forbidden = if owner == 0 { 0o037 } else { 0o077 };
    mode & forbidden == 0
}

fn decode(
    path: &str,
    text: &[u8],
    passphrase: Option<&Secret>,
) -> Result<Zeroizing<PrivateKeyDer<'static>>, Failure> {
    if let Some(section) = encrypted_section(text) {
        return decrypt(path, section, passphrase);
    }
    if contains(text, b"Proc-Type: 4,ENCRYPTED") {
        let message = format!(
            "The key file {path} is encrypted in OpenSSL's traditional form, which is not read here."
        );
        return Err(convert(path, message));
    }
    let key = if contains(text, b"-----BEGIN") {
        PrivateKeyDer::from_pem_slice(text).map_err(|cause| cause.to_string())
    } else {
        PrivateKeyDer::try_from(text).map(|key| key.clone_key()).map_err(str::to_owned)
    };
    key.map(Zeroizing::new).map_err(|cause| {
        let message = format!("The key file {path} holds no private key in PEM form: {cause}.");
        error::plain(Category::Ssl, message)
    })
}

fn decrypt(
    path: &str,
    section: &str,
    passphrase: Option<&Secret>,
) -> Result<Zeroizing<PrivateKeyDer<'static>>, Failure> {
    let asks = |message: String| {
        error::plain(Category::Ssl, message)
            .with_next_step("Give the passphrase of the client certificate's key.")
            .wanting(Want::Secret(SecretKind::SslKey))
    };
    let unknown = |cause: pkcs8::Error| {
        let message =
            format!("The key file {path} is encrypted in a form that is not read here: {cause}.");
        convert(path, message)
    };
    let (_, document) = SecretDocument::from_pem(section).map_err(|cause| {
        let message = format!("The key file {path} is damaged: {cause}.");
        error::plain(Category::Ssl, message)
    })?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(unknown)?;
    let Some(passphrase) = passphrase.filter(|passphrase| !passphrase.is_empty()) else {
        let message = format!("The key file {path} is encrypted, and its passphrase is not known.");
        return Err(asks(message));
    };
    match encrypted.decrypt(passphrase.reveal()) {
        Ok(key) => Ok(Zeroizing::new(PrivateKeyDer::Pkcs8(key.as_bytes().to_vec().into()))),
        // One wrong passphrase in 256 yields what looks padded, but is no key.
        Err(
            pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_),
        ) => Err(asks(format!("The passphrase does not open the key file {path}."))),
        Err(cause) => Err(unknown(cause)),
    }
}

fn convert(path: &str, message: String) -> Failure {
    let advice = format!(
        "Convert it, and name the new file: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {path} -out {path}.p8"
    );
    error::plain(Category::Ssl, message).with_next_step(advice)
}

/// The encrypted PKCS#8 key in a PEM file, whatever else is in it.
fn encrypted_section(text: &[u8]) -> Option<&str> {
    const BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";
    let from = position(text, BEGIN)?;
    let section = &text[from..];
    let to = position(section, END)? + END.len();
    std::str::from_utf8(&section[..to]).ok()
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    position(text, words).is_some()
}

fn position(text: &[u8], words: &[u8]) -> Option<usize> {
    text.windows(words.len()).position(|window| window == words)
}

#[cfg(all(test, unix))]
mod tests;
