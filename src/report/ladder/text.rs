//! The ladder as text for a terminal, at most [`WIDTH`] columns wide with up to five nodes.

use super::super::{WIDTH, shortened, wrapped};
use super::{Entry, columns, fold, milliseconds};
use crate::scenario::outcome::{LadderItem, LadderStep};

/// Most lines that a label takes.
const MOST_LABEL_LINES: usize = 3;
/// Columns that the labels of messages are given before the nodes are set closer.
const LABEL: usize = 40;
/// Narrowest label, whatever the number of nodes.
const NARROWEST_LABEL: usize = 24;
/// Least distance from one node to the next.
const LEAST_PITCH: usize = 8;
/// Usual one.
const USUAL_PITCH: usize = 12;
/// What stands under the diagram.
const LEGEND: &str = "═► user data   ✗ lost or dropped   ● change of key state   ◆ adversary\n";

/// The diagram of `steps` with a column for each of `nodes`, in their order, and for nodes that only the steps name.
/// Empty without steps; the rest beyond [`MOST_LINES`](super::MOST_LINES) is counted.
#[must_use]
pub fn text(steps: &[LadderStep], nodes: &[String]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let (entries, left_out) = fold(steps);
    let diagram = Diagram::new(&entries, nodes);
    let mut text = diagram.header();
    for entry in &entries {
        diagram.draw(entry, &mut text);
    }
    if left_out > 0 {
        text.push_str(&format!("... and {left_out} more steps\n"));
    }
    text.push_str(&diagram.header());
    text.push_str(LEGEND);
    text
}

/// The characters of a line from column 0 on.
struct Row(Vec<char>);

impl Row {
    fn put(&mut self, column: usize, character: char) {
        if self.0.len() <= column {
            self.0.resize(column + 1, ' ');
        }
        if let Some(place) = self.0.get_mut(column) {
            *place = character;
        }
    }

    fn put_text(&mut self, column: usize, text: &str) {
        for (character, column) in text.chars().zip(column..) {
            self.put(column, character);
        }
    }

    fn finish(&self, text: &mut String) {
        let line: String = self.0.iter().collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// Where everything stands.
struct Diagram<'a> {
    nodes: Vec<&'a str>,
    time_width: usize,
    pitch: usize,
}

impl<'a> Diagram<'a> {
    fn new(entries: &[Entry<'a>], nodes: &'a [String]) -> Self {
        let columns = columns(entries, nodes);
        let times = entries.iter().map(|entry| milliseconds(entry.time).len());
        let time_width = times.max().unwrap_or(0).max(10);
        let longest = columns.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let room = WIDTH.saturating_sub(time_width + 4 + LABEL) / columns.len().max(1);
        Self { nodes: columns, time_width, pitch: USUAL_PITCH.max(longest + 2).min(room).max(LEAST_PITCH) }
    }

    /// Where an arrow of the adversary begins.
    fn margin(&self) -> usize {
        self.time_width + 2
    }

    fn lane(&self, node: usize) -> usize {
        self.margin() + 2 + self.pitch / 2 + node * self.pitch
    }

    fn lane_of(&self, name: &str) -> usize {
        // Every name of an entry has a column.
        self.lane(self.nodes.iter().position(|node| *node == name).unwrap_or_default())
    }

    fn lanes(&self) -> Row {
        let mut row = Row(Vec::new());
        for node in 0..self.nodes.len() {
            row.put(self.lane(node), '│');
        }
        row
    }

    fn header(&self) -> String {
        let mut row = Row(Vec::new());
        row.put_text(self.time_width.saturating_sub(7), "time/ms");
        for (number, name) in self.nodes.iter().enumerate() {
            let name = shortened(name, self.pitch - 1);
            let half = name.chars().count() / 2;
            row.put_text(self.lane(number).saturating_sub(half), &name);
        }
        let mut text = String::new();
        row.finish(&mut text);
        text
    }

    /// Draws an entry: its first line has time and arrow or marker, further ones the rest of the label.
    fn draw(&self, entry: &Entry<'_>, text: &mut String) {
        let mut row = self.lanes();
        let time = milliseconds(entry.time);
        row.put_text(self.time_width.saturating_sub(time.len()), &time);
        let label_at = match entry.what {
            LadderItem::Message { from, to, data, dropped, .. } => {
                let from = from.as_ref().map(|from| self.lane_of(from));
                self.arrow(&mut row, from, self.lane_of(to), *data, *dropped);
                self.lane(self.nodes.len().saturating_sub(1)) + 3
            }
            LadderItem::State { node, .. } => {
                let lane = self.lane_of(node);
                row.put(lane, '●');
                lane + 2
            }
        };
        let width = WIDTH.saturating_sub(label_at).max(NARROWEST_LABEL);
        let mut label = wrapped(&entry.label(), width);
        if label.len() > MOST_LABEL_LINES {
            label.truncate(MOST_LABEL_LINES);
            if let Some(last) = label.last_mut() {
                *last = shortened(&format!("{last} …"), width);
            }
        }
        for (number, line) in label.iter().enumerate() {
            if number > 0 {
                row = self.lanes();
            }
            // Blanks keep the label clear of the lines of nodes that it covers.
            row.put_text(label_at - 1, &format!(" {line} "));
            row.finish(text);
        }
    }

    /// An arrow from one lane, or from the margin, to another.
    fn arrow(&self, row: &mut Row, from: Option<usize>, to: usize, data: bool, dropped: bool) {
        let (line, crossing, rightward, leftward) =
            if data { ('═', '╪', '╞', '╡') } else { ('─', '┼', '├', '┤') };
        let start = from.unwrap_or_else(|| self.margin());
        if start == to {
            // A node that sends to itself.
            row.put(to, if dropped { '✗' } else { '○' });
            return;
        }
        let right = start < to;
        for column in start.min(to) + 1..start.max(to) {
            let lane = row.0.get(column) == Some(&'│');
            row.put(column, if lane { crossing } else { line });
        }
        row.put(
            start,
            match from {
                None => '◆',
                Some(_) if right => rightward,
                Some(_) => leftward,
            },
        );
        let (before, head) = if right { (to - 1, '►') } else { (to + 1, '◄') };
        row.put(before, if dropped { '✗' } else { head });
    }
}

#[cfg(test)]
mod tests {
    use super::super::MOST_LINES;
    use super::*;
    use crate::time::VirtualTime;

    fn nodes(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// A message at `micros`; `from` is empty for the adversary.
    fn message(micros: u64, from: &str, to: &str, label: &str) -> LadderStep {
        LadderStep {
            time: VirtualTime::from_nanos(micros * 1_000),
            keys: Vec::new(),
            what: LadderItem::Message {
                from: Some(from.to_owned()).filter(|from| !from.is_empty()),
                to: to.to_owned(),
                label: label.to_owned(),
                data: false,
                dropped: false,
            },
        }
    }

    fn data(micros: u64, from: &str, to: &str, label: &str) -> LadderStep {
        let mut step = message(micros, from, to, label);
        if let LadderItem::Message { data, .. } = &mut step.what {
            *data = true;
        }
        step
    }

    fn dropped(mut step: LadderStep) -> LadderStep {
        if let LadderItem::Message { dropped, .. } = &mut step.what {
            *dropped = true;
        }
        step
    }

    fn state(micros: u64, node: &str, label: &str) -> LadderStep {
        LadderStep {
            time: VirtualTime::from_nanos(micros * 1_000),
            keys: Vec::new(),
            what: LadderItem::State { node: node.to_owned(), label: label.to_owned() },
        }
    }

    /// The lines between the two headers.
    fn lines(steps: &[LadderStep], names: &[&str]) -> Vec<String> {
        let text = text(steps, &nodes(names));
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.pop().unwrap() + "\n", LEGEND);
        assert_eq!(lines.pop().unwrap(), lines.remove(0));
        lines
    }

    const LONG: &str = "bs2 and bs3 are recommended, the action time is four frames, the TEKs follow from the count, \
                        nothing else is asked for, and the label goes on until nobody wants to read any more of it at all";

    #[test]
    fn nothing_is_drawn_without_steps() {
        assert_eq!(text(&[], &nodes(&["ms1", "bs1"])), "");
    }

    #[test]
    fn two_nodes() {
        let steps = [
            message(1_000_000, "ms1", "bs1", "RNG-REQ"),
            data(1_000_500, "bs1", "ms1", "user data"),
            state(1_002_000, "ms1", "TEKs installed"),
        ];
        let expected = "   \
   time/ms         ms1         bs1
  1000.000          ├──────────►│  RNG-REQ
  1000.500          │◄══════════╡  user data
  1002.000          ● TEKs installed
   time/ms         ms1         bs1
═► user data   ✗ lost or dropped   ● change of key state   ◆ adversary
";
        assert_eq!(text(&steps, &nodes(&["ms1", "bs1"])), expected);
    }

    #[test]
    fn five_nodes_with_every_kind_of_step() {
        let steps = [
            message(1_000_000, "ms1", "bs1", "MOB_MSHO-REQ: bs2, bs3"),
            dropped(message(1_003_000, "bs1", "bs3", "HO_Req")),
            state(1_003_000, "bs2", "T_B = 2: TEKs derived"),
            message(1_005_123, "bs3", "bs1", "HO_Rsp"),
            state(1_005_123, "gw", LONG),
            message(1_010_000, "bs1", "ms1", LONG),
            data(1_020_000, "ms1", "bs2", "user data"),
            data(1_021_000, "bs2", "gw", "user data"),
            dropped(data(1_700_000, "", "bs2", "replay of frame 7")),
            message(1_700_000, "", "ms1", "replay of frame 8"),
        ];
        let expected = "   \
   time/ms         ms1         bs1         bs2         bs3         gw
  1000.000          ├──────────►│           │           │           │  MOB_MSHO-REQ: bs2, bs3
  1003.000          │           ├───────────┼──────────✗│           │  HO_Req
  1003.000          │           │           ● T_B = 2: TEKs derived │
  1005.123          │           │◄──────────┼───────────┤           │  HO_Rsp
  1005.123          │           │           │           │           ● bs2 and bs3 are recommended, the action time is
                    │           │           │           │           │ four frames, the TEKs follow from the count,
                    │           │           │           │           │ nothing else is asked for, and the label goes on …
  1010.000          │◄──────────┤           │           │           │  bs2 and bs3 are recommended, the action time is
                    │           │           │           │           │  four frames, the TEKs follow from the count,
                    │           │           │           │           │  nothing else is asked for, and the label goes on…
  1020.000          ╞═══════════╪══════════►│           │           │  user data
  1021.000          │           │           ╞═══════════╪══════════►│  user data
  1700.000  ◆═══════╪═══════════╪══════════✗│           │           │  replay of frame 7
  1700.000  ◆──────►│           │           │           │           │  replay of frame 8
   time/ms         ms1         bs1         bs2         bs3         gw
═► user data   ✗ lost or dropped   ● change of key state   ◆ adversary
";
        assert_eq!(text(&steps, &nodes(&["ms1", "bs1", "bs2", "bs3", "gw"])), expected);
    }

    #[test]
    fn a_run_of_user_data_is_a_line_for_each_sender_and_receiver() {
        let mut steps: Vec<LadderStep> = (0..12)
            .flat_map(|number| {
                let label = format!("PN {number}");
                [data(number, "ms1", "bs1", &label), data(number, "bs1", "ms1", "user data")]
            })
            .collect();
        steps.push(message(12, "ms1", "bs1", "RNG-REQ"));
        steps.push(data(13, "ms1", "bs1", "PN 12"));
        steps.push(data(13, "ms1", "bs1", "PN 13"));
        let lines = lines(&steps, &["ms1", "bs1"]);
        let expected = [
            "0.000          ╞══════════►│  user data x 12, until 0.011",
            "0.000          │◄══════════╡  user data x 12, until 0.011",
            "0.012          ├──────────►│  RNG-REQ",
            "0.013          ╞══════════►│  user data x 2",
        ];
        assert_eq!(lines.iter().map(|line| line.trim_start()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lost_data_and_other_nodes_are_lines_of_their_own() {
        let steps = [
            data(0, "ms1", "bs1", "user data"),
            dropped(data(1, "ms1", "bs1", "user data")),
            data(2, "ms1", "bs2", "user data"),
            data(3, "ms1", "bs1", "user data"),
        ];
        let lines = lines(&steps, &["ms1", "bs1", "bs2"]);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].ends_with("user data x 2, until 0.003"), "{}", lines[0]);
        assert!(lines[1].ends_with("══✗│           │  user data"), "{}", lines[1]);
    }

    #[test]
    fn what_the_adversary_plays_keeps_its_labels() {
        let steps = [
            data(0, "", "bs1", "replay of frame 7"),
            data(0, "", "bs1", "replay of frame 8"),
            data(0, "", "bs1", "replay of frame 8"),
        ];
        let lines = lines(&steps, &["ms1", "bs1"]);
        assert!(lines[0].ends_with("  replay of frame 7"), "{}", lines[0]);
        assert!(lines[1].ends_with("  replay of frame 8 x 2"), "{}", lines[1]);
    }

    #[test]
    fn a_node_that_only_a_step_names_has_a_column() {
        let steps = [message(0, "ms1", "bs9", "RNG-REQ"), state(1, "bs8", "TEKs derived")];
        let text = text(&steps, &nodes(&["ms1"]));
        let header: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(header, ["time/ms", "ms1", "bs9", "bs8"]);
    }

    #[test]
    fn a_node_that_sends_to_itself_is_drawn_at_its_column() {
        let lines = lines(&[message(0, "bs1", "bs1", "loop")], &["ms1", "bs1"]);
        assert!(lines[0].ends_with("│           ○  loop"), "{}", lines[0]);
    }

    #[test]
    fn five_nodes_fit_the_width_whatever_the_names_and_labels() {
        let names = ["a", "b", "c", "d", "e"].map(|letter| letter.repeat(32));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut steps = vec![message(u64::MAX / 1_000, names[0], names[4], &"x".repeat(500))];
        steps.extend(names.iter().map(|name| state(0, name, LONG)));
        for line in text(&steps, &nodes(&names)).lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn a_label_cannot_command_the_terminal() {
        let text = text(&[state(0, "ms1", "a\u{1b}[2J\u{7}b")], &nodes(&["ms\n1"]));
        assert!(!text.replace('\n', "").contains(char::is_control));
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn a_diagram_without_end_is_cut_and_says_so() {
        let steps: Vec<LadderStep> = (0..1_200).map(|number| message(number, "ms1", "bs1", "RNG-REQ")).collect();
        let lines = lines(&steps, &["ms1", "bs1"]);
        assert_eq!(lines.len(), MOST_LINES + 1);
        assert_eq!(lines[MOST_LINES], "... and 200 more steps");
    }
}
