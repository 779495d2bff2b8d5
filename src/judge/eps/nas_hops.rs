//! The NAS messages of a capture: over two hops each, S1 and the air, and one receiver at the end of them.

use super::super::findings::{FindingKind, NoteKind};
use super::nas::{self, Order, Sighting, Unverified};
use super::reading::{Layer, Reading, Seen, digest, way};
use crate::eps::identifiers::Imsi;
use crate::eps::keys::Kasme;
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::nas::{EmmMessage, NasMessage};

impl Reading<'_> {
    /// A NAS message on S1 or the air; what it says, with the KASME of its keys. On its `last` hop its receiver takes it or not.
    pub(super) fn nas(
        &mut self,
        octets: &[u8],
        direction: LinkDirection,
        ue: Option<Imsi>,
        s1: Option<nas::S1Name>,
        seen: &Seen,
        last: bool,
    ) -> Option<(EmmMessage, Option<Kasme>)> {
        let message = match NasMessage::parse(octets) {
            Ok(NasMessage::Protected(message)) => message,
            Ok(NasMessage::Plain(message)) => return Some((message, None)),
            Err(error) => {
                self.findings.note(NoteKind::Malformed, Some(seen.number), format!("NAS: {error}"));
                return None;
            }
        };
        let sighting = Sighting {
            frame: seen.number,
            time: seen.time,
            direction,
            nas: &message,
            digest: digest(octets),
            ue,
            s1,
            adversary: seen.adversary,
        };
        let opened = match self.nas.open(&sighting, &mut self.keys) {
            Ok(opened) => opened,
            Err(Unverified::NoKey) => {
                self.findings.note(NoteKind::NoKey, Some(seen.number), "no key for a NAS message");
                return None;
            }
            Err(Unverified::WrongMac) => {
                let detail = "the NAS-MAC does not verify with the keys of any KASME that may be meant";
                if last && seen.accepted() == Some(true) {
                    let detail = format!("{detail}, and the message was accepted: its comment says so");
                    self.findings.find(FindingKind::MacInvalid, &[seen.number], detail);
                } else {
                    self.findings.note(NoteKind::MacWrong, Some(seen.number), detail);
                }
                return None;
            }
        };
        self.verified.nas_mac = self.verified.nas_mac.saturating_add(1);
        let nas::Verified { ue, kasme, count, message, order } = opened;
        let way = way(direction);
        let first = match order {
            Order::New => seen.number,
            Order::Repeats(first) => first,
            Order::Reuses(first) => {
                let detail = format!("two {way} NAS messages under COUNT {count} of one key of UE {ue}");
                self.findings.find(FindingKind::NonceReuse, &[first, seen.number], detail);
                if !seen.adversary {
                    let detail = format!("{way} NAS COUNT {count} of UE {ue} comes again");
                    self.findings.find(FindingKind::CountRegress, &[first, seen.number], detail);
                }
                seen.number
            }
            Order::Below(before) => {
                if !seen.adversary {
                    let detail = format!("{way} NAS COUNT {count} of UE {ue} after a higher one under the same KASME");
                    self.findings.find(FindingKind::CountRegress, &[before, seen.number], detail);
                }
                seen.number
            }
        };
        // On the hop before, it was the same message in a frame of its own.
        let stood = (Layer::Nas, first);
        if last && (first == seen.number || !self.taken.contains_key(&stood)) {
            if seen.accepted() == Some(true) {
                self.taken.insert(stood, seen.number);
            }
        } else if last {
            self.arrived(stood, seen, "NAS message");
        }
        if let (Some(EmmMessage::DownlinkGenericTransport(container)), Some(kasme)) = (&message, &kasme) {
            if let Ok(parameters) = container.handover_parameters() {
                self.handovers.para(&self.keys, kasme, &parameters.para);
            } else if let Ok(target) = container.target() {
                self.named_target(seen, ue, kasme, &target);
            }
        }
        message.map(|message| (message, kasme))
    }
}
