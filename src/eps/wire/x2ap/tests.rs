use proptest::prelude::*;

use super::*;
use crate::eps::identifiers::{Ebi, Ecgi, Eci, Gummei, MmeCode, MmeGroupId, MmeUeS1apId, Plmn, Teid, X2apUeId};
use crate::eps::keys::KenbStar;
use crate::eps::parameters::Ncc;
use crate::eps::wire::{BearerCounts, Erab, TunnelEndpoint, UeSecurityCapabilities, samples};

fn plmn() -> impl Strategy<Value = Plmn> {
    "[0-9]{3}-[0-9]{2,3}".prop_map(|text| text.parse().unwrap())
}

fn cells() -> impl Strategy<Value = Ecgi> {
    (plmn(), 0..=Eci::LAST.get()).prop_map(|(plmn, eci)| Ecgi { plmn, eci: Eci::new(eci).unwrap() })
}

fn ue_ids() -> impl Strategy<Value = X2apUeId> {
    (0..=X2apUeId::LAST.get()).prop_map(|id| X2apUeId::new(id).unwrap())
}

fn bearer() -> impl Strategy<Value = Ebi> {
    (5..=15_u8).prop_map(|number| Ebi::new(number).unwrap())
}

fn tunnels() -> impl Strategy<Value = TunnelEndpoint> {
    any::<(u32, u32)>().prop_map(|(address, teid)| TunnelEndpoint { address: address.into(), teid: Teid(teid) })
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200)
}

fn causes() -> impl Strategy<Value = X2apCause> {
    prop_oneof![
        Just(X2apCause::RadioNetwork(RadioNetworkCause::TimeCriticalHandover)),
        Just(X2apCause::RadioNetwork(RadioNetworkCause::IabNotAuthorized)),
        Just(X2apCause::Transport(TransportCause::Unspecified)),
        Just(X2apCause::Protocol(ProtocolCause::SemanticError)),
        Just(X2apCause::Misc(MiscCause::HardwareFailure)),
    ]
}

fn requests() -> impl Strategy<Value = HandoverRequest> {
    let mme = (plmn(), any::<u16>(), any::<u8>()).prop_map(|(plmn, group, code)| Gummei {
        plmn,
        group: MmeGroupId(group),
        code: MmeCode(code),
    });
    let erab = (bearer(), tunnels()).prop_map(|(ebi, tunnel)| Erab { ebi, tunnel });
    let first = (ue_ids(), causes(), cells(), cells(), mme, prop::collection::vec(erab, 1..4), octets());
    let second = any::<(u32, u16, u16, [u8; 32], u32)>();
    (first, second).prop_map(|((old_id, cause, target_cell, source_cell, mme, bearers, rrc_context), second)| {
        let (mme_ue_id, encryption, integrity, key, ncc) = second;
        HandoverRequest {
            old_id,
            cause,
            target_cell,
            mme,
            mme_ue_id: MmeUeS1apId(mme_ue_id),
            capabilities: UeSecurityCapabilities { encryption, integrity },
            kenb_star: KenbStar::from_octets(key),
            ncc: Ncc::new(ncc),
            bearers,
            rrc_context,
            source_cell,
        }
    })
}

fn messages() -> impl Strategy<Value = X2apMessage> {
    let pair = || (ue_ids(), ue_ids());
    let admitted =
        (bearer(), prop::option::of(tunnels())).prop_map(|(ebi, forwarding)| AdmittedBearer { ebi, forwarding });
    let counts = (bearer(), any::<u32>(), any::<u32>()).prop_map(|(ebi, uplink, downlink)| BearerCounts {
        ebi,
        uplink,
        downlink,
    });
    prop_oneof![
        requests().prop_map(X2apMessage::from),
        (pair(), prop::collection::vec(admitted, 1..4), octets()).prop_map(
            |((old_id, new_id), admitted, container)| {
                HandoverRequestAcknowledge { old_id, new_id, admitted, container }.into()
            }
        ),
        (ue_ids(), causes()).prop_map(|(old_id, cause)| HandoverPreparationFailure { old_id, cause }.into()),
        (pair(), prop::collection::vec(counts, 1..4)).prop_map(|((old_id, new_id), bearers)| SnStatusTransfer {
            old_id,
            new_id,
            bearers
        }
        .into()),
        pair().prop_map(|(old_id, new_id)| UeContextRelease { old_id, new_id }.into()),
        (ue_ids(), prop::option::of(ue_ids()), causes()).prop_map(|(old_id, new_id, cause)| HandoverCancel {
            old_id,
            new_id,
            cause
        }
        .into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn every_message_comes_back_from_its_octets(message in messages()) {
        let octets = message.octets().unwrap();
        prop_assert_eq!(X2apMessage::parse(&octets), Ok(message));
    }

    #[test]
    fn random_octets_are_no_panic(octets in octets()) {
        let _ = X2apMessage::parse(&octets);
    }

    #[test]
    fn a_message_with_several_changed_octets_is_no_panic(
        number in 0..7_usize, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut octets = samples::x2ap()[number].octets().unwrap();
        for (place, value) in changes {
            let place = place.index(octets.len());
            octets[place] = value;
        }
        let _ = X2apMessage::parse(&octets);
    }
}

/// The octets of TS 36.423 by hand: X.691 for a sequence of two identifiers.
#[test]
fn a_context_release_is_these_octets() {
    let [old_id, new_id] = [0x123, 0xabc].map(|id| X2apUeId::new(id).unwrap());
    let octets = X2apMessage::from(UeContextRelease { old_id, new_id }).octets().unwrap();
    let expected = [
        // Initiating message; procedure 5; criticality ignore; 15 octets.
        "0005400f",
        // No extension; 2 information elements.
        "000002",
        // 10 Old eNB UE X2AP ID, reject, 2 octets.
        "000a00020123",
        // 9 New eNB UE X2AP ID, reject, 2 octets.
        "000900020abc",
    ];
    assert_eq!(hex::encode(octets), expected.concat());
}

#[test]
fn a_missing_element_and_one_that_is_not_used_here_are_named_and_placed() {
    let message = samples::x2ap().swap_remove(2);
    let octets = message.octets().unwrap();
    let mut changed = octets.clone();
    let place = octets.windows(4).position(|octets| octets == [0, 10, 0, 2]).unwrap();
    changed[place] = 0xff;
    let text = X2apMessage::parse(&changed).unwrap_err().to_string();
    assert_eq!(text, "X2AP, octet 0: expected Old-eNB-UE-X2AP-ID (IE 10), found none");
    // A bearer of number 1 in the first item of the list.
    let list = octets.windows(3).position(|octets| octets == [0, 18, 0x40]).unwrap();
    let item = octets.windows(3).position(|octets| octets == [0, 19, 0x40]).unwrap() + 4;
    let mut changed = octets;
    changed[item] = changed[item] & !0x0f | 0x02;
    let error = X2apMessage::parse(&changed).unwrap_err();
    assert_eq!((error.layer, error.offset), ("X2AP", list + 4), "{error}");
}

#[test]
fn an_element_that_a_message_does_not_have_here_is_passed_over() {
    let message = samples::x2ap().swap_remove(3);
    let X2apMessage::UeContextRelease(release) = &message else { panic!("{message:?}") };
    let mut fields = release.fields().unwrap();
    fields.insert(1, Field { id: 65_000, criticality: Criticality::Ignore, value: vec![1, 2, 3].into() });
    let value = rasn::aper::encode(&Container { fields }).unwrap().into();
    let pdu = Pdu::Initiating(Envelope { procedure: 5, criticality: Criticality::Ignore, value });
    assert_eq!(X2apMessage::parse(&rasn::aper::encode(&pdu).unwrap()), Ok(message));
}

#[test]
fn every_prefix_is_an_error_and_every_changed_octet_a_message_or_an_error() {
    for message in samples::x2ap() {
        let octets = message.octets().unwrap();
        for length in 0..octets.len() {
            assert!(X2apMessage::parse(&octets[..length]).is_err(), "{} octets of {}", length, message.name());
        }
        for place in 0..octets.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[place] ^= change;
                if let Ok(message) = X2apMessage::parse(&changed) {
                    assert_eq!(X2apMessage::parse(&message.octets().unwrap()), Ok(message));
                }
            }
        }
    }
}

#[test]
fn no_key_is_printed() {
    let printed = format!("{:?}", samples::x2ap());
    assert_eq!(printed.matches("KenbStar(redacted)").count(), 1);
}

/// By hand: the items of a list of bearers, whose numbers have an extension marker.
#[test]
fn an_admitted_bearer_is_these_octets() {
    let octets = hex::encode(samples::x2ap()[1].octets().unwrap());
    // No extension, downlink endpoint only; no extension, 5; no extension, none; 32 bits (31 beyond the first) with no extension;
    // padding; address; TEID. In bits: 0 010, 0 0101, 00, 0 00011111, 0000.
    let with_tunnel = ["2281f0", "0a140007", "10000007"].concat();
    // The same without an endpoint: 0 000, 0 0110, and padding.
    let without = "0300";
    assert!(octets.contains(&format!("0b{with_tunnel}")) && octets.contains(&format!("02{without}")), "{octets}");
}
