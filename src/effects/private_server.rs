//! The effects of the sandbox: starts it on a thread of its own, reports progress, and stops it with the runner.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use flume::Sender;

use super::sandbox::{self, Sandbox, SandboxOptions};
use crate::{
    base::{ids::Request, secret::Secret},
    failure::{Category, Failure},
    msg::Msg,
    update::connection::{sandbox as contract, sandbox::Effect},
};

/// Runs the sandbox.
pub struct PrivateServer {
    outbox: Sender<Msg>,
    running: Arc<Mutex<Option<Sandbox>>>,
    starts: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl PrivateServer {
    /// Starts nothing yet; answers go to `outbox`.
    pub fn new(outbox: Sender<Msg>) -> Self {
        Self { outbox, running: Arc::default(), starts: Mutex::default() }
    }

    /// Takes an effect; returns at once.
    pub fn perform(&self, effect: Effect) {
        let Effect::Start { request, data_dir } = effect;
        let options = SandboxOptions::new(super::files::absolute(&data_dir));
        let (outbox, running) = (self.outbox.clone(), self.running.clone());
        let work = move || {
            let answer = smol::block_on(start(request, options, &outbox, &running));
            outbox.send(answer.into()).unwrap_or_default();
        };
        match std::thread::Builder::new().name("tusk-sandbox".into()).spawn(work) {
            Ok(thread) => self.starts.lock().unwrap_or_else(PoisonError::into_inner).push(thread),
            Err(error) => {
                let failure = Failure::new(
                    Category::Internal,
                    format!("The sandbox was not started: {error}."),
                );
                self.outbox
                    .send(contract::Msg::Failed { request, failure }.into())
                    .unwrap_or_default();
            }
        }
    }

    /// Stops the server, unless another Tusk uses it; if that takes longer than `within`, its watcher does it.
    pub fn stop(&self, within: Duration) {
        let Some(sandbox) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
        else {
            return;
        };
        let stop = async {
            if let Err(error) = sandbox.stop().await {
                log::warn!("the sandbox did not stop: {error}");
            }
        };
        let limit = async {
            smol::Timer::after(within).await;
        };
        smol::block_on(smol::future::or(stop, limit));
    }
}

async fn start(
    request: Request,
    options: SandboxOptions,
    outbox: &Sender<Msg>,
    running: &Mutex<Option<Sandbox>>,
) -> contract::Msg {
    let progress = |progress: sandbox::Progress| {
        let sandbox::Progress { detail, done, total, .. } = progress;
        let progress = contract::Progress { step: detail, done, total };
        outbox.send(contract::Msg::Progressed { request, progress }.into()).unwrap_or_default();
    };
    match sandbox::start(options, progress).await {
        Ok(sandbox) => {
            let started = contract::Msg::Started {
                request,
                host: sandbox.host.clone(),
                port: sandbox.port,
                user: sandbox.user.clone(),
                database: sandbox.database.clone(),
                password: sandbox.password.clone().map(Secret::new),
            };
            *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(sandbox);
            started
        }
        Err(error) => contract::Msg::Failed { request, failure: (&error).into() },
    }
}
