//! R13: after seamless handover was negotiated, the mobile takes TEKs in no other way than R8's.

use keyhop::capture::key_log::KeyRecord;
use keyhop::dot16::identifiers::{AkId, Cid, Direction};
use keyhop::dot16::node::{HandoverMode, Outcome};
use keyhop::dot16::security::{CmacKey, Truncation, cmac_tuple};
use keyhop::dot16::wire::{
    BshoDecision, CmacTuple, HoProcessOptimization, HoSecurity, MacPdu, ManagementMessage, MobBshoRspTlv, RngRsp,
    RngRspTlv, SaChallengeTuple, VendorItem,
};

use crate::forger::{Reported, pdu, run_with_forger};
use crate::scripts::weak;
use crate::support::{Run, handover, network, run_text, script, udp};

fn text() -> String {
    network(2, &(udp(160) + &handover("500ms", "bs2", &["bs2"])))
}

const WEAK: &str = "accepts-teks-after-seamless";

/// The CMAC keys of the downlink with the AKIDs that they belong to.
fn cmac_keys(run: &Run) -> Vec<(AkId, CmacKey)> {
    let keys = run.keys.records.iter().filter_map(|record| match record {
        KeyRecord::CmacKey(key) if key.direction == Direction::Downlink => {
            Some((key.akid, CmacKey::from_octets(*key.key.expose())))
        }
        _ => None,
    });
    keys.collect()
}

/// The tuple that the sender of `octets`, without theirs, would have put behind `sign`; `None` if its key is not known.
fn tuple_of(keys: &[(AkId, CmacKey)], tuple: &CmacTuple, cid: Cid, octets: &[u8], sign: &[u8]) -> Option<CmacTuple> {
    let value = |akid: AkId, key: &CmacKey, octets: &[u8]| {
        cmac_tuple::cmac_value(key, akid, tuple.pn, cid, octets, Truncation::Right)
    };
    let (akid, key) = keys.iter().find(|(akid, key)| value(*akid, key, octets) == tuple.value)?;
    Some(CmacTuple { value: value(*akid, key, sign), ..*tuple })
}

/// A seamless handover in which an insider with the keys of a first run changes what the base stations send.
fn with_changed(sets: &[&str], change: fn(&mut ManagementMessage, AkId)) -> Reported {
    let first = run_text(&text(), sets);
    let keys = cmac_keys(&first);
    let bs2 = first.bs("bs2");
    let akid = first.keys.records.iter().find_map(|record| match record {
        KeyRecord::CmacKey(key) if key.bs == bs2 => Some(key.akid),
        _ => None,
    });
    let akid = akid.unwrap();
    let exchange = move |octets: &[u8]| {
        let on_air = MacPdu::parse(octets).ok().filter(|pdu| pdu.header.cid.is_management())?;
        let mut message = ManagementMessage::parse(on_air.body).ok()?;
        let tuple = message.cmac_tuple()?;
        let removed = match &mut message {
            ManagementMessage::MobBshoRsp(response) => response.tlvs.pop().is_some(),
            ManagementMessage::RngRsp(response) => response.tlvs.pop().is_some(),
            _ => false,
        };
        if !removed {
            return None;
        }
        let cid = on_air.header.cid;
        let before = message.octets().unwrap();
        change(&mut message, akid);
        let after = message.octets().unwrap();
        message.push_cmac_tuple(tuple_of(&keys, &tuple, cid, &before, &after)?);
        Some(pdu(cid, &message.octets().unwrap()))
    };
    run_with_forger(&script(&text(), sets), [], exchange)
}

fn strip_seamless(message: &mut ManagementMessage, bits: HoProcessOptimization) {
    let ManagementMessage::MobBshoRsp(response) = message else { return };
    for tlv in &mut response.tlvs {
        if let MobBshoRspTlv::Vendor(vendor) = tlv {
            vendor.items.retain(|item| !matches!(item, VendorItem::Candidate(_) | VendorItem::Seamless(_)));
        }
    }
    if let BshoDecision::HardHandover { recommended, .. } = &mut response.decision {
        for bs in recommended {
            bs.ho_process_optimization = bits.low_octet();
        }
    }
}

fn announce_reuse(message: &mut ManagementMessage, _: AkId) {
    strip_seamless(message, HandoverMode::LegacyReuse.optimization());
}

fn announce_sa_tek(message: &mut ManagementMessage, _: AkId) {
    strip_seamless(message, HandoverMode::LegacySaTek.optimization());
}

fn announce_rng_rsp(message: &mut ManagementMessage, _: AkId) {
    strip_seamless(message, HandoverMode::LegacyRngRsp.optimization());
}

fn challenge(message: &mut ManagementMessage, akid: AkId) {
    let ManagementMessage::RngRsp(RngRsp { tlvs, .. }) = message else { return };
    for tlv in &mut *tlvs {
        if let RngRspTlv::HoProcessOptimization(bits) = tlv {
            *bits = bits.with_security(HoSecurity::Reauthentication);
        }
    }
    tlvs.push(RngRspTlv::SaChallengeTuple(SaChallengeTuple { bs_random: [7; 8], akid }));
}

#[test]
fn a_mobile_that_negotiated_seamless_handover_goes_to_no_target_that_announces_reuse_or_a_handshake() {
    // A27, R13
    let untouched = with_changed(&[], |_, _| {});
    assert_eq!((&untouched.modes[..], &untouched.ends[..]), (&[HandoverMode::Seamless][..], &[Outcome::Completed][..]));
    for change in [announce_reuse, announce_sa_tek] {
        let refused = with_changed(&[], change);
        assert!(refused.modes.is_empty(), "{:?}", refused.modes);
        assert_eq!(refused.ends, [Outcome::Cancelled]);
        assert_eq!(refused.packets.len(), 200, "the connection at bs1 goes on");
    }
    // R8's 01 may be announced.
    let legacy = with_changed(&[], announce_rng_rsp);
    assert_eq!(legacy.modes[0], HandoverMode::LegacyRngRsp);
}

#[test]
fn a_mobile_that_takes_what_was_not_negotiated_uses_its_old_teks_at_the_target() {
    // broken: A27, R13
    let sets = [weak("ms1", &[WEAK])];
    let reused = with_changed(&[&sets[0]], announce_reuse);
    assert_eq!((&reused.modes[..], &reused.ends[..]), (&[HandoverMode::LegacyReuse][..], &[Outcome::Completed][..]));
    let challenged = with_changed(&[&sets[0]], announce_sa_tek);
    assert_eq!(challenged.modes[0], HandoverMode::LegacySaTek);
}

#[test]
fn an_sa_challenge_after_seamless_handover_was_negotiated_is_dropped() {
    // A27, R13
    let refused = with_changed(&[], challenge);
    assert_eq!(refused.modes, [HandoverMode::Seamless], "no other mode was agreed to");
    assert_ne!(refused.ends[0], Outcome::Completed);
}

#[test]
fn a_mobile_that_answers_an_sa_challenge_although_seamless_handover_was_negotiated() {
    // broken: A27, R13
    let answered = with_changed(&[&weak("ms1", &[WEAK])], challenge);
    assert!(answered.modes.contains(&HandoverMode::LegacySaTek), "{:?}", answered.modes);
}
