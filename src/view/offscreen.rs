//! A window that nobody sees: the same views, the same text shaping and the same renderer, painted
//! into a picture. Stories take their screenshots here, and tests press keys in it. Time stands
//! still unless it is moved on, so a picture is the same each time.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gpui::test::TestWindowExt;
use gpui::{
    AnyWindowHandle, App, Bounds, Entity, HeadlessAppContext, Keystroke, Render, Window,
    WindowBounds, WindowOptions, point, px, size,
};

use image::imageops::{self, FilterType};
use image::{ImageError, ImageFormat, RgbaImage};

use super::kit::{
    fonts,
    theme::{self, Appearance},
};
use crate::story::write_file;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum OffscreenError {
    /// The window could not be made: usually no Vulkan driver, not even a software one.
    #[error("no window could be opened offscreen: {0}")]
    NoWindow(String),
    /// The renderer painted nothing.
    #[error("the window could not be painted offscreen: {0}")]
    NotPainted(String),
    /// The picture could not be written.
    #[error("the screenshot could not be written: {0}")]
    NotWritten(String),
    /// A keystroke that GPUI does not know.
    #[error("`{0}` is not a keystroke")]
    NotAKeystroke(String),
}

/// One offscreen window and the application around it. It belongs to the thread that made it.
pub struct Offscreen {
    context: HeadlessAppContext,
    window: AnyWindowHandle,
}

impl Offscreen {
    /// Opens a window of this size in points, with the shipped fonts and a theme in force.
    ///
    /// # Errors
    /// When there is no renderer.
    pub fn open<V: Render>(
        width: f32,
        height: f32,
        appearance: Appearance,
        build: impl FnOnce(&mut Window, &mut App) -> Entity<V>,
    ) -> Result<(Self, Entity<V>), OffscreenError> {
        let mut context = HeadlessAppContext::with_platform(
            gpui::platform::current_platform(true).text_system(),
            Arc::new(gpui::assets::Assets),
            gpui::platform::current_headless_renderer,
        );
        // The effects run on threads of their own, and their answers are waited for.
        context.allow_parking();
        let opened = context.update(|cx| {
            gpui::init(cx);
            fonts::load(cx);
            theme::apply(cx, appearance, 1.0);
            gpui::open_window(options(width, height), cx, build)
        });
        let (window, view) = opened.map_err(|error| OffscreenError::NoWindow(error.to_string()))?;
        let mut offscreen = Self { context, window };
        // Selections are only painted in the window that is in use.
        offscreen.update(|window, _| window.activate_window())?;
        offscreen.settle();
        Ok((offscreen, view))
    }

    /// Reads or changes what is in the window.
    ///
    /// # Errors
    /// When the window has been closed.
    pub fn update<R>(
        &mut self,
        change: impl FnOnce(&mut Window, &mut App) -> R,
    ) -> Result<R, OffscreenError> {
        self.context
            .update_window(self.window, |_, window, cx| change(window, cx))
            .map_err(|error| OffscreenError::NoWindow(error.to_string()))
    }

    /// Reads or changes what is in the application.
    pub fn update_app<R>(&mut self, change: impl FnOnce(&mut App) -> R) -> R {
        self.context.update(change)
    }

    /// Whether the window is still open.
    pub fn is_open(&mut self) -> bool {
        let window = self.window;
        self.context.update(|cx| cx.windows().contains(&window))
    }

    /// Runs every task that can go on now, and lays out and paints one frame, as a window does: what shows the same as
    /// before is taken from the frame before. `true` unless the window was closed.
    pub fn settle(&mut self) -> bool {
        self.context.run_until_parked();
        let painted = self.update(|window, cx| {
            window.simulate_next_frame(cx);
            window.draw(cx).clear(cx);
        });
        self.context.run_until_parked();
        painted.is_ok()
    }

    /// Moves the application's clock on: timers that are due run, animations take their place.
    pub fn advance(&mut self, by: Duration) {
        self.context.advance_clock(by);
        self.settle();
    }

    /// Presses a key, in GPUI's notation, and lets it take effect. Several are separated by spaces.
    ///
    /// # Errors
    /// For a keystroke that does not exist, and after the window was closed.
    pub fn press(&mut self, keystrokes: &str) -> Result<(), OffscreenError> {
        for keystroke in keystrokes.split_whitespace() {
            let system = self.context.update(|cx| cx.platform_info().os);
            Keystroke::parse_with_os(keystroke, system)
                .map_err(|_| OffscreenError::NotAKeystroke(keystroke.to_string()))?;
            self.settle();
            self.update(|window, cx| window.press(keystroke, cx))?;
            self.settle();
        }
        Ok(())
    }

    /// Types text into whatever has the keyboard.
    ///
    /// # Errors
    /// After the window was closed.
    pub fn type_text(&mut self, text: &str) -> Result<(), OffscreenError> {
        for part in text.split_inclusive(['\n', '\t']) {
            let (words, key) = match part.char_indices().next_back() {
                Some((at, '\n')) => (&part[..at], Some("enter")),
                Some((at, '\t')) => (&part[..at], Some("tab")),
                _ => (part, None),
            };
            self.update(|window, cx| window.input(words, cx))?;
            if let Some(key) = key {
                self.press(key)?;
            }
        }
        self.settle();
        Ok(())
    }

    /// Presses a key, in GPUI's notation, as the system would, and leaves the next frame to whoever draws it.
    ///
    /// # Errors
    /// For a keystroke that does not exist, and after the window was closed.
    pub fn keystroke(&mut self, keystroke: &str) -> Result<(), OffscreenError> {
        let system = self.context.update(|cx| cx.platform_info().os);
        let mut key = Keystroke::parse_with_os(keystroke, system)
            .map_err(|_| OffscreenError::NotAKeystroke(keystroke.to_owned()))?;
        // A key that is a character types it.
        key.key_char = (key.key == keystroke).then(|| keystroke.to_owned());
        self.update(|window, cx| window.dispatch_keystroke(key, cx))?;
        self.context.run_until_parked();
        Ok(())
    }

    /// Gives the window another size in points.
    ///
    /// # Errors
    /// After the window was closed.
    pub fn resize(&mut self, width: f32, height: f32) -> Result<(), OffscreenError> {
        self.update(|window, cx| {
            window.resize(size(px(width), px(height)));
            window.bounds_changed(cx);
        })?;
        self.settle();
        Ok(())
    }

    /// Paints the window as it is, with one pixel for each point, and writes it to a file; the name's ending says the
    /// format.
    ///
    /// # Errors
    /// When nothing could be painted, or the file could not be written.
    pub fn screenshot(&mut self, path: &Path) -> Result<(), OffscreenError> {
        let picture = self.picture()?;
        let not_written = |error: ImageError| OffscreenError::NotWritten(error.to_string());
        let format = ImageFormat::from_path(path).map_err(not_written)?;
        let mut encoded = Cursor::new(Vec::new());
        picture.write_to(&mut encoded, format).map_err(not_written)?;
        write_file(path, |file| file.write_all(encoded.get_ref()))
            .map_err(OffscreenError::NotWritten)
    }

    /// The frame that was drawn last, as the renderer paints it.
    ///
    /// # Errors
    /// When nothing could be painted.
    pub fn painted(&mut self) -> Result<RgbaImage, OffscreenError> {
        let painted = self.context.capture_screenshot(self.window);
        painted.map_err(|error| OffscreenError::NotPainted(error.to_string()))
    }

    /// The picture itself, with one pixel for each point.
    ///
    /// # Errors
    /// When nothing could be painted.
    pub fn picture(&mut self) -> Result<RgbaImage, OffscreenError> {
        self.settle();
        let (scale, points) = self.update(|window, _| {
            let points = window.viewport_size();
            (window.scale_factor(), points)
        })?;
        let painted = self.painted()?;
        if scale == 1.0 {
            return Ok(painted);
        }
        // The platform for tests paints at twice the size, whatever is asked of it.
        let (width, height) = (f32::from(points.width) as u32, f32::from(points.height) as u32);
        Ok(imageops::resize(&painted, width, height, FilterType::Triangle))
    }
}

fn options(width: f32, height: f32) -> WindowOptions {
    WindowOptions {
        window_bounds: Some(WindowBounds::Windowed(Bounds {
            origin: point(px(0.0), px(0.0)),
            size: size(px(width), px(height)),
        })),
        focus: true,
        show: false,
        ..Default::default()
    }
}
