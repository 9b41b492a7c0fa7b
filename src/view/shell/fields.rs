//! Which fields the Model has, and what an edit of one of them tells it.

use crate::{
    base::secret::Secret,
    model::Model,
    msg::Msg,
    update::{
        query::find,
        settings::page,
        shell::{
            dialog::{self, Dialog},
            tabs, welcome,
        },
    },
    view::kit::fields::{FieldId, Wanted},
};

use std::collections::BTreeMap;

/// The name under which a dialog's fields go; none for one that has no field.
pub fn name(dialog: &Dialog) -> &'static str {
    dialog.fields().first().map_or("", |field| field.dialog)
}

/// The field that has the keyboard in a dialog; none where no text is typed.
pub fn focused(dialog: &Dialog) -> Option<FieldId> {
    let index = dialog.focused()?;
    Some(FieldId::Dialog { dialog: name(dialog), index })
}

/// The fields that are on screen, as the Model has them.
pub fn wanted(
    model: &Model,
    placeholders: &dyn Fn(FieldId) -> String,
) -> BTreeMap<FieldId, Wanted> {
    let mut fields = BTreeMap::new();
    let mut add = |id: FieldId, text: Secret, masked: bool, is_path: bool| {
        let placeholder = placeholders(id);
        let field = Wanted { text, placeholder, masked, is_path };
        fields.insert(id, field);
    };
    if model.welcome.shown {
        add(FieldId::Welcome, model.welcome.typed.clone(), false, false);
    }
    if model.find.open && !model.welcome.shown {
        let fields = [find::Field::Query, find::Field::Replacement];
        for field in fields.into_iter().take(if model.find.replacing { 2 } else { 1 }) {
            let text = model.find.buffer(field).string();
            add(FieldId::Find(field), Secret::new(text), false, false);
        }
    }
    if model.tabs.page(model.pages.active) == tabs::Page::Settings && !model.welcome.shown {
        let page = &model.settings_page;
        for field in [page::Field::Search, page::Field::Value] {
            if field == page::Field::Search || page.typing.is_some() {
                let text = Secret::new(page.field_text(field));
                add(FieldId::Settings(field), text, false, false);
            }
        }
    }
    let Some(dialog) = &model.dialog else {
        return fields;
    };
    for field in dialog.fields() {
        let id = FieldId::Dialog { dialog: field.dialog, index: field.index };
        add(id, field.text, field.is_masked, field.is_path);
    }
    fields
}

/// The message for an edited field.
pub fn edited(id: FieldId, text: &str, masked: bool, model: &Model) -> Msg {
    match id {
        FieldId::Welcome => welcome::edited(text, &model.defaults).into(),
        FieldId::Find(field) => find::Msg::Edited { field, text: text.to_owned() }.into(),
        FieldId::Settings(field) => page::Msg::Edited { field, text: text.to_owned() }.into(),
        FieldId::Dialog { index, .. } if masked => {
            dialog::Msg::SecretEdited { field: index, secret: Secret::new(text) }.into()
        }
        FieldId::Dialog { index, .. } => {
            dialog::edited(&model.defaults, &model.dialog, index, text).into()
        }
    }
}
