//! A UE that is idle in UTRAN and finds a cell of E-UTRAN better: it comes there by itself, and its tracking area update leads the MME to
//! its SGSN (TS 33.401 clause 9.1.2, TS 24.301 clause 5.5.3.2.2).
//!
//! \[choice\] Idle is a UE that has nothing to say: it leaves without a word, as from CELL_PCH, and the RNC hears of it from the SGSN. Where
//! the network there does not take it, for whatever reason, it goes back to UTRAN, where it is as it was; it does not attach. One that this
//! SGSN has given no temporary identity, since it has come by a handover, stays.

use rand_core::Rng;

use super::arrival::{ARRIVAL, Arriving, Step};
use super::gmm::mapped_guti;
use super::handover::Refusal;
use super::utran::{UtranPlace, UtranState};
use super::{FIRST_C_RNTI, Place, State, Ue};
use crate::emulation::Outbox;
use crate::eps::identifiers::Pci;
use crate::eps::keys::Kasme;
use crate::eps::node::event::{DropReason, Event, Outcome, What};
use crate::eps::node::settings::Scheme;
use crate::eps::security::inter_system::kasme_of_nonces;
use crate::eps::wire::UeSecurityCapabilities;
use crate::eps::wire::nas::{AlgorithmSet, NasKsi, Nonces, UeCapability, UpdateFromUtran};
use crate::time::VirtualTime;

/// Where a UE has come from that was idle in UTRAN, and what it makes keys of.
pub(super) struct FromUtran {
    place: UtranPlace,
    nonce: u32,
}

impl FromUtran {
    /// What the UE says of it in its tracking area update.
    pub(super) fn told(&self, capabilities: UeSecurityCapabilities, key_set: NasKsi) -> UpdateFromUtran {
        let [eea, eia] = capabilities.nas_octets();
        let capability =
            UeCapability { ciphering: AlgorithmSet(eea), integrity: AlgorithmSet(eia), further: Vec::new() };
        UpdateFromUtran { key_set: key_set.get(), nonce: self.nonce, capability }
    }
}

impl Ue {
    /// Whether its temporary identity is one that an SGSN has given it.
    fn has_p_tmsi(&self) -> bool {
        let of_area = |guti| {
            let mut cells = self.settings.utran.values().map(|heard| heard.cell);
            cells.any(|cell| mapped_guti(cell.plmn, cell.lac, cell.rac, 0).gummei == guti)
        };
        self.guti.is_some_and(|guti| of_area(guti.gummei))
    }

    /// It goes from UTRAN to this cell of E-UTRAN by itself.
    pub(super) fn reselect(&mut self, now: VirtualTime, cell: Pci, outbox: &mut Outbox<Event>) {
        let settled = |place: &UtranPlace| matches!(place.state, UtranState::Connected) && place.side.is_on();
        let may = self.settings.cells.contains_key(&cell) && self.has_p_tmsi() && self.gmm.attaching.is_none();
        let Some(random) = self.random.as_mut().filter(|_| may) else { return };
        let Some(place) = self.utran.take_if(|place| settled(place)) else { return };
        let nonce = if self.settings.faults.constant_nonce { 0 } else { random.next_u32() };
        // Nobody else can say so: the RNC does not know.
        let begun = What::HandoverBegun { from: place.cell, to: cell, scheme: Scheme::ContextRequest };
        self.report(begun, outbox);
        self.report(What::HandoverStarted(cell), outbox);
        let arriving = Arriving {
            source: std::mem::replace(&mut self.place, Place { cell, c_rnti: FIRST_C_RNTI }),
            keys: self.keys.clone(),
            up: self.up.clone(),
            key_set: self.key_set,
            radio: std::mem::take(&mut self.radio),
            attaches: false,
            from_off: false,
            from_utran: Some(FromUtran { place, nonce }),
            again: false,
            count: None,
            step: Step::OnTheWay { due: now + self.settings.interruption },
            ends: now + ARRIVAL,
        };
        self.keys.disconnect();
        // Of E-UTRAN it has none until a command brings it.
        (self.key_set, self.update, self.challenged, self.tai) = (NasKsi::NONE, None, None, None);
        self.state = State::Arriving(Box::new(arriving));
    }

    /// KASME of CK and IK and the nonces of a security mode command, if it is one for a UE that comes so, and brings another than is in use;
    /// with the key set that it names.
    ///
    /// # Errors
    /// The nonce of the UE is not the one that it has sent.
    pub(super) fn kasme_of_command(
        &self,
        key_set: NasKsi,
        nonces: Option<Nonces>,
    ) -> Result<Option<(NasKsi, Kasme)>, Refusal> {
        let State::Arriving(arriving) = &self.state else { return Ok(None) };
        let (Some(FromUtran { place, nonce }), Some(nonces)) = (&arriving.from_utran, nonces) else { return Ok(None) };
        if nonces.ue != *nonce {
            return Err((DropReason::Refused, "the nonce in the command is not that of this UE".to_owned()));
        }
        let kasme = kasme_of_nonces(place.side.security.keys(), nonces.ue, nonces.mme);
        // That in use was said again: the answer was lost. COUNTs go on.
        Ok(Some((key_set, kasme)).filter(|(_, kasme)| self.key_set != key_set || self.keys.kasme() != kasme))
    }

    /// A security mode command has brought that KASME into use.
    pub(super) fn mapped_from_utran(&mut self, outbox: &mut Outbox<Event>) {
        let State::Arriving(arriving) = &self.state else { return };
        let Some(FromUtran { place, .. }) = &arriving.from_utran else { return };
        self.origin.made_of = Some(place.side.security.keys().clone());
        self.report(What::ContextInUse(self.origin.access), outbox);
    }

    /// The network there does not take it: back in UTRAN, with the keys and COUNTs that it had there. What has waited goes out.
    pub(super) fn back_from_reselection(&mut self, FromUtran { place, .. }: FromUtran, outbox: &mut Outbox<Event>) {
        self.report(place.side.in_use(place.cell), outbox);
        self.report(What::HandoverEnded { outcome: Outcome::Returned, at: place.cell }, outbox);
        self.utran = Some(place);
        while let Some(packet) = self.held.pop_front() {
            self.send_in_utran(&packet, outbox);
        }
    }
}
