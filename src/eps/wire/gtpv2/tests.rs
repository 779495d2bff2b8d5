use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::mm_context::KsiAsme;
use super::*;
use crate::eps::identifiers::{
    Ebi, EnbId, GlobalEnbId, Gummei, Guti, Imsi, MTmsi, MmeCode, MmeGroupId, Plmn, Tac, Tai,
};
use crate::eps::keys::{AlgorithmKey, Kasme, Nh, UpContext, UpKey, UpRelocation};
use crate::eps::parameters::{AlgorithmId, Ncc, Origin};
use crate::eps::wire::{Erab, TunnelEndpoint, samples};

fn tunnels() -> impl Strategy<Value = TunnelEndpoint> {
    any::<(u32, u32)>().prop_map(|(address, teid)| TunnelEndpoint { address: address.into(), teid: Teid(teid) })
}

fn bearer() -> impl Strategy<Value = Ebi> {
    (5..=15_u8).prop_map(|number| Ebi::new(number).unwrap())
}

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

fn imsis() -> impl Strategy<Value = Imsi> {
    "[0-9]{6,15}".prop_map(|text| text.parse().unwrap())
}

fn algorithms() -> impl Strategy<Value = AlgorithmId> {
    (0..4_u8).prop_map(|number| AlgorithmId::from_number(number).unwrap())
}

fn contexts() -> impl Strategy<Value = MmContext> {
    let quadruplet =
        (any::<[u8; 16]>(), octets(16), octets(16), any::<[u8; 32]>()).prop_map(|(rand, xres, autn, kasme)| {
            AuthenticationQuadruplet { rand, xres, autn, kasme: Kasme::from_octets(kasme) }
        });
    let next_hop = any::<([u8; 32], u32)>().prop_map(|(nh, ncc)| (Nh::from_octets(nh), Ncc::new(ncc)));
    let counts = (0..=0x00ff_ffff_u32, 0..=0x00ff_ffff_u32);
    let more = (prop::option::of(next_hop), prop::collection::vec(quadruplet, 0..=7), octets(13));
    (any::<u8>(), algorithms(), algorithms(), counts, any::<[u8; 32]>(), more).prop_map(
        |(ksi, integrity, ciphering, (downlink_count, uplink_count), kasme, more)| {
            let (next_hop, quadruplets, ue_network_capability) = more;
            MmContext {
                ksi: KsiAsme::new(ksi),
                integrity,
                ciphering,
                downlink_count,
                uplink_count,
                kasme: Kasme::from_octets(kasme),
                next_hop,
                quadruplets,
                ue_network_capability,
            }
        },
    )
}

fn connections() -> impl Strategy<Value = PdnConnection> {
    let bearers = (bearer(), tunnels(), tunnels()).prop_map(|(ebi, sgw, pgw)| PdnBearer { ebi, sgw, pgw });
    let apn = "[a-z0-9-]{1,8}(\\.[a-z0-9-]{1,8}){0,2}";
    (apn, any::<u32>(), bearer(), tunnels(), prop::collection::vec(bearers, 0..3)).prop_map(
        |(apn, address, default_bearer, pgw, bearers)| PdnConnection {
            apn,
            address: Ipv4Addr::from_bits(address),
            default_bearer,
            pgw,
            bearers,
        },
    )
}

fn up_keys() -> impl Strategy<Value = UpKey> {
    (any::<u32>(), algorithms(), any::<[u8; 16]>()).prop_map(|(update, algorithm, key)| UpKey {
        update,
        algorithm,
        key: AlgorithmKey::from_octets(key),
    })
}

fn erab() -> impl Strategy<Value = Erab> {
    (bearer(), tunnels()).prop_map(|(ebi, tunnel)| Erab { ebi, tunnel })
}

/// What a UPE is told and answers.
fn of_upes() -> impl Strategy<Value = Gtpv2Body> {
    let cause = || any::<u8>().prop_map(GtpCause);
    let apn = "[a-z0-9-]{1,8}(\\.[a-z0-9-]{1,8}){0,2}";
    let session = (imsis(), tunnels(), apn, any::<(u32, bool)>(), erab(), prop::option::of(up_keys())).prop_map(
        |(imsi, sender, apn, (address, afresh), bearer, up)| {
            let address = Ipv4Addr::from_bits(address);
            Gtpv2Body::CreateSessionRequest(CreateSessionRequest { imsi, sender, apn, address, bearer, afresh, up })
        },
    );
    let grant = (tunnels(), any::<Option<u32>>(), erab()).prop_map(|(sender, address, bearer)| SessionGrant {
        sender,
        address: address.map(Ipv4Addr::from_bits),
        bearer,
    });
    let end = (any::<bool>(), tunnels())
        .prop_map(|(enb, tunnel)| if enb { ForwardingEnd::Enb(tunnel) } else { ForwardingEnd::Upe(tunnel) });
    let forwarding = (tunnels(), bearer(), end, prop::option::of(up_keys())).prop_map(|(sender, ebi, to, up)| {
        Gtpv2Body::CreateForwardingRequest(CreateForwardingRequest { sender, ebi, to, up })
    });
    let context = (up_keys(), any::<[u32; 2]>()).prop_map(|(key, counts)| UpContext { key, counts });
    prop_oneof![
        session,
        (cause(), prop::option::of(grant))
            .prop_map(|(cause, grant)| Gtpv2Body::CreateSessionResponse(CreateSessionResponse { cause, grant })),
        bearer().prop_map(|bearer| Gtpv2Body::DeleteSessionRequest(DeleteSessionRequest { bearer })),
        cause().prop_map(Gtpv2Body::DeleteSessionResponse),
        forwarding,
        (cause(), prop::option::of(erab())).prop_map(|(cause, bearer)| {
            Gtpv2Body::CreateForwardingResponse(CreateForwardingResponse { cause, bearer })
        }),
        Just(Gtpv2Body::DeleteForwardingRequest),
        cause().prop_map(Gtpv2Body::DeleteForwardingResponse),
        context.prop_map(|up| Gtpv2Body::ForwardAccessContextNotification(AccessContextNotification { up })),
        cause().prop_map(Gtpv2Body::ForwardAccessContextAcknowledge),
    ]
}

fn origins() -> impl Strategy<Value = Option<Origin>> {
    prop::option::of(prop::sample::select(vec![Origin::Gsm, Origin::Umts, Origin::Lte]))
}

fn requests() -> impl Strategy<Value = ForwardRelocationRequest> {
    let target = (any::<[u8; 3]>(), 0..=EnbId::LAST.get(), any::<u16>());
    let first = (imsis(), tunnels(), prop::collection::vec(connections(), 0..3), tunnels(), contexts());
    let up = (up_keys(), any::<u32>()).prop_map(|(key, last_update)| UpRelocation { key, last_update });
    let beside = (prop::option::of(up), origins());
    (first, octets(50), target, (0..5_u8, any::<u8>(), beside)).prop_map(
        |((imsi, sender, connections, sgw, mm_context), container, (plmn, enb, tac), (group, value, (up, origin)))| {
            let plmn = Plmn(plmn);
            ForwardRelocationRequest {
                imsi,
                sender,
                connections,
                sgw,
                mm_context,
                container,
                target: GlobalEnbId { plmn, enb: EnbId::new(enb).unwrap() },
                target_tai: Tai { plmn, tac: Tac(tac) },
                cause: FCause { group, value },
                up,
                origin,
            }
        },
    )
}

fn messages() -> impl Strategy<Value = Gtpv2Message> {
    let grant = (tunnels(), octets(50), prop::option::of(octets(20)), prop::option::of(erab()))
        .prop_map(|(sender, container, nas, forwarding)| RelocationGrant { sender, container, nas, forwarding });
    let erabs = || prop::collection::vec(erab(), 0..3);
    let cause = || any::<u8>().prop_map(GtpCause);
    let up = (prop::option::of((up_keys(), any::<u32>())), origins());
    let given = (contexts(), prop::collection::vec(connections(), 0..3), tunnels(), tunnels(), up).prop_map(
        |(mm_context, connections, sender, sgw, (up, origin))| {
            let up = up.map(|(key, last_update)| UpRelocation { key, last_update });
            GivenContext { mm_context, connections, sender, sgw, up, origin }
        },
    );
    let body = prop_oneof![
        of_upes(),
        (prop::option::of(tunnels()), erabs(), prop::option::of(up_keys())).prop_map(|(sender, bearers, up)| {
            Gtpv2Body::ModifyBearerRequest(ModifyBearerRequest { sender, bearers, up })
        }),
        (cause(), erabs())
            .prop_map(|(cause, bearers)| { Gtpv2Body::ModifyBearerResponse(ModifyBearerResponse { cause, bearers }) }),
        requests().prop_map(Gtpv2Body::ForwardRelocationRequest),
        (cause(), prop::option::of(grant)).prop_map(|(cause, grant)| {
            Gtpv2Body::ForwardRelocationResponse(ForwardRelocationResponse { cause, grant })
        }),
        Just(Gtpv2Body::ForwardRelocationCompleteNotification),
        cause().prop_map(Gtpv2Body::ForwardRelocationCompleteAcknowledge),
        (any::<[u8; 3]>(), any::<(u16, u8, u32)>(), octets(40), tunnels()).prop_map(
            |(plmn, (group, code, m_tmsi), update, sender)| {
                let gummei = Gummei { plmn: Plmn(plmn), group: MmeGroupId(group), code: MmeCode(code) };
                let guti = Guti { gummei, m_tmsi: MTmsi(m_tmsi) };
                Gtpv2Body::ContextRequest(ContextRequest { guti, update, sender })
            }
        ),
        (cause(), prop::option::of(imsis()), prop::option::of(given)).prop_map(|(cause, imsi, context)| {
            Gtpv2Body::ContextResponse(ContextResponse { cause, imsi, context })
        }),
        cause().prop_map(Gtpv2Body::ContextAcknowledge),
        imsis().prop_map(|imsi| Gtpv2Body::RelocationCancelRequest(RelocationCancelRequest { imsi })),
        cause().prop_map(Gtpv2Body::RelocationCancelResponse),
    ];
    (any::<u32>(), 0..=LAST_SEQUENCE, body).prop_map(|(teid, sequence, body)| Gtpv2Message {
        teid: Teid(teid),
        sequence,
        body,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn every_message_comes_back_from_its_octets(message in messages()) {
        prop_assert_eq!(Gtpv2Message::parse(&message.octets().unwrap()), Ok(message));
    }
}

/// Figures 5.1-1, 8.4-1 and 8.21-1 of TS 29.274 by hand.
#[test]
fn a_response_with_a_grant_is_these_octets() {
    let message = samples::gtpv2().swap_remove(1);
    let octets = hex::encode(message.octets().unwrap());
    let expected = [
        // Version 2 with TEID; type 134; 42 octets; TEID; sequence number 1; spare.
        "4886002a", "1000000a", "000001", "00", // Cause 16, accepted.
        "02000200", "1000", // F-TEID: IPv4, S10 of an MME; TEID; 10.20.0.11.
        "57000900", "8c", "1000000b", "0a14000b", // E-UTRAN container.
        "76000d00", "03",
    ];
    let expected = expected.concat();
    assert_eq!(&octets[8..expected.len() - 10], &expected[8..expected.len() - 10]);
}

#[test]
fn an_mm_context_is_these_octets() {
    let context = MmContext { quadruplets: Vec::new(), ..samples::mm_context() };
    let counting = |first: u8| hex::encode(std::array::from_fn::<u8, 32, _>(|place| first + place as u8));
    let expected = [
        // Type 107, 80 octets.
        "6b005000".to_owned(),
        // Mode 4, NH present, KSI 1; no vectors; EIA2 and EEA1.
        "91".to_owned(),
        "00".to_owned(),
        "21".to_owned(),
        // Downlink and uplink COUNT.
        "010203".to_owned(),
        "040506".to_owned(),
        counting(0x80),
        counting(0xa0),
        "05".to_owned(),
        // UE network capability: EEA0 to EEA2, EIA1 and EIA2.
        "02e060".to_owned(),
        "000000".to_owned(),
    ];
    assert_eq!(hex::encode(context.octets().unwrap()), expected.concat());
}

#[test]
fn what_is_missing_or_not_used_here_is_named_and_placed() {
    let octets = samples::gtpv2().swap_remove(0).octets().unwrap();
    let error = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = octets.clone();
        change(&mut octets);
        Gtpv2Message::parse(&octets).unwrap_err().to_string()
    };
    let imsi = "GTPv2-C, octet 0: expected IMSI (IE 1.0), found none";
    assert_eq!(error(&|octets| octets[12] = 200), imsi);
    let version = "GTPv2-C, octet 0: expected version 2 with a TEID and nothing piggybacked (0x48), found 0x28";
    assert_eq!(error(&|octets| octets[0] = 0x28), version);
    assert!(error(&|octets| octets.push(0)).starts_with("GTPv2-C, octet 2: expected length "));
    let tunnel = "GTPv2-C, octet 28: expected Sender's F-TEID for Control Plane as a tunnel with an IPv4 address alone, \
                  found flags 0x4c";
    assert_eq!(error(&|octets| octets[28] = 0x4c), tunnel);
    let place = octets.windows(4).position(|octets| octets == [107, 0, 154, 0]).unwrap() + 4;
    let mode = format!(
        "GTPv2-C, octet {place}: expected EPS Security Context and Quadruplets as security mode 4 (EPS), found security mode 3"
    );
    assert_eq!(error(&|octets| octets[place] = 0x71), mode);
}

#[test]
fn every_prefix_is_an_error_and_every_changed_octet_a_message_or_an_error() {
    for message in samples::gtpv2() {
        let octets = message.octets().unwrap();
        for length in 0..octets.len() {
            assert!(Gtpv2Message::parse(&octets[..length]).is_err());
        }
        for place in 0..octets.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[place] ^= change;
                if let Ok(message) = Gtpv2Message::parse(&changed) {
                    assert_eq!(Gtpv2Message::parse(&message.octets().unwrap()), Ok(message));
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_its_field_is_not_written() {
    let context = samples::mm_context();
    let vectors = vec![context.quadruplets[0].clone(); 8];
    for context in [
        MmContext { downlink_count: 0x0100_0000, ..context.clone() },
        MmContext { quadruplets: vectors, ..context.clone() },
        MmContext { ue_network_capability: vec![0; 14], ..context },
    ] {
        assert!(context.octets().is_err());
    }
    let message = samples::gtpv2().swap_remove(2);
    assert!(Gtpv2Message { sequence: 0x0100_0000, ..message }.octets().is_err());
}

#[test]
fn every_cause_of_s1ap_has_its_numbers_and_no_other_numbers_have_one() {
    let mut causes = [0; 6];
    for group in 0..=5 {
        for value in 0..=255 {
            let numbers = FCause { group, value };
            if let Some(cause) = numbers.s1ap() {
                assert_eq!(FCause::from(&cause), numbers);
                causes[usize::from(group)] += 1;
            }
        }
    }
    // With the additions of release 19.
    assert_eq!(causes, [45, 2, 7, 7, 6, 0]);
}

#[test]
fn no_key_is_printed() {
    let printed = format!("{:?}", samples::gtpv2());
    assert!(printed.contains("kasme: Kasme(redacted)") && printed.contains("Nh(redacted)"));
    assert!(!printed.contains("34, 34"), "XRES");
}
