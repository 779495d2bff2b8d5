use proptest::prelude::*;

use super::*;
use crate::eps::identifiers::{Ebi, Ecgi, Eci, EnbId, EnbUeS1apId, GlobalEnbId, MTmsi, MmeCode, MmeUeS1apId, Plmn};
use crate::eps::identifiers::{STmsi, Tac, Tai, Teid};
use crate::eps::keys::{Kenb, Nh};
use crate::eps::parameters::Ncc;
use crate::eps::wire::{BearerCounts, Erab, TunnelEndpoint, UeSecurityCapabilities, samples};

fn plmn() -> impl Strategy<Value = Plmn> {
    "[0-9]{3}-[0-9]{2,3}".prop_map(|text| text.parse().unwrap())
}

fn cells() -> impl Strategy<Value = Ecgi> {
    (plmn(), 0..=Eci::LAST.get()).prop_map(|(plmn, eci)| Ecgi { plmn, eci: Eci::new(eci).unwrap() })
}

fn tais() -> impl Strategy<Value = Tai> {
    (plmn(), any::<u16>()).prop_map(|(plmn, tac)| Tai { plmn, tac: Tac(tac) })
}

fn ues() -> impl Strategy<Value = UeS1apIds> {
    (any::<u32>(), 0..=EnbUeS1apId::LAST.get())
        .prop_map(|(mme, enb)| UeS1apIds { mme: MmeUeS1apId(mme), enb: EnbUeS1apId::new(enb).unwrap() })
}

fn bearer() -> impl Strategy<Value = Ebi> {
    (5..=15_u8).prop_map(|number| Ebi::new(number).unwrap())
}

fn erabs() -> impl Strategy<Value = Vec<Erab>> {
    let erab = (bearer(), any::<u32>(), any::<u32>()).prop_map(|(ebi, address, teid)| Erab {
        ebi,
        tunnel: TunnelEndpoint { address: address.into(), teid: Teid(teid) },
    });
    prop::collection::vec(erab, 1..4)
}

fn counts() -> impl Strategy<Value = Vec<BearerCounts>> {
    let counts = (bearer(), any::<u32>(), any::<u32>()).prop_map(|(ebi, uplink, downlink)| BearerCounts {
        ebi,
        uplink,
        downlink,
    });
    prop::collection::vec(counts, 1..4)
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200)
}

fn capabilities() -> impl Strategy<Value = UeSecurityCapabilities> {
    any::<(u16, u16)>().prop_map(|(encryption, integrity)| UeSecurityCapabilities { encryption, integrity })
}

fn causes() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::radioNetwork(CauseRadioNetwork::up_integrity_protection_not_possible)),
        Just(Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason)),
        Just(Cause::transport(CauseTransport::unspecified)),
        Just(Cause::nas(CauseNas::csg_subscription_expiry)),
        Just(Cause::protocol(CauseProtocol::semantic_error)),
        Just(Cause::misc(CauseMisc::unknown_PLMN)),
    ]
}

fn security() -> impl Strategy<Value = SecurityContext> {
    any::<([u8; 32], u32)>()
        .prop_map(|(key, ncc)| SecurityContext { ncc: Ncc::new(ncc), next_hop: Nh::from_octets(key) })
}

/// The fields that messages are made of, each once.
#[derive(Clone, Debug)]
struct Fields {
    ue: UeS1apIds,
    cell: Ecgi,
    tai: Tai,
    erabs: Vec<Erab>,
    counts: Vec<BearerCounts>,
    octets: Vec<u8>,
    parameters: Option<Vec<u8>>,
    capabilities: UeSecurityCapabilities,
    cause: Cause,
    security: SecurityContext,
    key: [u8; 32],
    enb: GlobalEnbId,
    s_tmsi: Option<STmsi>,
}

fn fields() -> impl Strategy<Value = Fields> {
    let enb =
        (plmn(), 0..=EnbId::LAST.get()).prop_map(|(plmn, enb)| GlobalEnbId { plmn, enb: EnbId::new(enb).unwrap() });
    let s_tmsi = any::<(u8, u32)>().prop_map(|(code, m_tmsi)| STmsi { code: MmeCode(code), m_tmsi: MTmsi(m_tmsi) });
    let first = (ues(), cells(), tais(), erabs(), counts(), octets(), prop::option::of(octets()));
    let second = (capabilities(), causes(), security(), any::<[u8; 32]>(), enb, prop::option::of(s_tmsi));
    (first, second).prop_map(|((ue, cell, tai, erabs, counts, octets, parameters), second)| {
        let (capabilities, cause, security, key, enb, s_tmsi) = second;
        Fields { ue, cell, tai, erabs, counts, octets, parameters, capabilities, cause, security, key, enb, s_tmsi }
    })
}

/// Every message of these fields.
fn messages(fields: Fields) -> Vec<S1apMessage> {
    let Fields { ue, cell, tai, erabs, counts, octets, parameters, .. } = fields.clone();
    let Fields { capabilities, cause, security, key, enb, s_tmsi, .. } = fields;
    let setup = |erab| SetupBearer { erab, nas_pdu: parameters.clone() };
    let (nas_pdu, container) = (octets.clone(), octets);
    vec![
        InitialUeMessage { enb_ue_id: ue.enb, nas_pdu: nas_pdu.clone(), tai, cell, s_tmsi }.into(),
        DownlinkNasTransport { ue, nas_pdu: nas_pdu.clone() }.into(),
        UplinkNasTransport { ue, nas_pdu, cell, tai }.into(),
        InitialContextSetupRequest {
            ue,
            bearers: erabs.iter().copied().map(setup).collect(),
            capabilities,
            kenb: Kenb::from_octets(key),
        }
        .into(),
        InitialContextSetupResponse { ue, bearers: erabs.clone() }.into(),
        InitialContextSetupFailure { ue, cause: cause.clone() }.into(),
        UeContextModificationRequest { ue, kenb: Kenb::from_octets(key) }.into(),
        UeContextModificationResponse { ue }.into(),
        UeContextReleaseRequest { ue, cause: cause.clone() }.into(),
        HandoverRequired { ue, cause: cause.clone(), target: enb, target_tai: tai, container: container.clone() }
            .into(),
        HandoverCommand { ue, nas_security_parameters: parameters, container: container.clone() }.into(),
        HandoverPreparationFailure { ue, cause: cause.clone() }.into(),
        HandoverRequest {
            mme_ue_id: ue.mme,
            cause: cause.clone(),
            bearers: erabs.clone(),
            container: container.clone(),
            capabilities,
            security: security.clone(),
        }
        .into(),
        HandoverRequestAcknowledge { ue, admitted: erabs.clone(), container }.into(),
        HandoverFailure { mme_ue_id: ue.mme, cause: cause.clone() }.into(),
        HandoverNotify { ue, cell, tai }.into(),
        HandoverCancel { ue, cause: cause.clone() }.into(),
        HandoverCancelAcknowledge { ue }.into(),
        EnbStatusTransfer { ue, bearers: counts.clone() }.into(),
        MmeStatusTransfer { ue, bearers: counts }.into(),
        PathSwitchRequest { enb_ue_id: ue.enb, bearers: erabs, mme_ue_id: ue.mme, cell, tai, capabilities }.into(),
        PathSwitchRequestAcknowledge { ue, security }.into(),
        PathSwitchRequestFailure { ue, cause: cause.clone() }.into(),
        UeContextReleaseCommand { ue, cause }.into(),
        UeContextReleaseComplete { ue }.into(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_message_comes_back_from_its_octets(fields in fields()) {
        for message in messages(fields) {
            let octets = message.octets().unwrap();
            prop_assert_eq!(S1apMessage::parse(&octets), Ok(message));
        }
    }

    #[test]
    fn a_container_comes_back_from_its_octets(
        rrc in octets(), bearers in prop::collection::vec(bearer(), 0..4), target in cells(), source in cells(),
    ) {
        let container = SourceToTargetContainer { rrc, bearers, target_cell: target, source_cell: source };
        let rrc = container.rrc.clone();
        prop_assert_eq!(SourceToTargetContainer::parse(&container.octets().unwrap()), Ok(container));
        let container = TargetToSourceContainer { rrc };
        prop_assert_eq!(TargetToSourceContainer::parse(&container.octets().unwrap()), Ok(container));
    }

    #[test]
    fn random_octets_are_an_error(octets in octets()) {
        let _ = S1apMessage::parse(&octets);
        let _ = SourceToTargetContainer::parse(&octets);
        let _ = TargetToSourceContainer::parse(&octets);
    }
}

/// The octets of TS 36.413 by hand: X.691 for a sequence of two identifiers.
#[test]
fn a_release_complete_is_these_octets() {
    let ue = UeS1apIds { mme: MmeUeS1apId(0x0102_0304), enb: EnbUeS1apId::new(0x0a_0b0c).unwrap() };
    let octets = S1apMessage::from(UeContextReleaseComplete { ue }).octets().unwrap();
    let expected = [
        // Successful outcome; procedure 23; criticality reject; 20 octets.
        "20170014",
        // No extension; 2 information elements.
        "000002",
        // 0 MME-UE-S1AP-ID, ignore, 5 octets: a number of 4 octets, of at most 4.
        "00004005c001020304",
        // 8 eNB-UE-S1AP-ID, ignore, 4 octets: a number of 3 octets, of at most 3.
        "00084004800a0b0c",
    ]
    .concat();
    assert_eq!(hex::encode(octets), expected);
}

#[test]
fn a_missing_element_and_one_that_is_not_used_here_are_named_and_placed() {
    let mut octets = S1apMessage::from(samples::handover_required()).octets().unwrap();
    let text = |octets: &[u8]| S1apMessage::parse(octets).unwrap_err().to_string();
    // The number of the first, MME-UE-S1AP-ID, becomes one that there is not.
    let place = octets.windows(4).position(|octets| octets == [0, 0, 0, 5]).unwrap();
    octets[place] = 0xff;
    assert_eq!(text(&octets), "S1AP, octet 0: expected MME-UE-S1AP-ID (IE 0), found none");
    octets[place] = 0;
    // The target is an RNC: the choice of the TargetID.
    let place = octets.windows(3).position(|octets| octets == [0, 4, 0]).unwrap() + 4;
    octets[place] |= 0x20;
    let error = S1apMessage::parse(&octets).unwrap_err();
    assert!(error.expected.starts_with("TargetID (IE 4) as "), "{error}");
    assert_eq!(error.offset, place);
    assert_eq!(text(&[]).split(", found").next(), Some("S1AP, octet 0: expected a PDU of S1AP"));
}

#[test]
fn an_element_that_a_message_does_not_have_here_is_passed_over() {
    use oxirush_s1ap::s1ap::{ProtocolIEField, S1AP_PDU};
    let message = S1apMessage::from(samples::handover_required());
    let mut pdu = S1AP_PDU::decode(&message.octets().unwrap()).unwrap();
    let mut fields = pdu.protocol_ies().unwrap().into_owned();
    let known = fields.0[1].clone();
    fields.0.insert(1, ProtocolIEField { id: 65_000.into(), ..known });
    pdu.set_protocol_ies(fields).unwrap();
    assert_eq!(S1apMessage::parse(&pdu.encode().unwrap()), Ok(message));
}

#[test]
fn every_message_is_as_the_standard_has_it() {
    for message in samples::s1ap().into_iter().chain(samples::s1ap_between_systems()) {
        let pdu = oxirush_s1ap::s1ap::S1AP_PDU::decode(&message.octets().unwrap()).unwrap();
        let deviations: Vec<String> = pdu.check().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(deviations, [""; 0], "{}", message.name());
    }
}

#[test]
fn every_prefix_is_an_error_and_every_changed_octet_a_message_or_an_error() {
    for message in samples::s1ap().into_iter().chain(samples::s1ap_between_systems()) {
        let octets = message.octets().unwrap();
        for length in 0..octets.len() {
            assert!(S1apMessage::parse(&octets[..length]).is_err(), "{} octets of {}", length, message.name());
        }
        for place in 0..octets.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[place] ^= change;
                if let Ok(message) = S1apMessage::parse(&changed) {
                    assert_eq!(S1apMessage::parse(&message.octets().unwrap()), Ok(message));
                }
            }
        }
    }
}

#[test]
fn no_key_is_printed() {
    let printed = format!("{:?}", samples::s1ap());
    assert!(printed.contains("kenb: Kenb(redacted)") && printed.contains("next_hop: Nh(redacted)"));
    assert_eq!(printed.matches("redacted").count(), 4);
}

#[test]
fn an_empty_list_of_bearers_is_no_message() {
    let error = S1apMessage::from(EnbStatusTransfer { ue: samples::ue(), bearers: Vec::new() }).octets().unwrap_err();
    assert!(error.to_string().starts_with("S1AP, octet 0: expected EnbStatusTransfer that encodes, found"), "{error}");
}

#[test]
fn a_list_with_no_item_of_its_kind_is_refused() {
    // HANDOVER REQUEST ACKNOWLEDGE with one bearer, E-RABAdmittedItem (IE 20).
    let octets = "20010039000004000040020001000840020001001240100000\
        14400b00a1f000c0fefd00000001007b001211000f0069002748a300fc00000000000080";
    let mut octets = hex::decode(octets).unwrap();
    let message = S1apMessage::parse(&octets).unwrap();
    assert_eq!(S1apMessage::parse(&message.octets().unwrap()), Ok(message));
    let place = octets.windows(3).position(|octets| octets == [0, 20, 0x40]).unwrap();
    octets[place] = 0x3e;
    let error = S1apMessage::parse(&octets).unwrap_err().to_string();
    assert!(error.contains("E-RABAdmittedList (IE 18) as a list with an item of its kind, found none"), "{error}");
}
