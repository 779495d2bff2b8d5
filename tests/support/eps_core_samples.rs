//! One of every message of the EPS core network, for the tests inside the crate and those with other programs. Whoever includes
//! this file says where `eps` is.

use std::net::Ipv4Addr;

use super::eps::identifiers::{
    Ebi, Ecgi, Eci, EnbId, EnbUeS1apId, GlobalEnbId, Gummei, Guti, Imsi, MTmsi, MmeCode, MmeGroupId, MmeUeS1apId, Plmn,
    STmsi, Tac, Tai, Teid, X2apUeId,
};
use super::eps::keys::{
    AlgorithmKey, CkIk, E2mIntKey, E2mKey, Kasme, Kc, Kenb, KenbStar, Nh, UpContext, UpKey, UpRelocation,
};
use super::eps::parameters::{AlgorithmId, Ncc, Origin};
use super::eps::wire::diameter::{
    self, AuthenticationQuintuplet, AuthenticationTriplet, DiameterBody, DiameterMessage, DiameterPeer, DiameterResult,
    Vector, VectorAccess,
};
use super::eps::wire::gmm;
use super::eps::wire::gprs::{GbMessage, GeranCellIdentity, LlcContents, LlcFrame};
use super::eps::wire::gtpv1::{self, Gtpv1Body, Gtpv1Cause, Gtpv1Message};
use super::eps::wire::gtpv2::mm_context::KsiAsme;
use super::eps::wire::gtpv2::{self, AuthenticationQuadruplet, GtpCause, Gtpv2Body, Gtpv2Message, MmContext};
use super::eps::wire::ranap::{
    self, IuMessage, RanapCause, RanapMessage, RelocationTarget, RncIdentity, SourceRncContainer, TargetRncContainer,
};
use super::eps::wire::s1ap::{
    self, Cause, CauseMisc, CauseNas, CauseRadioNetwork, S1apMessage, SecurityContext, SourceToTargetContainer,
    TargetToSourceContainer, UeS1apIds,
};
use super::eps::wire::x2ap::{self, RadioNetworkCause, X2apCause, X2apMessage};
use super::eps::wire::{BearerCounts, Erab, TunnelEndpoint, UeSecurityCapabilities};

/// HandoverPreparationInformation (TS 36.331 clause 10.2.2) with an empty list of capabilities.
pub const HANDOVER_PREPARATION_INFORMATION: [u8; 2] = [0, 0];
/// HandoverCommand (TS 36.331 clause 10.2.2) with an RRCConnectionReconfiguration to cell 2: C-RNTI 0x4601, NCC 1.
pub const HANDOVER_COMMAND: [u8; 16] =
    [0x00, 0x79, 0x00, 0x49, 0x00, 0x20, 0x03, 0x25, 0x46, 0x01, 0, 0, 0, 0, 0x00, 0x40];
/// NAS: Attach Request of the IMSI 208930000000001.
const ATTACH_REQUEST: &str = "07410108298039000000001002e0e000040201d031";
/// NAS: Authentication Request.
const AUTHENTICATION_REQUEST: &str = "07520023553cbe9637a89d218ae64dae47bf3510aa689c648350b9b9a4a8043ac07aa7e0";
/// NAS: Authentication Response.
const AUTHENTICATION_RESPONSE: &str = "0753080102030405060708";
/// NAS: Tracking Area Update Request of a GUTI, with MAC.
const PROTECTED_UPDATE_REQUEST: &str = "1701020304050748280bf602f839800103c0010203";
/// NAS: Attach Accept with an Activate Default EPS Bearer Context Request.
const ATTACH_ACCEPT: &str = "07420121060002f839000100155201c101090908696e7465726e657405010a000001";

pub fn plmn() -> Plmn {
    "208-93".parse().unwrap()
}

/// The eNB with this number.
pub fn enb(number: u32) -> GlobalEnbId {
    GlobalEnbId { plmn: plmn(), enb: EnbId::new(number).unwrap() }
}

/// Its cell.
pub fn cell(number: u32) -> Ecgi {
    Ecgi { plmn: plmn(), eci: Eci::of_enb(EnbId::new(number).unwrap(), 6) }
}

pub fn tai() -> Tai {
    Tai { plmn: plmn(), tac: Tac(0x0102) }
}

fn mme() -> Gummei {
    Gummei { plmn: plmn(), group: MmeGroupId(0x8001), code: MmeCode(3) }
}

pub fn ue() -> UeS1apIds {
    UeS1apIds { mme: MmeUeS1apId(0x0102_0304), enb: EnbUeS1apId::new(0x0a_0b0c).unwrap() }
}

fn bearer(number: u8) -> Ebi {
    Ebi::new(number).unwrap()
}

fn tunnel(last: u8) -> TunnelEndpoint {
    TunnelEndpoint { address: Ipv4Addr::new(10, 20, 0, last), teid: Teid(0x1000_0000 + u32::from(last)) }
}

fn erabs() -> Vec<Erab> {
    vec![Erab { ebi: bearer(5), tunnel: tunnel(1) }, Erab { ebi: bearer(6), tunnel: tunnel(2) }]
}

fn counts() -> Vec<BearerCounts> {
    vec![
        BearerCounts { ebi: bearer(5), uplink: 0x0000_1007, downlink: 0xffff_ffff },
        BearerCounts { ebi: bearer(6), uplink: 0, downlink: 1 },
    ]
}

fn capabilities() -> UeSecurityCapabilities {
    let algorithms = [AlgorithmId::Snow3g, AlgorithmId::Aes];
    UeSecurityCapabilities::new(&algorithms, &algorithms)
}

fn cause() -> Cause {
    Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason)
}

/// Octets that count up from `first`.
fn key(first: u8) -> [u8; 32] {
    std::array::from_fn(|place| first + place as u8)
}

fn security() -> SecurityContext {
    SecurityContext { ncc: Ncc::new(2), next_hop: Nh::from_octets(key(0x20)) }
}

fn nas(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

pub fn source_to_target() -> SourceToTargetContainer {
    SourceToTargetContainer {
        rrc: HANDOVER_PREPARATION_INFORMATION.to_vec(),
        bearers: vec![bearer(5), bearer(6)],
        target_cell: cell(2),
        source_cell: cell(1),
    }
}

pub fn target_to_source() -> TargetToSourceContainer {
    TargetToSourceContainer { rrc: HANDOVER_COMMAND.to_vec() }
}

pub fn handover_required() -> s1ap::HandoverRequired {
    s1ap::HandoverRequired {
        ue: ue(),
        cause: cause(),
        target: enb(2),
        target_tai: tai(),
        container: source_to_target().octets().unwrap(),
    }
}

/// Every message of S1AP, in the order of a run.
pub fn s1ap() -> Vec<S1apMessage> {
    let (source, target) = (source_to_target().octets().unwrap(), target_to_source().octets().unwrap());
    let (ue, tai, cell) = (ue(), tai(), cell(2));
    let s_tmsi = STmsi { code: MmeCode(3), m_tmsi: MTmsi(0xc001_0203) };
    let attach = s1ap::InitialUeMessage { enb_ue_id: ue.enb, nas_pdu: nas(ATTACH_REQUEST), tai, cell, s_tmsi: None };
    let setup = |erab| s1ap::SetupBearer { erab, nas_pdu: None };
    let mut bearers: Vec<_> = erabs().into_iter().map(setup).collect();
    bearers[0].nas_pdu = Some(nas(ATTACH_ACCEPT));
    let command =
        |nas_security_parameters| s1ap::HandoverCommand { ue, nas_security_parameters, container: target.clone() };
    vec![
        attach.clone().into(),
        s1ap::InitialUeMessage { s_tmsi: Some(s_tmsi), ..attach }.into(),
        s1ap::DownlinkNasTransport { ue, nas_pdu: nas(AUTHENTICATION_REQUEST) }.into(),
        s1ap::UplinkNasTransport { ue, nas_pdu: nas(AUTHENTICATION_RESPONSE), cell, tai }.into(),
        s1ap::InitialContextSetupRequest {
            ue,
            bearers,
            capabilities: capabilities(),
            kenb: Kenb::from_octets(key(0x40)),
        }
        .into(),
        s1ap::InitialContextSetupResponse { ue, bearers: erabs() }.into(),
        s1ap::InitialContextSetupFailure { ue, cause: Cause::radioNetwork(CauseRadioNetwork::unspecified) }.into(),
        s1ap::UeContextModificationRequest { ue, kenb: Kenb::from_octets(key(0x50)) }.into(),
        s1ap::UeContextModificationResponse { ue }.into(),
        s1ap::UeContextReleaseRequest {
            ue,
            cause: Cause::radioNetwork(CauseRadioNetwork::release_due_to_eutran_generated_reason),
        }
        .into(),
        handover_required().into(),
        s1ap::HandoverRequest {
            mme_ue_id: ue.mme,
            cause: cause(),
            bearers: erabs(),
            container: source,
            capabilities: capabilities(),
            security: security(),
        }
        .into(),
        s1ap::HandoverRequestAcknowledge { ue, admitted: erabs(), container: target.clone() }.into(),
        command(None).into(),
        command(Some((0..17).collect())).into(),
        s1ap::EnbStatusTransfer { ue, bearers: counts() }.into(),
        s1ap::MmeStatusTransfer { ue, bearers: counts() }.into(),
        s1ap::HandoverNotify { ue, cell, tai }.into(),
        s1ap::HandoverPreparationFailure { ue, cause: Cause::radioNetwork(CauseRadioNetwork::ho_target_not_allowed) }
            .into(),
        s1ap::HandoverFailure { mme_ue_id: ue.mme, cause: Cause::misc(CauseMisc::unspecified) }.into(),
        s1ap::HandoverCancel { ue, cause: Cause::radioNetwork(CauseRadioNetwork::handover_cancelled) }.into(),
        s1ap::HandoverCancelAcknowledge { ue }.into(),
        s1ap::PathSwitchRequest {
            enb_ue_id: ue.enb,
            bearers: erabs(),
            mme_ue_id: ue.mme,
            cell,
            tai,
            capabilities: capabilities(),
        }
        .into(),
        s1ap::PathSwitchRequestAcknowledge { ue, security: security() }.into(),
        s1ap::PathSwitchRequestFailure { ue, cause: Cause::nas(CauseNas::unspecified) }.into(),
        s1ap::UeContextReleaseCommand { ue, cause: Cause::radioNetwork(CauseRadioNetwork::successful_handover) }.into(),
        s1ap::UeContextReleaseComplete { ue }.into(),
    ]
}

/// Every message of X2AP, in the order of a run.
pub fn x2ap() -> Vec<X2apMessage> {
    let (old_id, new_id) = (X2apUeId::new(0x123).unwrap(), X2apUeId::new(0xabc).unwrap());
    let cause = X2apCause::RadioNetwork(RadioNetworkCause::HandoverDesirableForRadioReasons);
    let admitted = |ebi, forwarding| x2ap::AdmittedBearer { ebi: bearer(ebi), forwarding };
    vec![
        x2ap::HandoverRequest {
            old_id,
            cause,
            target_cell: cell(2),
            mme: mme(),
            mme_ue_id: ue().mme,
            capabilities: capabilities(),
            kenb_star: KenbStar::from_octets(key(0x60)),
            ncc: Ncc::new(3),
            bearers: erabs(),
            rrc_context: HANDOVER_PREPARATION_INFORMATION.to_vec(),
            source_cell: cell(1),
        }
        .into(),
        x2ap::HandoverRequestAcknowledge {
            old_id,
            new_id,
            admitted: vec![admitted(5, Some(tunnel(7))), admitted(6, None)],
            container: HANDOVER_COMMAND.to_vec(),
        }
        .into(),
        x2ap::SnStatusTransfer { old_id, new_id, bearers: counts() }.into(),
        x2ap::UeContextRelease { old_id, new_id }.into(),
        x2ap::HandoverPreparationFailure {
            old_id,
            cause: X2apCause::RadioNetwork(RadioNetworkCause::NoRadioResourcesAvailableInTargetCell),
        }
        .into(),
        x2ap::HandoverCancel { old_id, new_id: Some(new_id), cause }.into(),
        x2ap::HandoverCancel {
            old_id,
            new_id: None,
            cause: X2apCause::RadioNetwork(RadioNetworkCause::ProcedureCancelled),
        }
        .into(),
    ]
}

pub fn mm_context() -> MmContext {
    MmContext {
        ksi: KsiAsme::new(1),
        integrity: AlgorithmId::Aes,
        ciphering: AlgorithmId::Snow3g,
        downlink_count: 0x01_0203,
        uplink_count: 0x04_0506,
        kasme: Kasme::from_octets(key(0x80)),
        next_hop: Some((Nh::from_octets(key(0xa0)), Ncc::new(5))),
        quadruplets: vec![AuthenticationQuadruplet {
            rand: [0x11; 16],
            xres: vec![0x22; 8],
            autn: vec![0x33; 16],
            kasme: Kasme::from_octets(key(0xc0)),
        }],
        ue_network_capability: capabilities().nas_octets().to_vec(),
    }
}

/// Every message of GTPv2-C, in the order of a run.
pub fn gtpv2() -> Vec<Gtpv2Message> {
    let imsi = imsi();
    let connection = gtpv2::PdnConnection {
        apn: "internet.example".to_owned(),
        address: Ipv4Addr::new(10, 45, 0, 2),
        default_bearer: bearer(5),
        pgw: tunnel(30),
        bearers: vec![gtpv2::PdnBearer { ebi: bearer(5), sgw: tunnel(31), pgw: tunnel(32) }],
    };
    let request = gtpv2::ForwardRelocationRequest {
        imsi,
        sender: tunnel(10),
        connections: vec![connection],
        sgw: tunnel(20),
        mm_context: mm_context(),
        container: source_to_target().octets().unwrap(),
        target: enb(2),
        target_tai: tai(),
        cause: (&cause()).into(),
        up: None,
        origin: None,
    };
    let refreshed = gtpv2::ForwardRelocationRequest {
        mm_context: MmContext { next_hop: None, quadruplets: Vec::new(), ..mm_context() },
        origin: Some(Origin::Gsm),
        ..request.clone()
    };
    let up = UpKey { update: 3, algorithm: AlgorithmId::Aes, key: AlgorithmKey::from_octets([0x55; 16]) };
    let with_up = gtpv2::ForwardRelocationRequest {
        up: Some(UpRelocation { key: up.clone(), last_update: 4 }),
        origin: None,
        ..refreshed.clone()
    };
    let grant = gtpv2::RelocationGrant {
        sender: tunnel(11),
        container: target_to_source().octets().unwrap(),
        nas: None,
        forwarding: None,
    };
    let with_nas = gtpv2::RelocationGrant { nas: Some(nas(AUTHENTICATION_RESPONSE)), ..grant.clone() };
    let with_forwarding = gtpv2::RelocationGrant { forwarding: Some(erabs()[1]), ..with_nas.clone() };
    let session = gtpv2::CreateSessionRequest {
        imsi,
        sender: tunnel(10),
        apn: "internet".to_owned(),
        address: Ipv4Addr::new(10, 45, 0, 2),
        bearer: erabs()[0],
        afresh: true,
        up: Some(up.clone()),
    };
    let renewal = gtpv2::ModifyBearerRequest { sender: None, bearers: Vec::new(), up: Some(up.clone()) };
    let session_grant = gtpv2::SessionGrant { sender: tunnel(12), address: None, bearer: erabs()[1] };
    let granted = |cause, grant| Gtpv2Body::CreateSessionResponse(gtpv2::CreateSessionResponse { cause, grant });
    let forwarding = |to, up| {
        let request = gtpv2::CreateForwardingRequest { sender: tunnel(10), ebi: bearer(5), to, up };
        Gtpv2Body::CreateForwardingRequest(request)
    };
    let forwarded =
        |cause, bearer| Gtpv2Body::CreateForwardingResponse(gtpv2::CreateForwardingResponse { cause, bearer });
    let context = UpContext { key: up.clone(), counts: [0x0001_0203, 0x0004_0506] };
    let delete = gtpv2::DeleteSessionRequest { bearer: bearer(5) };
    let response =
        |cause, grant| Gtpv2Body::ForwardRelocationResponse(gtpv2::ForwardRelocationResponse { cause, grant });
    let context_request = gtpv2::ContextRequest {
        guti: Guti { gummei: mme(), m_tmsi: MTmsi(0xc001_0203) },
        update: nas(PROTECTED_UPDATE_REQUEST),
        sender: tunnel(13),
    };
    let given = gtpv2::GivenContext {
        mm_context: MmContext { next_hop: None, quadruplets: Vec::new(), ..mm_context() },
        connections: request.connections.clone(),
        sender: tunnel(14),
        sgw: tunnel(20),
        up: None,
        origin: Some(Origin::Umts),
    };
    let context_response =
        |cause, imsi, context| Gtpv2Body::ContextResponse(gtpv2::ContextResponse { cause, imsi, context });
    let modify =
        |sender| Gtpv2Body::ModifyBearerRequest(gtpv2::ModifyBearerRequest { sender, bearers: erabs(), up: None });
    let modified = |cause, bearers| Gtpv2Body::ModifyBearerResponse(gtpv2::ModifyBearerResponse { cause, bearers });
    let bodies = [
        (0, 1, Gtpv2Body::ForwardRelocationRequest(request)),
        (10, 1, response(GtpCause::ACCEPTED, Some(grant))),
        (10, 2, Gtpv2Body::ForwardRelocationCompleteNotification),
        (11, 2, Gtpv2Body::ForwardRelocationCompleteAcknowledge(GtpCause::ACCEPTED)),
        (0, 3, Gtpv2Body::ForwardRelocationRequest(refreshed)),
        (10, 3, response(GtpCause::RELOCATION_FAILURE, None)),
        (11, 4, Gtpv2Body::RelocationCancelRequest(gtpv2::RelocationCancelRequest { imsi })),
        (10, 4, Gtpv2Body::RelocationCancelResponse(GtpCause::CONTEXT_NOT_FOUND)),
        (10, 5, response(GtpCause::ACCEPTED, Some(with_nas))),
        (20, 6, modify(None)),
        (10, 6, modified(GtpCause::ACCEPTED, erabs())),
        (20, 7, modify(Some(tunnel(12)))),
        (12, 7, modified(GtpCause::CONTEXT_NOT_FOUND, Vec::new())),
        (0, 8, Gtpv2Body::ForwardRelocationRequest(with_up)),
        (0, 9, Gtpv2Body::CreateSessionRequest(session)),
        (12, 8, Gtpv2Body::ModifyBearerRequest(renewal)),
        (10, 9, granted(GtpCause::ACCEPTED, Some(session_grant))),
        (10, 10, granted(GtpCause::NO_RESOURCES, None)),
        (12, 11, forwarding(gtpv2::ForwardingEnd::Enb(tunnel(3)), Some(up))),
        (10, 11, forwarded(GtpCause::ACCEPTED, Some(erabs()[0]))),
        (10, 12, response(GtpCause::ACCEPTED, Some(with_forwarding))),
        (13, 13, forwarding(gtpv2::ForwardingEnd::Upe(tunnel(4)), None)),
        (12, 14, Gtpv2Body::ForwardAccessContextNotification(gtpv2::AccessContextNotification { up: context })),
        (13, 14, Gtpv2Body::ForwardAccessContextAcknowledge(GtpCause::ACCEPTED)),
        (10, 13, forwarded(GtpCause::RELOCATION_FAILURE, None)),
        (13, 15, Gtpv2Body::DeleteForwardingRequest),
        (10, 15, Gtpv2Body::DeleteForwardingResponse(GtpCause::ACCEPTED)),
        (13, 16, Gtpv2Body::DeleteSessionRequest(delete)),
        (10, 16, Gtpv2Body::DeleteSessionResponse(GtpCause::ACCEPTED)),
        (0, 8, Gtpv2Body::ContextRequest(context_request)),
        (13, 8, context_response(GtpCause::ACCEPTED, Some(imsi), Some(given))),
        (14, 8, Gtpv2Body::ContextAcknowledge(GtpCause::ACCEPTED)),
        (13, 9, context_response(GtpCause::USER_AUTHENTICATION_FAILED, None, None)),
    ];
    bodies
        .map(|(last, sequence, body)| Gtpv2Message {
            teid: if last == 0 { Teid(0) } else { tunnel(last).teid },
            sequence,
            body,
        })
        .into()
}

/// Every message of Diameter, in the order of a run.
pub fn diameter() -> Vec<DiameterMessage> {
    let (imsi, visited) = ("208930000000001".parse().unwrap(), plmn());
    let (mme, hss) = (DiameterPeer::mme(mme()), DiameterPeer::hss(plmn()));
    let asked = |access, resynchronisation| {
        let destination = hss.clone();
        let request =
            diameter::AuthenticationInformationRequest { destination, imsi, visited, access, resynchronisation };
        DiameterBody::AuthenticationInformationRequest(request)
    };
    let information = |resynchronisation| asked(VectorAccess::Eutran, resynchronisation);
    let answer = |result, vector| {
        let answer = diameter::AuthenticationInformationAnswer { result, vector };
        DiameterBody::AuthenticationInformationAnswer(answer)
    };
    let resynchronisation = diameter::Resynchronisation { rand: [0x11; 16], auts: [0x44; 14] };
    let update = diameter::UpdateLocationRequest { destination: hss.clone(), imsi, visited };
    let cancel = diameter::CancelLocationRequest { destination: mme.clone(), imsi };
    let bodies = [
        (1, true, information(None)),
        (1, false, answer(DiameterResult::SUCCESS, mm_context().quadruplets.pop().map(Vector::Eutran))),
        (2, true, information(Some(resynchronisation))),
        (2, false, answer(DiameterResult::USER_UNKNOWN, None)),
        (3, true, DiameterBody::UpdateLocationRequest(update)),
        (4, false, DiameterBody::CancelLocationRequest(cancel)),
        (4, true, DiameterBody::CancelLocationAnswer(DiameterResult::SUCCESS)),
        (3, false, DiameterBody::UpdateLocationAnswer(DiameterResult::UNABLE_TO_COMPLY)),
    ];
    let quintuplet =
        AuthenticationQuintuplet { rand: [0x11; 16], xres: vec![0x22; 8], autn: vec![0x33; 16], keys: ck_ik() };
    let triplet = AuthenticationTriplet { rand: [0x11; 16], sres: [0x22; 4], kc: Kc::from_octets([0x66; 8]) };
    let emks = DiameterPeer::of("emks", plmn());
    let push = |identifier| {
        let (destination, key) = (emks.clone(), E2mIntKey::from_octets([0x77; 32]));
        DiameterBody::PushProfileRequest(diameter::PushProfileRequest { destination, imsi, identifier, key })
    };
    let key_wanted = |end_point: Option<&str>, wanted| {
        let (destination, end_point) = (emks.clone(), end_point.map(str::to_owned));
        DiameterBody::BootstrappingInfoRequest(diameter::BootstrappingInfoRequest { destination, end_point, wanted })
    };
    let key_given = |result, keys: &[u8]| {
        let keys = keys.iter().map(|octet| E2mKey::from_octets([*octet; 32])).collect();
        DiameterBody::BootstrappingInfoAnswer(diameter::BootstrappingInfoAnswer { result, keys })
    };
    let meter = || Some(("meter-1@example.org".to_owned(), 0x0102_0304));
    let bodies = bodies.into_iter().chain([
        (5, true, asked(VectorAccess::UtranGeran, None)),
        (5, false, answer(DiameterResult::SUCCESS, Some(Vector::Utran(quintuplet)))),
        (6, true, asked(VectorAccess::UtranGeran, Some(resynchronisation))),
        (6, false, answer(DiameterResult::SUCCESS, Some(Vector::Geran(triplet)))),
        (7, false, push(Some(0x0102_0304))),
        (7, true, DiameterBody::PushProfileAnswer(DiameterResult::SUCCESS)),
        (8, false, push(None)),
        (9, true, key_wanted(Some("emse1.example.org"), meter())),
        (9, false, key_given(DiameterResult::SUCCESS, &[0x88, 0x99])),
        (10, true, key_wanted(Some("emse1.example.org"), None)),
        (10, false, key_given(DiameterResult::NOT_AUTHORIZED, &[])),
        (11, true, key_wanted(None, meter())),
        (11, false, key_given(DiameterResult::TRANSACTION_IDENTIFIER_INVALID, &[])),
    ]);
    let message = |(number, from_mme, body)| DiameterMessage {
        hop_by_hop: number,
        end_to_end: 0x100 + number,
        session: format!("{};0;{number}", mme.host),
        origin: if from_mme { mme.clone() } else { hss.clone() },
        body,
    };
    bodies.map(message).collect()
}

/// HANDOVER TO UTRAN COMMAND: RNC 5, UE 7, scrambling code 9.
const HANDOVER_TO_UTRAN_COMMAND: &str = "f20014079c301601e00040091428539928";

fn rnc() -> RncIdentity {
    RncIdentity { plmn: plmn(), lac: 0x0102, rac: 3, rnc: 5 }
}

pub fn source_rnc() -> SourceRncContainer {
    SourceRncContainer { target_cell: 0x0005_0009 }
}

pub fn target_rnc() -> TargetRncContainer {
    TargetRncContainer { rrc: hex::decode(HANDOVER_TO_UTRAN_COMMAND).unwrap() }
}

/// The container of a UE that comes from UTRAN.
pub fn from_utran() -> Vec<u8> {
    s1ap::container_from_utran(&HANDOVER_PREPARATION_INFORMATION, cell(0x12346), (plmn(), 0x0005_0009)).unwrap()
}

/// CK, then IK: 16 octets each that count up.
pub fn ck_ik() -> CkIk {
    CkIk::from_octets(std::array::from_fn(|place| 0xa0 + place as u8))
}

/// Handovers between systems over S1.
pub fn s1ap_between_systems() -> Vec<S1apMessage> {
    let cause = Cause::radioNetwork(CauseRadioNetwork::handover_desirable_for_radio_reason);
    let nas_security = vec![1, 2, 3, 4, 0x22, 0x09];
    vec![
        s1ap::HandoverToUtranRequired {
            ue: ue(),
            cause: cause.clone(),
            target: rnc(),
            container: source_rnc().octets().unwrap(),
        }
        .into(),
        s1ap::HandoverToUtranCommand { ue: ue(), nas_security: 7, container: target_rnc().octets().unwrap() }.into(),
        s1ap::HandoverFromUtranRequest {
            mme_ue_id: ue().mme,
            cause,
            bearers: erabs(),
            container: from_utran(),
            capabilities: capabilities(),
            kenb: Kenb::from_octets([0x51; 32]),
            nas_security,
        }
        .into(),
    ]
}

/// One of every message of RANAP, in its connection.
pub fn ranap() -> Vec<IuMessage> {
    let erab = erabs()[0];
    let to_source = TargetToSourceContainer { rrc: HANDOVER_COMMAND.to_vec() };
    let required = |target, container| ranap::RelocationRequired {
        cause: RanapCause::DESIRABLE,
        plmn: plmn(),
        rnc: 5,
        target,
        container,
    };
    let messages: Vec<RanapMessage> = vec![
        required(RelocationTarget::Enb(enb(0x2346), tai()), from_utran()).into(),
        ranap::RelocationCommand { container: to_source.octets().unwrap() }.into(),
        ranap::RelocationPreparationFailure { cause: RanapCause::FAILURE_IN_TARGET }.into(),
        ranap::RelocationRequest {
            imsi: imsi(),
            cause: RanapCause::DESIRABLE,
            container: source_rnc(),
            bearer: erab,
            keys: ck_ik(),
            connection: 7,
        }
        .into(),
        ranap::RelocationRequestAcknowledge { container: target_rnc(), bearer: erab }.into(),
        ranap::RelocationFailure { cause: RanapCause::NO_ALGORITHMS }.into(),
        ranap::RelocationDetect.into(),
        ranap::RelocationComplete.into(),
        ranap::RelocationCancel { cause: RanapCause::CANCELLED }.into(),
        ranap::RelocationCancelAcknowledge.into(),
        ranap::IuReleaseCommand { cause: RanapCause::SUCCESSFUL }.into(),
        ranap::IuReleaseComplete.into(),
        ranap::InitialUeMessage { area: area(), rnc: 5, connection: 7, nas: gmm_attach_request() }.into(),
        ranap::DirectTransfer { nas: gmm::GmmMessage::AttachComplete.octets().unwrap() }.into(),
        ranap::SecurityModeCommand { keys: ck_ik() }.into(),
        ranap::SecurityModeComplete.into(),
        ranap::SecurityModeReject { cause: RanapCause::NO_ALGORITHMS }.into(),
        ranap::RabAssignmentRequest { bearer: erab }.into(),
        ranap::RabAssignmentResponse { bearer: erab }.into(),
    ];
    messages.into_iter().map(|message| IuMessage { connection: 7, message }).collect()
}

/// The routing area of every UE of an SGSN.
fn area() -> gmm::RoutingArea {
    gmm::RoutingArea { plmn: plmn(), lac: 0x1001, rac: 1 }
}

fn gmm_attach_request() -> Vec<u8> {
    let (key_set, imsi, area, capabilities) = (gmm::NO_KEY_SET, imsi(), area(), capabilities());
    gmm::GmmMessage::AttachRequest { key_set, imsi, area, capabilities }.octets().unwrap()
}

/// One of every message between BSS and SGSN, with a frame of LLC.
pub fn gb() -> Vec<GbMessage> {
    let cell = GeranCellIdentity { area: area(), ci: 1 };
    let frame = |from_sgsn, contents| LlcFrame { from_sgsn, number: 3, contents }.octets().unwrap();
    let packet = hex::decode("4500001c000100004001665e0a2d00020a2d00010800f7fd00010001").unwrap();
    vec![
        GbMessage::Uplink { tlli: 0x7800_0001, cell, llc: frame(false, LlcContents::Gmm(gmm_attach_request())) },
        GbMessage::Downlink { tlli: 0x7800_0001, llc: frame(true, LlcContents::User { number: 1, packet }) },
    ]
}

/// One of every message of GTPv1-C.
pub fn gtpv1() -> Vec<Gtpv1Message> {
    let (sender, erab) = (tunnel(4), erabs()[0]);
    let context = gtpv1::UmtsContext { key_set: 2, keys: ck_ik(), capabilities: capabilities() };
    let pdp = gtpv1::PdpContext {
        nsapi: erab.ebi,
        address: Ipv4Addr::new(10, 45, 0, 2),
        control: Teid(7),
        uplink: tunnel(3),
    };
    let request = |target, container| gtpv1::ForwardRelocationRequest {
        imsi: imsi(),
        sender,
        cause: RanapCause::DESIRABLE,
        context: Some(context.clone()),
        origin: Origin::Gsm,
        pdp,
        target,
        container,
    };
    let container = TargetToSourceContainer { rrc: HANDOVER_COMMAND.to_vec() }.octets().unwrap();
    let grant = Some(gtpv1::RelocationGrant { sender, container, bearer: erab });
    let known = |context| Some(gtpv1::SgsnContext { imsi: imsi(), sender, context, origin: Origin::Umts, pdp });
    let response = |cause, known| Gtpv1Body::SgsnContextResponse(gtpv1::SgsnContextResponse { cause, known });
    let bodies = vec![
        Gtpv1Body::ForwardRelocationRequest(request(RelocationTarget::Enb(enb(0x2346), tai()), from_utran())),
        Gtpv1Body::ForwardRelocationRequest(request(RelocationTarget::Rnc(rnc()), source_rnc().octets().unwrap())),
        Gtpv1Body::ForwardRelocationResponse(gtpv1::ForwardRelocationResponse { cause: Gtpv1Cause::ACCEPTED, grant }),
        Gtpv1Body::ForwardRelocationResponse(gtpv1::ForwardRelocationResponse {
            cause: Gtpv1Cause::RELOCATION_FAILURE,
            grant: None,
        }),
        Gtpv1Body::ForwardRelocationComplete,
        Gtpv1Body::ForwardRelocationCompleteAcknowledge(Gtpv1Cause::ACCEPTED),
        Gtpv1Body::RelocationCancelRequest(gtpv1::RelocationCancelRequest { imsi: imsi() }),
        Gtpv1Body::RelocationCancelResponse(Gtpv1Cause::ACCEPTED),
        Gtpv1Body::SgsnContextRequest(gtpv1::SgsnContextRequest {
            plmn: plmn(),
            lac: 0x0102,
            rac: 3,
            p_tmsi: 0xc000_0001,
            sender,
        }),
        response(Gtpv1Cause::ACCEPTED, known(Some(context.clone()))),
        response(Gtpv1Cause::ACCEPTED, known(None)),
        response(Gtpv1Cause::IMSI_NOT_KNOWN, None),
        Gtpv1Body::SgsnContextAcknowledge(Gtpv1Cause::ACCEPTED),
        Gtpv1Body::UpdatePdpContextRequest(gtpv1::UpdatePdpContextRequest {
            nsapi: erab.ebi,
            sender,
            downlink: tunnel(5),
        }),
        Gtpv1Body::UpdatePdpContextResponse(gtpv1::UpdatePdpContextResponse {
            cause: Gtpv1Cause::ACCEPTED,
            uplink: Some(tunnel(3)),
        }),
        Gtpv1Body::UpdatePdpContextResponse(gtpv1::UpdatePdpContextResponse {
            cause: Gtpv1Cause::NON_EXISTENT,
            uplink: None,
        }),
    ];
    let message = |(sequence, body)| Gtpv1Message { teid: Teid(9), sequence, body };
    (1_u16..).zip(bodies).map(message).collect()
}

fn imsi() -> Imsi {
    "208930000000001".parse().unwrap()
}
