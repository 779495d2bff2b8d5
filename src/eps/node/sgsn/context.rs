//! A UE that is idle here has come to a cell of E-UTRAN by itself: the MME there names it by the identity that this SGSN has given it, and
//! gets its context (TS 23.401 Annex D.3.6, TS 29.060 clauses 7.5.3 to 7.5.5).
//!
//! Nothing in the request shows that the UE has sent it: a P-TMSI stands in the clear. So the UE is served here until the MME says that it
//! has it, which it does when the UE has shown that it has the keys \[choice: the standard's acknowledge comes before that\].

use std::net::Ipv4Addr;

use super::{Place, Sgsn, UeContext};
use crate::emulation::{Outbox, Verdict};
use crate::eps::identifiers::MmeUeS1apId;
use crate::eps::node::event::Event;
use crate::eps::node::mme::SETTING_UP;
use crate::eps::wire::Gtpv1Body;
use crate::eps::wire::gtpv1::{Gtpv1Cause, SgsnContext, SgsnContextRequest, SgsnContextResponse, UmtsContext};
use crate::eps::wire::ranap::{IuReleaseCommand, RanapCause};
use crate::time::VirtualTime;

/// An MME was given the context of a UE.
#[derive(Clone, Copy)]
pub(super) struct Given {
    to: Ipv4Addr,
    sequence: u16,
    pub(super) ends: VirtualTime,
}

impl Sgsn {
    /// An MME has a UE of this SGSN, it says. One that asks again, or another, gets the context as the first did.
    pub(super) fn context_requested(
        &mut self,
        now: VirtualTime,
        from: Ipv4Addr,
        sequence: u16,
        request: SgsnContextRequest,
        outbox: &mut Outbox<Event>,
    ) {
        let SgsnContextRequest { plmn, lac, rac, p_tmsi, sender } = request;
        let (own, withholds) = (self.core.address(), self.settings.faults.withholds_keys);
        let in_area = self
            .settings
            .utran_cells
            .iter()
            .any(|cell| cell.sgsn == own && (cell.plmn, cell.lac, cell.rac) == (plmn, lac, rac));
        let is_it = |ue: &UeContext| ue.p_tmsi == Some(p_tmsi) && ue.rnc().is_some() && ue.is_settled();
        let id = self.ues.iter().find(|(_, ue)| in_area && is_it(ue)).map(|(id, _)| *id);
        let tunnel = id.map(|id| self.control_tunnel(id));
        let found = id.and_then(|id| self.ues.get_mut(&id)).zip(tunnel);
        let response = match found {
            Some((ue, sender)) => {
                ue.given = Some(Given { to: from, sequence, ends: now + SETTING_UP });
                let keys = UmtsContext { key_set: ue.key_set, keys: ue.keys.clone(), capabilities: ue.capabilities };
                let context = Some(keys).filter(|_| !withholds);
                let known = SgsnContext { imsi: ue.imsi, sender, context, origin: ue.origin, pdp: ue.pdp };
                SgsnContextResponse { cause: Gtpv1Cause::ACCEPTED, known: Some(known) }
            }
            None => {
                outbox.verdict(Verdict::rejected("refused: no UE here has this P-TMSI"));
                SgsnContextResponse { cause: Gtpv1Cause::IMSI_NOT_KNOWN, known: None }
            }
        };
        self.answer(from, sender.teid, sequence, Gtpv1Body::SgsnContextResponse(response), outbox);
    }

    /// The MME serves the UE, or does not.
    pub(super) fn context_acknowledged(
        &mut self,
        from: Ipv4Addr,
        (id, sequence): (MmeUeS1apId, u16),
        cause: Gtpv1Cause,
        outbox: &mut Outbox<Event>,
    ) {
        let of = |given: &mut Given| given.to == from && given.sequence == sequence;
        let given = self.ues.get_mut(&id).and_then(|ue| ue.given.take_if(of));
        if given.is_none() || cause != Gtpv1Cause::ACCEPTED {
            return;
        }
        if let Some(UeContext { place: Some(Place::Rnc(rnc)), .. }) = self.ues.remove(&id) {
            // The UE has left its cell: nothing is to stay of it.
            self.tell_rnc(rnc, id, IuReleaseCommand { cause: RanapCause::SUCCESSFUL }, outbox);
        }
    }
}
