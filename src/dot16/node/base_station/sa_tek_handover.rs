//! `legacy-sa-tek` at the target: RNG-RSP carries the SA challenge tuple, SA-TEK-Request answers it, and SA-TEK-Response
//! brings new random TEKs under the KEK (`dot16-security.md` 5.1, 5.3; `dot16-wire.md` 3.3, 3.5).
//!
//! The AK is the one from the backbone and stays. RNG-REQ has confirmed the entry already (R7), so that its count is reported;
//! data waits until the mobile has had the time to install the TEKs. A repeated RNG-REQ gets the same challenge, a repeated
//! SA-TEK-Request the same TEKs.

use rand_core::Rng;

use super::target::saids;
use super::{BaseStation, Mobile, Role};
use crate::dot16::identifiers::{Cid, MsMac};
use crate::dot16::node::event::Event;
use crate::dot16::node::sa_tek;
use crate::dot16::wire::{PkmAttribute, PkmCode, PkmMessage, SaChallengeTuple};
use crate::emulation::{Outbox, Verdict};
use crate::time::VirtualTime;

/// The challenge in RNG-RSP, and what was answered to it.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    bs_random: [u8; 8],
    /// MS_Random of the request that was answered, and the response.
    answered: Option<([u8; 8], PkmMessage)>,
}

impl Mobile {
    /// The SA challenge tuple of the RNG-RSP that answers this mobile.
    pub(super) fn challenge_tuple(&self) -> Option<SaChallengeTuple> {
        let (challenge, keys) = self.challenge.as_ref().zip(self.keys.as_ref())?;
        Some(SaChallengeTuple { bs_random: challenge.bs_random, akid: keys.ak().akid })
    }
}

impl BaseStation {
    /// A mobile has come whose TEKs follow in SA-TEK-Response.
    pub(super) fn challenge_arrival(&mut self, ms: MsMac) {
        let mut bs_random = [0; 8];
        self.generator.fill_bytes(&mut bs_random);
        if let Some(mobile) = self.mobiles.get_mut(&ms) {
            mobile.challenge = Some(Challenge { bs_random, answered: None });
        }
    }

    /// Whether a PKM-REQ is the SA-TEK-Request that answers the challenge in RNG-RSP.
    pub(super) fn answers_arrival(&self, ms: MsMac, message: &PkmMessage) -> bool {
        let challenge = self.mobiles.get(&ms).and_then(|mobile| mobile.challenge.as_ref());
        message.code == PkmCode::SA_TEK_REQUEST
            && challenge.is_some_and(|challenge| message.bs_random() == Some(challenge.bs_random))
    }

    /// SA-TEK-Request that answers the challenge in RNG-RSP, verified.
    pub(super) fn arrival_answered(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        cid: Cid,
        request: &PkmMessage,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(mobile) = self.mobiles.get(&ms) else { return };
        let (Some(keys), Some(challenge)) = (&mobile.keys, &mobile.challenge) else {
            return;
        };
        let primary = mobile.connection.as_ref().map(|connection| connection.primary);
        let named = request.akid() == Some(keys.ak().akid) && primary == Some(cid);
        let Some(ms_random) = request.ms_random().filter(|_| named) else {
            return outbox.verdict(Verdict::rejected("dropped: it does not answer the challenge"));
        };
        match &challenge.answered {
            Some((answered, response)) if *answered == ms_random => {
                let response = response.clone();
                outbox.verdict(Verdict::accepted("a repetition: the same answer again"));
                self.respond(now, ms, cid, response);
            }
            Some(_) => outbox.verdict(Verdict::rejected("dropped: another request was answered already")),
            None => {
                outbox.verdict(Verdict::accepted("CMAC good, the challenge is answered: TEKs made"));
                self.deliver_teks(now, ms, cid, (request.identifier, ms_random), outbox);
            }
        }
    }

    /// Random TEKs for every SA, and SA-TEK-Response with them.
    fn deliver_teks(
        &mut self,
        now: VirtualTime,
        ms: MsMac,
        cid: Cid,
        (identifier, ms_random): (u8, [u8; 8]),
        outbox: &mut Outbox<Event>,
    ) {
        self.install_random(now, ms, None);
        let installed = self.installed(now);
        let [_, frame @ ..] = self.settings.radio.frame_number(now).to_be_bytes();
        let negotiation = PkmAttribute::SecurityNegotiation(sa_tek::parameters_of(&self.settings.keys.window));
        let Some(mobile) = self.mobiles.get_mut(&ms) else { return };
        let (Some(keys), Some(challenge)) = (&mobile.keys, &mut mobile.challenge) else {
            return;
        };
        let ak = keys.ak();
        let mut attributes = vec![
            PkmAttribute::MsRandom(ms_random),
            PkmAttribute::BsRandom(challenge.bs_random),
            PkmAttribute::KeySequenceNumber(ak.ak_sn.0),
            PkmAttribute::AkId(ak.akid),
        ];
        let contexts = keys.current().into_iter().flat_map(|entry| entry.tek_contexts());
        attributes.extend(
            contexts.map(|(said, context)| PkmAttribute::SaTekUpdate(sa_tek::update(&ak.kek, said, context, now))),
        );
        attributes.push(PkmAttribute::FrameNumber(frame));
        attributes.extend(saids(&mobile.flows).into_iter().map(sa_tek::descriptor));
        attributes.push(negotiation);
        let response = PkmMessage { code: PkmCode::SA_TEK_RESPONSE, identifier, attributes };
        challenge.answered = Some((ms_random, response.clone()));
        if let Role::Serving(serving) = &mut mobile.role {
            serving.teks_delivered(installed);
        }
        self.report_keys(ms, outbox);
        self.report_count(ms, outbox);
        self.respond(now, ms, cid, response);
        self.want_slot(now, ms);
    }
}
