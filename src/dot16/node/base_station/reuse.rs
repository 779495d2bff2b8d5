//! `legacy-reuse`: the TEKs of the serving BS go to the target, with their packet numbers and receive windows (R12;
//! `dot16-wire.md` 5.3). They are in the clear on R4, as the AK is on R6 (R19).
//!
//! **When they go.** In HO_Cnf, which answers MOB_HO-IND: the mobile has sent it as the last PDU to the serving BS, and the
//! serving BS neither sends nor accepts anything under these TEKs from then on. So what goes is the last state, and one BS at a
//! time uses it. HO_Cnf names the HO_ID of the preparation that it confirms; a target takes no TEKs out of one that names
//! another, which may have been under way since an attempt before and hold an older state.
//!
//! **When they are used.** Not before an RNG-REQ with T_M has been validated at the target, and by the mobile not before
//! RNG-RSP. From the first RNG-REQ with T_M on the mobile never goes back to the old connection (R1), and its TEKs go with
//! that. So there are two cases when a handover is given up:
//!
//! * *No RNG-REQ was sent.* The target has used nothing and will not, since nobody can make an RNG-REQ with T_M. The mobile
//!   returns, MOB_HO-IND (cancel) puts the serving BS back to work with the state it has, and the one at the target goes with
//!   its attempt. The next attempt transfers anew.
//! * *One was sent.* The mobile enters with the next count, which nobody has prepared: `legacy-rng-rsp`, with new TEKs.
//!
//! **Where they do not arrive.** HO_Cnf or MOB_HO-IND was lost, or TEKs of an SA are missing: RNG-RSP says 01 and carries new
//! TEKs.

use super::serving::sa_descriptor;
use super::{BaseStation, Mobile};
use crate::dot16::backbone::Compound::{
    MsInfo, MsSecurityContext, NewerTekParameters, OlderTekParameters, SaDescriptor,
};
use crate::dot16::backbone::{AsnTlv, TlvLookup};
use crate::dot16::identifiers::{MsMac, Said};
use crate::dot16::security::Weakness;
use crate::dot16::security::keys::Tek;
use crate::dot16::security::tek_context::TekContext;
use crate::dot16::security::tek_transfer::TransferredTek;
use crate::time::VirtualTime;

impl BaseStation {
    /// MS Security Context with the TEKs of the connection here, their lifetimes counted from `from`.
    pub(super) fn leaving_teks(&self, ms: MsMac, from: VirtualTime) -> Option<AsnTlv> {
        let entry = self.mobiles.get(&ms)?.keys.as_ref()?.current()?;
        let descriptor = |(said, context): (Said, &TekContext)| {
            let [older, newer] = context.leaving(from);
            let parameters = vec![
                AsnTlv::OlderTekParameters(tek_parameters(&older)),
                AsnTlv::NewerTekParameters(tek_parameters(&newer)),
            ];
            sa_descriptor(said, parameters)
        };
        Some(AsnTlv::MsSecurityContext(entry.tek_contexts().map(descriptor).collect()))
    }

    /// The TEKs in HO_Cnf of every SA of a mobile, or `None` if some are missing or make no sense.
    pub(super) fn arriving_teks(
        &self,
        ms: MsMac,
        tlvs: &[AsnTlv],
        from: VirtualTime,
    ) -> Option<Vec<(Said, TekContext)>> {
        let forgets = self.weak(Weakness::ForgetsReusedPacketNumbers);
        let tek = |tlvs: &[AsnTlv]| {
            let mut tek = transferred(tlvs)?;
            if forgets {
                (tek.sent, tek.accepted) = (0, 0);
            }
            tek.arriving(self.settings.keys.window.clone(), from).ok()
        };
        let context = |descriptor: &[AsnTlv]| {
            let older = tek(descriptor.inside(OlderTekParameters))?;
            let newer = tek(descriptor.inside(NewerTekParameters))?;
            Some((descriptor.said()?, TekContext::from_random(older, newer)))
        };
        let descriptors = tlvs.inside(MsInfo).inside(MsSecurityContext).each(SaDescriptor).take(Mobile::FLOWS);
        let contexts = descriptors.map(context).collect::<Option<Vec<_>>>()?;
        let mobile = self.mobiles.get(&ms)?;
        let covered = |said: Said| contexts.iter().any(|(of, _)| *of == said);
        mobile.flows.iter().all(|(_, said)| covered(*said)).then_some(contexts)
    }

    /// The mobile has come: the TEKs that HO_Cnf has brought are put to work. `false` if there are none.
    pub(super) fn install_reused(&mut self, now: VirtualTime, ms: MsMac) -> bool {
        let Some(contexts) = self.target(ms).and_then(|target| target.reused.take()) else {
            return false;
        };
        let hold = self.longest_silence();
        let keys = self.mobiles.get_mut(&ms).and_then(|mobile| mobile.keys.as_mut());
        let Some(entry) = keys.and_then(|keys| keys.current_mut()) else {
            return false;
        };
        for (said, mut context) in contexts {
            // The newer TEK may have been sent to the mobile in a Key-Reply that was lost.
            context.hold_newer(now, hold);
            entry.install(said, context);
        }
        true
    }
}

fn tek_parameters(tek: &TransferredTek) -> Vec<AsnTlv> {
    let mut tlvs = vec![
        AsnTlv::Tek(*tek.tek.octets()),
        AsnTlv::TekLifetime(tek.lifetime),
        AsnTlv::TekSn(tek.eks),
        AsnTlv::PnCounter(tek.sent),
        AsnTlv::RxPnCounter(tek.accepted),
    ];
    if !tek.window.is_empty() {
        tlvs.push(AsnTlv::receive_window(&tek.window));
    }
    tlvs
}

/// A TEK with its packet numbers; without them it is of no use.
fn transferred(tlvs: &[AsnTlv]) -> Option<TransferredTek> {
    Some(TransferredTek {
        tek: Tek::from_octets(tlvs.tek()?),
        eks: tlvs.tek_sn()?,
        lifetime: tlvs.tek_lifetime()?,
        sent: tlvs.pn_counter()?,
        accepted: tlvs.rx_pn_counter()?,
        window: tlvs.receive_window().unwrap_or_default().to_vec(),
    })
}
