//! The fonts that Tusk brings with it: Inter for the interface, JetBrains Mono for SQL and values.
//! They are loaded into the text system, so a window looks the same on every machine.

use std::borrow::Cow;

use gpui::{App, Font, FontFeatures, FontStyle, FontWeight, SharedString};

/// The family of every label, button and title.
pub const UI: &str = "Inter";

/// The family of SQL, values and keys.
pub const MONO: &str = "JetBrains Mono";

const FILES: [&[u8]; 7] = [
    include_bytes!("../../../assets/fonts/Inter-Regular.otf"),
    include_bytes!("../../../assets/fonts/Inter-Medium.otf"),
    include_bytes!("../../../assets/fonts/Inter-SemiBold.otf"),
    include_bytes!("../../../assets/fonts/Inter-Bold.otf"),
    include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf"),
    include_bytes!("../../../assets/fonts/JetBrainsMono-Italic.ttf"),
    include_bytes!("../../../assets/fonts/JetBrainsMono-Bold.ttf"),
];

/// Gives the text system the shipped fonts. A failure leaves the system's own fonts in use.
pub fn load(cx: &mut App) {
    let fonts = FILES.iter().map(|bytes| Cow::Borrowed(*bytes)).collect();
    if let Err(error) = cx.text_system().add_fonts(fonts) {
        log::error!("the shipped fonts could not be loaded: {error}");
    }
}

/// The monospace font without ligatures: a value shows each of its characters as it is.
pub fn mono() -> Font {
    Font {
        family: SharedString::new_static(MONO),
        features: FontFeatures::disable_ligatures(),
        fallbacks: None,
        weight: FontWeight::NORMAL,
        style: FontStyle::Normal,
    }
}

/// The interface font in one weight.
pub fn ui(weight: FontWeight) -> Font {
    Font {
        family: SharedString::new_static(UI),
        features: FontFeatures::default(),
        fallbacks: None,
        weight,
        style: FontStyle::Normal,
    }
}
