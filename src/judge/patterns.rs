//! Octet strings that are looked for in frames, many at once.

use std::collections::HashMap;

/// Most octet strings that are looked for.
pub const MAX_PATTERNS: usize = 100_000;

/// Octet strings of at least 8 octets, each with what it stands for.
#[derive(Debug)]
pub struct Patterns<T> {
    by_head: HashMap<[u8; 8], Vec<(Vec<u8>, T)>>,
    count: usize,
    /// Of the first two octets of every pattern.
    heads: Vec<bool>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self { by_head: HashMap::new(), count: 0, heads: vec![false; 1 << 16] }
    }
}

impl<T> Patterns<T> {
    /// Adds one more; whether there was room for it. One of fewer than 8 octets is never found.
    pub fn add(&mut self, octets: &[u8], stands_for: T) -> bool {
        let (Some(head), Some([first, second])) = (octets.first_chunk::<8>(), octets.first_chunk::<2>()) else {
            return true;
        };
        if self.count >= MAX_PATTERNS {
            return false;
        }
        self.count = self.count.saturating_add(1);
        if let Some(known) = self.heads.get_mut(usize::from(u16::from_be_bytes([*first, *second]))) {
            *known = true;
        }
        self.by_head.entry(*head).or_default().push((octets.to_vec(), stands_for));
        true
    }

    /// Calls `found` with the place of each that stands in `octets`, the octets of it, and what it stands for.
    pub fn search(&self, octets: &[u8], mut found: impl FnMut(usize, &[u8], &T)) {
        for (at, window) in octets.windows(8).enumerate() {
            let &[first, second, ..] = window else { continue };
            if !self.heads.get(usize::from(u16::from_be_bytes([first, second]))).copied().unwrap_or_default() {
                continue;
            }
            let Some(patterns) = window.first_chunk::<8>().and_then(|head| self.by_head.get(head)) else { continue };
            let rest = octets.get(at..).unwrap_or_default();
            for (pattern, stands_for) in patterns.iter().filter(|(pattern, _)| rest.starts_with(pattern)) {
                found(at, pattern, stands_for);
            }
        }
    }
}
