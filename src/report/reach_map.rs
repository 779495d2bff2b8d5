//! The map of `keyhop compare --system eps --map`: which cells somebody reads who has the keys of one eNB, a panel for each
//! scheme, as SVG.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::scenario::eps::compare::{Reach, SIDE, group};

/// Pixels of a cell, between panels, and above one.
const CELL: usize = 44;
const GAP: usize = 28;
const HEAD: usize = 74;
const FOOT: usize = 92;

const INK: &str = "#1f2328";
const PALE: &str = "#f6f8fa";
const VISITED: &str = "#d0e2f2";
const READ: &str = "#d55e00";
const OWN: &str = "#8c2d04";
const BORDER: &str = "#57606a";

/// The map; `caption` says of which walk.
#[must_use]
pub fn reach_map(reaches: &[Reach], caption: &str) -> String {
    let panel = SIDE * CELL;
    let (width, height) = (GAP + reaches.len() * (panel + GAP), HEAD + panel + FOOT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" fill=\"{INK}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{GAP}\" y=\"26\" font-size=\"17\" font-weight=\"bold\">What the keys of one eNB open</text>\n\
         <text x=\"{GAP}\" y=\"46\" font-size=\"13\">{}</text>\n",
        escaped(caption)
    );
    for (number, reach) in reaches.iter().enumerate() {
        draw_panel(&mut svg, GAP + number * (panel + GAP), reach);
    }
    legend(&mut svg, HEAD + panel + 46);
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn draw_panel(svg: &mut String, left: usize, reach: &Reach) {
    let own = reach.walk.get(reach.hop).copied();
    let visited: BTreeSet<usize> = reach.walk.iter().copied().collect();
    let read: BTreeSet<usize> = reach.read.iter().copied().collect();
    let beyond = reach.read.len().saturating_sub(1);
    let later = reach.walk.len().saturating_sub(reach.hop + 1);
    let what = format!("{}: {beyond} of {later} later visits", reach.mode);
    // A String takes every write.
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" font-size=\"13\" font-weight=\"bold\">{what}</text>", HEAD - 8);
    for cell in 0..SIDE * SIDE {
        let (x, y) = (left + cell % SIDE * CELL, HEAD + cell / SIDE * CELL);
        let fill = match cell {
            cell if Some(cell) == own => OWN,
            cell if read.contains(&cell) => READ,
            cell if visited.contains(&cell) => VISITED,
            _ => PALE,
        };
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"{fill}\" stroke=\"#d8dee4\"/>"
        );
    }
    borders(svg, left);
    let middle = |cell: usize| (left + cell % SIDE * CELL + CELL / 2, HEAD + cell / SIDE * CELL + CELL / 2);
    let path: Vec<String> = reach.walk.iter().map(|cell| middle(*cell)).map(|(x, y)| format!("{x},{y}")).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.5\" stroke-opacity=\"0.75\"/>",
        path.join(" ")
    );
    for (end, cell) in [(0, reach.walk.first()), (1, reach.walk.last())] {
        let Some((x, y)) = cell.map(|cell| middle(*cell)) else { continue };
        let fill = if end == 0 { "#ffffff" } else { INK };
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{fill}\" stroke=\"{INK}\"/>");
    }
}

/// The lines between security groups.
fn borders(svg: &mut String, left: usize) {
    let mut line = |x1: usize, y1: usize, x2: usize, y2: usize| {
        let _ = writeln!(
            svg,
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{BORDER}\" stroke-width=\"2\" \
             stroke-dasharray=\"6 4\"/>"
        );
    };
    for cell in 0..SIDE * SIDE {
        let (x, y) = (left + cell % SIDE * CELL, HEAD + cell / SIDE * CELL);
        if cell % SIDE + 1 < SIDE && group(cell) != group(cell + 1) {
            line(x + CELL, y, x + CELL, y + CELL);
        }
        if cell + SIDE < SIDE * SIDE && group(cell) != group(cell + SIDE) {
            line(x, y + CELL, x + CELL, y + CELL);
        }
    }
}

fn legend(svg: &mut String, y: usize) {
    let mut x = GAP;
    for (fill, text) in [
        (OWN, "cell of the eNB whose keys were taken"),
        (READ, "cell that these keys open"),
        (VISITED, "visited, stays closed"),
        (PALE, "not visited"),
    ] {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"16\" height=\"16\" fill=\"{fill}\" stroke=\"{BORDER}\"/>\n\
             <text x=\"{}\" y=\"{y}\" font-size=\"13\">{text}</text>",
            y - 13,
            x + 23
        );
        x += 50 + text.len() * 7;
    }
    let _ = writeln!(
        svg,
        "<text x=\"{GAP}\" y=\"{}\" font-size=\"13\">White point: where the walk begins; black point: where it ends; dashed: borders of \
         security groups, which only the scheme grouped knows.</text>",
        y + 26
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(mode: &'static str, read: &[usize]) -> Reach {
        Reach { mode, walk: vec![14, 15, 16, 22], hop: 1, read: read.to_vec() }
    }

    #[test]
    fn a_map_has_a_panel_for_each_scheme_with_the_cells_that_open_and_those_that_stay_closed() {
        let svg = reach_map(&[reach("chained", &[15, 16, 22]), reach("nh-s1", &[15])], "a <walk> & more");
        let cells = |fill: &str| svg.matches(&format!("height=\"{CELL}\" fill=\"{fill}\"")).count();
        assert_eq!([OWN, READ, VISITED].map(cells), [2, 2, 4]);
        assert_eq!(cells(PALE), 2 * (SIDE * SIDE - 4));
        for words in ["chained: 2 of 2 later visits", "nh-s1: 0 of 2 later visits", "&lt;walk&gt; &amp; more"] {
            assert!(svg.contains(words), "{words}");
        }
        assert_eq!(svg.matches("<rect").count(), 1 + 2 * SIDE * SIDE + 4, "nothing lies outside the panels");
    }
}
