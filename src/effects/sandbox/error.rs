//! What can go wrong with the sandbox, each as a sentence with a next step.

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::failure::{Category, Failure};

/// Why there is no sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum SandboxError {
    /// No place that was searched has a PostgreSQL server.
    #[error("No PostgreSQL server was found on this machine. {advice}")]
    NoBinaries {
        /// The directories that were looked into.
        searched: Vec<String>,
        /// What to install here.
        advice: String,
    },
    /// A server was found, but not the psql that loads the sample.
    #[error(
        "A PostgreSQL server was found in {server}, but no psql beside it or on PATH. {advice}"
    )]
    NoPsql {
        /// Where the server is.
        server: String,
        /// What to install here.
        advice: String,
    },
    /// The sandbox was made by a major version that is no longer installed.
    #[error(
        "The sandbox was made by PostgreSQL {cluster}, and only {installed} is installed. Install PostgreSQL {cluster} again, or delete {directory} to begin with an empty sandbox."
    )]
    OtherVersion {
        /// The major version of the files.
        cluster: String,
        /// The major versions that were found.
        installed: String,
        /// Where the files are.
        directory: String,
    },
    /// `initdb` failed.
    #[error(
        "PostgreSQL could not make the sandbox's files. Check the free space of the disk and the message below, then try again.\n{output}"
    )]
    InitFailed {
        /// What initdb printed.
        output: String,
    },
    /// The server did not start.
    #[error(
        "The sandbox's server did not start. Its log, {file}, ends with the lines below.\n{log}"
    )]
    StartFailed {
        /// The log file.
        file: String,
        /// The end of the log.
        log: String,
    },
    /// The sample database could not be loaded; the next start drops what was loaded of it.
    #[error(
        "The sample database could not be loaded (at “{step}”). Start the sandbox again to load it from the beginning.\n{output}"
    )]
    LoadFailed {
        /// The part that failed.
        step: String,
        /// What psql printed.
        output: String,
    },
    /// A server runs on the sandbox's files and does not answer.
    #[error(
        "The sandbox's server runs (process {pid}), but does not answer. End that process, then start the sandbox again.\n{detail}"
    )]
    Unreachable {
        /// The postmaster's process id.
        pid: u32,
        /// What the last attempt to connect said.
        detail: String,
    },
    /// A file or directory is not ours to use.
    #[error(
        "The sandbox may not use {path}: {reason}. Change its owner or permissions, or choose another data directory."
    )]
    NotPermitted {
        /// The file or directory.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A step exceeded its timeout.
    #[error(
        "The sandbox gave up: {action} took longer than {limit_seconds} s. Try again when the machine is less busy."
    )]
    Timeout {
        /// What was waited for.
        action: String,
        /// How long.
        limit_seconds: u64,
    },
    /// The operating system refused something else.
    #[error("The sandbox could not use {path}: {reason}. Check the disk, then try again.")]
    Disk {
        /// The file or directory.
        path: String,
        /// What the system said.
        reason: String,
    },
}

/// What went wrong, and what to do about it: each of these sentences says so itself.
impl From<&SandboxError> for Failure {
    fn from(error: &SandboxError) -> Self {
        let category = match error {
            SandboxError::NotPermitted { .. } | SandboxError::Disk { .. } => Category::Storage,
            SandboxError::Unreachable { .. } | SandboxError::Timeout { .. } => Category::Connection,
            _ => Category::Internal,
        };
        Failure { next_step: None, ..Failure::new(category, error.to_string()) }
    }
}

impl SandboxError {
    /// An I/O error on a path, distinguished by whether permissions are the problem.
    pub fn of_file(path: &Path, error: &std::io::Error) -> Self {
        let path = path.display().to_string();
        let reason = error.to_string();
        if error.kind() == std::io::ErrorKind::PermissionDenied {
            Self::NotPermitted { path, reason }
        } else {
            Self::Disk { path, reason }
        }
    }
}
