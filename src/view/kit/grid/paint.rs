//! How the grid is painted: one element that shapes the visible texts and nothing else. Everything
//! of one kind goes into one layer, which spares the renderer the sorting of each rectangle.

use std::rc::Rc;
use std::sync::Arc;

use gpui::{
    AnyElement, App, BorderStyle, Bounds, ContentMask, CursorStyle, Element, ElementId, Entity,
    Font, FontStyle, FontWeight, GlobalElementId, Hitbox, HitboxBehavior, Hsla, InspectorElementId,
    IntoElement, LayoutId, MouseMoveEvent, MouseUpEvent, Pixels, ShapedLine, SharedString, Style,
    TextAlign, TextRun, Window, fill, outline, point, px, quad, relative, size,
};

use super::{
    Drag, Edges, Grid, GridEvent, GridView,
    geometry::{Geometry, Hit},
    scroll::Scroll,
};
use crate::{
    rows::Position,
    screen,
    view::kit::{fonts, theme::Look},
};

/// Space left and right of a text in its cell, at 100%.
const PADDING: f32 = 10.0;

/// Narrowest that the column of row numbers gets, at 100%.
const NUMBERS_MIN: f32 = 56.0;

/// The element that paints a [`Grid`].
pub(crate) struct GridElement {
    grid: Entity<Grid>,
}

/// What one frame needs, gathered before painting.
pub(crate) struct Frame {
    geometry: Geometry,
    hitbox: Hitbox,
    active: Option<AnyElement>,
}

impl GridElement {
    pub(crate) fn new(grid: Entity<Grid>) -> Self {
        Self { grid }
    }
}

impl IntoElement for GridElement {
    type Element = Self;

    fn into_element(self) -> Self {
        self
    }
}

impl Element for GridElement {
    type RequestLayoutState = ();
    type PrepaintState = Frame;

    fn id(&self) -> Option<ElementId> {
        None
    }

    fn source_location(&self) -> Option<&'static std::panic::Location<'static>> {
        None
    }

    fn request_layout(
        &mut self,
        _: Option<&GlobalElementId>,
        _: Option<&InspectorElementId>,
        window: &mut Window,
        cx: &mut App,
    ) -> (LayoutId, ()) {
        let mut style = Style::default();
        style.size.width = relative(1.0).into();
        style.size.height = relative(1.0).into();
        (window.request_layout(style, [], cx), ())
    }

    fn prepaint(
        &mut self,
        _: Option<&GlobalElementId>,
        _: Option<&InspectorElementId>,
        bounds: Bounds<Pixels>,
        _: &mut (),
        window: &mut Window,
        cx: &mut App,
    ) -> Frame {
        let look = Look::of(cx);
        let geometry = self.grid.update(cx, |grid, _| grid.place(bounds, &look, window));
        report(&self.grid, &geometry, window, cx);
        let hitbox = window.insert_hitbox(bounds, HitboxBehavior::Normal);
        let active = self.grid.read(cx).active_cell_element(&geometry);
        let active = active.map(|(mut element, place)| {
            element.prepaint_as_root(place.origin, place.size.map(Into::into), window, cx);
            element
        });
        Frame { geometry, hitbox, active }
    }

    fn paint(
        &mut self,
        _: Option<&GlobalElementId>,
        _: Option<&InspectorElementId>,
        bounds: Bounds<Pixels>,
        _: &mut (),
        frame: &mut Frame,
        window: &mut Window,
        cx: &mut App,
    ) {
        let Some(painter) = Painter::new(&self.grid, &frame.geometry, window, cx) else {
            return;
        };
        window.with_content_mask(Some(ContentMask { bounds }), |window| {
            window.paint_layer(bounds, |window| painter.grounds(window));
            window.paint_layer(bounds, |window| painter.texts(window, cx));
            window.paint_layer(bounds, |window| painter.marks(window));
        });
        if let Some(active) = &mut frame.active {
            active.paint(window, cx);
        }
        painter.cursor(&frame.hitbox, window);
        listen(&self.grid, window);
    }
}

impl Grid {
    /// Lays the grid out in its bounds and brings the scroll position into range.
    fn place(&mut self, bounds: Bounds<Pixels>, look: &Look, window: &Window) -> Geometry {
        let rows = self.shown.as_ref().map_or(0, |shown| shown.rows.len());
        let mut geometry = Geometry {
            bounds,
            header: look.grid_header(),
            numbers: numbers_width(rows, look, window),
            row_height: look.grid_row(),
            edges: self.edges(look.zoom),
            rows,
            scroll: Scroll::default(),
            left: self.left,
        };
        let extent = geometry.extent();
        self.left = self.left.clamp(0.0, geometry.left_max());
        geometry.left = self.left;
        if let Some(Position { row, column }) = self.reveal.take() {
            self.scroll = self.scroll.revealing(row, extent);
            self.left = geometry.left_revealing(column);
        }
        self.scroll = self.scroll.clamped(extent);
        geometry.scroll = self.scroll;
        geometry.left = self.left;
        self.geometry = Some(geometry.clone());
        geometry
    }

    /// The left edges of the columns, counted out anew where their widths or the zoom are others than before.
    fn edges(&mut self, zoom: f32) -> Rc<[f32]> {
        let Some(shown) = &self.shown else {
            return Rc::from([0.0]);
        };
        if let Some(known) = &self.edges
            && Arc::ptr_eq(&known.widths, &shown.widths)
            && known.zoom == zoom
        {
            return known.edges.clone();
        }
        let mut right = 0.0;
        let rights = shown.widths.iter().map(|width| {
            right += *width as f32 * zoom;
            right
        });
        let edges: Rc<[f32]> = std::iter::once(0.0).chain(rights).collect();
        #[cfg(test)]
        super::made(|made| made.edges += shown.widths.len());
        self.edges = Some(Edges { widths: shown.widths.clone(), zoom, edges: edges.clone() });
        edges
    }
}

fn numbers_width(rows: u64, look: &Look, window: &Window) -> Pixels {
    let digits: SharedString = "0".repeat(rows.max(1).to_string().len()).into();
    let line = shape(&digits, fonts::mono(), look.mono_size(), window);
    (line.width() + look.px(2.0 * PADDING + 4.0)).max(look.px(NUMBERS_MIN))
}

/// What is visible is told once it differs, after this frame, because telling may change the view.
fn report(grid: &Entity<Grid>, geometry: &Geometry, window: &mut Window, cx: &mut App) {
    let rows = geometry.visible_rows();
    let columns = geometry.visible_columns();
    let view = GridView {
        first_row: rows.start,
        page_rows: geometry.extent().visible.floor() as u64,
        row_count: rows.end - rows.start,
        first_column: columns.start,
        column_count: columns.len(),
    };
    if grid.read(cx).reported == view {
        return;
    }
    let listener = grid.update(cx, |grid, _| {
        grid.reported = view;
        grid.listener.clone()
    });
    window.defer(cx, move |window, cx| {
        listener(GridEvent::Scrolled(view), window, cx);
    });
}

/// Movement and release are heard in the whole window, because a drag leaves the grid.
fn listen(grid: &Entity<Grid>, window: &mut Window) {
    let moved = grid.clone();
    window.on_mouse_event(move |event: &MouseMoveEvent, phase, window, cx| {
        if phase.bubble() {
            moved.update(cx, |grid, cx| grid.moved(event, window, cx));
        }
    });
    let released = grid.clone();
    window.on_mouse_event(move |_: &MouseUpEvent, phase, _, cx| {
        if phase.bubble() {
            released.update(cx, |grid, cx| grid.released(cx));
        }
    });
}

fn shape(text: &SharedString, font: Font, size: Pixels, window: &Window) -> ShapedLine {
    shape_in(text, font, size, gpui::black(), window)
}

fn shape_in(
    text: &SharedString,
    font: Font,
    size: Pixels,
    color: Hsla,
    window: &Window,
) -> ShapedLine {
    let run = TextRun {
        len: text.len(),
        font,
        color,
        background_color: None,
        underline: None,
        strikethrough: None,
    };
    window.text_system().shape_line(text.clone(), size, &[run], None)
}

/// A cell is one line: the text up to its first line break, and whether there is more. Control
/// characters, which have no shape, are shown as spaces.
fn first_line(text: &SharedString) -> (SharedString, bool) {
    if !text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return (text.clone(), false);
    }
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    let shown: String = line
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    (shown.into(), line.len() < text.len())
}

/// How a text sits in its cell.
#[derive(Clone, Copy)]
struct Ink {
    color: Hsla,
    italic: bool,
    right: bool,
    cut: bool,
}

/// Everything that painting reads.
struct Painter {
    geometry: Geometry,
    look: Look,
    shown: Rc<screen::Grid>,
    focused: bool,
    hovered: Hit,
    drag: Option<Drag>,
    /// Advance of one character of the monospace font.
    advance: Pixels,
}

impl Painter {
    fn new(grid: &Entity<Grid>, geometry: &Geometry, window: &Window, cx: &App) -> Option<Self> {
        let grid = grid.read(cx);
        let look = Look::of(cx);
        let sample = shape(&"0".into(), fonts::mono(), look.mono_size(), window);
        Some(Self {
            geometry: geometry.clone(),
            look,
            shown: grid.shown.clone()?,
            focused: grid.focus.is_focused(window),
            hovered: grid.hovered,
            drag: grid.drag,
            advance: sample.width().max(px(1.0)),
        })
    }

    /// Stripes, the tint of the range, hairlines, and the grounds of header and row numbers.
    fn grounds(&self, window: &mut Window) {
        let (geometry, palette) = (&self.geometry, &self.look.palette);
        let (bounds, body) = (geometry.bounds, geometry.body());
        window.paint_quad(fill(bounds, palette.background));
        for row in geometry.visible_rows() {
            let top = geometry.row_top(row);
            let whole = Bounds::new(
                point(bounds.left(), top),
                size(bounds.size.width, geometry.row_height),
            );
            if row % 2 == 1 {
                self.fill_below_header(whole, palette.stripe, window);
            }
        }
        let numbers =
            Bounds::from_corners(point(bounds.left(), body.top()), point(body.left(), self.foot()));
        window.paint_quad(fill(numbers, palette.surface));
        self.range_tint(window);
        for row in geometry.visible_rows() {
            let bottom = geometry.row_top(row) + geometry.row_height - px(1.0);
            let line = Bounds::new(point(bounds.left(), bottom), size(bounds.size.width, px(1.0)));
            self.fill_below_header(line, self.hairline(), window);
        }
        let header = Bounds::new(bounds.origin, size(bounds.size.width, geometry.header));
        window.paint_quad(fill(header, palette.surface));
        self.column_lines(window);
        let under = Bounds::new(
            point(bounds.left(), body.top() - px(1.0)),
            size(bounds.size.width, px(1.0)),
        );
        window.paint_quad(fill(under, palette.border));
    }

    /// Where the last visible row ends.
    fn foot(&self) -> Pixels {
        let (geometry, rows) = (&self.geometry, self.geometry.visible_rows());
        if rows.is_empty() {
            return geometry.body().top();
        }
        let bottom = geometry.row_top(rows.end - 1) + geometry.row_height;
        bottom.min(geometry.bounds.bottom())
    }

    fn hairline(&self) -> Hsla {
        self.look.palette.border.opacity(0.6)
    }

    fn fill_below_header(&self, area: Bounds<Pixels>, color: Hsla, window: &mut Window) {
        let below = Bounds::from_corners(
            point(self.geometry.bounds.left(), self.geometry.body().top()),
            self.geometry.bounds.bottom_right(),
        );
        let area = area.intersect(&below);
        if area.size.height > px(0.0) {
            window.paint_quad(fill(area, color));
        }
    }

    fn range_tint(&self, window: &mut Window) {
        let (geometry, range) = (&self.geometry, &self.shown.range);
        let (seen, columns) = (geometry.visible_rows(), &range.columns);
        let rows = range.rows.start.max(seen.start)..range.rows.end.min(seen.end);
        // One cell alone has its outline.
        if range.cells() < 2 || rows.is_empty() {
            return;
        }
        let last = rows.end - 1;
        let top = geometry.row_top(rows.start);
        let bottom = geometry.row_top(last) + geometry.row_height;
        let left = geometry.column_left(columns.start);
        let right = geometry.column_left(columns.end);
        let area = Bounds::from_corners(point(left, top), point(right, bottom));
        let area = area.intersect(&geometry.body());
        window.paint_quad(fill(area, self.look.palette.selection));
    }

    /// A hairline to the right of each column and of the row numbers, as far down as rows go.
    fn column_lines(&self, window: &mut Window) {
        let geometry = &self.geometry;
        let (bounds, body) = (geometry.bounds, geometry.body());
        let foot = self.foot();
        let mut line = |x: Pixels, color: Hsla, wide: f32| {
            let corner = point(x - px(wide), bounds.top());
            let area = Bounds::new(corner, size(px(wide), foot - bounds.top()));
            window.paint_quad(fill(area, color));
        };
        line(body.left(), self.look.palette.border, 1.0);
        for column in geometry.visible_columns() {
            let right = geometry.column_left(column) + geometry.column_width(column);
            if right > body.left() {
                let held = self.held_border() == Some(column);
                if held {
                    line(right, self.look.palette.accent, 2.0);
                } else {
                    line(right, self.hairline(), 1.0);
                }
            }
        }
    }

    fn held_border(&self) -> Option<usize> {
        match (self.drag, self.hovered) {
            (Some(Drag::Border { column, .. }), _) => Some(column),
            (None, Hit::Border(column)) => Some(column),
            _ => None,
        }
    }

    fn texts(&self, window: &mut Window, cx: &mut App) {
        let geometry = &self.geometry;
        let (bounds, body) = (geometry.bounds, geometry.body());
        window.with_content_mask(Some(ContentMask { bounds: body }), |window| {
            for row in geometry.visible_rows() {
                for column in geometry.visible_columns() {
                    self.cell(row, column, window, cx);
                }
            }
        });
        let header =
            Bounds::new(point(body.left(), bounds.top()), size(body.size.width, geometry.header));
        window.with_content_mask(Some(ContentMask { bounds: header }), |window| {
            for column in geometry.visible_columns() {
                self.title(column, window, cx);
            }
        });
        let numbers =
            Bounds::new(point(bounds.left(), body.top()), size(geometry.numbers, body.size.height));
        window.with_content_mask(Some(ContentMask { bounds: numbers }), |window| {
            for row in geometry.visible_rows() {
                self.row_number(row, window, cx);
            }
        });
    }

    fn cell(&self, row: u64, column: usize, window: &mut Window, cx: &mut App) {
        #[cfg(test)]
        super::made(|made| made.cells += 1);
        let cell = self.shown.cell(row, column);
        let palette = &self.look.palette;
        // The mark of a cut is part of the text already.
        let (text, more) = first_line(&SharedString::from(cell.text.into_owned()));
        let ink = Ink {
            color: match (cell.null, self.shown.stale) {
                (false, false) => palette.text,
                (false, true) => palette.muted,
                (true, _) => palette.faint,
            },
            italic: cell.null,
            right: self.shown.column(column).is_some_and(|column| column.right_aligned),
            cut: more,
        };
        self.write(&text, self.geometry.cell(row, column), ink, window, cx);
    }

    fn row_number(&self, row: u64, window: &mut Window, cx: &mut App) {
        let geometry = &self.geometry;
        let area = Bounds::new(
            point(geometry.bounds.left(), geometry.row_top(row)),
            size(geometry.numbers, geometry.row_height),
        );
        let palette = &self.look.palette;
        let active = self.shown.active.is_some_and(|active| active.row == row);
        let ink = Ink {
            color: if active { palette.text } else { palette.faint },
            italic: false,
            right: true,
            cut: false,
        };
        self.write(&(row + 1).to_string().into(), area, ink, window, cx);
    }

    /// Paints one line of monospace text in a cell, shortened with a mark where it would not fit.
    fn write(
        &self,
        text: &SharedString,
        area: Bounds<Pixels>,
        ink: Ink,
        window: &mut Window,
        cx: &mut App,
    ) {
        if text.is_empty() && !ink.cut {
            return;
        }
        let padding = self.look.px(PADDING);
        let room = area.size.width - padding * 2.0 - px(1.0);
        let mut font = fonts::mono();
        if ink.italic {
            font.style = FontStyle::Italic;
        }
        let shown = self.shortened(text, room, ink.cut);
        let mut line = shape_in(&shown, font.clone(), self.look.mono_size(), ink.color, window);
        if line.width() > room + px(0.5) {
            // Characters wider than the font's usual ones: the shaped line knows where to cut.
            let end = line.closest_index_for_x((room - self.advance).max(px(0.0)));
            let cut: SharedString = format!("{}…", shown.get(..end).unwrap_or_default()).into();
            line = shape_in(&cut, font, self.look.mono_size(), ink.color, window);
        }
        let x = if ink.right {
            area.right() - padding - px(1.0) - line.width().min(room)
        } else {
            area.left() + padding
        };
        let origin = point(x, area.top());
        paint_line(&line, origin, area.size.height, window, cx);
    }

    /// As much of a text as can fit, by its count of characters, so that a long one is never shaped.
    fn shortened(&self, text: &SharedString, room: Pixels, cut: bool) -> SharedString {
        let fitting = (room / self.advance).floor().max(0.0) as usize;
        let longer_than = |count: usize| text.char_indices().nth(count).is_some();
        // The mark of a cut takes a place of its own.
        let fits = !longer_than(if cut { fitting.saturating_sub(1) } else { fitting });
        if fits && cut {
            return format!("{text}…").into();
        }
        if fits {
            return text.clone();
        }
        let kept: String = text.chars().take(fitting.saturating_sub(1)).collect();
        format!("{kept}…").into()
    }

    fn title(&self, column: usize, window: &mut Window, cx: &mut App) {
        let Some(spec) = self.shown.column(column) else {
            return;
        };
        #[cfg(test)]
        super::made(|made| made.titles += 1);
        let (look, geometry) = (&self.look, &self.geometry);
        let left = geometry.column_left(column);
        let width = geometry.column_width(column);
        let padding = look.px(PADDING);
        let bounds = Bounds::new(
            point(left, geometry.bounds.top()),
            size(width - padding + look.px(4.0), geometry.header),
        );
        let name = shape_in(
            &first_line(&SharedString::from(spec.title.to_owned())).0,
            fonts::ui(FontWeight::MEDIUM),
            look.text_size(),
            look.palette.text,
            window,
        );
        let kind = shape_in(
            &first_line(&SharedString::from(spec.type_name.to_owned())).0,
            fonts::mono(),
            look.key_size(),
            look.palette.faint,
            window,
        );
        let mask = ContentMask { bounds };
        window.with_content_mask(Some(mask), |window| {
            for (line, top, height) in [(name, 5.0, 18.0), (kind, 22.0, 15.0)] {
                let room = width - padding * 2.0 - px(1.0);
                let x = if spec.right_aligned {
                    left + width - padding - px(1.0) - line.width().min(room)
                } else {
                    left + padding
                };
                let origin = point(x, geometry.bounds.top() + look.px(top));
                paint_line(&line, origin, look.px(height), window, cx);
            }
        });
    }

    /// What lies over the texts: the outline of the active cell and the scrollbars.
    fn marks(&self, window: &mut Window) {
        let (geometry, palette) = (&self.geometry, &self.look.palette);
        let body = geometry.body();
        if let Some(Position { row, column }) = self.shown.active
            && geometry.visible_rows().contains(&row)
            && column < self.shown.widths.len()
        {
            let mut cell = geometry.cell(row, column);
            cell.origin.x -= px(1.0);
            cell.origin.y -= px(1.0);
            cell.size.width += px(1.0);
            cell.size.height += px(1.0);
            let color = if self.focused { palette.accent } else { palette.faint };
            let mut frame = outline(cell, color, BorderStyle::Solid);
            frame.border_widths = px(if self.focused { 2.0 } else { 1.0 }).into();
            frame.corner_radii = px(2.0).into();
            window.with_content_mask(Some(ContentMask { bounds: body }), |window| {
                window.paint_quad(frame);
            });
        }
        let vertical = matches!(self.drag, Some(Drag::VerticalThumb { .. }));
        let horizontal = matches!(self.drag, Some(Drag::HorizontalThumb { .. }));
        let over_vertical = vertical || self.hovered == Hit::VerticalBar;
        let over_horizontal = horizontal || self.hovered == Hit::HorizontalBar;
        self.thumb(geometry.vertical_thumb(), over_vertical, window);
        self.thumb(geometry.horizontal_thumb(), over_horizontal, window);
    }

    fn thumb(&self, thumb: Option<Bounds<Pixels>>, held: bool, window: &mut Window) {
        let Some(strip) = thumb else {
            return;
        };
        let inset = px(if held { 2.0 } else { 3.0 });
        let area = Bounds::new(
            point(strip.left() + inset, strip.top() + inset),
            size(strip.size.width - inset * 2.0, strip.size.height - inset * 2.0),
        );
        let color = self.look.palette.faint.opacity(if held { 0.8 } else { 0.5 });
        let thumb =
            quad(area, px(4.0), color, px(0.0), gpui::transparent_black(), BorderStyle::Solid);
        window.paint_quad(thumb);
    }

    fn cursor(&self, hitbox: &Hitbox, window: &mut Window) {
        if self.held_border().is_some() {
            window.set_cursor_style(CursorStyle::ResizeColumn, hitbox);
        } else if matches!(self.hovered, Hit::Cell { .. }) {
            window.set_cursor_style(CursorStyle::Arrow, hitbox);
        }
    }
}

fn paint_line(
    line: &ShapedLine,
    origin: gpui::Point<Pixels>,
    height: Pixels,
    window: &mut Window,
    cx: &mut App,
) {
    if let Err(error) = line.paint(origin, height, TextAlign::Left, None, window, cx) {
        log::debug!("a text of the grid could not be painted: {error}");
    }
}
