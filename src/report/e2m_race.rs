//! The picture of `keyhop compare --system e2m --map`: what comes of a session that is opened just before and just after each frame of a
//! re-authentication, over each access a line for each depth of the store, and of one after failed authentications; as SVG.

use std::fmt::Write;

use super::e2m_comparison::{mark, milliseconds};
use crate::scenario::eps::e2m_compare::{E2mComparison, FailureRow};
use crate::scenario::eps::e2m_race::RaceRow;

/// Pixels of a field, and of what is around them.
const FIELD: i64 = 26;
const LEFT: i64 = 110;
const HEAD: i64 = 84;
const LINE: i64 = 44;
const WIDTH: i64 = 860;
/// Of the race: from one line to the next, and what an access has besides its lines.
const RACE_LINE: i64 = 30;
const AROUND: i64 = 66;
/// Pixels between the fields of two instants, and where the names of the frames stand.
const GAP: i64 = 6;
const NAMES: i64 = 556;
/// Characters of the names at the most.
const MOST_WORDS: usize = 42;

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
    let accesses: Vec<&[RaceRow]> = comparison.races.chunk_by(|one, next| one.access == next.access).collect();
    let heights = accesses.iter().map(|rows| block(rows));
    let failures = comparison.failures.len() as i64;
    let second = HEAD + heights.sum::<i64>() + 36;
    let height = second + failures * LINE + 70;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" fill=\"{INK}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"26\" font-size=\"17\" font-weight=\"bold\">A session opened while a new key is under way</text>\n\
         <text x=\"20\" y=\"46\" font-size=\"13\">{}</text>\n",
        escaped(caption)
    );
    let mut y = HEAD;
    for rows in accesses {
        access(&mut svg, y, rows);
        y += block(rows);
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

/// Pixels from one access to the next.
fn block(rows: &[RaceRow]) -> i64 {
    let lines = rows.len() as i64 * RACE_LINE;
    let frames = rows.first().map_or(0, |row| row.points.iter().filter(|point| point.before).count() as i64);
    AROUND + lines.max(frames * 16)
}

/// Where the fields of an instant begin.
const fn x_of(instant: usize) -> i64 {
    LEFT + 20 + instant as i64 * (2 * FIELD + GAP)
}

/// An access: its lines, and which frame is sent at which instant.
fn access(svg: &mut String, y: i64, rows: &[RaceRow]) {
    let Some(first) = rows.first() else { return };
    let _ = writeln!(
        svg,
        "<text x=\"20\" y=\"{y}\" font-size=\"14\" font-weight=\"bold\">{}</text>",
        first.access.to_uppercase()
    );
    for (line, row) in rows.iter().enumerate() {
        let y = y + 10 + line as i64 * RACE_LINE;
        label(svg, y, row.depth);
        for (number, point) in row.points.iter().enumerate() {
            let x = x_of(number / 2) + if point.before { 0 } else { FIELD };
            field(svg, (x, y), colour(&mark(point)), &mark(point));
        }
    }
    let under = y + 10 + rows.len() as i64 * RACE_LINE;
    for (number, point) in first.points.iter().filter(|point| point.before).enumerate() {
        let x = x_of(number) + FIELD - 1;
        let at = milliseconds(point.at_us);
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\" stroke=\"{RULE}\" stroke-dasharray=\"5 3\"/>\n\
             <text x=\"{x}\" y=\"{}\" font-size=\"11\" text-anchor=\"middle\">{at} ms</text>\n\
             <text x=\"{NAMES}\" y=\"{}\" font-size=\"11\">{at} ms: {}</text>",
            y + 6,
            under + 4,
            under + 16,
            y + 16 + number as i64 * 16,
            escaped(&short(&point.frames))
        );
    }
}

/// The names of frames without what they carry, cut to what there is room for.
fn short(frames: &[String]) -> String {
    let name = |name: &String| {
        let outer = name.split(':').next().unwrap_or_default();
        let words = outer.replace("AuthenticationInformation", "Auth-Info-").replace("PushProfile", "Push-Profile-");
        words.replace("AUTHENTICATION", "AUTH")
    };
    let words: String = frames.iter().map(name).collect::<Vec<_>>().join(", ");
    if words.chars().count() <= MOST_WORDS {
        words
    } else {
        words.chars().take(MOST_WORDS - 1).chain(['\u{2026}']).collect()
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
    use crate::scenario::eps::e2m_race::RacePoint;

    #[test]
    fn a_picture_has_a_field_for_each_session_in_the_colour_of_what_came_of_it() {
        let point = |at_us, before, session: &str, key, same_keys| RacePoint {
            at_us,
            frames: vec!["<PushProfileRequest>".to_owned()],
            before,
            session: session.to_owned(),
            key,
            same_keys,
        };
        let points = vec![
            point(0, true, "open", Some(1), true),
            point(0, false, "unknown-key", Some(1), false),
            point(20_500, true, "open", Some(2), true),
            point(20_500, false, "open", Some(2), false),
        ];
        let races = vec![RaceRow { access: "umts", depth: 1, pushed_ms: Some(0), made_ms: Some(20), points }];
        let failures = vec![FailureRow { depth: 4, sessions: vec!["open".to_owned(), "unknown-key".to_owned()] }];
        let comparison = E2mComparison { system: "e2m", seed: 1, settings: Vec::new(), failures, races };
        let svg = e2m_race(&comparison, "a <network> & more");
        let fields = |fill: &str| svg.matches(&format!("height=\"{FIELD}\" fill=\"{fill}\"")).count();
        assert_eq!([OLDER, NEWER, NONE].map(fields), [2, 1, 3]);
        let frames = "20.500 ms: &lt;Push-Profile-Request&gt;";
        for words in ["&lt;network&gt; &amp; more", "store of 1 key<", "store of 4 keys", frames, ">UMTS<", ">!<"] {
            assert!(svg.contains(words), "{words}");
        }
    }
}
