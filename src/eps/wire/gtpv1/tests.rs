use super::*;
use crate::eps::identifiers::{Ebi, EnbId, GlobalEnbId, Plmn, Tac, Tai};
use crate::eps::wire::damage::survives;
use crate::eps::wire::ranap::{RelocationTarget, RncIdentity};
use crate::eps::wire::samples;

#[test]
fn every_message_goes_round_and_survives_damage() {
    let messages = samples::gtpv1();
    for message in &messages {
        let octets = message.octets().unwrap();
        assert!(is_version_1(&octets));
        assert_eq!(Gtpv1Message::parse(&octets).as_ref(), Ok(message));
        survives(&octets, false, |octets| Gtpv1Message::parse(octets).is_ok());
    }
    let tried: Vec<&str> = messages.iter().map(|message| message.body.name()).collect();
    assert!(Gtpv1Body::NAMES.iter().all(|name| tried.contains(name)), "{tried:?}");
}

#[test]
fn a_target_is_an_rnc_or_an_enb_of_16_bits() {
    let plmn: Plmn = "310-410".parse().unwrap();
    let tai = Tai { plmn, tac: Tac(9) };
    let enb = |number| RelocationTarget::Enb(GlobalEnbId { plmn, enb: EnbId::new(number).unwrap() }, tai);
    let rnc = RelocationTarget::Rnc(RncIdentity { plmn, lac: 0xfffe, rac: 3, rnc: 4095 });
    let mut message = samples::gtpv1().into_iter().find(|message| message.body.message_type() == 53).unwrap();
    for target in [enb(0), enb(0xffff), rnc] {
        if let Gtpv1Body::ForwardRelocationRequest(request) = &mut message.body {
            request.target = target;
        }
        assert_eq!(Gtpv1Message::parse(&message.octets().unwrap()).as_ref(), Ok(&message));
    }
    if let Gtpv1Body::ForwardRelocationRequest(request) = &mut message.body {
        request.target = enb(0x1_0000);
    }
    assert!(message.octets().is_err());
}

#[test]
fn a_context_without_keys_of_umts_is_read_as_one_without_keys() {
    let mut message = samples::gtpv1().into_iter().find(|message| message.body.message_type() == 53).unwrap();
    if let Gtpv1Body::ForwardRelocationRequest(request) = &mut message.body {
        request.context = None;
        assert_eq!(request.pdp.nsapi, Ebi::FIRST);
    }
    assert_eq!(Gtpv1Message::parse(&message.octets().unwrap()), Ok(message));
}

#[test]
fn errors_say_where() {
    let octets = samples::gtpv1()[0].octets().unwrap();
    let mut changed = octets.clone();
    changed[0] = 0x48;
    assert_eq!(Gtpv1Message::parse(&changed).unwrap_err().offset, 0);
    changed[0] = octets[0];
    changed[3] ^= 1;
    assert_eq!(Gtpv1Message::parse(&changed).unwrap_err().offset, LENGTH_OFFSET);
}
