//! The picture of `keyhop compare --system parlos --map`: variants by attacks, a field for each, as SVG.

use std::fmt::Write;

use crate::scenario::eps::parlos_compare::{ATTACKS, ParlosComparison};

/// Pixels: of a field, of the names of variants, above and below the fields, and around them.
const FIELD: (usize, usize) = (92, 34);
const NAMES: usize = 212;
const HEAD: usize = 96;
const FOOT: usize = 46;
const GAP: usize = 24;

const INK: &str = "#1f2328";
const SUCCEEDS: &str = "#d55e00";
const FAILS: &str = "#d0e2f2";
const NOTHING: &str = "#f6f8fa";
const BORDER: &str = "#ffffff";

/// The picture; `caption` says of which network.
#[must_use]
pub fn parlos_matrix(comparison: &ParlosComparison, caption: &str) -> String {
    let (width, height) = (GAP + NAMES + ATTACKS.len() * FIELD.0 + GAP, HEAD + comparison.rows.len() * FIELD.1 + FOOT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" fill=\"{INK}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{GAP}\" y=\"26\" font-size=\"17\" font-weight=\"bold\">Who gets at the temporary key</text>\n\
         <text x=\"{GAP}\" y=\"46\" font-size=\"13\">{}</text>\n",
        escaped(caption)
    );
    for (column, attack) in ATTACKS.iter().enumerate() {
        let x = GAP + NAMES + column * FIELD.0 + FIELD.0 / 2;
        for (line, words) in attack.title.lines().enumerate() {
            // A String takes every write.
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"{}\" font-size=\"12\" text-anchor=\"middle\">{}</text>",
                HEAD - 26 + line * 15,
                escaped(words)
            );
        }
    }
    for (number, row) in comparison.rows.iter().enumerate() {
        let y = HEAD + number * FIELD.1;
        let middle = y + FIELD.1 / 2 + 5;
        let _ = writeln!(svg, "<text x=\"{GAP}\" y=\"{middle}\" font-size=\"13\">{}</text>", escaped(row.variant));
        for (column, attack) in ATTACKS.iter().enumerate() {
            let Some(cell) = row.cells.iter().find(|cell| cell.attack == attack.id) else { continue };
            let (fill, ink) = match (cell.applies, cell.succeeds) {
                (false, _) => (NOTHING, INK),
                (true, true) => (SUCCEEDS, "#ffffff"),
                (true, false) => (FAILS, INK),
            };
            let x = GAP + NAMES + column * FIELD.0;
            let (w, h) = FIELD;
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{fill}\" stroke=\"{BORDER}\" stroke-width=\"2\"/>\n\
                 <text x=\"{}\" y=\"{middle}\" font-size=\"12\" text-anchor=\"middle\" fill=\"{ink}\">{}</text>",
                x + w / 2,
                escaped(cell.result)
            );
        }
    }
    legend(&mut svg, HEAD + comparison.rows.len() * FIELD.1 + 30);
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn legend(svg: &mut String, y: usize) {
    let mut x = GAP;
    for (fill, text) in
        [(SUCCEEDS, "the attack succeeds"), (FAILS, "it fails"), (NOTHING, "there is nothing to attack")]
    {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"16\" height=\"16\" fill=\"{fill}\" stroke=\"#57606a\"/>\n\
             <text x=\"{}\" y=\"{y}\" font-size=\"13\">{text}</text>",
            y - 13,
            x + 23
        );
        x += 50 + text.len() * 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::eps::parlos_compare::{ParlosCell, ParlosRow};

    #[test]
    fn a_picture_has_a_field_for_each_variant_and_attack_in_the_colour_of_its_result() {
        let cell = |number: usize| ParlosCell {
            attack: ATTACKS[number].id,
            result: "reads <all>",
            succeeds: number.is_multiple_of(2),
            applies: number != 2,
            detail: String::new(),
        };
        let cells: Vec<ParlosCell> = (0..ATTACKS.len()).map(cell).collect();
        let row =
            ParlosRow { variant: "self & made", cells, request_octets: 33, command_octets: 80, operations_tenths: 10 };
        let comparison = ParlosComparison { system: "parlos", seed: 1, rows: vec![row], sizes: Vec::new() };
        let svg = parlos_matrix(&comparison, "a <caption>");
        let fields = |fill: &str| svg.matches(&format!("height=\"{}\" fill=\"{fill}\"", FIELD.1)).count();
        assert_eq!(fields(NOTHING), 1);
        assert_eq!(fields(SUCCEEDS), ATTACKS.len().div_ceil(2) - 1);
        assert_eq!(fields(FAILS), ATTACKS.len() / 2);
        for words in ["a &lt;caption&gt;", "self &amp; made", "reads &lt;all&gt;"] {
            assert!(svg.contains(words), "{words}");
        }
    }
}
