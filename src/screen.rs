//! INTERIM, not committed.
use crate::model::Model;
/// x
pub struct Screen(String);
/// x
pub fn screen(model: &Model) -> Screen {
    let mut text = String::new();
    if let Some(tab) = model.tabs.active() {
        text += &tab.label();
        text.push('\n');
        text += &tab.editor.buffer.string();
        text.push('\n');
        for result in &tab.results.list {
            if let crate::update::results::ResultState::Finished { tag } = &result.state { text += tag; text.push('\n'); }
        }
        for m in tab.messages.iter() { text += &m.text; text.push('\n'); }
    }
    for notice in model.notices.iter() { text += &notice.text; text.push('\n'); }
    Screen(text)
}
impl Screen {
    /// x
    pub fn to_text(&self) -> String { self.0.clone() }
}
