//! The window: GPUI views that draw what the Model's presentation says, and turn keys and clicks into messages.

pub mod kit;
pub mod offscreen;
pub mod query;
pub mod results;
pub mod settings;
pub mod shell;
pub mod stage;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use flume::Receiver;
use gpui::{App, AppContext, Bounds, TitlebarOptions, WindowBounds, WindowOptions, px, size};

use self::{
    kit::{theme::Appearance, words::Post},
    shell::window::{Desk, Pace, Parts, TuskWindow},
};
use crate::{
    effects::{Runner, RunnerOptions, signals},
    model::{Model, Phase},
    msg::Msg,
    program::{Beginning, Launch, Opening, Program, begin},
    view::kit::{fonts, motion, platform, theme},
};

/// Smaller than this the window is not made.
const LEAST: (f32, f32) = (640.0, 420.0);
/// The window waits so long for the size that was kept, and then opens at the usual one.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(700);

/// Runs the program in its window until it is quit.
///
/// # Errors
/// When the program can't begin, or no window can be opened, in a sentence.
pub fn run(launch: Launch) -> Result<(), String> {
    if let Err(error) = platform::restart_for_window() {
        log::warn!("the window may stay black without a GPU: {error}");
    }
    let Launch { data_dir, config_dir, record, opening, warnings } = launch;
    let desk = Desk::default();
    let mut post = None;
    let beginning = Beginning {
        data_dir: data_dir.clone(),
        config_dir,
        record,
        warnings,
        surroundings: Box::new(desk.clone()),
    };
    let (mut program, inbox) = begin(beginning, |outbox| {
        post = Some(Post::new(outbox.clone()));
        if let Err(error) = signals::listen(outbox.clone()) {
            log::warn!("A signal would end the program at once: {error}");
        }
        Box::new(Runner::start(RunnerOptions { data_dir }, outbox))
    })
    .map_err(|error| error.to_string())?;
    let Some(post) = post else {
        return Err("The program began without its queue.".into());
    };
    load(&mut program, &inbox, opening.as_ref());
    let program = Rc::new(RefCell::new(program));
    let failed = Rc::new(RefCell::new(None));
    {
        let (program, inbox, failed) = (program.clone(), inbox.clone(), failed.clone());
        gpui::application().with_assets(gpui::assets::Assets).run(move |cx: &mut App| {
            let parts = Parts {
                engine: program.clone(),
                desk,
                post: post.clone(),
                pace: Pace::Running,
                quit: |cx| cx.quit(),
            };
            if let Err(error) = open(parts, inbox, cx) {
                *failed.borrow_mut() = Some(error);
                cx.quit();
                return;
            }
            ask(opening, &program, &post);
        });
    }
    program.borrow_mut().shutdown(&inbox);
    let failed = failed.borrow_mut().take();
    failed.map_or(Ok(()), Err)
}

/// Lets the store answer first, so that the window opens at its own size and with its own text, and lets the
/// environment be read where it takes that to understand what the command line names.
fn load(program: &mut Program, inbox: &Receiver<Msg>, opening: Option<&Opening>) {
    let until = std::time::Instant::now() + PATIENCE;
    let ready = |model: &Model| {
        model.phase == Phase::Ready
            && model.settings_file.is_read
            && opening.is_none_or(|opening| opening.is_due(model))
    };
    while !ready(program.model()) {
        match inbox.recv_deadline(until) {
            Ok(msg) => program.take(msg),
            Err(_) => return,
        };
    }
}

/// Connects to what the command line named, as soon as the Model can understand it.
fn ask(opening: Option<Opening>, program: &Rc<RefCell<Program>>, post: &Post) {
    let Some(opening) = opening else { return };
    let program = program.borrow();
    match opening.message(program.model()) {
        Ok(msg) => post.post(msg),
        Err(text) => post.post(crate::update::shell::app::Msg::Warned { text }),
    }
}

fn open(parts: Parts, inbox: Receiver<Msg>, cx: &mut App) -> Result<(), String> {
    gpui::init(cx);
    fonts::load(cx);
    let appearance = Appearance::of_system(cx.window_appearance());
    theme::apply(cx, appearance, 1.0);
    motion::follow(cx);
    let (title, place) = {
        let engine = parts.engine.borrow();
        let model = engine.model();
        let (width, height) = model.cx.settings.window;
        let room = size(px((width as f32).max(LEAST.0)), px((height as f32).max(LEAST.1)));
        let title = crate::screen::screen(model, model.cx.now).title;
        (title, Bounds::centered(None, room, cx))
    };
    let post = parts.post.clone();
    let options = WindowOptions {
        window_bounds: Some(WindowBounds::Windowed(place)),
        titlebar: Some(TitlebarOptions { title: Some(title.into()), ..TitlebarOptions::default() }),
        app_id: Some("tusk".into()),
        window_min_size: Some(size(px(LEAST.0), px(LEAST.1))),
        icon: icon(),
        ..WindowOptions::default()
    };
    let opened = gpui::open_window(options, cx, |window, cx| {
        window.on_window_should_close(cx, move |_, _| {
            post.post(crate::update::shell::app::Msg::CloseRequested);
            false
        });
        cx.new(|cx| {
            let mut view = TuskWindow::new(parts, window, cx);
            view.listen(inbox, window, cx);
            cx.observe_window_activation(window, |_, _, cx| motion::look_again(cx)).detach();
            view
        })
    });
    opened.map_err(|error| format!("No window can be opened: {error}."))?;
    cx.activate(true);
    Ok(())
}

/// The program's picture, for window lists.
fn icon() -> Option<Arc<image::RgbaImage>> {
    let bytes = include_bytes!("../assets/icon.png");
    match image::load_from_memory(bytes) {
        Ok(picture) => Some(Arc::new(picture.into_rgba8())),
        Err(error) => {
            log::error!("the program's picture can't be read: {error}");
            None
        }
    }
}
