//! The look: two palettes, the sizes that grow with the zoom, and how both reach the widgets of
//! the kit. Every colour in the window comes from here.

use std::sync::Arc;

use gpui::component::ThemeMode;
use gpui::component::highlighter::HighlightTheme;
use gpui::component::scroll::ScrollbarMode;
use gpui::component::theme::{Theme, ThemeColor};
use gpui::{App, Global, Hsla, Pixels, SharedString, px, rgb};
use serde_json::{Value, json};

use super::fonts;

/// Share of the accent in the ground of the statement that would run.
const STATEMENT_DARK: f32 = 0.07;
const STATEMENT_LIGHT: f32 = 0.05;

/// Which of the two palettes is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appearance {
    /// Dark ground, light text.
    Dark,
    /// Light ground, dark text.
    Light,
}

impl Appearance {
    /// The palette that goes with what the system asks for.
    pub fn of_system(appearance: gpui::WindowAppearance) -> Self {
        match appearance {
            gpui::WindowAppearance::Dark | gpui::WindowAppearance::VibrantDark => Self::Dark,
            gpui::WindowAppearance::Light | gpui::WindowAppearance::VibrantLight => Self::Light,
        }
    }
}

/// Every colour of one appearance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// Ground of the editor and of the rows.
    pub background: Hsla,
    /// Ground of the bars and the sidebar.
    pub surface: Hsla,
    /// Ground of keys, pills and buttons.
    pub raised: Hsla,
    /// Hairlines.
    pub border: Hsla,
    /// What is read first.
    pub text: Hsla,
    /// What is read second.
    pub muted: Hsla,
    /// Hints, line numbers, NULL.
    pub faint: Hsla,
    /// Focus, links, the active tab.
    pub accent: Hsla,
    /// Ground of selected text, cells and list rows.
    pub selection: Hsla,
    /// Something went well.
    pub ok: Hsla,
    /// Something wants attention.
    pub warning: Hsla,
    /// Something failed.
    pub error: Hsla,
    /// SQL keywords.
    pub keyword: Hsla,
    /// SQL strings.
    pub string: Hsla,
    /// SQL numbers.
    pub number: Hsla,
    /// SQL comments.
    pub comment: Hsla,
    /// Names of SQL functions.
    pub function: Hsla,
    /// Ground of every second row.
    pub stripe: Hsla,
    /// Ground of the statement that would run.
    pub statement: Hsla,
    /// Bar in the gutter beside the statement that would run.
    pub statement_bar: Hsla,
    /// Ground of an error card.
    pub error_ground: Hsla,
    /// Frame of an error card and of a production connection.
    pub error_frame: Hsla,
    /// Veil between the window and a dialog.
    pub veil: Hsla,
    /// The word mark on the welcome screen.
    pub ivory: Hsla,
}

impl Palette {
    /// The dark palette.
    pub fn dark() -> Self {
        let (background, surface) = (hex(0x14161b), hex(0x191c22));
        let (accent, error) = (hex(0x6ea8fe), hex(0xf0787c));
        Self {
            background,
            surface,
            raised: hex(0x1f232b),
            border: hex(0x2a2f39),
            text: hex(0xd9dde4),
            muted: hex(0x8b93a1),
            faint: hex(0x6c7483),
            accent,
            selection: hex(0x1d2a3d),
            ok: hex(0x63c08a),
            warning: hex(0xe0b35a),
            error,
            keyword: hex(0xc49bf0),
            string: hex(0x9ccb86),
            number: hex(0xe6b673),
            comment: hex(0x818997),
            function: hex(0x6fc3d4),
            stripe: mix(background, surface, 0.6),
            statement: mix(background, accent, STATEMENT_DARK),
            statement_bar: mix(background, accent, 0.75),
            error_ground: mix(background, error, 0.10),
            error_frame: mix(background, error, 0.85),
            veil: gpui::black().opacity(0.5),
            ivory: hex(0xf2e8d0),
        }
    }

    /// The light palette.
    pub fn light() -> Self {
        let (background, surface) = (hex(0xffffff), hex(0xf7f8fa));
        let (accent, error) = (hex(0x2563c9), hex(0xc8363b));
        Self {
            background,
            surface,
            raised: hex(0xeef0f4),
            border: hex(0xdfe3ea),
            text: hex(0x1f2430),
            muted: hex(0x626a7a),
            faint: hex(0x808898),
            accent,
            selection: hex(0xeaf2ff),
            ok: hex(0x1b7a4b),
            warning: hex(0x955e00),
            error,
            keyword: hex(0x7a3fc0),
            string: hex(0x2d7a34),
            number: hex(0xa45a00),
            comment: hex(0x687083),
            function: hex(0x0d7688),
            stripe: mix(background, surface, 0.6),
            statement: mix(background, accent, STATEMENT_LIGHT),
            statement_bar: mix(background, accent, 0.75),
            error_ground: mix(background, error, 0.07),
            error_frame: mix(background, error, 0.75),
            veil: gpui::black().opacity(0.25),
            ivory: hex(0x6b5618),
        }
    }
}

/// What every view reads to paint itself: the palette and the sizes at the current zoom.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Every colour.
    pub palette: Palette,
    /// Dark or light.
    pub appearance: Appearance,
    /// 1.0 is 100%.
    pub zoom: f32,
    /// No spinner turns and nothing fades.
    pub reduced_motion: bool,
}

impl Global for Look {}

impl Look {
    /// The look in force. Before [`apply`] has run it is the dark one at 100%.
    pub fn of(cx: &App) -> Self {
        cx.try_global::<Look>().copied().unwrap_or(Self {
            palette: Palette::dark(),
            appearance: Appearance::Dark,
            zoom: 1.0,
            reduced_motion: false,
        })
    }

    /// A length at 100%, at the current zoom.
    pub fn px(&self, at_full_size: f32) -> Pixels {
        px(at_full_size * self.zoom)
    }

    /// Strength of the accent over the ground of the statement that would run.
    pub fn statement_veil(&self) -> f32 {
        match self.appearance {
            Appearance::Dark => STATEMENT_DARK,
            Appearance::Light => STATEMENT_LIGHT,
        }
    }

    /// Size of interface text.
    pub fn text_size(&self) -> Pixels {
        self.px(13.0)
    }

    /// Size of secondary interface text.
    pub fn small_size(&self) -> Pixels {
        self.px(12.0)
    }

    /// Size of SQL and values.
    pub fn mono_size(&self) -> Pixels {
        self.px(12.5)
    }

    /// Size of the text in a key box and of a column's type.
    pub fn key_size(&self) -> Pixels {
        self.px(11.0)
    }

    /// Height of the title bar.
    pub fn title_bar(&self) -> Pixels {
        self.px(38.0)
    }

    /// Height of the row of tabs.
    pub fn tab_bar(&self) -> Pixels {
        self.px(35.0)
    }

    /// Height of the bar over the rows.
    pub fn result_bar(&self) -> Pixels {
        self.px(37.0)
    }

    /// Height of the grid's header.
    pub fn grid_header(&self) -> Pixels {
        self.px(42.0)
    }

    /// Height of a row in the grid.
    pub fn grid_row(&self) -> Pixels {
        self.px(26.0)
    }

    /// Height of a row in the sidebar.
    pub fn tree_row(&self) -> Pixels {
        self.px(25.0)
    }

    /// Height of a line in the editor.
    pub fn editor_line(&self) -> Pixels {
        self.px(22.0)
    }

    /// Height of the status bar.
    pub fn status_bar(&self) -> Pixels {
        self.px(26.0)
    }

    /// Width of the sidebar.
    pub fn sidebar(&self) -> Pixels {
        self.px(248.0)
    }

    /// Corner radius of buttons, pills and fields.
    pub fn radius(&self) -> Pixels {
        self.px(6.0)
    }

    /// Corner radius of cards, lists and dialogs.
    pub fn radius_large(&self) -> Pixels {
        self.px(10.0)
    }
}

/// Puts an appearance and a zoom in force, for Tusk's views and for the kit's widgets.
pub fn apply(cx: &mut App, appearance: Appearance, zoom: f32) {
    let reduced_motion = Look::of(cx).reduced_motion;
    let palette = match appearance {
        Appearance::Dark => Palette::dark(),
        Appearance::Light => Palette::light(),
    };
    let look = Look { palette, appearance, zoom, reduced_motion };
    cx.set_global(look);
    let mode = match appearance {
        Appearance::Dark => ThemeMode::Dark,
        Appearance::Light => ThemeMode::Light,
    };
    Theme::change(mode, None, cx);
    Theme::update(cx, |theme| {
        theme.font_family = SharedString::new_static(fonts::UI);
        theme.mono_font_family = SharedString::new_static(fonts::MONO);
        // The kit's medium controls are set at 0.875 rem: this makes them 13 px.
        theme.font_size = px(13.0 / 0.875 * zoom);
        theme.mono_font_size = look.mono_size();
        theme.radius = look.radius();
        theme.radius_lg = look.radius_large();
        theme.focus_ring = false;
        theme.scrollbar_mode = ScrollbarMode::Hover;
        colour_the_kit(&mut theme.colors, &palette);
        if let Some(highlight) = highlight_theme(&palette, appearance) {
            theme.highlight_theme = Arc::new(highlight);
        }
    });
}

/// Turns motion off or on, in Tusk's views and in the kit's widgets, for people who asked their system for less of it.
pub fn set_reduced_motion(cx: &mut App, reduced_motion: bool) {
    let look = Look::of(cx);
    if look.reduced_motion != reduced_motion {
        cx.set_global(Look { reduced_motion, ..look });
        cx.set_reduce_motion(reduced_motion);
        cx.refresh_windows();
    }
}

/// One opaque colour over another: `share` of `over`, the rest of `under`.
pub fn mix(under: Hsla, over: Hsla, share: f32) -> Hsla {
    let (under, over) = (gpui::Rgba::from(under), gpui::Rgba::from(over));
    let channel = |under: f32, over: f32| under * (1.0 - share) + over * share;
    gpui::Rgba {
        r: channel(under.r, over.r),
        g: channel(under.g, over.g),
        b: channel(under.b, over.b),
        a: 1.0,
    }
    .into()
}

fn hex(value: u32) -> Hsla {
    rgb(value).into()
}

fn colour_the_kit(colors: &mut ThemeColor, palette: &Palette) {
    colour_the_grounds(colors, palette);
    colour_the_controls(colors, palette);
    colour_the_states(colors, palette);
}

fn colour_the_grounds(colors: &mut ThemeColor, palette: &Palette) {
    colors.background = palette.background;
    colors.foreground = palette.text;
    colors.border = palette.border;
    colors.muted = palette.raised;
    colors.muted_foreground = palette.muted;
    colors.popover = palette.surface;
    colors.popover_foreground = palette.text;
    colors.title_bar = palette.surface;
    colors.title_bar_border = palette.border;
    colors.status_bar = palette.surface;
    colors.status_bar_border = palette.border;
    colors.sidebar = palette.surface;
    colors.sidebar_foreground = palette.text;
    colors.sidebar_border = palette.border;
    colors.sidebar_accent = palette.selection;
    colors.sidebar_accent_foreground = palette.text;
    colors.list = palette.surface;
    colors.list_active = palette.selection;
    colors.list_active_border = palette.accent;
    colors.list_hover = palette.raised;
    colors.list_even = palette.stripe;
    colors.list_head = palette.surface;
    colors.overlay = palette.veil;
    colors.window_border = palette.border;
}

fn colour_the_controls(colors: &mut ThemeColor, palette: &Palette) {
    let pressed = mix(palette.raised, palette.text, 0.12);
    let hovered = mix(palette.raised, palette.text, 0.06);
    colors.accent = palette.selection;
    colors.accent_foreground = palette.text;
    colors.primary = palette.accent;
    colors.primary_hover = mix(palette.accent, palette.text, 0.1);
    colors.primary_active = mix(palette.accent, palette.text, 0.2);
    colors.primary_foreground = palette.background;
    colors.secondary = palette.raised;
    colors.secondary_hover = hovered;
    colors.secondary_active = pressed;
    colors.secondary_foreground = palette.text;
    colors.button = palette.raised;
    colors.button_hover = hovered;
    colors.button_active = pressed;
    colors.button_foreground = palette.text;
    colors.button_primary = palette.accent;
    colors.button_primary_hover = colors.primary_hover;
    colors.button_primary_active = colors.primary_active;
    colors.button_primary_foreground = palette.background;
    colors.input = palette.border;
    colors.ring = palette.accent;
    colors.caret = palette.accent;
    // The matches of a search are painted in this colour without its tint: it must be seen without, too.
    colors.selection = mix(palette.selection, palette.accent, 0.28);
    colors.link = palette.accent;
    colors.link_hover = palette.accent;
    colors.link_active = palette.accent;
    colors.scrollbar = palette.background.opacity(0.0);
    colors.scrollbar_thumb = palette.faint.opacity(0.45);
    colors.scrollbar_thumb_hover = palette.faint.opacity(0.8);
    colors.drag_border = palette.accent;
    colors.tab = palette.surface;
    colors.tab_active = palette.background;
    colors.tab_active_foreground = palette.text;
    colors.tab_foreground = palette.muted;
    colors.tab_bar = palette.surface;
}

fn colour_the_states(colors: &mut ThemeColor, palette: &Palette) {
    colors.danger = palette.error;
    colors.danger_foreground = palette.background;
    colors.success = palette.ok;
    colors.success_foreground = palette.background;
    colors.warning = palette.warning;
    colors.warning_foreground = palette.background;
    colors.info = palette.accent;
    colors.info_foreground = palette.background;
    colors.red = palette.error;
    colors.green = palette.ok;
    colors.yellow = palette.warning;
    colors.blue = palette.accent;
    colors.cyan = palette.function;
    colors.magenta = palette.keyword;
}

/// The kit keeps the fields of its syntax styles to itself; a theme file is the way in.
fn highlight_theme(palette: &Palette, appearance: Appearance) -> Option<HighlightTheme> {
    let style = |color: Hsla| json!({ "color": css(color) });
    let mode = match appearance {
        Appearance::Dark => "dark",
        Appearance::Light => "light",
    };
    let theme: Value = json!({
        "name": "Tusk",
        "appearance": mode,
        "style": {
            "editor.background": css(palette.background),
            "editor.foreground": css(palette.text),
            "editor.line_number": css(palette.faint),
            "editor.active_line_number": css(palette.text),
            "error": css(palette.error),
            "error.background": css(palette.error_ground),
            "error.border": css(palette.error_frame),
            "warning": css(palette.warning),
            "info": css(palette.accent),
            "hint": css(palette.muted),
            "syntax": {
                "keyword": style(palette.keyword),
                "string": style(palette.string),
                "string.escape": style(palette.number),
                "number": style(palette.number),
                "boolean": style(palette.number),
                "comment": style(palette.comment),
                "function": style(palette.function),
            }
        }
    });
    match serde_json::from_value(theme) {
        Ok(theme) => Some(theme),
        Err(error) => {
            log::error!("the syntax colours were not taken: {error}");
            None
        }
    }
}

fn css(color: Hsla) -> String {
    let color = gpui::Rgba::from(color);
    let byte = |channel: f32| (channel.clamp(0.0, 1.0) * 255.0).round() as u8;
    format!("#{:02x}{:02x}{:02x}", byte(color.r), byte(color.g), byte(color.b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Hsla) -> f32 {
        let color = gpui::Rgba::from(color);
        let linear = |channel: f32| {
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)
    }

    fn contrast(one: Hsla, other: Hsla) -> f32 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[track_caller]
    fn assert_readable(what: &str, inks: &[(&str, Hsla)], grounds: &[(&str, Hsla)], least: f32) {
        for (ink_name, ink) in inks {
            for (ground_name, ground) in grounds {
                let found = contrast(*ink, *ground);
                assert!(
                    found >= least,
                    "{what}: {ink_name} on {ground_name} is {found:.2}, wanted {least}"
                );
            }
        }
    }

    fn grounds(palette: &Palette) -> Vec<(&'static str, Hsla)> {
        vec![
            ("background", palette.background),
            ("surface", palette.surface),
            ("raised", palette.raised),
            ("selection", palette.selection),
            ("stripe", palette.stripe),
            ("statement", palette.statement),
            ("error ground", palette.error_ground),
        ]
    }

    #[test]
    fn text_is_readable_on_every_ground() {
        for (name, palette) in [("dark", Palette::dark()), ("light", Palette::light())] {
            let inks = [
                ("text", palette.text),
                ("muted", palette.muted),
                ("accent", palette.accent),
                ("ok", palette.ok),
                ("warning", palette.warning),
                ("error", palette.error),
            ];
            assert_readable(name, &inks, &grounds(&palette), 4.5);
        }
    }

    #[test]
    fn sql_is_readable_in_the_editor() {
        for (name, palette) in [("dark", Palette::dark()), ("light", Palette::light())] {
            let inks = [
                ("keyword", palette.keyword),
                ("string", palette.string),
                ("number", palette.number),
                ("comment", palette.comment),
                ("function", palette.function),
            ];
            let grounds = [("background", palette.background), ("statement", palette.statement)];
            assert_readable(name, &inks, &grounds, 4.5);
        }
    }

    #[test]
    fn faint_hints_can_be_made_out_on_every_ground() {
        for (name, palette) in [("dark", Palette::dark()), ("light", Palette::light())] {
            let inks = [("faint", palette.faint)];
            assert_readable(name, &inks, &grounds(&palette), 3.0);
        }
    }

    #[test]
    fn the_word_mark_is_readable_on_the_welcome_screen() {
        for (name, palette) in [("dark", Palette::dark()), ("light", Palette::light())] {
            let grounds = [("background", palette.background)];
            assert_readable(name, &[("ivory", palette.ivory)], &grounds, 4.5);
        }
    }

    #[test]
    fn the_kit_takes_the_syntax_colours() {
        for (palette, appearance) in
            [(Palette::dark(), Appearance::Dark), (Palette::light(), Appearance::Light)]
        {
            let theme = highlight_theme(&palette, appearance).expect("a theme that parses");
            let keyword = theme.style("keyword").expect("a style for keywords");
            assert_eq!(keyword.color.map(css), Some(css(palette.keyword)));
        }
    }

    #[test]
    fn a_mix_lies_between_its_two_colours() {
        let mixed = mix(hex(0x000000), hex(0xffffff), 0.25);
        assert_eq!(css(mixed), "#404040");
    }
}
