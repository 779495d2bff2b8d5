//! One reading of an EPS capture, in which everything is recomputed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, Findings, NoteKind};
use super::super::keys::Origin;
use super::super::patterns::{MAX_PATTERNS, Patterns};
use super::super::report::{Judgement, KeysUsed, Verified};
use super::enterprise::EnterpriseKeys;
use super::handover::{Handovers, Place, Requests};
use super::inter_system::InterSystem;
use super::keys::{Epoch, Keys};
use super::nas::Nas;
use super::parlos::Parlos;
use super::radio::Radio;
use super::sessions::Sessions;
use super::user_plane::UserPlane;
use super::utran::Utran;
use super::{ANNOTATION, FrameView, RRC_DOWN, RRC_UP, UTRAN_DOWN, UTRAN_PACKET, UTRAN_UP};
use crate::capture::LinkKind;
use crate::capture::capture_reader::{FrameKind, RecordedFrame};
use crate::capture::frame_comment::{FrameComment, ReceiverVerdict};
use crate::capture::key_log::KeyLog;
use crate::capture::key_log::eps::{AsKeyUse, EpsKeyRecord};
use crate::eps::keys::LinkSecret;
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::dct2000::{self, KeyRecord};
use crate::eps::wire::radio_frame;
use crate::time::VirtualTime;

/// A frame, with what its comment says of its arrivals.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub number: u64,
    pub time: VirtualTime,
    pub adversary: bool,
    /// How many arrivals the receiver took; `None` if the comment does not say.
    pub arrivals: Option<usize>,
    /// What the receiver said of the first.
    pub said: Option<ReceiverVerdict>,
}

impl Seen {
    /// Whether the receiver took it, if its comment says.
    pub fn accepted(&self) -> Option<bool> {
        self.arrivals.map(|arrivals| arrivals > 0)
    }
}

/// What is accepted on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Layer {
    Radio,
    Nas,
    Link,
    Tunnel,
}

/// The same PDU of a key epoch: bearer, direction and digest of its octets.
pub(super) type Identity = (u16, u8, LinkDirection, u64);

/// Everything that is remembered from frame to frame. Per protected PDU that is a few entries of less than 100 octets.
pub struct Reading<'l> {
    pub(super) log: &'l KeyLog,
    pub(super) keys: Keys,
    pub(super) radio: Radio,
    pub(super) nas: Nas,
    pub(super) parlos: Parlos,
    pub(super) user_plane: UserPlane,
    pub(super) utran: Utran,
    pub(super) inter_system: InterSystem,
    pub(super) enterprise_keys: EnterpriseKeys,
    pub(super) sessions: Sessions,
    pub(super) handovers: Handovers,
    pub(super) requests: Requests,
    pub(super) secrets: Patterns<String>,
    pub(super) findings: Findings,
    pub(super) verified: Verified,
    pub(super) frames: u64,
    /// How many names of the capture are known.
    pub(super) named: usize,
    /// By PDU: the frame that had it first, and its COUNT.
    pub(super) first: HashMap<Identity, u64>,
    /// By number of the key, bearer, direction and COUNT: the frame and the epoch that used it first.
    pub(super) used: HashMap<(usize, u8, LinkDirection, u32), u64>,
    /// By the frame in which something stood first, and its layer: the frame of which a receiver took it last.
    pub(super) taken: HashMap<(Layer, u64), u64>,
    /// By key of a protected link and sequence number: the frame that had it first, and a digest of its packet.
    pub(super) links: HashMap<([u8; LinkSecret::OCTETS], u32), (u64, u64)>,
    /// Commands that were followed although their comment says otherwise.
    pub(super) untaken: BTreeSet<u64>,
    pub(super) used_epochs: BTreeSet<u16>,
    /// By cell and C-RNTI there: the epoch in which something was protected last.
    pub(super) latest: BTreeMap<Place, u16>,
    pub(super) learnt: BTreeMap<u16, Epoch>,
    /// The epochs whose keys the capture shows to Wireshark.
    pub(super) shown: BTreeSet<u16>,
    /// By number that no KeNB was found for: how many were tried.
    pub(super) hopeless: BTreeMap<u16, usize>,
}

impl<'l> Reading<'l> {
    /// Whether a log leaves it to the judge to find key epochs.
    #[must_use]
    pub fn may_learn(log: &KeyLog) -> bool {
        let has = |wanted: fn(&EpsKeyRecord) -> bool| log.eps.iter().any(wanted);
        has(|record| matches!(record, EpsKeyRecord::Kasme(_) | EpsKeyRecord::KeyPair(_)))
            && !has(|record| matches!(record, EpsKeyRecord::Kenb(_) | EpsKeyRecord::As(_)))
    }

    /// Prepares the keys. `learnt` are the epochs that a reading before has found.
    #[must_use]
    pub fn new(log: &'l KeyLog, learnt: BTreeMap<u16, Epoch>) -> Self {
        let mut findings = Findings::default();
        let keys = Keys::new(log, &learnt, &mut findings);
        let mut secrets = Patterns::default();
        let mut full = false;
        for (octets, name) in keys.secrets(log) {
            full |= !secrets.add(&octets, name);
        }
        if full {
            let detail = format!("{MAX_PATTERNS} keys are looked for in frames, there are more");
            findings.note(NoteKind::Limit, None, detail);
        }
        Self {
            log,
            nas: Nas::new(log, &keys),
            parlos: Parlos::new(log),
            user_plane: UserPlane::default(),
            utran: Utran::default(),
            inter_system: InterSystem::default(),
            enterprise_keys: EnterpriseKeys::new(log, &mut findings),
            sessions: Sessions::new(log),
            keys,
            radio: Radio::default(),
            handovers: Handovers::default(),
            requests: Requests::default(),
            secrets,
            findings,
            verified: Verified::default(),
            frames: 0,
            named: 0,
            first: HashMap::new(),
            used: HashMap::new(),
            taken: HashMap::new(),
            links: HashMap::new(),
            untaken: BTreeSet::new(),
            used_epochs: BTreeSet::new(),
            latest: BTreeMap::new(),
            learnt,
            shown: BTreeSet::new(),
            hopeless: BTreeMap::new(),
        }
    }

    /// The names that the capture has given to addresses up to here: more than before, or the same.
    pub fn names(&mut self, names: &[(Ipv4Addr, String)]) {
        for (address, name) in names.get(self.named..).unwrap_or_default() {
            self.keys.names.insert(*address, name.clone());
        }
        self.named = names.len();
    }

    /// The key epochs that were found by trial.
    #[must_use]
    pub fn into_learnt(self) -> BTreeMap<u16, Epoch> {
        self.learnt
    }

    /// What comes of it.
    #[must_use]
    pub fn finish(mut self) -> Judgement {
        self.handovers.finish(&mut self.keys, self.log, &mut self.findings);
        self.finish_inter_system();
        let mut keys = KeysUsed::default();
        for epoch in self.used_epochs.iter().filter_map(|ue_id| self.keys.epochs.get(ue_id)) {
            let count = match epoch.origin {
                Origin::Logged => &mut keys.logged,
                Origin::Received => &mut keys.received,
                Origin::Derived => &mut keys.derived,
            };
            *count = count.saturating_add(1);
        }
        let (findings, notes) = self.findings.into_remarks();
        Judgement { frames: self.frames, verified: self.verified, keys, findings, notes }
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &RecordedFrame, interface: &str) -> FrameView {
        self.frames = self.frames.saturating_add(1);
        let annotation = frame.comment.starts_with(ANNOTATION);
        match &frame.kind {
            FrameKind::Dissector(name) if name == dct2000::DISSECTOR => self.key_record(frame),
            FrameKind::Dissector(name) if name == radio_frame::DISSECTOR => {
                self.search(frame, &[]);
                self.radio(frame, interface, annotation)
            }
            FrameKind::Dissector(name) if [RRC_DOWN, RRC_UP].contains(&name.as_str()) => {
                self.search(frame, &[]);
                let direction = if name == RRC_DOWN { LinkDirection::Downlink } else { LinkDirection::Uplink };
                self.clear_rrc(frame, direction)
            }
            FrameKind::Dissector(name) if [UTRAN_DOWN, UTRAN_UP].contains(&name.as_str()) => {
                self.search(frame, &[]);
                let direction = if name == UTRAN_DOWN { LinkDirection::Downlink } else { LinkDirection::Uplink };
                self.utran_rrc(frame, interface, direction)
            }
            FrameKind::Dissector(name) if name == UTRAN_PACKET => {
                self.search(frame, &[]);
                let packet = self.utran_packet(frame, interface);
                packet.unwrap_or(FrameView { kind: "other", ..FrameView::default() })
            }
            FrameKind::Known(LinkKind::Backbone) => self.core(frame, interface),
            _ => {
                self.search(frame, &[]);
                FrameView { kind: "other", ..FrameView::default() }
            }
        }
    }

    /// Looks for keys in a frame. Those that are there to be brought are no fault.
    pub(super) fn search(&mut self, frame: &RecordedFrame, brought: &[&[u8]]) {
        let findings = &mut self.findings;
        self.secrets.search(&frame.octets, |at, octets, name| {
            if brought.contains(&octets) {
                findings.note(NoteKind::KeyInClear, Some(frame.number), format!("{name}, which this message brings"));
            } else {
                findings.find(FindingKind::KeyOnWire, &[frame.number], format!("{name} at octet {at}"));
            }
        });
    }

    pub(super) fn seen(&mut self, frame: &RecordedFrame, interface: &str, receiver: Option<Ipv4Addr>) -> Seen {
        let receiver = receiver.and_then(|ip| self.keys.names.get(&ip));
        let comment = FrameComment::parse(&frame.comment, receiver.map(String::as_str));
        if comment.lost {
            self.findings.note(NoteKind::Lost, Some(frame.number), "lost on the link, by its comment");
        }
        let accepted = comment.verdicts.iter().filter(|verdict| verdict.accepted() && !verdict.deferred()).count();
        Seen {
            number: frame.number,
            time: frame.time(),
            adversary: interface.starts_with("adv:"),
            arrivals: comment.accepted().map(|_| accepted),
            said: comment.verdicts.into_iter().next(),
        }
    }

    pub(super) fn malformed(&mut self, frame: u64, kind: &'static str, error: impl ToString) -> FrameView {
        let summary = error.to_string();
        self.findings.note(NoteKind::Malformed, Some(frame), summary.as_str());
        FrameView { kind, summary, verdict: Some("malformed"), ..FrameView::default() }
    }

    /// The record that gives Wireshark the RRC keys of an epoch. It is always one of the writer of the capture.
    fn key_record(&mut self, frame: &RecordedFrame) -> FrameView {
        let record = match KeyRecord::parse(&frame.octets) {
            Ok(record) => record,
            Err(error) => return self.malformed(frame.number, "annotation", error),
        };
        let ue_id = record.ue_id.0;
        self.shown.insert(ue_id);
        let shown = [(AsKeyUse::RrcCiphering, &record.rrc_enc), (AsKeyUse::RrcIntegrity, &record.rrc_int)];
        for (key_use, key) in shown {
            let known = self.keys.epochs.get(&ue_id).and_then(|epoch| epoch.key(key_use));
            if known.is_some_and(|known| known != key) {
                let detail = format!("the {} shown of {} is another", key_use.name(), self.keys.epoch_name(ue_id));
                self.findings.find(FindingKind::KeyDerivation, &[frame.number], detail);
            }
        }
        let summary = format!("keys of {}", self.keys.epoch_name(ue_id));
        FrameView { kind: "annotation", summary, ..FrameView::default() }
    }

    /// Something that stood in frame `first` for the first time has arrived.
    pub(super) fn arrived(&mut self, stood @ (_, first): (Layer, u64), seen: &Seen, what: &str) {
        let arrivals = seen.arrivals.unwrap_or_default();
        let before = self.taken.contains_key(&stood);
        for _ in 0..arrivals {
            if let Some(earlier) = self.taken.insert(stood, seen.number) {
                let detail = format!("{what} of frame {earlier} accepted again: its comment says so");
                self.findings.find(FindingKind::ReplayAccepted, &[earlier, seen.number], detail);
            }
        }
        if first != seen.number && (arrivals == 0 || !before) {
            let how =
                if arrivals == 0 { "not accepted again as far as is seen" } else { "accepted for the first time" };
            let detail = format!("{what} of frame {first} again, {how}");
            self.findings.note(NoteKind::Repeated, Some(seen.number), detail);
        }
    }
}

/// A direction in a word.
pub(super) const fn way(direction: LinkDirection) -> &'static str {
    match direction {
        LinkDirection::Uplink => "ul",
        LinkDirection::Downlink => "dl",
    }
}

/// A digest of octets, to tell them from others.
pub(super) fn digest(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    hasher.finish()
}

/// The name of what is shown: that of its alternative.
pub(super) fn alternative(message: &impl Debug) -> String {
    let shown = format!("{message:?}");
    shown.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
}
