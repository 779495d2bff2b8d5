//! Statement A21: generated TEKs never travel. A search of every octet of every link for each of them, plain or wrapped.

use std::collections::HashMap;

use super::key_collector::KeyCollector;
use crate::dot16::security::{Kek, Tek, key_wrap};
use crate::emulation::Transmission;

/// Whether a generated TEK of the run, plain or AES-key-wrapped under any KEK of the run, is in any frame.
pub fn generated_tek_on_link(keys: &KeyCollector, transmissions: &[Transmission]) -> bool {
    let mut patterns: HashMap<[u8; 8], Vec<Vec<u8>>> = HashMap::new();
    let mut add = |octets: &[u8]| {
        if let Some(head) = octets.first_chunk::<8>() {
            patterns.entry(*head).or_default().push(octets.to_vec());
        }
    };
    let keks: Vec<Kek> = keys.keks().map(|kek| Kek::from_octets(*kek.expose())).collect();
    for tek in keys.generated_teks() {
        let tek = Tek::from_octets(*tek.expose());
        add(tek.octets());
        for kek in &keks {
            add(&key_wrap::wrap(kek, &tek));
            add(&key_wrap::ecb_wrap(kek, &tek));
        }
    }
    transmissions.iter().any(|sent| found(&patterns, &sent.octets))
}

fn found(patterns: &HashMap<[u8; 8], Vec<Vec<u8>>>, octets: &[u8]) -> bool {
    octets.windows(8).enumerate().any(|(at, head)| {
        let head = <[u8; 8]>::try_from(head).unwrap_or_default();
        let rest = octets.get(at..).unwrap_or_default();
        patterns.get(&head).is_some_and(|patterns| patterns.iter().any(|pattern| rest.starts_with(pattern)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_wherever_it_stands_and_only_whole() {
        // A21: the search can fail.
        let pattern: Vec<u8> = (0..16).collect();
        let patterns = HashMap::from([(*pattern.first_chunk::<8>().unwrap(), vec![pattern.clone()])]);
        let mut frame = vec![0xee; 40];
        assert!(!found(&patterns, &frame));
        frame[24..].copy_from_slice(&pattern);
        assert!(found(&patterns, &frame));
        frame[39] ^= 1;
        assert!(!found(&patterns, &frame));
    }
}
