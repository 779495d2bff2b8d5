//! What the SA-TEK handshake and SA-TEK-Update say, made and read: randoms, TEKs under the KEK, security associations
//! (`dot16-security.md` 5.1, 5.2; `dot16-wire.md` 3.5, 4.5).

use std::time::Duration;

use crate::dot16::identifiers::Said;
use crate::dot16::security::entry_keys::EntryKeys;
use crate::dot16::security::key_wrap;
use crate::dot16::security::keys::Kek;
use crate::dot16::security::pn_window::PnWindow;
use crate::dot16::security::tek_context::{TekContext, TekSource, TekState};
use crate::dot16::wire::{
    PkmAttribute, PkmCode, PkmMessage, SaDescriptor, SaTekUpdate, SecurityNegotiation, SecurityNegotiationItem,
    TekParameters,
};
use crate::time::VirtualTime;

/// The suite in use (R11): AES-CCM, the TEK under AES key wrap.
const SUITE: [u8; 3] = [2, 1, 4];

/// A TEK wrapped with `kek`.
pub(super) fn parameters(kek: &Kek, state: &TekState, now: VirtualTime) -> TekParameters {
    TekParameters {
        wrapped_tek: key_wrap::wrap(kek, state.tek()).to_vec(),
        lifetime: state.seconds_left(now),
        sequence_number: state.eks(),
        other: Vec::new(),
    }
}

/// The TEK of `parameters`, with fresh PNs; it does not outlive the PMK, which ends at `ends`.
pub(super) fn tek(
    kek: &Kek,
    parameters: &TekParameters,
    window: &PnWindow,
    now: VirtualTime,
    ends: VirtualTime,
) -> Result<TekState, &'static str> {
    let tek = key_wrap::unwrap(kek, &parameters.wrapped_tek).map_err(|_| "a TEK that does not unwrap")?;
    let expires = (now + Duration::from_secs(u64::from(parameters.lifetime))).min(ends);
    let (eks, source) = (parameters.sequence_number & 3, TekSource::Random);
    Ok(TekState::new(tek, eks, source, window.clone(), expires).lasting(expires.since(now)))
}

/// The two TEKs of an SA, wrapped with `kek`.
pub(super) fn update(kek: &Kek, said: Said, context: &TekContext, now: VirtualTime) -> SaTekUpdate {
    let [older, newer] = context.states();
    SaTekUpdate {
        kind: SaTekUpdate::TEK,
        new_said: said,
        old_said: said,
        older: Some(parameters(kek, older, now)),
        newer: Some(parameters(kek, newer, now)),
        other: Vec::new(),
    }
}

/// The two TEKs of an update, with fresh PNs; they do not outlive the PMK, which ends at `ends`.
pub(super) fn unwrapped(
    kek: &Kek,
    update: &SaTekUpdate,
    window: &PnWindow,
    now: VirtualTime,
    ends: VirtualTime,
) -> Result<TekContext, &'static str> {
    let (Some(older), Some(newer)) = (&update.older, &update.newer) else {
        return Err("an SA-TEK-Update without both TEKs");
    };
    Ok(TekContext::from_random(tek(kek, older, window, now, ends)?, tek(kek, newer, window, now, ends)?))
}

/// SA descriptor of a primary, unicast SA.
pub(super) fn descriptor(said: Said) -> PkmAttribute {
    let descriptor = SaDescriptor { said, sa_type: 0, service_type: 0, suite: SUITE, other: Vec::new() };
    PkmAttribute::SaDescriptor(descriptor)
}

/// SA-TEK-Request under the AK of `keys`, with MS_Random and BS_Random, but for its CMAC digest.
pub(super) fn request(
    identifier: u8,
    (ms_random, bs_random): ([u8; 8], [u8; 8]),
    keys: &EntryKeys,
    negotiation: SecurityNegotiation,
) -> PkmMessage {
    let attributes = vec![
        PkmAttribute::MsRandom(ms_random),
        PkmAttribute::BsRandom(bs_random),
        PkmAttribute::KeySequenceNumber(keys.ak_sn().0),
        PkmAttribute::AkId(keys.akid()),
        PkmAttribute::SecurityNegotiation(negotiation),
    ];
    PkmMessage { code: PkmCode::SA_TEK_REQUEST, identifier, attributes }
}

/// Security negotiation parameters: PKMv2, CMAC, and the size of the receive window.
pub(super) fn parameters_of(window: &PnWindow) -> SecurityNegotiation {
    SecurityNegotiation(vec![
        SecurityNegotiationItem::PkmVersion(SecurityNegotiation::PKM_V2),
        SecurityNegotiationItem::MacMode(SecurityNegotiation::CMAC),
        SecurityNegotiationItem::PnWindowSize(window.size()),
    ])
}
