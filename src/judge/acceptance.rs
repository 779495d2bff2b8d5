//! What the receivers took, inferred from what they did afterwards, and held against the comments.
//!
//! | sent | taken, if afterwards |
//! | --- | --- |
//! | uplink data | the same user packet leaves this base station in GRE |
//! | RNG-REQ with a count | RNG-RSP with success on this link, or the first CMAC_Key_Count_Update of this base station with this count |
//! | MOB_MSHO-REQ | HO_Req from this base station, or MOB_BSHO-RSP on this link |
//! | MOB_HO-IND | HO_Cnf from this base station |
//! | Key-Request | Key-Reply on this link |
//! | RNG-REQ with old octets, or that does not verify | Path_Dereg_Req from this base station at once: it has done harm |
//!
//! What a mobile took in the downlink is not seen so: there the comment is the only witness. It is one everywhere: where nothing
//! can be inferred, a receiver that says it accepted a frame is believed to have done so.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::findings::{FindingKind, Findings, NoteKind};
use super::survey::AirLink;
use crate::dot16::identifiers::CmacKeyCount;
use crate::time::VirtualTime;

/// How long after a message that is what a base station does because of it: the frame of the radio that it comes in.
const AT_ONCE: Duration = Duration::from_millis(20);
/// How long after a message its answer belongs to it.
const ANSWER: Duration = Duration::from_secs(2);
/// How soon before and after a PDU others of its link must bring user packets that leave the base station in one tunnel, to show that the way out
/// was open: then a PDU whose packet has not left was not taken.
const PASSING_ON: Duration = Duration::from_millis(100);

/// What the sight of a frame asks of its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// ICV or CMAC verify with a key of this link.
    Good,
    /// They verify with no key, and the key is known.
    Wrong,
    /// They verify with a key of another link.
    OfOtherLink,
    /// The key is not known.
    Unknown,
    /// There is none, where one is needed.
    Missing,
    /// There is none, and none is needed.
    NotNeeded,
    /// The CRC is wrong: whatever else holds, no receiver takes it.
    WrongCrc,
}

/// What a PDU is, as far as what may follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Data.
    Data,
    /// RNG-REQ, with its count.
    RngReq(Option<CmacKeyCount>),
    /// MOB_MSHO-REQ.
    MobMshoReq,
    /// MOB_HO-IND.
    MobHoInd,
    /// Key-Request.
    KeyRequest,
    /// Any other message.
    Other,
}

/// A PDU, as its receiver saw it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Frame.
    pub frame: u64,
    /// When its transmission started.
    pub time: VirtualTime,
    /// Its link.
    pub link: AirLink,
    /// What it is.
    pub content: Content,
    /// Its name, for findings.
    pub name: &'static str,
    /// Whether it verifies.
    pub protection: Protection,
    /// The frame that has the same octets, if it is not the first.
    pub repeats: Option<u64>,
    /// How many arrivals its receiver accepted, by the comment; `None` if there is no comment.
    pub commented: Option<usize>,
    /// Whether the comment says that it was lost.
    pub lost: bool,
}

#[derive(Debug)]
struct Watched {
    sent: Sent,
    /// What was seen of its acceptance.
    seen: Option<bool>,
}

/// Watches what follows the frames.
#[derive(Debug, Default)]
pub struct Acceptance {
    watched: Vec<Watched>,
    /// When the last PDU of the capture was sent.
    last: VirtualTime,
    /// Uplink user packets that have not come out yet: by base station and digest, the PDUs that may have brought them.
    packets: BTreeMap<(Ipv4Addr, u64), Vec<usize>>,
    /// When the uplink PDUs of a link were sent whose packets have come out, by GRE key.
    passed: BTreeMap<AirLink, BTreeMap<Option<u32>, BTreeSet<VirtualTime>>>,
    /// The latest messages of a link, that answers belong to.
    asked: BTreeMap<AirLink, Vec<usize>>,
}

/// Most messages of a link that wait for an answer.
const MAX_ASKED: usize = 64;
/// Most PDUs that may have brought one user packet.
const MAX_BRINGING: usize = 64;

impl Acceptance {
    /// Watches a PDU. `packet` is the digest of the user packet that it alone brings to a base station.
    pub fn sent(&mut self, sent: Sent, packet: Option<(Ipv4Addr, u64)>) {
        self.last = self.last.max(sent.time);
        // Whatever becomes of a message that nothing answers and no key protects, MOB_NBR-ADV above all, is not worth a word.
        if (sent.content, sent.protection) == (Content::Other, Protection::NotNeeded) && packet.is_none() {
            return;
        }
        let number = self.watched.len();
        if let Some(packet) = packet {
            let bringing = self.packets.entry(packet).or_default();
            if bringing.len() < MAX_BRINGING {
                bringing.push(number);
            }
        }
        if !matches!(sent.content, Content::Data | Content::Other) {
            let asked = self.asked.entry(sent.link).or_default();
            if asked.len() >= MAX_ASKED {
                asked.remove(0);
            }
            asked.push(number);
        }
        self.watched.push(Watched { sent, seen: None });
    }

    /// A user packet leaves a base station for the gateway, in the tunnel of this GRE key.
    pub fn passed_on(&mut self, time: VirtualTime, from: Ipv4Addr, key: Option<u32>, packet: u64) {
        let Some(bringing) = self.packets.get(&(from, packet)).cloned() else { return };
        let waiting = |watched: &Watched| watched.seen.is_none();
        if let Some(watched) = self.claim(&bringing, time, true, waiting) {
            let (link, sent) = (watched.sent.link, watched.sent.time);
            self.passed.entry(link).or_default().entry(key).or_default().insert(sent);
        }
    }

    /// A base station answers on a link: what matches `asked` was taken.
    pub fn answered(&mut self, time: VirtualTime, link: AirLink, asked: impl Fn(Content) -> bool) {
        let waiting = self.asked.get(&link).cloned().unwrap_or_default();
        let matching: Vec<usize> = waiting
            .into_iter()
            .filter(|number| self.watched.get(*number).is_some_and(|watched| asked(watched.sent.content)))
            .collect();
        self.claim(&matching, time, false, |watched| time.since(watched.sent.time) <= ANSWER);
    }

    /// A base station acts on the backbone for a mobile: what matches `asked` on their link was taken.
    pub fn acted(
        &mut self,
        time: VirtualTime,
        bs: Ipv4Addr,
        of_mobile: impl Fn(AirLink) -> bool,
        asked: impl Fn(Content) -> bool,
    ) {
        let links: Vec<AirLink> =
            self.asked.keys().copied().filter(|link| link.bs == Some(bs) && of_mobile(*link)).collect();
        for link in links {
            self.answered(time, link, &asked);
        }
    }

    /// A base station gives a mobile up. If old or forged RNG-REQs had just come, the latest of them made it do so.
    pub fn gave_up(&mut self, time: VirtualTime, bs: Ipv4Addr, of_mobile: impl Fn(AirLink) -> bool) {
        let links = self.asked.iter().filter(|(link, _)| link.bs == Some(bs) && of_mobile(**link));
        let asked: Vec<usize> = links.flat_map(|(_, asked)| asked.iter().copied()).collect();
        self.claim(&asked, time, false, |watched| {
            let Sent { time: sent, content, protection, repeats, .. } = watched.sent;
            let bad = matches!(protection, Protection::Wrong | Protection::OfOtherLink | Protection::Missing);
            matches!(content, Content::RngReq(_)) && (bad || repeats.is_some()) && time.since(sent) <= AT_ONCE
        });
    }

    /// Of PDUs that may have led to what happened at `time`, one did: one that its receiver says it accepted rather than
    /// another, then one that verifies and is new, then the earliest or the latest.
    fn claim(
        &mut self,
        numbers: &[usize],
        time: VirtualTime,
        earliest: bool,
        may: impl Fn(&Watched) -> bool,
    ) -> Option<&Watched> {
        let fits = |number: &usize| {
            self.watched.get(*number).is_some_and(|watched| {
                let sent = &watched.sent;
                sent.time <= time && may(watched) && sent.protection != Protection::WrongCrc
            })
        };
        // Who says nothing yet may still have taken it; who says that it dropped it comes last.
        let says_so = |number: &usize| match self.watched.get(*number).map(|watched| watched.sent.commented) {
            Some(Some(0)) => 0,
            Some(None) | None => 1,
            Some(Some(_)) => 2,
        };
        let honest = |number: &usize| {
            let sent = self.watched.get(*number).map(|watched| &watched.sent);
            sent.is_some_and(|sent| sent.protection == Protection::Good && sent.repeats.is_none())
        };
        let of_time = |number: usize| if earliest { usize::MAX.saturating_sub(number) } else { number };
        let rank = |number: &usize| (says_so(number), honest(number), of_time(*number));
        let best = numbers.iter().copied().filter(fits).max_by_key(rank);
        let watched = self.watched.get_mut(best?)?;
        watched.seen = Some(true);
        Some(watched)
    }

    /// Judges every PDU.
    pub fn finish(mut self, findings: &mut Findings) {
        for number in self.packets.values().flatten() {
            let Some(watched) = self.watched.get_mut(*number) else { continue };
            let sent = watched.sent.time;
            let mut tunnels = self.passed.get(&watched.sent.link).into_iter().flat_map(BTreeMap::values);
            let open = tunnels.any(|passed| {
                passed.range(sent - PASSING_ON..sent).next().is_some()
                    && passed.range(sent..=sent + PASSING_ON).any(|time| *time > sent)
            });
            if watched.seen.is_none() && open {
                watched.seen = Some(false);
            }
        }
        for number in self.packets.values().flatten() {
            let Some(Watched { sent, seen }) = self.watched.get(*number) else { continue };
            let good = sent.protection == Protection::Good && sent.repeats.is_none() && !sent.lost;
            if good && *seen != Some(true) && sent.time + PASSING_ON <= self.last {
                let detail = "uplink data that verify, and whose user packet does not leave the base station";
                findings.note(NoteKind::NotPassedOn, Some(sent.frame), detail);
            }
        }
        let mut accepted_before: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for watched in &self.watched {
            judge(watched, &mut accepted_before, findings);
        }
    }
}

fn judge(watched: &Watched, accepted_before: &mut BTreeMap<u64, Vec<u64>>, findings: &mut Findings) {
    let Watched { sent, seen } = watched;
    let Sent { frame, name, .. } = *sent;
    let commented = sent.commented.map(|accepted| accepted > 0);
    match (seen, commented) {
        (Some(true), Some(false)) => {
            let detail =
                format!("the receiver acts on this {name}, and the comment says that it did not get or take it");
            findings.find(FindingKind::CommentDisagrees, &[frame], detail);
        }
        (Some(false), Some(true)) => {
            let detail = format!("the comment says that this {name} was accepted, and nothing comes of it");
            findings.find(FindingKind::CommentDisagrees, &[frame], detail);
        }
        _ => {}
    }
    let accepted = seen.or(commented).unwrap_or_default();
    let witness = if *seen == Some(true) { "the receiver acts on it" } else { "its comment says so" };
    match sent.protection {
        Protection::Good | Protection::NotNeeded => {}
        Protection::Unknown => {}
        Protection::WrongCrc => {
            if accepted {
                let detail = format!("the comment says that this {name} was accepted, and its CRC is wrong");
                findings.find(FindingKind::CommentDisagrees, &[frame], detail);
            }
        }
        Protection::Missing if accepted => {
            let detail = format!("{name} without CMAC tuple accepted: {witness}");
            findings.find(FindingKind::UnauthenticatedAccepted, &[frame], detail);
        }
        Protection::Missing => {
            findings.note(NoteKind::Unauthenticated, Some(frame), format!("{name} without CMAC tuple"))
        }
        Protection::Wrong | Protection::OfOtherLink => {
            let data = sent.content == Content::Data;
            let (what, kind, note) = match data {
                true => ("ICV", FindingKind::IcvInvalid, NoteKind::IcvWrong),
                false => ("CMAC", FindingKind::CmacInvalid, NoteKind::CmacWrong),
            };
            let how = match sent.protection {
                Protection::OfOtherLink => "verifies with a key of another link only".to_owned(),
                _ => "does not verify".to_owned(),
            };
            if accepted {
                findings.find(
                    kind,
                    &[frame],
                    format!("the {what} of this {name} {how}, and it was accepted: {witness}"),
                );
                if !data && *seen == Some(true) {
                    let detail = format!("{name} with a CMAC that {how} changed a state: {witness}");
                    findings.find(FindingKind::UnauthenticatedAccepted, &[frame], detail);
                }
            } else {
                let note = if sent.protection == Protection::OfOtherLink { NoteKind::KeyOfOtherLink } else { note };
                findings.note(note, Some(frame), format!("the {what} of {name} {how}; not accepted as far as is seen"));
            }
        }
    }
    // What no key protects may be taken as often as it comes.
    if matches!(sent.protection, Protection::NotNeeded | Protection::Missing) {
        return;
    }
    let first = sent.repeats.unwrap_or(frame);
    let before = accepted_before.entry(first).or_default();
    let arrivals = if accepted { sent.commented.unwrap_or(1).max(1) } else { 0 };
    for _ in 0..arrivals {
        before.push(frame);
        if let [.., earlier, _] = before.as_slice() {
            let detail = format!("{name} of frame {earlier} accepted again: {witness}");
            let frames = [*earlier, frame];
            findings.find(FindingKind::ReplayAccepted, &frames, detail);
        }
    }
    let times = if accepted { before.len() } else { 0 };
    if before.is_empty() {
        accepted_before.remove(&first);
    }
    if let (Some(first), 0 | 1) = (sent.repeats, times) {
        let accepted = if accepted { "accepted for the first time" } else { "not accepted again as far as is seen" };
        let detail = format!("{name} with the octets of frame {first}, {accepted}");
        findings.note(NoteKind::Repeated, Some(frame), detail);
    }
}
