//! The known name nearest to a misspelt one.

use super::problem::Problem;

/// Names that are all told where none of them is near.
const FEW: usize = 8;

/// Adds to `problem` which of the names that are known here is meant instead of `found`; where none is near, all of them if
/// they are few.
pub(super) fn suggest<'a>(
    problem: Box<Problem>,
    found: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Box<Problem> {
    let known: Vec<&str> = known.into_iter().collect();
    let quoted = || known.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    match (nearest(found, known.iter().copied()), known.len()) {
        (Some(name), _) => problem.help(format!("did you mean {name:?}?")),
        (None, 0) => problem.help("there is none in this script"),
        (None, 1..=FEW) => problem.help(format!("known here: {}", quoted())),
        _ => problem,
    }
}

/// The name with the smallest edit distance to `found`, unless more than half of it would have to change.
pub(super) fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) =
        known.into_iter().map(|name| (edit_distance(found, name), name)).min_by_key(|(distance, _)| *distance)?;
    (distance * 2 <= found.chars().count().max(name.chars().count())).then_some(name)
}

/// Distance in characters: insertions, deletions, substitutions and exchanges of two neighbours, each of cost 1.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    // The row before, and the letter before, for an exchange.
    let (mut earlier, mut before): (Vec<usize>, Option<char>) = (Vec::new(), None);
    for (i, a) in from.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (j, (b, above)) in to.iter().zip(row.windows(2)).enumerate() {
            if let [diagonal, above] = above {
                left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
                let two_back = j.checked_sub(1).and_then(|j| Some((to.get(j)?, earlier.get(j)?)));
                if let Some((previous, cost)) = two_back
                    && before == Some(*b)
                    && *previous == a
                {
                    left = left.min(cost + 1);
                }
                next.push(left);
            }
        }
        earlier = std::mem::replace(&mut row, next);
        before = Some(a);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_changed_letters_and_an_exchange_of_neighbours_as_one() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
        assert_eq!(edit_distance("same", "same"), 0);
        assert_eq!([edit_distance("ari", "air"), edit_distance("sb1", "bs1"), edit_distance("ab", "ba")], [1, 1, 1]);
        assert_eq!(edit_distance("abc", "cab"), 2);
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
