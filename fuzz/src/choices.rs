//! The octets of an input as a row of choices: what a target does with them does not change when octets are added at the end.

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// All of an input.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The next octet; none at the end.
    pub fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next octet; 0 at the end.
    pub fn any(&mut self) -> u8 {
        self.octet().unwrap_or_default()
    }

    /// The next two octets, the first of them the higher one.
    pub fn two(&mut self) -> u16 {
        u16::from_be_bytes([self.any(), self.any()])
    }

    /// The next four octets.
    pub fn four(&mut self) -> u32 {
        u32::from(self.two()) << 16 | u32::from(self.two())
    }

    /// A number below `count`, which is at most 256; 0 if that is 0.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.any()).checked_rem(count).unwrap_or_default()
    }

    /// One of `these`.
    pub fn of<'t, T>(&mut self, these: &'t [T]) -> Option<&'t T> {
        these.get(self.below(these.len()))
    }

    /// The next `count` octets, fewer at the end.
    pub fn octets(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
