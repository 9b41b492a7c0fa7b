//! The whole program without a window, on the real runner, driven by stories and looked into between them.

use tusk::{
    effects::{Runner, RunnerOptions},
    model::Model,
    program::{Beginning, begin},
    story::{self, Desk, Headless, Stage},
    update::query::page::Page,
};

/// A program of its own, with a data directory that goes with it.
pub struct Played {
    stage: Option<Headless>,
    _data: tempfile::TempDir,
}

impl Played {
    pub fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (data_dir, desk) = (data.path().to_path_buf(), Desk::default());
        let beginning = Beginning {
            data_dir: data_dir.clone(),
            config_dir: data_dir.clone(),
            record: None,
            warnings: vec![],
            surroundings: Box::new(desk.clone()),
        };
        let (program, inbox) =
            begin(beginning, |outbox| Box::new(Runner::start(RunnerOptions { data_dir }, outbox)))
                .unwrap();
        let mut played =
            Self { stage: Some(Headless::new(program, inbox, desk, None)), _data: data };
        played.play("wait idle");
        played
    }

    /// Plays lines of a story; the first that fails fails the test.
    #[track_caller]
    pub fn play(&mut self, lines: &str) {
        let lines = story::parse(lines).unwrap();
        let played = story::run(&lines, self.stage.as_mut().unwrap(), &mut std::io::sink());
        if let Err(failure) = played {
            let screen = self.screen();
            panic!("{failure}\n{screen}");
        }
    }

    /// Looks into the state.
    pub fn read<R>(&mut self, look: impl FnOnce(&Model) -> R) -> R {
        self.stage.as_mut().unwrap().read(look)
    }

    /// Looks into the active tab.
    pub fn tab<R>(&mut self, look: impl FnOnce(&Page) -> R) -> R {
        self.read(|model| look(model.pages.active().unwrap()))
    }

    /// What a person sees, as text.
    pub fn screen(&mut self) -> String {
        self.read(story::screen_text)
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        if let Some(stage) = self.stage.take() {
            stage.finish();
        }
    }
}
