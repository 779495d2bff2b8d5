//! The registration of a mobile that has authenticated to enter: REG-REQ and REG-RSP, the first TEKs of every SA by Key-Request
//! and Key-Reply, then the data path (802.16-2009 clauses 6.3.9.8 and 6.3.9.9; `dot16-wire.md` 3.5, 3.6, 5.2; A5, A26, R13, R17).
//!
//! Until all of it is done the mobile has a connection without user data. Seamless handover is agreed only if both sides
//! declare it. The gateway learns of what is agreed with the registration of the data path. A mobile that does not finish in
//! time is let go.

use std::collections::BTreeSet;

use super::target::saids;
use super::{BaseStation, Mobile, Role, Serving, Timer};
use crate::dot16::identifiers::{Cid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::node::capabilities::{self, Capabilities};
use crate::dot16::node::connection::signed_pdu;
use crate::dot16::node::event::{Counts, Event, What};
use crate::dot16::security::Weakness;
use crate::dot16::wire::{ManagementMessage, RegReq, RegRsp, VendorItem};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// How many uplink packets wait at the most while the data path is being registered.
pub(super) const WAITING_FOR_PATH: usize = 1024;

/// A registration under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Registration {
    /// REG-RSP, once REG-REQ has come; the same for a repetition.
    response: Option<RegRsp>,
    /// The SAs whose first TEKs were not asked for yet.
    unkeyed: BTreeSet<Said>,
}

impl Mobile {
    /// Whether REG is done: only then there are SAs to ask TEKs of.
    pub(super) fn is_registered(&self) -> bool {
        self.registration.as_ref().is_none_or(|registration| registration.response.is_some())
    }

    /// Whether the first TEKs of an SA were not asked for yet: the pair that there is was never sent.
    pub(super) fn is_unkeyed(&self, said: Said) -> bool {
        self.registration.as_ref().is_some_and(|registration| registration.unkeyed.contains(&said))
    }
}

impl BaseStation {
    /// What this BS declares.
    fn capabilities(&self) -> Capabilities {
        Capabilities { handover: true, seamless: self.settings.seamless }
    }

    /// REG-REQ whose CMAC has verified.
    pub(super) fn registration_requested(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        cid: Cid,
        request: &RegReq,
        outbox: &mut Outbox<Event>,
    ) {
        let own = self.capabilities();
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        let (Some(registration), Some(mut connection)) = (&mobile.registration, mobile.connection.clone()) else {
            return outbox.verdict(Verdict::rejected("dropped: the mobile is registered"));
        };
        if connection.primary != cid {
            return outbox.verdict(Verdict::rejected("dropped: not on the primary management connection"));
        }
        if registration.response.is_some() {
            outbox.verdict(Verdict::accepted("a repetition: the same answer again"));
            return self.answer_registration(now, ms);
        }
        let flows = mobile.flows.clone();
        if !self.cids.add_flows(&mut connection, &flows) {
            outbox.verdict(Verdict::rejected("refused: no CIDs are left"));
            return self.let_go(now, ms, outbox);
        }
        let mut agreed = Capabilities::declared(request).and(own);
        agreed.seamless &= agreed.handover;
        agreed.seamless |= self.weak(Weakness::AgreesToUndeclaredSeamless);
        let how = if agreed.seamless { "seamless handover agreed" } else { "no seamless handover" };
        outbox.verdict(Verdict::accepted(format!("CMAC good: registered, {how}")));
        let candidate = VendorItem::Candidate(connection.to_candidate(self.settings.bsid));
        let response = capabilities::reg_rsp(agreed, candidate, flows.len(), &self.settings.radio);
        self.adopt_flows(ms, connection, outbox);
        let sas = saids(&flows);
        let lifetime = self.mobiles.get(&ms).and_then(|mobile| mobile.keys.as_ref()).map(|keys| keys.lifetime());
        let teks = lifetime.map(|lifetime| self.random_teks(now, &flows, lifetime)).unwrap_or_default();
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        (mobile.handover, mobile.seamless, mobile.negotiated) = (agreed.handover, agreed.seamless, agreed.seamless);
        if let Some(keys) = &mut mobile.keys {
            keys.generate_for(if agreed.seamless { sas.clone() } else { Vec::new() });
            if let Some(entry) = keys.current_mut() {
                teks.into_iter().for_each(|(said, context)| entry.install(said, context));
            }
        }
        mobile.registration = Some(Registration { response: Some(response), unkeyed: sas.into_iter().collect() });
        self.report_keys(ms, outbox);
        self.answer_registration(now, ms);
    }

    /// REG-RSP, under the AK of the entry.
    fn answer_registration(&mut self, now: VirtualTime, ms: MsMac) {
        let crc = self.settings.radio.crc;
        let Some(Mobile { registration: Some(registration), connection: Some(connection), keys, .. }) =
            self.mobiles.get_mut(&ms).map(|mobile| &mut **mobile)
        else {
            return;
        };
        let (Some(response), Some(keys)) =
            (registration.response.clone(), keys.as_mut().and_then(|keys| keys.current_mut()))
        else {
            return;
        };
        let message = ManagementMessage::RegRsp(response);
        if let Ok(pdu) = signed_pdu(message, connection.primary, Direction::Downlink, keys, crc) {
            self.queue_management(now, ms, pdu, "REG-RSP: registered, with transport connections".to_owned());
        }
    }

    /// A Key-Request for `said` was answered. With the last one the registration is done.
    pub(super) fn first_keys_sent(&mut self, now: VirtualTime, ms: MsMac, said: Said, outbox: &mut Outbox<Event>) {
        let installed = self.installed(now);
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        match &mut mobile.registration {
            Some(registration) => {
                registration.unkeyed.remove(&said);
                if !registration.unkeyed.is_empty() {
                    return;
                }
            }
            // A repetition, if these are the first TEKs: the mobile has none yet to open anything with.
            None => {
                let entry = mobile.keys.as_ref().and_then(|keys| keys.current());
                let context = entry.and_then(|entry| entry.tek_context(said));
                if let (Role::Serving(serving), Some(context)) = (&mut mobile.role, context)
                    && context.teks().map(|tek| tek.eks()).eq([0, 1])
                    && context.teks().all(|tek| tek.highest_accepted().is_none())
                {
                    serving.postpone_downlink(installed);
                }
                return;
            }
        }
        mobile.registration = None;
        mobile.attaching = true;
        mobile.role = Role::Serving(Serving::entered(Some(installed)));
        let (confirming, count) =
            (mobile.confirming, mobile.keys.as_ref().map_or(CmacKeyCount(0), |keys| keys.count()));
        self.timers.cancel(Timer::Registration(ms));
        self.report_count(ms, outbox);
        if !confirming {
            self.entry_complete(now, ms, count, outbox);
        }
        self.want_slot(now, ms);
    }

    /// The counts of a mobile that is connected here are others from now on; the connection stays.
    pub(super) fn take_counts(&mut self, counts: Counts, outbox: &mut Outbox<Event>) {
        let ms = counts.ms;
        let mobile = self.mobiles.get_mut(&ms).filter(|mobile| matches!(mobile.role, Role::Serving(_)));
        let keys = mobile.filter(|mobile| mobile.registration.is_none()).and_then(|mobile| mobile.keys.as_mut());
        if keys.is_some_and(|keys| keys.move_to(counts.committed, counts.cmac_pn)) {
            self.report_keys(ms, outbox);
            self.report_count(ms, outbox);
        }
    }

    /// The mobile has not finished its registration in time.
    pub(super) fn registration_ended(&mut self, now: VirtualTime, ms: MsMac, outbox: &mut Outbox<Event>) {
        if self.mobiles.get(&ms).is_some_and(|mobile| mobile.registration.is_some()) {
            self.let_go(now, ms, outbox);
        }
    }

    /// The data path will not come: the uplink packets that wait for it are lost.
    pub(super) fn give_waiting_up(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let waiting = self.mobiles.get_mut(&ms).map(|mobile| {
            (mobile.registration, mobile.attaching) = (None, false);
            std::mem::take(&mut mobile.waits_for_path)
        });
        for _ in waiting.into_iter().flatten() {
            self.event(ms, What::PacketGivenUp { direction: Direction::Uplink }, outbox);
        }
    }

    /// The data path is registered: uplink packets that have waited for it go out.
    pub(super) fn path_is_there(&mut self, ms: MsMac, outbox: &mut Outbox<Event>) {
        let Some(mobile) = self.mobiles.get_mut(&ms) else {
            return;
        };
        mobile.attaching = false;
        for packet in std::mem::take(&mut mobile.waits_for_path) {
            self.send_waited(ms, packet, outbox);
        }
    }
}
