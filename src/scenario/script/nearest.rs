//! The known name nearest to a misspelt one.

/// The name with the smallest edit distance to `found`, unless more than half of it would have to change.
pub(super) fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) =
        known.into_iter().map(|name| (edit_distance(found, name), name)).min_by_key(|(distance, _)| *distance)?;
    (distance * 2 <= found.chars().count().max(name.chars().count())).then_some(name)
}

/// Levenshtein distance in characters: insertions, deletions and substitutions, each of cost 1.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in to.iter().zip(row.windows(2)) {
            if let [diagonal, above] = above {
                left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
                next.push(left);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
        assert_eq!(edit_distance("same", "same"), 0);
    }

    #[test]
    fn a_typo_is_matched_and_a_stranger_is_not() {
        let known = ["frame", "downlink", "loss"];
        assert_eq!(nearest("fram", known), Some("frame"));
        assert_eq!(nearest("dwonlink", known), Some("downlink"));
        assert_eq!(nearest("zzzzzzzz", known), None);
        assert_eq!(nearest("x", []), None);
    }
}
