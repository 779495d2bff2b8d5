//! `docs/wireshark-deviations.md`: the fields that are not compared, and those that Wireshark shows otherwise than keyhop
//! reads them. The page is the source: this module reads its tables.

use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../docs/wireshark-deviations.md");

/// A row of the page: a rule with the names of the fields it is about.
pub struct Rule {
    /// First column, the name of the rule.
    pub name: &'static str,
    /// Second column: names of fields, with `*` for any characters.
    pub fields: Vec<&'static str>,
    /// Whether the fields are never compared, wherever they stand: a row of the first table.
    pub everywhere: bool,
}

/// The tables of the page.
pub struct Deviations {
    pub rules: Vec<Rule>,
}

impl Deviations {
    /// Reads the page.
    pub fn read() -> Self {
        let mut rules: Vec<Rule> = Vec::new();
        let mut everywhere = true;
        for line in PAGE.lines() {
            if line.starts_with("## ") {
                everywhere = line.contains("not compared");
            }
            let Some(row) = line.strip_prefix("| `") else { continue };
            let mut columns = row.split(" | ");
            let name = columns.next().unwrap().trim_end_matches('`');
            let fields = columns.next().unwrap_or_else(|| panic!("{line}"));
            let fields: Vec<&str> = fields.split_whitespace().map(|field| field.trim_matches(['`', ','])).collect();
            assert!(rules.iter().all(|rule| rule.name != name), "two rows for {name}");
            assert!(fields.iter().all(|field| !field.is_empty()), "{line}");
            rules.push(Rule { name, fields, everywhere });
        }
        Self { rules }
    }

    /// Whether a row of the second table has this name and is about this field.
    pub fn excuses(&self, rule: &str, field: &str) -> bool {
        self.rules.iter().any(|row| row.name == rule && !row.everywhere && row.covers(field))
    }

    /// The row of the first table that the field belongs to, if any.
    pub fn never_compared(&self, field: &str) -> Option<&Rule> {
        self.rules.iter().filter(|rule| rule.everywhere).find(|rule| rule.covers(field))
    }
}

impl Rule {
    /// Whether the rule is about this field.
    pub fn covers(&self, field: &str) -> bool {
        self.fields.iter().any(|pattern| matches(pattern, field))
    }
}

/// Whether `pattern`, in which `*` stands for any characters, is `name`.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches(rest, &name[at..]))
        }),
    }
}

/// What came out of comparing frames.
#[derive(Default)]
pub struct Tally {
    pub frames: u64,
    /// How often each field was compared and found equal.
    pub compared: BTreeMap<String, u64>,
    /// The fields that each rule was needed for, and how often.
    pub deviations: BTreeMap<String, BTreeMap<String, u64>>,
    /// What differs without being listed.
    pub faults: Vec<String>,
}

impl Tally {
    pub fn equal(&mut self, field: &str) {
        count(&mut self.compared, field, 1);
    }

    pub fn deviates(&mut self, rule: &str, field: &str) {
        if !self.deviations.contains_key(rule) {
            self.deviations.insert(rule.to_owned(), BTreeMap::new());
        }
        count(self.deviations.get_mut(rule).unwrap(), field, 1);
    }

    pub fn add(&mut self, other: Self) {
        self.frames += other.frames;
        for (field, times) in other.compared {
            count(&mut self.compared, &field, times);
        }
        for (rule, fields) in other.deviations {
            let here = self.deviations.entry(rule).or_default();
            for (field, times) in fields {
                count(here, &field, times);
            }
        }
        self.faults.extend(other.faults);
    }

    /// The rows of the page, and the patterns in them, that no frame needed.
    pub fn unused(&self, deviations: &Deviations) -> Vec<String> {
        let none = BTreeMap::new();
        let mut unused = Vec::new();
        for rule in &deviations.rules {
            let seen = self.deviations.get(rule.name).unwrap_or(&none);
            for pattern in &rule.fields {
                if !seen.keys().any(|field| matches(pattern, field)) {
                    unused.push(format!("{}: {pattern}", rule.name));
                }
            }
        }
        unused
    }
}

fn count(counts: &mut BTreeMap<String, u64>, field: &str, times: u64) {
    match counts.get_mut(field) {
        Some(here) => *here += times,
        None => {
            counts.insert(field.to_owned(), times);
        }
    }
}

#[test]
fn a_row_that_no_frame_needs_is_found() {
    let deviations = Deviations::read();
    let mut tally = Tally::default();
    assert_eq!(tally.unused(&deviations).len(), deviations.rules.iter().map(|rule| rule.fields.len()).sum::<usize>());
    tally.deviates("eap-method", "eap.data");
    assert!(!tally.unused(&deviations).contains(&"eap-method: eap.*".to_owned()));
}

#[test]
fn a_star_stands_for_any_characters() {
    assert!(matches("wmx.*", "wmx.genericCrc") && matches("*", "") && matches("a*c*e", "abcde"));
    assert!(!matches("wmx.*", "wmx") && !matches("a*c", "abcd") && !matches("eap", "eap.code"));
}
