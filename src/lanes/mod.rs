//! AES-CCM and AES-CMAC of many inputs at once, each under a key of its own.
//!
//! A CBC-MAC is a chain: one PDU keeps a core waiting for one AES round after the other. Here up to 16 inputs lie side by
//! side, so that rounds of one fill the waiting times of the others (`performance.md` 1). There are three ways to the same octets,
//! see [`Path`].
//!
//! # Safety
//!
//! This is the one module of the crate with `unsafe` in it, for one thing: to call functions compiled for instructions that
//! not every processor has. Such a call is sound if the processor has them all, and each stands behind [`Path::is_available`],
//! which asks for the same instructions. What is called is itself safe code: it has no pointers, octets become registers through `zerocopy`.

#![allow(unsafe_code)]

use subtle::ConstantTimeEq;

#[forbid(unsafe_code)]
mod crc;
#[forbid(unsafe_code)]
mod portable;
#[cfg(target_arch = "x86_64")]
#[forbid(unsafe_code)]
mod x86;

/// The CRC-32 of `octets`, most significant bit first, before it is complemented.
#[must_use]
pub fn crc_register(octets: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(first) = octets.first_chunk()
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("sse4.1")
    {
        let (rest, taken) = match octets.as_rchunks() {
            ([], blocks) => (&blocks[1..], BLOCK),
            (start, blocks) => (blocks, start.len()),
        };
        // SAFETY: the processor has the three features that the function is compiled for.
        return unsafe { crc::carry_less::register(*first, taken, rest) };
    }
    crc::portable(octets)
}

/// Octets of an AES block.
const BLOCK: usize = 16;
/// Octets of the CCM tag.
const ICV: usize = 8;
/// Longest text of a [`CcmJob`] in octets: the counter of its blocks has one octet here. A PDU has 2029 at most.
pub const MAX_TEXT: usize = 255 * BLOCK;

/// One text for AES-CCM with a nonce of 13 octets, a tag of 8 and no associated data.
pub struct CcmJob<'a> {
    /// The key.
    pub key: &'a [u8; 16],
    /// The nonce.
    pub nonce: [u8; 13],
    /// The plaintext, which becomes the ciphertext, or the other way round; at most [`MAX_TEXT`] octets.
    pub text: &'a mut [u8],
    /// The tag: what sealing makes, and what opening compares.
    pub icv: [u8; ICV],
    /// Whether it verified, once it was opened; the text of one that did not is zeros.
    pub verified: bool,
}

impl<'a> CcmJob<'a> {
    /// A text to seal.
    #[must_use]
    pub const fn new(key: &'a [u8; 16], nonce: [u8; 13], text: &'a mut [u8]) -> Self {
        Self { key, nonce, text, icv: [0; ICV], verified: false }
    }

    /// Takes the tag that was computed.
    fn tagged<const OPEN: bool>(&mut self, icv: [u8; ICV]) {
        if !OPEN {
            self.icv = icv;
            return;
        }
        self.verified = u64::from_ne_bytes(icv).ct_eq(&u64::from_ne_bytes(self.icv)).into();
        if !self.verified {
            self.text.fill(0);
        }
    }
}

/// Block B_0: flags of a tag of 8 octets and a length of 2, nonce, length. Made in registers: octets that were stored one by one
/// are slow to load as a block.
#[inline(always)]
fn first_block(nonce: [u8; 13], length: usize) -> [u8; BLOCK] {
    let low = u64::from_le_bytes([0x19, nonce[0], nonce[1], nonce[2], nonce[3], nonce[4], nonce[5], nonce[6]]);
    let [high, length] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let high = [nonce[7], nonce[8], nonce[9], nonce[10], nonce[11], nonce[12], high, length];
    (u128::from(low) | u128::from(u64::from_le_bytes(high)) << 64).to_le_bytes()
}

/// One message for AES-CMAC.
pub struct CmacJob<'a> {
    /// The key.
    pub key: &'a [u8; 16],
    /// The message, of any length.
    pub message: &'a [u8],
    /// Its CMAC.
    pub mac: [u8; BLOCK],
}

/// How it is computed. Every path gives the same octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// The `ccm` and `cmac` crates, one input after the other.
    Portable,
    /// Lanes of 128 bits, up to eight at once; a text alone has CBC-MAC and CTR interleaved. Needs AES-NI and AVX.
    AesNi,
    /// Registers of four lanes, up to four at once. Needs VAES, AVX-512F and AVX-512BW.
    Vaes,
}

impl Path {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Portable, Self::AesNi, Self::Vaes];

    /// Whether this processor has what the path needs.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::AesNi => is_x86_feature_detected!("aes") && is_x86_feature_detected!("avx"),
            #[cfg(target_arch = "x86_64")]
            Self::Vaes => {
                Self::AesNi.is_available()
                    && is_x86_feature_detected!("vaes")
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The fastest path of this processor.
    #[must_use]
    pub fn best() -> Self {
        // The features that have been asked for are kept by the standard library: asking again is a load and a test.
        [Self::Vaes, Self::AesNi].into_iter().find(|path| path.is_available()).unwrap_or(Self::Portable)
    }

    /// Encrypts every text and sets its tag.
    ///
    /// # Panics
    /// If the path is not available, or a text is longer than [`MAX_TEXT`].
    pub fn seal(self, jobs: &mut [CcmJob<'_>]) {
        self.ccm::<false>(jobs);
    }

    /// Decrypts every text and says whether its tag verifies, compared in constant time.
    ///
    /// # Panics
    /// As [`Self::seal`].
    pub fn open(self, jobs: &mut [CcmJob<'_>]) {
        self.ccm::<true>(jobs);
    }

    /// The first of `keys` under which `ciphertext` and `icv` verify with `nonce`.
    ///
    /// # Panics
    /// As [`Self::seal`].
    #[must_use]
    pub fn first_that_opens(
        self,
        keys: &[[u8; 16]],
        nonce: [u8; 13],
        ciphertext: &[u8],
        icv: [u8; ICV],
    ) -> Option<usize> {
        assert!(self.is_available(), "this processor has no {self:?}");
        assert!(ciphertext.len() <= MAX_TEXT, "a text of more than {MAX_TEXT} octets");
        let first = first_block(nonce, ciphertext.len());
        let mut tags = [[0; BLOCK]; 16];
        let mut start = 0;
        while let Some(rest) = keys.get(start..).filter(|rest| !rest.is_empty()) {
            let lanes = self.lanes().iter().copied().find(|lanes| *lanes <= rest.len()).unwrap_or(1);
            let (now, tags) = (&rest[..lanes], &mut tags[..lanes]);
            match (self, lanes) {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has what the path needs, as was asserted.
                (Self::Vaes, 16) => unsafe { x86::vaes::tags::<4>(now, first, ciphertext, tags) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 8) => unsafe { x86::vaes::tags::<2>(now, first, ciphertext, tags) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 4) => unsafe { x86::vaes::tags::<1>(now, first, ciphertext, tags) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 8) => unsafe { x86::aes_ni::tags::<8>(now, first, ciphertext, tags) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 4) => unsafe { x86::aes_ni::tags::<4>(now, first, ciphertext, tags) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi | Self::Vaes, 1) => unsafe { x86::aes_ni::tags::<1>(now, first, ciphertext, tags) },
                _ => portable::tags(now, nonce, ciphertext, icv, tags),
            }
            let icv = u64::from_ne_bytes(icv);
            let verifies = |tag: &[u8; BLOCK]| {
                let [tag @ .., _, _, _, _, _, _, _, _] = *tag;
                bool::from(u64::from_ne_bytes(tag).ct_eq(&icv))
            };
            if let Some(lane) = tags.iter().position(verifies) {
                return Some(start + lane);
            }
            start += lanes;
        }
        None
    }

    /// The CMACs of messages of one length under one key, into as many places as there are messages.
    ///
    /// # Panics
    /// If the path is not available, or there are more or fewer places.
    pub fn cmacs_of_one_key<const N: usize>(self, key: &[u8; 16], messages: &[[u8; N]], macs: &mut [[u8; BLOCK]]) {
        assert!(self.is_available(), "this processor has no {self:?}");
        assert_eq!(messages.len(), macs.len(), "a place for each CMAC");
        let (mut messages, mut rest) = (messages, macs);
        while !messages.is_empty() {
            let lanes = self.lanes().iter().copied().find(|lanes| *lanes <= messages.len()).unwrap_or(1);
            let (now, later) = messages.split_at(lanes);
            let (macs, others) = rest.split_at_mut(lanes);
            (messages, rest) = (later, others);
            match (self, lanes) {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has what the path needs, as was asserted.
                (Self::Vaes, 16) => unsafe { x86::vaes::cmacs_of_one_key::<4, N>(key, now, macs) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 8) => unsafe { x86::vaes::cmacs_of_one_key::<2, N>(key, now, macs) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 4) => unsafe { x86::vaes::cmacs_of_one_key::<1, N>(key, now, macs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 8) => unsafe { x86::aes_ni::cmacs_of_one_key::<8, N>(key, now, macs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 4) => unsafe { x86::aes_ni::cmacs_of_one_key::<4, N>(key, now, macs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi | Self::Vaes, 1) => unsafe { x86::aes_ni::cmacs_of_one_key::<1, N>(key, now, macs) },
                _ => portable::cmacs_of_one_key(key, now, macs),
            }
        }
    }

    /// The CMAC of every message.
    ///
    /// # Panics
    /// If the path is not available.
    pub fn cmac(self, jobs: &mut [CmacJob<'_>]) {
        assert!(self.is_available(), "this processor has no {self:?}");
        self.side_by_side(
            jobs,
            |job| job.message.len(),
            |jobs| match (self, jobs.len()) {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has what the path needs, as was asserted.
                (Self::Vaes, 16) => unsafe { x86::vaes::cmac::<4>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 8) => unsafe { x86::vaes::cmac::<2>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 4) => unsafe { x86::vaes::cmac::<1>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 8) => unsafe { x86::aes_ni::cmac::<8>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 4) => unsafe { x86::aes_ni::cmac::<4>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi | Self::Vaes, 1) => unsafe { x86::aes_ni::cmac::<1>(jobs) },
                _ => portable::cmac(jobs),
            },
        );
    }

    fn ccm<const OPEN: bool>(self, jobs: &mut [CcmJob<'_>]) {
        assert!(self.is_available(), "this processor has no {self:?}");
        assert!(jobs.iter().all(|job| job.text.len() <= MAX_TEXT), "a text of more than {MAX_TEXT} octets");
        self.side_by_side(
            jobs,
            |job| job.text.len(),
            |jobs| match (self, jobs.len()) {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has what the path needs, as was asserted.
                (Self::Vaes, 16) => unsafe { x86::vaes::ccm::<4, OPEN>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 8) => unsafe { x86::vaes::ccm::<2, OPEN>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::Vaes, 4) => unsafe { x86::vaes::ccm::<1, OPEN>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 8) => unsafe { x86::aes_ni::ccm::<8, OPEN>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi, 4) => unsafe { x86::aes_ni::ccm::<4, OPEN>(jobs) },
                #[cfg(target_arch = "x86_64")]
                (Self::AesNi | Self::Vaes, 1) => unsafe { x86::aes_ni::ccm_alone::<OPEN>(jobs[0]) },
                _ => portable::ccm::<OPEN>(jobs),
            },
        );
    }

    /// How many inputs lie side by side, the most first.
    const fn lanes(self) -> &'static [usize] {
        match self {
            Self::Portable => &[1],
            Self::AesNi => &[8, 4, 1],
            Self::Vaes => &[16, 8, 4, 1],
        }
    }

    /// Takes inputs of like length together, as many at once as there are lanes.
    fn side_by_side<'j, J>(
        self,
        jobs: &'j mut [J],
        length: impl Fn(&J) -> usize,
        mut work: impl FnMut(&mut [&'j mut J]),
    ) {
        if let [alone] = jobs {
            return work(&mut [alone]);
        }
        let mut sorted: Vec<&'j mut J> = jobs.iter_mut().collect();
        sorted.sort_by_key(|job| length(job));
        let mut rest = sorted.as_mut_slice();
        for lanes in self.lanes() {
            let mut together = rest.chunks_exact_mut(*lanes);
            together.by_ref().for_each(&mut work);
            rest = together.into_remainder();
        }
    }
}

#[cfg(test)]
mod tests;
