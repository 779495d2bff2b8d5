//! The whole of a judgement, as JSON and as text (DESIGN section 5).

use serde::Serialize;

use super::findings::{Finding, FindingKind, Note};

/// How much verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Data PDUs that opened.
    pub icv: u64,
    /// Messages whose CMAC verified.
    pub cmac: u64,
    /// RRC messages whose MAC-I verified.
    #[serde(skip_serializing_if = "is_zero")]
    pub mac_i: u64,
    /// NAS messages whose NAS-MAC verified.
    #[serde(skip_serializing_if = "is_zero")]
    pub nas_mac: u64,
    /// User packets that were deciphered.
    #[serde(skip_serializing_if = "is_zero")]
    pub packets: u64,
    /// Packets of protected links of the core network whose ICV verified.
    #[serde(skip_serializing_if = "is_zero")]
    pub esp: u64,
    /// Keys of enterprises in messages that follow from CK and IK.
    #[serde(skip_serializing_if = "is_zero")]
    pub e2m: u64,
    /// Records of sessions with end points in an enterprise that opened.
    #[serde(skip_serializing_if = "is_zero")]
    pub records: u64,
    /// Messages that bring or tell of a key that is made of one of another system, and follows from it.
    #[serde(skip_serializing_if = "is_zero")]
    pub mapped: u64,
}

/// What only one of the systems has is left out in the documents of the other.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The keys by which something verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeysUsed {
    /// That stand in the log.
    pub logged: u64,
    /// That messages of the capture brought, wrapped or from base station to base station.
    pub received: u64,
    /// That the judge derived.
    pub derived: u64,
}

/// What the judge says of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Frames of the capture.
    pub frames: u64,
    /// How much verified.
    pub verified: Verified,
    /// By how many TEKs and CMAC keys.
    pub keys: KeysUsed,
    /// The faults, by kind.
    pub findings: Vec<Finding>,
    /// What is worth knowing besides, by kind.
    pub notes: Vec<Note>,
}

impl Judgement {
    /// The kinds of the findings, each once, in the order of [`FindingKind`].
    #[must_use]
    pub fn kinds(&self) -> Vec<FindingKind> {
        let mut kinds: Vec<FindingKind> = self.findings.iter().map(|finding| finding.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

/// Most frame numbers that a line of text shows.
const SHOWN_FRAMES: usize = 12;

/// Frame numbers as text: `frames 3, 4 to 9`, cut after a dozen groups; empty if there are none.
#[must_use]
pub fn frames_text(frames: &[u64]) -> String {
    let mut groups: Vec<(u64, u64)> = Vec::new();
    for &frame in frames {
        match groups.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(frame) => *last = frame,
            _ => groups.push((frame, frame)),
        }
    }
    let word = match frames {
        [] => return String::new(),
        [_] => "frame",
        _ => "frames",
    };
    let shown: Vec<String> = groups
        .iter()
        .take(SHOWN_FRAMES)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") })
        .collect();
    let more = if groups.len() > SHOWN_FRAMES { ", ..." } else { "" };
    format!("{word} {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_shown_in_runs_and_not_without_end() {
        assert_eq!(frames_text(&[]), "");
        assert_eq!(frames_text(&[7]), "frame 7");
        assert_eq!(frames_text(&[3, 5, 6, 7]), "frames 3, 5 to 7");
        let many: Vec<u64> = (0..40).map(|frame| frame * 2).collect();
        assert!(frames_text(&many).ends_with("22, ..."));
    }
}
