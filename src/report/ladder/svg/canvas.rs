//! SVG elements, their colours and the escaping of their text.

use super::super::printable;

/// Where a text stands in relation to its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Colours: for light surroundings, then for dark ones. Each rule is of one class.
const STYLE: &str = "\
text{font:11px ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1f2328}\
.time{font:10.5px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#59636e}\
.title{font-size:16px;font-weight:600}.name,.strong,.b{font-weight:600}.small{font-size:8.5px}.dim{fill:#59636e}\
.bg{fill:#ffffff;stroke:#d1d9e0}.rule{stroke:#eff2f5}.lane{stroke:#c4ccd4}.node{fill:#f6f8fa;stroke:#b7c0c9}\
.chip{fill:#fff8c5;stroke:#e3cf84}.dot{fill:#9a6700}\
.message{stroke:#32383f}.data{stroke:#0969da;stroke-width:2.5}.lost{stroke:#cf222e;stroke-dasharray:5 3}\
.cross{stroke:#cf222e;stroke-width:2}.foe{stroke:#8250df;stroke-width:1.5}.message,.data,.lost,.cross,.foe{fill:none}.node.foe{fill:#fbefff}\
.fill-message{fill:#32383f}.fill-data{fill:#0969da}.fill-foe{fill:#8250df}\
text.message,text.data,text.lost,text.foe,tspan.message,tspan.lost,tspan.foe{stroke:none;font-weight:600}\
tspan.message{fill:#1f2328}tspan.lost{fill:#cf222e}tspan.foe{fill:#8250df}\
.gen{fill:#dafbe1}.gen-new{fill:#1a7f37}.sent{fill:#ffe8d1}.sent-new{fill:#bc4c00}.on-new{fill:#ffffff;font-weight:600}\
.new{font-weight:600;fill:#0550ae}";
const DARK: &str = "\
text{fill:#e6edf3}.time,.dim{fill:#9198a1}.bg{fill:#0d1117;stroke:#3d444d}.rule{stroke:#1b2129}.lane{stroke:#3d444d}\
.node{fill:#161b22;stroke:#58626d}.chip{fill:#2f2708;stroke:#6b5514}.dot{fill:#d29922}.message{stroke:#c9d1d9}\
.data{stroke:#4493f8}.lost,.cross{stroke:#f85149}.foe{stroke:#ab7df8}.node.foe{fill:#271a3d}.fill-message{fill:#c9d1d9}\
.fill-data{fill:#4493f8}.fill-foe{fill:#ab7df8}tspan.message{fill:#e6edf3}tspan.lost{fill:#f85149}\
tspan.foe{fill:#ab7df8}.gen{fill:#12301c}.gen-new{fill:#238636}.sent{fill:#3a2312}.sent-new{fill:#bd561d}\
.on-new{fill:#ffffff}.new{fill:#79c0ff}";

/// A drawing under way.
pub(super) struct Canvas(String);

impl Canvas {
    /// An empty drawing of this size in pixels.
    pub(super) fn new(width: i32, height: i32, title: &str) -> Self {
        let mut canvas = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n\
             <style>{STYLE}@media(prefers-color-scheme:dark){{{DARK}}}</style>\n",
            escaped(title)
        ));
        canvas.push(&format!(
            "<rect class=\"bg\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
            width - 1,
            height - 1
        ));
        canvas
    }

    fn push(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }

    pub(super) fn text(&mut self, x: i32, y: i32, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        self.push(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", escaped(text)));
    }

    /// Two texts, one after the other, each with its class.
    pub(super) fn two_texts(&mut self, (x, y): (i32, i32), first: (&str, &str), second: (&str, &str)) {
        let span = |(text, class): (&str, &str)| format!("<tspan class=\"{class}\">{}</tspan>", escaped(text));
        self.push(&format!("<text x=\"{x}\" y=\"{y}\">{}{}</text>", span(first), span(second)));
    }

    /// A number with smaller ones after it, in the middle of its place.
    pub(super) fn number(&mut self, (x, y): (i32, i32), class: &str, number: &str, smaller: &str) {
        let smaller = match smaller {
            "" => String::new(),
            text => format!("<tspan class=\"small {class}\" dx=\"3\">{}</tspan>", escaped(text)),
        };
        self.push(&format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}{smaller}</text>",
            escaped(number)
        ));
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (i32, i32), (x2, y2): (i32, i32)) {
        self.push(&format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"));
    }

    pub(super) fn rectangle(&mut self, class: &str, (x, y): (i32, i32), (width, height): (i32, i32), round: i32) {
        self.push(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>"
        ));
    }

    pub(super) fn circle(&mut self, class: &str, (x, y): (i32, i32), radius: i32) {
        self.push(&format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"));
    }

    /// A path; `steps` are its commands.
    pub(super) fn path(&mut self, class: &str, steps: &str) {
        self.push(&format!("<path class=\"{class}\" d=\"{steps}\"/>"));
    }

    /// The drawing.
    pub(super) fn finish(mut self) -> String {
        self.push("</svg>");
        self.0
    }
}

/// The text without control characters and without anything that XML would take for its own.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // No XML document may hold these.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
