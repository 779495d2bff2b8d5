//! Key logs with records of every kind (DESIGN section 6).

use keyhop::capture::key_log::{
    AkRecord, CmacKeyRecord, ConnectionRecord, ConnectionType, KekRecord, KeyLog, KeyRecord, NodeRecord, PmkRecord,
    TekHolder, TekNumber, TekRecord, TekSource, Validity,
};
use keyhop::capture::secret::Secret;
use keyhop::dot16::identifiers::{AkSequenceNumber, CmacKeyCount};
use keyhop::time::VirtualTime;
use proptest::prelude::*;

use crate::capture::{address, direction};
use crate::choice::{maybe, select};
use crate::eps_key_log::eps_record;
use crate::list::list;
use crate::octets::{array, bits, number, octets};
use crate::one_of;
use crate::tlv::{akid, bsid, cid, ms_mac, said};

/// A word of visible ASCII that is not the sign for nothing.
pub(crate) fn word() -> impl Strategy<Value = String> + Clone {
    octets(1..12).prop_map(|octets| {
        let word: String = octets.iter().map(|octet| char::from(b'!' + octet % 94)).collect();
        if word == "-" { "gw".to_owned() } else { word }
    })
}

/// Both ends, one or none.
pub fn validity() -> impl Strategy<Value = Validity> {
    let time = || maybe(number().prop_map(VirtualTime::from_nanos));
    (time(), time()).prop_map(|(from, until)| Validity { from, until })
}

fn secret<const N: usize>() -> impl Strategy<Value = Secret<N>> {
    array().prop_map(Secret::new)
}

fn count() -> impl Strategy<Value = CmacKeyCount> {
    number().prop_map(CmacKeyCount)
}

fn node() -> BoxedStrategy<NodeRecord> {
    (word(), word(), maybe(address()), maybe(array()))
        .prop_map(|(name, role, ip, id)| NodeRecord { name, role, ip, id })
        .boxed()
}

fn connection() -> BoxedStrategy<ConnectionRecord> {
    let kind = select([ConnectionType::Basic, ConnectionType::Primary, ConnectionType::Transport]);
    (ms_mac(), bsid(), cid(), kind, said(), validity())
        .prop_map(|(ms, bs, cid, kind, said, validity)| ConnectionRecord { ms, bs, cid, kind, said, validity })
        .boxed()
}

fn cmac_key() -> BoxedStrategy<CmacKeyRecord> {
    (direction(), ms_mac(), bsid(), akid(), count(), validity(), secret())
        .prop_map(|(direction, ms, bs, akid, count, validity, key)| CmacKeyRecord {
            direction,
            ms,
            bs,
            akid,
            count,
            validity,
            key,
        })
        .boxed()
}

fn tek() -> BoxedStrategy<TekRecord> {
    let source = select([TekSource::Counter, TekSource::Random, TekSource::Reuse]);
    let holder = select([TekHolder::MobileStation, TekHolder::BaseStation, TekHolder::Both]);
    let which = (maybe(select([TekNumber::Zero, TekNumber::One])), bits(2), source, holder);
    (ms_mac(), bsid(), akid(), said(), count(), which, validity(), secret())
        .prop_map(|(ms, bs, akid, said, count, (tek, eks, source, holder), validity, key)| TekRecord {
            ms,
            bs,
            akid,
            said,
            count,
            tek,
            eks,
            source,
            holder,
            validity,
            key,
        })
        .boxed()
}

/// A connection or a key.
pub fn record() -> BoxedStrategy<KeyRecord> {
    let pmk = (ms_mac(), bits(4), validity(), secret()).prop_map(|(ms, pmk_sn, validity, key)| PmkRecord {
        ms,
        pmk_sn,
        validity,
        key,
    });
    let ak =
        (ms_mac(), bsid(), bits(4), akid(), validity(), secret()).prop_map(|(ms, bs, ak_sn, akid, validity, key)| {
            AkRecord { ms, bs, ak_sn: AkSequenceNumber(ak_sn), akid, validity, key }
        });
    let kek = (ms_mac(), bsid(), akid(), validity(), secret()).prop_map(|(ms, bs, akid, validity, key)| KekRecord {
        ms,
        bs,
        akid,
        validity,
        key,
    });
    one_of![
        connection().prop_map(KeyRecord::Connection),
        pmk.prop_map(KeyRecord::Pmk),
        ak.prop_map(KeyRecord::Ak),
        kek.prop_map(KeyRecord::Kek),
        cmac_key().prop_map(KeyRecord::CmacKey),
        tek().prop_map(KeyRecord::Tek),
    ]
    .boxed()
}

/// A key log of up to three nodes, eleven records of 802.16 and eleven of EPS.
pub fn key_log() -> BoxedStrategy<KeyLog> {
    (list(node(), 0..4), list(record(), 0..12), list(eps_record(), 0..12))
        .prop_map(|(nodes, records, eps)| KeyLog { nodes, records, eps })
        .boxed()
}
