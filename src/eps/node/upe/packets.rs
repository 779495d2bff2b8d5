//! Packets at a UPE: from the anchor, from eNBs, and from another UPE.

use std::net::Ipv4Addr;

use super::{ANCHOR, FORWARDED, Leaving, MAX_QUEUED, Role, UeContext, Upe};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::keys::UpKey;
use crate::eps::node::core_side::CoreMessage;
use crate::eps::node::event::{DropReason, Event, What};
use crate::eps::node::settings::Relocation;
use crate::eps::parameters::LinkDirection::Downlink;
use crate::eps::security::protection::{BearerId, ProtectionError};
use crate::eps::security::user_plane::{UpError, UpSecurity};
use crate::eps::wire::pdcp::DataPdu;
use crate::eps::wire::{GtpuPacket, TunnelEndpoint};

impl Upe {
    pub(super) fn packet(&mut self, from: Ipv4Addr, packet: GtpuPacket, outbox: &mut Outbox<Event>) {
        let (GtpuPacket::User { teid, .. } | GtpuPacket::EndMarker { teid, .. }) = packet;
        let id = MmeUeS1apId(teid.0 & !(ANCHOR | FORWARDED));
        let known = self.ues.contains_key(&id) || self.afresh.contains_key(&id);
        let verdict = match (known, teid.0 & (ANCHOR | FORWARDED), packet) {
            (false, _, _) => Err("no UE has this tunnel".to_owned()),
            (_, 0, GtpuPacket::User { packet, .. }) => self.uplink(from, id, &packet, outbox),
            (_, ANCHOR, GtpuPacket::User { packet, .. }) => self.downlink(id, packet, outbox),
            (_, ANCHOR, GtpuPacket::EndMarker { .. }) => self.pass_end_marker(id, outbox),
            (_, FORWARDED, packet) => self.forwarded(id, packet, outbox),
            _ => Err("nothing of this kind comes in this tunnel".to_owned()),
        };
        outbox.verdict(match verdict {
            Ok(()) => Verdict::accepted("accepted: user packet"),
            Err(reason) => Verdict::rejected(format!("dropped: {reason}")),
        });
    }

    /// From an eNB: it is opened.
    fn uplink(
        &mut self,
        from: Ipv4Addr,
        id: MmeUeS1apId,
        octets: &[u8],
        outbox: &mut Outbox<Event>,
    ) -> Result<(), String> {
        let DataPdu { sequence_number, packet } = DataPdu::parse(octets).map_err(|error| error.to_string())?;
        let here = |ue: &UeContext| ue.path.is_some_and(|path| path.address == from);
        let comes_afresh = !self.ues.get(&id).is_some_and(here);
        let (opened, anchor) = match (self.afresh.get_mut(&id).filter(|_| comes_afresh), self.ues.get_mut(&id)) {
            // It may well send before the MME has said that it has come.
            (Some(afresh), _) => (afresh.up.open(sequence_number, &packet), afresh.anchor),
            (None, Some(ue)) => (ue.open(from, sequence_number, &packet)?, ue.anchor),
            (None, None) => return Ok(()),
        };
        match opened {
            Ok((_, packet)) => {
                let packet = GtpuPacket::User { teid: anchor.teid, pdcp_number: None, packet };
                self.core.send(anchor.address, &CoreMessage::Gtpu(packet), outbox);
                Ok(())
            }
            Err(error) => {
                let imsi = self.settings.subscribers.get(&id);
                if let (UpError::Duplicate { .. }, Some(ue)) = (error, imsi) {
                    outbox.report(Event { ue: *ue, what: What::Dropped(DropReason::Duplicate) });
                }
                Err(error.to_string())
            }
        }
    }

    /// From the anchor: it is ciphered, once for every key, and goes where the UE is or will be.
    fn downlink(&mut self, id: MmeUeS1apId, packet: Vec<u8>, outbox: &mut Outbox<Event>) -> Result<(), String> {
        let (relocation, updates) =
            (self.settings.agreement.transfer.relocation, self.settings.agreement.updates_up_keys());
        let Some(ue) = self.ues.get_mut(&id) else { return Err("the UE has not come".to_owned()) };
        let here = ue.path;
        // Where it goes: to the eNB that the UE is at, to that which it goes to and under which key, to another UPE.
        let (here, there, upe) = match &mut ue.role {
            Role::Serving => (here, None, None),
            Role::Moving { to, key, .. } => {
                let there = Some((*to, key.clone().unwrap_or_else(|| ue.up.key().clone())));
                match relocation {
                    Relocation::Nothing => (here, None, None),
                    Relocation::BiCasting | Relocation::Both => (here, there, None),
                    Relocation::Forwarding => (None, there, None),
                }
            }
            Role::Leaving(Leaving { limit, .. }) if ue.up.next_count() >= *limit => {
                return Err("the share of COUNT of this UPE is used up".to_owned());
            }
            Role::Leaving(Leaving { to, gone, .. }) => match relocation {
                Relocation::Nothing => (here, None, None),
                Relocation::Both if *gone => (None, None, Some(*to)),
                Relocation::BiCasting | Relocation::Both => (here, None, Some(*to)),
                Relocation::Forwarding => (None, None, Some(*to)),
            },
            Role::Coming { .. } => return Err("the UE is still at another UPE".to_owned()),
            Role::Come { queue, .. } if queue.len() < MAX_QUEUED => {
                queue.push_back(packet);
                return Ok(());
            }
            Role::Come { .. } => return Err(format!("{MAX_QUEUED} packets wait already")),
        };
        let (count, number) = ue.up.take().map_err(|error| error.to_string())?;
        let key = ue.up.key().clone();
        let failed = |error: ProtectionError| error.to_string();
        let mut sealed = None;
        if here.is_some() || (upe.is_some() && !updates) {
            let pdu = ue.seal(&key, count, &packet, outbox).map_err(failed)?;
            here.into_iter().for_each(|here| self.send(here, number, pdu.clone(), outbox));
            sealed = Some(pdu);
        }
        if let Some((there, other)) = there {
            let again = sealed.take().filter(|_| other == key);
            let pdu = match (again, self.ues.get(&id)) {
                (Some(pdu), _) => pdu,
                (None, Some(ue)) => ue.seal(&other, count, &packet, outbox).map_err(failed)?,
                (None, None) => return Ok(()),
            };
            self.send(there, number, pdu, outbox);
        }
        if let Some(upe) = upe {
            let copy = if updates { packet } else { sealed.unwrap_or_default() };
            self.send(upe, number, copy, outbox);
        }
        Ok(())
    }

    fn send(&mut self, to: TunnelEndpoint, number: u16, packet: Vec<u8>, outbox: &mut Outbox<Event>) {
        let packet = GtpuPacket::User { teid: to.teid, pdcp_number: Some(number), packet };
        self.core.send(to.address, &CoreMessage::Gtpu(packet), outbox);
    }

    /// The old path of a UE has ended at the UPE that it leaves: the other UPE goes on with the COUNT that comes next.
    fn pass_end_marker(&mut self, id: MmeUeS1apId, outbox: &mut Outbox<Event>) -> Result<(), String> {
        let Some(ue) = self.ues.get_mut(&id) else { return Err("no UE has this tunnel".to_owned()) };
        let (leaving, up) = match (&mut ue.role, &ue.up) {
            (Role::Leaving(leaving), up) => (leaving, up),
            // It has come to another UPE by itself.
            (Role::Serving, _) => {
                self.forget(id, outbox);
                return Ok(());
            }
            _ => return Err("the UE does not leave".to_owned()),
        };
        leaving.ended = true;
        let (TunnelEndpoint { address, teid }, gone) = (leaving.to, leaving.gone);
        let pdcp_number = Some((up.next_count() & 0x0fff) as u16);
        self.core.send(address, &CoreMessage::Gtpu(GtpuPacket::EndMarker { teid, pdcp_number }), outbox);
        if gone {
            self.forget(id, outbox);
        }
        Ok(())
    }

    /// From the UPE that a UE leaves: it is passed on; ciphered first, if the UE has another key here.
    fn forwarded(&mut self, id: MmeUeS1apId, packet: GtpuPacket, outbox: &mut Outbox<Event>) -> Result<(), String> {
        let Some(ue) = self.ues.get(&id) else { return Ok(()) };
        let begins = match &ue.role {
            Role::Coming { begins, .. } => *begins,
            Role::Come { begins, .. } => Some(*begins),
            _ => return Err("the old path of the UE has ended".to_owned()),
        };
        let (number, packet) = match packet {
            GtpuPacket::User { pdcp_number: Some(number), packet, .. } => (number, packet),
            GtpuPacket::EndMarker { pdcp_number: Some(number), .. } => {
                let Role::Come { begins, .. } = ue.role else { return Err("the UE has not come".to_owned()) };
                self.old_path_ended(id, UpSecurity::count_from(begins, number), outbox);
                return Ok(());
            }
            _ => return Err("it has no number".to_owned()),
        };
        let path = ue.path.ok_or("no eNB waits for the UE")?;
        let packet = match (self.settings.agreement.updates_up_keys(), begins) {
            (false, _) => packet,
            (true, Some(begins)) => {
                let count = UpSecurity::count_from(begins, number);
                ue.seal(ue.up.key(), count, &packet, outbox).map_err(|error| error.to_string())?
            }
            (true, None) => return Err("its COUNT is not known".to_owned()),
        };
        self.send(path, number, packet, outbox);
        Ok(())
    }

    /// Nothing more comes over the old path of a UE that has come: this UPE goes on with this COUNT.
    pub(super) fn old_path_ended(&mut self, id: MmeUeS1apId, next: u32, outbox: &mut Outbox<Event>) {
        let Some(ue) = self.ues.get_mut(&id) else { return };
        if let Role::Come { queue, .. } = std::mem::replace(&mut ue.role, Role::Serving) {
            ue.up.go_on_at(if self.settings.faults.restarts_count { 0 } else { next });
            for packet in queue {
                if let Err(reason) = self.downlink(id, packet, outbox) {
                    outbox.verdict(Verdict::rejected(format!("dropped: {reason}")));
                }
            }
        }
    }
}

impl UeContext {
    /// Opens what comes from an eNB.
    fn open(
        &mut self,
        from: Ipv4Addr,
        sequence_number: u16,
        packet: &[u8],
    ) -> Result<Result<(u32, Vec<u8>), UpError>, String> {
        match &mut self.role {
            Role::Moving { to, key, heard, .. } if to.address == from => {
                *heard = true;
                let key = key.as_ref().unwrap_or(self.up.key()).clone();
                Ok(self.up.open_under(&key, sequence_number, packet))
            }
            _ if self.left == Some(from) => Err("the UE has left this eNB, and has another key".to_owned()),
            Role::Coming { begins: None, .. } => Err("the UE is still at another UPE".to_owned()),
            _ => Ok(self.up.open(sequence_number, packet)),
        }
    }

    /// The PDCP PDU of a packet of the downlink.
    fn seal(
        &self,
        key: &UpKey,
        count: u32,
        packet: &[u8],
        outbox: &mut Outbox<Event>,
    ) -> Result<Vec<u8>, ProtectionError> {
        let packet = key.apply(count, Downlink, packet)?;
        let (key, bearer) = (key.key.clone(), BearerId::Data(1).input());
        outbox.report(Event { ue: self.imsi, what: What::Protected { key, bearer, direction: Downlink, count } });
        let pdu = DataPdu { sequence_number: (count & 0x0fff) as u16, packet };
        Ok(pdu.octets().unwrap_or_default())
    }
}
