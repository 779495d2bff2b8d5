//! The ladder as an SVG drawing: lanes, arrows with their labels, and at the right the keys after each step.
//!
//! The drawing brings its own background and colours for light and for dark surroundings, its text stays text, and it
//! depends on nothing but the steps. What a label takes is estimated, since no font is at hand.
//!
//! * `canvas`: elements, escaping, colours.
//! * `keys`: the columns of the key state.

mod canvas;
mod keys;

use super::super::{shortened, wrapped};
use super::{Entry, Running, columns, fold, milliseconds};
use crate::scenario::outcome::{LadderItem, LadderStep};
use canvas::{Anchor, Canvas};
use keys::KeyColumns;

/// Least distance from the drawing to its edge, in pixels as everything here.
const MARGIN: i32 = 16;
/// Where the times end.
const TIME_END: i32 = 84;
/// Height of title and heads of columns.
const HEAD: i32 = 84;
/// Height of a step with a label of one line, and of each further line.
const ROW: i32 = 19;
const LINE: i32 = 13;
/// Width of the labels of messages.
const LABEL: i32 = 318;
/// Average width of a character of a label.
const CHARACTER: f64 = 5.7;
/// Most lines of a label.
const MOST_LABEL_LINES: usize = 3;
/// Distance between lanes: at the most, at the least, and what all lanes share.
const WIDEST_PITCH: i32 = 88;
const NARROWEST_PITCH: i32 = 60;
const LANES: i32 = 450;
/// Height of what stands below the steps.
const FOOT: i32 = 92;
/// What the adversary's lane is called.
const ADVERSARY: &str = "adversary";

/// How many characters of a label fit.
fn fitting(width: i32) -> usize {
    (f64::from(width.max(0)) / CHARACTER) as usize
}

/// Pixels that a text takes, estimated.
fn width_of(text: &str) -> i32 {
    (text.chars().count() as f64 * CHARACTER) as i32
}

/// A drawing of `steps` with a lane for each of `nodes` and for nodes that only the steps name, under the heading
/// `title`. Without steps it says so; the rest beyond [`MOST_LINES`](super::MOST_LINES) is counted.
#[must_use]
pub fn svg(title: &str, steps: &[LadderStep], nodes: &[String]) -> String {
    let (entries, left_out) = fold(steps);
    let mut names = columns(&entries, nodes);
    if entries.iter().any(|entry| matches!(entry.what, LadderItem::Message { from: None, .. })) {
        names.insert(0, ADVERSARY);
    }
    let labels = entries.iter().map(Lettering::of).collect();
    Drawing::new(names, &entries, labels).draw(title, left_out)
}

/// What stands beside an arrow or a change of state.
struct Lettering(Vec<String>);

impl Lettering {
    fn of(entry: &Entry<'_>) -> Self {
        let label = entry.label();
        if matches!(entry.what, LadderItem::State { .. }) {
            return Self(vec![label]);
        }
        let mut lines = wrapped(&label, fitting(LABEL));
        if lines.len() > MOST_LABEL_LINES {
            lines.truncate(MOST_LABEL_LINES);
            if let Some(last) = lines.last_mut() {
                *last = shortened(&format!("{last} …"), fitting(LABEL));
            }
        }
        Self(lines)
    }

    fn height(&self) -> i32 {
        ROW + LINE * (self.0.len() as i32 - 1).max(0)
    }
}

/// Where everything stands.
struct Drawing<'a> {
    names: Vec<&'a str>,
    entries: &'a [Entry<'a>],
    labels: Vec<Lettering>,
    pitch: i32,
    keys: KeyColumns<'a>,
    /// Where the steps end.
    bottom: i32,
}

impl<'a> Drawing<'a> {
    fn new(names: Vec<&'a str>, entries: &'a [Entry<'a>], labels: Vec<Lettering>) -> Self {
        let pitch = (LANES / (names.len() as i32).max(1)).clamp(NARROWEST_PITCH, WIDEST_PITCH);
        let bottom = HEAD + labels.iter().map(Lettering::height).sum::<i32>() + 8;
        let mut drawing = Self { names, entries, labels, pitch, keys: KeyColumns::default(), bottom };
        drawing.keys = KeyColumns::new(entries, drawing.label_at() + LABEL + 8);
        drawing
    }

    fn lane(&self, column: usize) -> i32 {
        TIME_END + self.pitch / 2 + 6 + self.pitch * column as i32
    }

    fn lane_of(&self, name: &str) -> i32 {
        // Every name of an entry has a lane.
        self.lane(self.names.iter().position(|known| *known == name).unwrap_or_default())
    }

    /// Where the labels of messages begin.
    fn label_at(&self) -> i32 {
        self.lane(self.names.len().saturating_sub(1)) + self.pitch / 2 + 2
    }

    fn draw(&self, title: &str, left_out: usize) -> String {
        let width = self.keys.end().max(self.label_at() + LABEL) + MARGIN;
        let height = self.bottom + FOOT;
        let mut canvas = Canvas::new(width, height, title);
        canvas.text(MARGIN, 28, Anchor::Start, "title", title);
        self.heads(&mut canvas);
        self.keys.heads(&mut canvas, HEAD - 36);
        let mut top = HEAD;
        let mut running = Running::default();
        let mut last_time = String::new();
        for (entry, label) in self.entries.iter().zip(&self.labels) {
            let before = running.clone();
            running.after(entry);
            let height = label.height();
            let time = milliseconds(entry.time);
            if time != last_time {
                canvas.line("rule", (MARGIN, top), (width - MARGIN, top));
                canvas.text(TIME_END - 6, top + 13, Anchor::End, "time", &time);
                last_time = time;
            }
            self.keys.row(&mut canvas, &before, &running, (top, height));
            self.entry(&mut canvas, entry, label, top);
            top += height;
        }
        if self.entries.is_empty() {
            canvas.text(MARGIN, HEAD + 14, Anchor::Start, "dim", "No handover took place.");
        }
        self.legend(&mut canvas, left_out);
        canvas.finish()
    }

    fn heads(&self, canvas: &mut Canvas) {
        if !self.entries.is_empty() {
            canvas.text(TIME_END - 6, HEAD - 18, Anchor::End, "dim", "ms");
        }
        for (column, name) in self.names.iter().enumerate() {
            let lane = self.lane(column);
            canvas.line("lane", (lane, HEAD - 12), (lane, self.bottom));
            let (half, name) = (self.pitch / 2 - 5, shortened(name, fitting(self.pitch - 12)));
            let class = if name == ADVERSARY { "node foe" } else { "node" };
            canvas.rectangle(class, (lane - half, HEAD - 34), (half * 2, 22), 5);
            canvas.text(lane, HEAD - 19, Anchor::Middle, "name", &name);
        }
    }

    fn entry(&self, canvas: &mut Canvas, entry: &Entry<'_>, label: &Lettering, top: i32) {
        let y = top + 10;
        match entry.what {
            LadderItem::Message { from, to, data, dropped, .. } => {
                let to = self.lane_of(to);
                let class = match (from, dropped, data) {
                    (None, ..) => "foe",
                    (_, true, _) => "lost",
                    (_, _, true) => "data",
                    _ => "message",
                };
                let start = from.as_ref().map_or_else(|| self.lane_of(ADVERSARY), |from| self.lane_of(from));
                arrow(canvas, class, (start, to), y, *dropped);
                if from.is_none() {
                    canvas.path(&format!("fill-{class}"), &format!("M{} {y}l5 -5l5 5l-5 5z", start - 5));
                }
                for (number, line) in label.0.iter().enumerate() {
                    let at = (self.label_at(), top + 14 + LINE * number as i32);
                    // The name of the message stands out.
                    match line.split_once(": ") {
                        Some((name, rest)) if number == 0 && !data => {
                            canvas.two_texts(at, (name, class), (&format!(": {rest}"), "label"));
                        }
                        None if number == 0 && !data => canvas.two_texts(at, (line, class), ("", "label")),
                        _ => canvas.text(at.0, at.1, Anchor::Start, if *data { "dim" } else { "label" }, line),
                    }
                }
            }
            LadderItem::State { node, .. } => {
                let lane = self.lane_of(node);
                let room = self.label_at() + LABEL - lane - 24;
                let text = shortened(&label.0.concat(), fitting(room));
                canvas.rectangle("chip", (lane + 7, top + 2), (width_of(&text) + 14, ROW - 4), 7);
                canvas.circle("dot", (lane, y), 4);
                canvas.text(lane + 14, top + 14, Anchor::Start, "label", &text);
            }
        }
    }

    fn legend(&self, canvas: &mut Canvas, left_out: usize) {
        let mut y = self.bottom + 22;
        if left_out > 0 {
            canvas.text(MARGIN, y - 4, Anchor::Start, "label", &format!("… and {left_out} more steps"));
            y += 16;
        }
        let mut x = MARGIN;
        let arrows = [("message", "message", false), ("data", "user data", false), ("lost", "lost or dropped", true)];
        for (class, words, dropped) in arrows {
            arrow(canvas, class, (x, x + 34), y, dropped);
            canvas.text(x + 42, y + 4, Anchor::Start, "dim", words);
            x += 42 + width_of(words) + 22;
        }
        canvas.circle("dot", (x + 4, y), 4);
        canvas.text(x + 14, y + 4, Anchor::Start, "dim", "something happens at a node");
        if !self.keys.is_empty() {
            KeyColumns::legend(canvas, MARGIN, y + 22);
        }
    }
}

/// An arrow between two lanes at the height `y`.
fn arrow(canvas: &mut Canvas, class: &str, (start, end): (i32, i32), y: i32, dropped: bool) {
    if start == end {
        canvas.circle(class, (start, y), 5);
        return;
    }
    let right = if start < end { 1 } else { -1 };
    let tip = end - right;
    if dropped {
        let cross = tip - 9 * right;
        canvas.line(class, (start, y), (cross - 5 * right, y));
        let class = if class == "lost" { "cross" } else { class };
        canvas.path(class, &format!("M{} {}l8 8m-8 0l8 -8", cross - 4, y - 4));
    } else {
        canvas.line(class, (start, y), (tip - 6 * right, y));
        let back = -8 * right;
        canvas.path(&format!("fill-{class}"), &format!("M{tip} {y}l{back} -4v8z"));
    }
}

#[cfg(test)]
mod tests;
