//! Runs PostgreSQL's programs: as the right user, with a clean environment, never longer than a limit.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use smol::io::AsyncWriteExt;

use super::error::SandboxError;
use super::system::Account;

/// A program to run to its end.
#[derive(Clone, Debug)]
pub struct Task {
    /// What it does, in words for a timeout.
    pub action: String,
    /// The program's file.
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Variables on top of the cleaned environment.
    pub variables: Vec<(String, String)>,
    /// Where it runs: a directory that its user may enter.
    pub directory: PathBuf,
    /// Who runs it; `None` is ourselves.
    pub account: Option<Account>,
    /// What it reads from its standard input.
    pub input: String,
    /// Whether to read its output. The server would keep a pipe open on systems without fork.
    pub captured: bool,
    /// The timeout.
    pub limit: Duration,
}

/// Why a task returned nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It ended with an error; this is what it printed.
    Exit(String),
    /// It could not run at all, or was stopped at its timeout.
    Fatal(SandboxError),
}

impl Task {
    /// A task with the usual limit of a minute.
    pub fn new(action: &str, program: &Path, directory: &Path, account: Option<&Account>) -> Self {
        Self {
            action: action.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: directory.to_owned(),
            account: account.cloned(),
            input: String::new(),
            captured: true,
            limit: Duration::from_secs(60),
        }
    }

    pub fn arguments<I: IntoIterator<Item = A>, A: Into<OsString>>(mut self, arguments: I) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets its input.
    pub fn input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.input);
        self
    }

    /// Sets its timeout.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it; returns both of its outputs together.
    pub async fn run(self) -> Result<String, Failure> {
        let limit = self.limit;
        let timeout =
            SandboxError::Timeout { action: self.action.clone(), limit_seconds: limit.as_secs() };
        smol::future::or(self.run_to_end(), async {
            smol::Timer::after(limit).await;
            Err(Failure::Fatal(timeout))
        })
        .await
    }

    /// The system command for it, in a process group of its own: Ctrl+C in a terminal is for Tusk alone.
    pub fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory);
        // PGDATA, PGHOST, PGOPTIONS and the like are meant for other servers.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(&name);
            }
        }
        command
            .env("LC_ALL", "C")
            .env("PGCLIENTENCODING", "UTF8")
            .envs(self.variables.iter().cloned());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
            if let Some(account) = &self.account {
                command.uid(account.uid).gid(account.gid);
            }
        }
        command
    }

    async fn run_to_end(self) -> Result<String, Failure> {
        let fail =
            |error: std::io::Error| Failure::Fatal(SandboxError::of_file(&self.program, &error));
        let output = |captured| {
            if captured { Stdio::piped() } else { Stdio::null() }
        };
        let mut child = smol::process::Command::from(self.command())
            .stdin(Stdio::piped())
            .stdout(output(self.captured))
            .stderr(output(self.captured))
            .kill_on_drop(true)
            .spawn()
            .map_err(fail)?;
        let stdin = child.stdin.take();
        let feeding = async {
            if let Some(mut stdin) = stdin {
                // A program that ends before it has read everything says why in its output, so a closed pipe is no
                // news.
                if let Err(error) = stdin.write_all(self.input.as_bytes()).await {
                    log::debug!("{} stopped reading: {error}", self.program.display());
                }
            }
        };
        let ((), finished) = smol::future::zip(feeding, child.output()).await;
        let finished = finished.map_err(fail)?;
        let mut text = String::from_utf8_lossy(&finished.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&finished.stderr));
        if finished.status.success() { Ok(text) } else { Err(Failure::Exit(text)) }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Task {
        Task::new("the test", Path::new("/bin/sh"), Path::new("/"), None).arguments(["-c", script])
    }

    #[test]
    fn a_task_reads_its_input_and_gives_both_outputs() {
        let text = "brass lamp\n".repeat(20_000);
        let printed = smol::block_on(shell("cat; echo done >&2").input(&text).run());
        assert_eq!(printed, Ok(format!("{text}done\n")));
    }

    #[test]
    fn a_failed_task_gives_what_it_printed() {
        assert_eq!(
            smol::block_on(shell("echo no; exit 3").run()),
            Err(Failure::Exit("no\n".to_owned()))
        );
    }

    #[test]
    fn a_task_that_takes_too_long_is_given_up() {
        let given_up =
            smol::block_on(shell("exec sleep 600").limit(Duration::from_millis(20)).run());
        assert_eq!(
            given_up,
            Err(Failure::Fatal(SandboxError::Timeout {
                action: "the test".to_owned(),
                limit_seconds: 0
            }))
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let task = Task::new("the test", Path::new("/nowhere/psql"), Path::new("/"), None);
        let Err(Failure::Fatal(SandboxError::Disk { path, .. })) = smol::block_on(task.run())
        else {
            panic!("a missing program ran");
        };
        assert_eq!(path, "/nowhere/psql");
    }
}
