//! The search's bar over the editor: two fields, how many places there are, what the keys do.

use gpui::prelude::FluentBuilder;
use gpui::{App, Div, InteractiveElement, MouseButton, ParentElement, Styled, TestSupportExt, div};

use crate::{
    screen::FindBar,
    update::query::find::Field,
    view::{
        kit::{
            fields::{FieldId, Fields},
            theme::Look,
            widgets::{field, fitting, spacer},
            words::{Post, hint, span},
        },
        shell::keys,
    },
};

/// Draws the bar.
pub fn bar(bar: &FindBar, fields: &Fields, post: &Post, cx: &App) -> Div {
    let look = Look::of(cx);
    let one = |which: Field, label: &'static str| {
        field(bar.focused == Some(which), cx)
            .flex_1()
            .min_w(look.px(150.0))
            .max_w(look.px(320.0))
            .h(look.px(26.0))
            .child(
                div()
                    .id(label)
                    .test_support()
                    .flex_1()
                    .min_w_0()
                    .children(fields.input(FieldId::Find(which), label)),
            )
    };
    let actions = bar.actions.iter().map(|action| hint(action, "find", post, cx));
    div()
        .key_context(keys::FIND)
        .flex()
        .flex_none()
        .items_center()
        .gap(look.px(8.0))
        .w_full()
        .h(look.px(36.0))
        .px(look.px(10.0))
        .bg(look.palette.surface)
        .border_b_1()
        .border_color(look.palette.border)
        .on_mouse_down(MouseButton::Left, |_, _, cx| cx.stop_propagation())
        .child(one(Field::Query, "Find"))
        .when(bar.replacement.is_some(), |line| line.child(one(Field::Replacement, "Replace with")))
        .child(span(&bar.count, cx).flex_none())
        .child(spacer())
        .child(fitting(look.px(34.0), look.px(12.0), 1.0, actions).justify_end())
}
