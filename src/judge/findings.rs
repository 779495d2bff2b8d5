//! What the judge says: findings, which are faults of those who made the capture, and notes, which are not. Of each kind a
//! bounded number is kept and the rest counted.

use std::collections::BTreeMap;

use serde::Serialize;

/// Most findings of one kind that are told one by one.
pub const MAX_FINDINGS: usize = 100;
/// Most notes of one kind that are told one by one.
pub const MAX_NOTES: usize = 100;
/// Most frames that one note names.
pub const MAX_NOTED_FRAMES: usize = 1_000;

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $( $(#[$kind_doc:meta])* $kind:ident = $word:literal, )* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$kind_doc])* $kind, )*
        }

        impl $name {
            /// Every kind.
            pub const ALL: &[Self] = &[ $( Self::$kind, )* ];

            /// The word for it in JSON and text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$kind => $word, )*
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

kinds! {
    /// A kind of finding.
    FindingKind {
        /// Two different PDUs are sealed under one TEK and nonce.
        NonceReuse = "nonce_reuse",
        /// One PDU was accepted twice.
        ReplayAccepted = "replay_accepted",
        /// A TEK that was generated from a count stands on a link, plain or wrapped.
        TekOnWire = "tek_on_wire",
        /// A message was accepted although its CMAC does not verify.
        CmacInvalid = "cmac_invalid",
        /// A data PDU was accepted although its ICV does not verify.
        IcvInvalid = "icv_invalid",
        /// A sender used a PN or CMAC_PN that is not above its last one under the same key.
        PnNotIncreasing = "pn_not_increasing",
        /// A mobile sent a lower CMAC_KEY_COUNT than before under the same PMK.
        KeyCountRegress = "key_count_regress",
        /// The downlink goes to a base station on a count that the Authenticator has not taken from it.
        PathOnUntakenCount = "path_on_untaken_count",
        /// A message that needs a CMAC tuple changed a state without a good one.
        UnauthenticatedAccepted = "unauthenticated_accepted",
        /// The comment on a frame says something else of it than what followed.
        CommentDisagrees = "comment_disagrees",
        /// Two generated TEKs that must differ are equal, or a TEK is in use at two base stations.
        TekNotUnique = "tek_not_unique",
        /// A key of the log is not what follows from the keys above it.
        KeyDerivation = "key_derivation",
        /// A NAS COUNT went back under one KASME.
        CountRegress = "count_regress",
        /// A message was accepted although its MAC-I or NAS-MAC does not verify.
        MacInvalid = "mac_invalid",
        /// UE and eNB hold different KeNBs, and what one of them protected was accepted by the other.
        KeysDiffer = "keys_differ",
        /// A user packet that UE and UPE cipher is another on the air than in its tunnel.
        PacketDiffers = "packet_differs",
        /// A handover over X2 between eNBs of different security groups was acknowledged.
        X2AcrossGroups = "x2_across_groups",
        /// A key stands in a frame where no key is to be.
        KeyOnWire = "key_on_wire",
        /// An ME accepted a security mode command that it must not: for its signature or certificate, its hash of the attach request, the
        /// capabilities or the algorithms in it.
        CommandAccepted = "command_accepted",
        /// An MME encrypted KASMEtemp to a key for which it has no good certificate, though it is to want one.
        UncertifiedKey = "uncertified_key",
    }
}

kinds! {
    /// A kind of note.
    NoteKind {
        /// An ICV that does not verify; the receiver is not known to have accepted it.
        IcvWrong = "icv_wrong",
        /// A CMAC that does not verify; the receiver is not known to have accepted it.
        CmacWrong = "cmac_wrong",
        /// PDUs for which the log gives no key.
        NoKey = "no_key",
        /// A PDU or message that verifies only with a key of another link.
        KeyOfOtherLink = "key_of_other_link",
        /// The octets of an earlier PDU or message again, not accepted a second time.
        Repeated = "repeated",
        /// A CRC-32 that is wrong in both forms.
        CrcWrong = "crc_wrong",
        /// Octets that are no PDU, message or packet.
        Malformed = "malformed",
        /// Frames that the link lost, by their comment.
        Lost = "lost",
        /// A message that needs a CMAC tuple and has none; the receiver is not known to have accepted it.
        Unauthenticated = "unauthenticated",
        /// A message of the adversary that no key protects, and that needs none.
        Unprotected = "unprotected",
        /// Uplink data that verify under a new PN, and whose user packet does not leave the base station.
        NotPassedOn = "not_passed_on",
        /// User data without encryption.
        Unencrypted = "unencrypted",
        /// A limit of the judge was reached: some of the capture was not judged.
        Limit = "limit",
        /// Frames of a foreign framing that could not be read as they should.
        Framing = "framing",
        /// Frames whose direction their content alone tells: one that was sent back in the other direction does not show.
        DirectionInferred = "direction_inferred",
        /// Frames without a direction.
        DirectionUnknown = "direction_unknown",
        /// Frames whose mobile or base station cannot be told: what their receivers made of them is not judged.
        LinkUnknown = "link_unknown",
        /// A MAC-I or NAS-MAC that does not verify; the receiver is not known to have accepted it.
        MacWrong = "mac_wrong",
        /// A key in a message that is there to bring it: only the protection of its link keeps it secret.
        KeyInClear = "key_in_clear",
        /// A key of which the capture does not say what it is made of.
        NotDerived = "not_derived",
        /// A security mode command that an ME must not accept; the ME is not known to have accepted it.
        CommandRefused = "command_refused",
    }
}

/// A finding or a note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark<K> {
    /// What it is.
    pub kind: K,
    /// The frames, as Wireshark counts them, ascending.
    pub frames: Vec<u64>,
    /// The same in words, one line.
    pub detail: String,
}

/// A fault.
pub type Finding = Remark<FindingKind>;
/// Something worth knowing.
pub type Note = Remark<NoteKind>;

#[derive(Debug, Default)]
struct NotedFrames {
    frames: Vec<u64>,
    more: u64,
}

/// Findings and notes while they are collected.
#[derive(Debug, Default)]
pub struct Findings {
    found: BTreeMap<FindingKind, Vec<Finding>>,
    found_more: BTreeMap<FindingKind, u64>,
    noted: BTreeMap<(NoteKind, String), NotedFrames>,
    noted_more: BTreeMap<NoteKind, u64>,
}

impl Findings {
    /// A fault was found. `frames` are put in order; `detail` becomes one line.
    pub fn find(&mut self, kind: FindingKind, frames: &[u64], detail: impl Into<String>) {
        let found = self.found.entry(kind).or_default();
        if found.len() >= MAX_FINDINGS {
            let more = self.found_more.entry(kind).or_default();
            *more = more.saturating_add(1);
            return;
        }
        let mut frames = frames.to_vec();
        frames.sort_unstable();
        frames.dedup();
        found.push(Finding { kind, frames, detail: one_line(&detail.into()) });
    }

    /// Something is noted of `frame`. Notes of the same kind and words become one that names all their frames.
    pub fn note(&mut self, kind: NoteKind, frame: Option<u64>, detail: impl Into<String>) {
        let key = (kind, one_line(&detail.into()));
        if !self.noted.contains_key(&key) {
            let of_kind = self.noted.range((kind, String::new())..).take_while(|((of, _), _)| *of == kind).count();
            if of_kind >= MAX_NOTES {
                let more = self.noted_more.entry(kind).or_default();
                *more = more.saturating_add(1);
                return;
            }
        }
        let noted = self.noted.entry(key).or_default();
        if let Some(frame) = frame {
            if noted.frames.len() < MAX_NOTED_FRAMES {
                noted.frames.push(frame);
            } else {
                noted.more = noted.more.saturating_add(1);
            }
        }
    }

    /// The findings and the notes, by kind and then in order of their first frame.
    #[must_use]
    pub fn into_remarks(self) -> (Vec<Finding>, Vec<Note>) {
        let mut findings = Vec::new();
        for (kind, mut found) in self.found {
            found.sort_by(|a, b| a.frames.cmp(&b.frames).then_with(|| a.detail.cmp(&b.detail)));
            findings.extend(found);
            if let Some(more) = self.found_more.get(&kind) {
                findings.push(Finding { kind, frames: Vec::new(), detail: format!("{more} more of this kind") });
            }
        }
        let mut notes: Vec<Note> = Vec::new();
        for ((kind, mut detail), mut noted) in self.noted {
            noted.frames.sort_unstable();
            noted.frames.dedup();
            if noted.more > 0 {
                detail.push_str(&format!(" (and {} more frames)", noted.more));
            }
            notes.push(Note { kind, frames: noted.frames, detail });
        }
        notes.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.frames.cmp(&b.frames)));
        for (kind, more) in self.noted_more {
            notes.push(Note { kind, frames: Vec::new(), detail: format!("{more} more of this kind") });
        }
        (findings, notes)
    }
}

/// Details may hold words of a capture: no control characters, no second line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_limit_are_counted() {
        let mut findings = Findings::default();
        for frame in 0..MAX_FINDINGS as u64 + 7 {
            findings.find(FindingKind::NonceReuse, &[frame, 3], "x\ny");
        }
        let (findings, notes) = findings.into_remarks();
        assert_eq!((findings.len(), notes.len()), (MAX_FINDINGS + 1, 0));
        assert_eq!(findings[0].frames, [0, 3]);
        assert_eq!(findings[0].detail, "x y");
        assert_eq!(findings.last().unwrap().detail, "7 more of this kind");
    }

    #[test]
    fn notes_of_the_same_words_become_one_and_its_frames_are_bounded() {
        let mut findings = Findings::default();
        for frame in 1..=MAX_NOTED_FRAMES as u64 + 5 {
            findings.note(NoteKind::Lost, Some(frame), "lost");
        }
        for number in 0..MAX_NOTES + 2 {
            findings.note(NoteKind::Malformed, Some(1), format!("{number}"));
        }
        let (_, notes) = findings.into_remarks();
        let lost = notes.iter().find(|note| note.kind == NoteKind::Lost).unwrap();
        assert_eq!((lost.frames.len(), lost.detail.as_str()), (MAX_NOTED_FRAMES, "lost (and 5 more frames)"));
        assert_eq!(notes.iter().filter(|note| note.kind == NoteKind::Malformed).count(), MAX_NOTES + 1);
    }
}
