//! The UE's end of the user plane where packets are ciphered between UE and UPE (seed 001): it does not change with the cell.

use super::Ue;
use crate::emulation::{Outbox, Verdict};
use crate::eps::keys::UpKey;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::parameters::AlgorithmId;
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::security::protection::BearerId;
use crate::eps::security::user_plane::{UpError, UpSecurity};
use crate::eps::wire::pdcp::DataPdu;
use crate::time::VirtualTime;

impl Ue {
    /// The user plane of a UE whose KASME is new: its first key, for this ciphering algorithm.
    pub(super) fn renew_user_plane(&mut self, algorithm: AlgorithmId) {
        let key = UpKey::derive(self.keys.kasme(), 0, algorithm);
        self.up = self.settings.agreement.transfer.upe.then(|| UpSecurity::new(key, Uplink));
    }

    /// The first key of its KASME, for the ciphering algorithm that NAS has \[choice\].
    fn first_up_key(&self) -> UpKey {
        UpKey::derive(self.keys.kasme(), 0, self.keys.nas.algorithms().ciphering)
    }

    /// Its KASME is new: the UPE may take the key that it brings into use before the UE does.
    pub(super) fn expect_up_key(&mut self) {
        let key = self.first_up_key();
        if let Some(up) = &mut self.up {
            up.expect_key(key);
        }
    }

    /// Takes that key into use; the one before it.
    pub(super) fn change_up_key(&mut self, outbox: &mut Outbox<Event>) -> Option<UpKey> {
        let key = self.first_up_key();
        let up = self.up.as_mut()?;
        let before = up.key().clone();
        up.change_key(key);
        self.up_key_in_use(outbox);
        Some(before)
    }

    pub(super) fn up_key_in_use(&self, outbox: &mut Outbox<Event>) {
        if let Some(up) = &self.up {
            let UpKey { algorithm, key, .. } = up.key().clone();
            self.report(What::UpKeyInUse { key, algorithm }, outbox);
        }
    }

    /// Takes another key into use, if there is one; the one before it.
    pub(super) fn replace_up_key(&mut self, key: Option<UpKey>, outbox: &mut Outbox<Event>) -> Option<UpKey> {
        let before = self.up.as_mut()?.replace_key(key?);
        self.up_key_in_use(outbox);
        Some(before)
    }

    /// Goes back to the key before, if there was another; its UPE may have taken that other into use already.
    pub(super) fn return_to_up_key(&mut self, before: Option<UpKey>, outbox: &mut Outbox<Event>) {
        if let (Some(up), Some(before)) = (&mut self.up, before) {
            up.change_key(before);
            self.up_key_in_use(outbox);
        }
    }

    /// Sends the packets that wait, if it may speak.
    pub(super) fn send_held(&mut self, now: VirtualTime, outbox: &mut Outbox<Event>) {
        while self.may_speak()
            && let Some(packet) = self.held.pop_front()
        {
            match self.up {
                Some(_) => self.send_to_upe(now, &packet, outbox),
                None => self.send(now, BearerId::Data(1), &packet, "user packet", outbox),
            }
        }
    }

    /// Sends a packet to the UPE.
    fn send_to_upe(&mut self, now: VirtualTime, packet: &[u8], outbox: &mut Outbox<Event>) {
        let (Some(cell), Some(up)) = (self.here(), &mut self.up) else { return };
        let Ok(sealed) = up.protect(packet) else { return };
        let key = up.key().key.clone();
        let pdu = DataPdu { sequence_number: sealed.sequence_number, packet: sealed.octets }.octets();
        let frame = pdu.and_then(|pdu| self.radio.pdu_frame(now, (Uplink, self.place.c_rnti), pdu));
        if let Ok(frame) = frame {
            outbox.send(cell.port, frame, "user packet");
        }
        let bearer = BearerId::Data(1).input();
        self.report(What::Protected { key, bearer, direction: Uplink, count: sealed.count }, outbox);
    }

    /// Opens a PDU of the UPE. That the eNB passes it on does not show that it has the keys of the UE.
    pub(super) fn open_user_pdu(&mut self, pdu: &DataPdu, outbox: &mut Outbox<Event>) {
        let Some(up) = &mut self.up else { return };
        let (reason, error) = match up.open(pdu.sequence_number, &pdu.packet) {
            Ok((count, octets)) => {
                outbox.verdict(Verdict::accepted(format!("accepted: COUNT {count}")));
                return self.report(What::PacketOut { direction: Downlink, octets }, outbox);
            }
            Err(error @ UpError::Duplicate { .. }) => (DropReason::Duplicate, error.to_string()),
            Err(UpError::Protection(error)) => (DropReason::Malformed, error.to_string()),
        };
        self.report(What::Dropped(reason), outbox);
        outbox.verdict(Verdict::rejected(format!("dropped: {error}")));
    }
}
