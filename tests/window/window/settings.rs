//! The settings page in the window: typed at, clicked, scrolled, and drawn as the Model has it.

use tusk::{
    settings::{Settings, Theme},
    story::Stage as _,
    update::settings::page::Field,
};

use super::{Tried, begin, dark};

impl Tried {
    fn setting<T>(&mut self, look: impl FnOnce(&Settings) -> T) -> T {
        self.stage.read(|model| look(&model.cx.settings))
    }

    fn shown_text(&mut self) -> String {
        self.stage.read(|model| tusk::screen::screen(model, model.cx.now).to_text(model))
    }
}

#[test]
fn the_settings_page_is_searched_changed_and_reset_by_key_and_by_click() {
    let mut tried = begin(dark());
    tried.stage.press("ctrl-,");
    tried.stage.type_text("theme");
    tried.compare_anew("a search for a setting");
    tried.stage.press("enter");
    assert_eq!(tried.setting(|settings| settings.theme), Theme::System, "after dark comes system");
    tried.click(("setting-value", 0_usize));
    assert_eq!(tried.setting(|settings| settings.theme), Theme::Light);
    tried.compare_anew("a theme that was clicked");
    tried.click(("setting-reset", 0_usize));
    assert_eq!(tried.setting(|settings| settings.theme), Theme::System);
    tried.stage.press("escape");

    // A number is typed in the place of the value, and only what is allowed is taken.
    tried.stage.type_text("memory_mb");
    tried.click(("setting-value", 0_usize));
    assert_eq!(tried.stage.read(|model| model.settings_page.focused()), Field::Value);
    tried.stage.type_text("7");
    tried.stage.press("enter");
    tried.compare_anew("a number that is refused");
    assert!(tried.shown_text().contains("! Type a whole number from 16 to 1,048,576."));
    tried.stage.type_text("00");
    tried.stage.press("enter");
    assert_eq!(tried.setting(|settings| settings.memory_mb), 700);
    tried.stage.press("alt-r");
    assert_eq!(tried.setting(|settings| settings.memory_mb), 512);

    // What is out of sight is said to be, and comes into sight when it is chosen.
    tried.stage.press("escape");
    assert!(tried.shown_text().contains("below"), "{}", tried.shown_text());
    for _ in 0..20 {
        tried.stage.press("down");
    }
    tried.stage.draw();
    while tried.stage.turn().is_some() {}
    let shown = tried.shown_text();
    assert!(shown.contains("> Statement timeout") && shown.contains("above"), "{shown}");
    tried.compare_anew("the last setting");
}
