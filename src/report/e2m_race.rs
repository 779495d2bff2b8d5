//! The picture of `keyhop compare --system e2m --map`: what comes of a session that is opened at each instant of a re-authentication, a
//! line for each depth of the store, and of one after failed authentications; as SVG.

use std::fmt::Write;

use super::e2m_comparison::mark;
use crate::scenario::eps::e2m_compare::{E2mComparison, FailureRow, RaceRow};

/// Pixels of a field, and of what is around them.
const FIELD: i64 = 26;
const LEFT: i64 = 110;
const HEAD: i64 = 84;
const LINE: i64 = 44;
const WIDTH: i64 = 860;

const INK: &str = "#1f2328";
const OLDER: &str = "#0072b2";
const NEWER: &str = "#009e73";
const NONE: &str = "#d55e00";
const RULE: &str = "#57606a";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn colour(mark: &str) -> &'static str {
    match mark {
        "1" => OLDER,
        "2" => NEWER,
        _ => NONE,
    }
}

/// The picture; `caption` says of which network.
#[must_use]
pub fn e2m_race(comparison: &E2mComparison, caption: &str) -> String {
    let races = comparison.races.len() as i64;
    let failures = comparison.failures.len() as i64;
    let second = HEAD + races * LINE + 96;
    let height = second + failures * LINE + 70;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" fill=\"{INK}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"26\" font-size=\"17\" font-weight=\"bold\">A session opened while a new key is under way</text>\n\
         <text x=\"20\" y=\"46\" font-size=\"13\">{}</text>\n",
        escaped(caption)
    );
    for (number, row) in comparison.races.iter().enumerate() {
        race(&mut svg, HEAD + number as i64 * LINE, row);
    }
    if let Some(row) = comparison.races.first() {
        instants(&mut svg, HEAD + races * LINE, row);
    }
    // A String takes every write.
    let _ = writeln!(
        svg,
        "<text x=\"20\" y=\"{}\" font-size=\"17\" font-weight=\"bold\">A session after so many authentications that failed</text>",
        second - 20
    );
    for (number, row) in comparison.failures.iter().enumerate() {
        failure(&mut svg, second + number as i64 * LINE, row);
    }
    legend(&mut svg, height - 22);
    svg.push_str("</svg>\n");
    svg
}

fn label(svg: &mut String, y: i64, depth: usize) {
    let keys = if depth == 1 { "key" } else { "keys" };
    let _ = writeln!(svg, "<text x=\"20\" y=\"{}\" font-size=\"13\">store of {depth} {keys}</text>", y + 18);
}

fn field(svg: &mut String, (x, y): (i64, i64), fill: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"/>\n\
         <text x=\"{}\" y=\"{}\" font-size=\"12\" fill=\"#ffffff\" text-anchor=\"middle\">{text}</text>",
        FIELD - 2,
        FIELD,
        x + FIELD / 2 - 1,
        y + 18
    );
}

fn race(svg: &mut String, y: i64, row: &RaceRow) {
    label(svg, y, row.depth);
    for (number, point) in row.points.iter().enumerate() {
        let mark = mark(point);
        field(svg, (LEFT + 20 + number as i64 * FIELD, y), colour(&mark), &mark);
    }
}

/// Where an instant lies between the fields of a row.
fn x_of(row: &RaceRow, at: i64) -> Option<i64> {
    let (first, second) = (row.points.first()?.at_ms, row.points.get(1)?.at_ms);
    let step = (second - first).max(1);
    Some(LEFT + 20 + (at - first) * FIELD / step + FIELD / 2)
}

fn instants(svg: &mut String, y: i64, row: &RaceRow) {
    let named = [(Some(0), "begins", 0), (row.pushed_ms, "pushed", 14), (row.made_ms, "UE has the new key", 0)];
    for (at, what, down) in named {
        let Some((at, x)) = at.and_then(|at| Some((at, x_of(row, at)?))) else { continue };
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\" stroke=\"{RULE}\" stroke-dasharray=\"5 3\"/>\n\
             <text x=\"{}\" y=\"{}\" font-size=\"12\">{what}: {at} ms</text>",
            HEAD - 8,
            y + 4,
            x + 4,
            y + 10 + down
        );
    }
    for point in row.points.iter().step_by(2) {
        if let Some(x) = x_of(row, point.at_ms) {
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"{}\" font-size=\"11\" text-anchor=\"middle\">{}</text>",
                y + 42,
                point.at_ms
            );
        }
    }
}

fn failure(svg: &mut String, y: i64, row: &FailureRow) {
    label(svg, y, row.depth);
    for (number, session) in row.sessions.iter().enumerate() {
        let fill = if session == "open" { OLDER } else { NONE };
        field(svg, (LEFT + 20 + number as i64 * 2 * FIELD, y), fill, &number.to_string());
    }
}

fn legend(svg: &mut String, y: i64) {
    let words = [
        (OLDER, "open, with the older key"),
        (NEWER, "open, with the newer key"),
        (NONE, "no session: the key is gone"),
    ];
    for (number, (fill, text)) in words.into_iter().enumerate() {
        let x = 20 + 240 * number as i64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"14\" fill=\"{fill}\"/>\n\
             <text x=\"{}\" y=\"{y}\" font-size=\"13\">{text}</text>",
            y - 12,
            x + 22
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::eps::e2m_compare::RacePoint;

    #[test]
    fn a_picture_has_a_field_for_each_session_in_the_colour_of_what_came_of_it() {
        let point =
            |at_ms, session: &str, key, same_keys| RacePoint { at_ms, session: session.to_owned(), key, same_keys };
        let points = vec![
            point(-25, "open", Some(1), true),
            point(0, "unknown-key", Some(1), false),
            point(25, "open", Some(2), true),
            point(50, "open", Some(2), false),
        ];
        let races = vec![RaceRow { depth: 1, pushed_ms: Some(0), made_ms: Some(20), points }];
        let failures = vec![FailureRow { depth: 4, sessions: vec!["open".to_owned(), "unknown-key".to_owned()] }];
        let comparison = E2mComparison { system: "e2m", seed: 1, settings: Vec::new(), failures, races };
        let svg = e2m_race(&comparison, "a <network> & more");
        let fields = |fill: &str| svg.matches(&format!("height=\"{FIELD}\" fill=\"{fill}\"")).count();
        assert_eq!([OLDER, NEWER, NONE].map(fields), [2, 1, 3]);
        for words in
            ["&lt;network&gt; &amp; more", "store of 1 key<", "store of 4 keys", "UE has the new key: 20 ms", ">!<"]
        {
            assert!(svg.contains(words), "{words}");
        }
    }
}
