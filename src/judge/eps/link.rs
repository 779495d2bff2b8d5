//! The links of the core network that are protected: what is in their frames, and whether each was taken once.

use super::super::findings::{FindingKind, NoteKind};
use super::reading::{Layer, Reading, Seen, digest};
use super::{FrameView, Opened};
use crate::capture::capture_reader::RecordedFrame;
use crate::eps::keys::LinkSecret;
use crate::eps::security::gcm_open;
use crate::eps::wire::esp::unpadded;
use crate::eps::wire::{CoreFrame, CorePayload, EspPacket};

impl Reading<'_> {
    /// A protected frame: what it holds is judged as if it stood there in the clear, but that no key in it is.
    pub(super) fn protected(
        &mut self,
        frame: &RecordedFrame,
        core: &CoreFrame,
        packet: &EspPacket,
        seen: &Seen,
    ) -> FrameView {
        self.search(frame, &[]);
        let EspPacket { spi, sequence, .. } = *packet;
        let head = format!("ESP SPI {spi:08x}, sequence number {sequence}");
        let view =
            |verdict, summary| FrameView { kind: "esp", summary, verdict: Some(verdict), ..FrameView::default() };
        let keys: Vec<LinkSecret> =
            self.keys.links.iter().filter(|(of, _)| *of == spi).map(|(_, secret)| secret.clone()).collect();
        if keys.is_empty() {
            let detail = format!("no key for SPI {spi:08x}: what this link carries is not known");
            self.findings.note(NoteKind::NoKey, Some(seen.number), detail);
            return view("no_key", head);
        }
        let opened = keys.iter().find_map(|secret| {
            let associated = packet.associated_data();
            Some((secret, gcm_open(secret, packet.iv, &associated, packet.sealed.clone())?))
        });
        let Some((secret, plain)) = opened else {
            let detail = format!("the packet of SPI {spi:08x} with sequence number {sequence} does not verify");
            if seen.accepted() == Some(true) {
                let detail = format!("{detail}, and was accepted: its comment says so");
                self.findings.find(FindingKind::MacInvalid, &[seen.number], detail);
            } else {
                self.findings.note(NoteKind::MacWrong, Some(seen.number), detail);
            }
            return view("mac_invalid", head);
        };
        self.verified.esp = self.verified.esp.saturating_add(1);
        let identity = (*secret.octets(), sequence);
        let sealed = digest(&packet.sealed);
        let (first, of_first) = *self.links.entry(identity).or_insert((seen.number, sealed));
        if of_first != sealed {
            let detail = format!("two packets of SPI {spi:08x} with sequence number {sequence}");
            self.findings.find(FindingKind::NonceReuse, &[first, seen.number], detail);
        }
        let again = first != seen.number && of_first == sealed;
        self.arrived((Layer::Link, if again { first } else { seen.number }), seen, "packet of a protected link");
        if again {
            return view("repeated", head);
        }
        let payload = unpadded(&plain)
            .and_then(|(protocol, payload)| CorePayload::parse(protocol, payload, core.from.ip, core.to.ip));
        let opened = match payload {
            Ok(payload) => CoreFrame { payload, ..*core },
            Err(error) => return self.malformed(frame.number, "esp", error),
        };
        let clear = opened.octets(0).ok();
        let inside = self.carried(frame, &opened, seen);
        FrameView { summary: format!("{head}: {}", inside.summary), opened: clear.map(Opened::Core), ..inside }
    }
}
