//! What `keyhop compare --system parlos` prints: variants by attacks, what a key costs, and what the words mean.

use super::table::tabulated;
use super::{WIDTH, wrapped};
use crate::scenario::eps::parlos_compare::{ATTACKS, ParlosComparison, ParlosRow};

/// What stands under the tables.
const MEANING: [&str; 8] = [
    "Each word comes from a run of its own. A word in capitals: the attack succeeds.",
    "listener: hears all of the air, and has no key. key later: is given the private key that the ME had in the first of two attaches, when \
     both are over, and reads one of them, or both.",
    "man in the middle: puts its own public key in the place of the ME's, and reads. false network: sends the ME a KASMEtemp of its own, and \
     reads.",
    "RLOS, key, algorithms: somebody takes the indication, the key with its certificate, or all algorithms but the null ones out of the attach \
     request, and can do nothing else. refused: somebody does not go on. no key: there is none to take.",
    "old request: an attach request played again, to which the network sends what it cannot open. old command: a security mode command played \
     again to an ME that attaches once more.",
    "ciphertext: a bit of the encrypted KASMEtemp inverted. at once: by its authentication; later: by what comes of it.",
    "certificate: the ME's has expired, is of an unknown issuer, for another use, or for another name.",
    "octets: what the attach request and the security mode command have more than without a key. operations: with public keys, at the MME, for \
     each attach request of somebody who sends many.",
];

/// The tables, at most [`WIDTH`] columns wide.
#[must_use]
pub fn parlos_comparison(comparison: &ParlosComparison) -> String {
    let mut text = String::new();
    // Two tables: all columns do not stand beside each other.
    for attacks in [&ATTACKS[..5], &ATTACKS[5..]] {
        let headers: Vec<&str> = ["variant"].into_iter().chain(attacks.iter().map(|attack| attack.title)).collect();
        let row = |row: &ParlosRow| {
            let cell = |id: &str| {
                let cell = row.cells.iter().find(|cell| cell.attack == id);
                cell.map_or_else(String::new, |cell| {
                    if cell.succeeds { cell.result.to_uppercase() } else { cell.result.to_owned() }
                })
            };
            [row.variant.to_owned()].into_iter().chain(attacks.iter().map(|attack| cell(attack.id))).collect()
        };
        text.push_str(&tabulated(&headers, comparison.rows.iter().map(row).collect()));
        text.push('\n');
    }
    let headers = ["variant", "octets: request", "command", "operations"];
    let cost = |row: &ParlosRow| {
        vec![
            row.variant.to_owned(),
            format!("{:>15}", row.request_octets),
            format!("{:>7}", row.command_octets),
            format!("{:>10}", tenths(row.operations_tenths)),
        ]
    };
    text.push_str(&tabulated(&headers, comparison.rows.iter().map(cost).collect()));
    text.push('\n');
    let headers = ["encryption", "octets: public key", "encrypted KASMEtemp"];
    let size = |size: &crate::scenario::eps::parlos_compare::ParlosSize| {
        vec![size.transport.to_owned(), format!("{:>18}", size.request_octets), format!("{:>19}", size.command_octets)]
    };
    text.push_str(&tabulated(&headers, comparison.sizes.iter().map(size).collect()));
    text.push('\n');
    for meaning in MEANING {
        for line in wrapped(meaning, WIDTH) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// Tenths with their point.
pub(super) fn tenths(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}
