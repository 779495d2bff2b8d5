//! EPS records of key logs, of every kind.

use keyhop::capture::key_log::eps::{
    AsKeyRecord, AsKeyUse, CRntiBits, CellRecord, CkIkRecord, DerivationRecord, EpsKeyRecord, KasmeRecord, KenbHolder,
    KenbRecord, KenbStarRecord, KeyHolder, KeyMapping, KeySystem, LinkKeyRecord, NasKeyRecord, NasKeyUse, NhRecord,
    TransferRecord, UpKeyPolicy, UpKeyRecord,
};
use keyhop::eps::identifiers::{Earfcn, Imsi, Pci};
use keyhop::eps::keys::{AlgorithmKey, CkIk, Kasme, Kenb, KenbStar, LinkSecret, Nh};
use keyhop::eps::parameters::{AlgorithmId, Ncc};
use keyhop::eps::security::{HandoverDerivation, OneWay};
use proptest::prelude::*;

use crate::choice::select;
use crate::key_log::{validity, word};
use crate::octets::{array, number};
use crate::one_of;

fn imsi() -> impl Strategy<Value = Imsi> + Clone {
    // Six to fifteen digits; the number alone would lose those that are 0 in front.
    (number::<u64>(), number::<u8>()).prop_map(|(digits, length)| {
        let text: String = format!("{digits:020}").chars().rev().take(6 + usize::from(length % 10)).collect();
        text.parse().expect("digits")
    })
}

fn cell() -> impl Strategy<Value = Pci> + Clone {
    number::<u16>().prop_map(|value| Pci::new(value % 504).expect("below 504"))
}

fn algorithm() -> impl Strategy<Value = AlgorithmId> + Clone {
    select([AlgorithmId::Null, AlgorithmId::Snow3g, AlgorithmId::Aes, AlgorithmId::Zuc])
}

fn ncc() -> impl Strategy<Value = Ncc> + Clone {
    number::<u32>().prop_map(Ncc::new)
}

fn ue_id() -> impl Strategy<Value = u16> + Clone {
    number::<u16>().prop_map(|number| number.max(1))
}

fn derivation() -> BoxedStrategy<EpsKeyRecord> {
    let system = select([KeySystem::Contribution, KeySystem::Standard]);
    let one_way = select([OneWay::Kdf, OneWay::Sha256]);
    let bits = select([CRntiBits::Sixteen, CRntiBits::ThirtyTwo]);
    (system, one_way, number(), number(), bits)
        .prop_map(|(system, one_way, fc_star, fc_target, c_rnti_bits)| {
            let derivation = HandoverDerivation { one_way, fc_star, fc_target };
            EpsKeyRecord::Derivation(DerivationRecord { system, derivation, c_rnti_bits })
        })
        .boxed()
}

fn a_cell() -> BoxedStrategy<EpsKeyRecord> {
    let earfcn = number::<u32>().prop_map(|carrier| Earfcn::new(carrier & 0x0003_ffff).expect("18 bits"));
    (cell(), word(), word(), earfcn, number())
        .prop_map(|(cell, enb, mme, earfcn, group)| EpsKeyRecord::Cell(CellRecord { cell, enb, mme, earfcn, group }))
        .boxed()
}

fn kenb() -> BoxedStrategy<EpsKeyRecord> {
    let holder = select([KenbHolder::Ue, KenbHolder::Enb, KenbHolder::Both]);
    let names = (imsi(), cell(), number(), ue_id(), ncc());
    (names, algorithm(), algorithm(), holder, validity(), array().prop_map(Kenb::from_octets))
        .prop_map(|((ue, cell, c_rnti, ue_id, ncc), ciphering, integrity, holder, validity, key)| {
            EpsKeyRecord::Kenb(KenbRecord { ue, cell, c_rnti, ue_id, ncc, ciphering, integrity, holder, validity, key })
        })
        .boxed()
}

fn algorithm_keys() -> BoxedStrategy<EpsKeyRecord> {
    let key = || array().prop_map(AlgorithmKey::from_octets);
    let nas_use = select([NasKeyUse::Ciphering, NasKeyUse::Integrity]);
    let nas = (nas_use, imsi(), algorithm(), validity(), key()).prop_map(|(key_use, ue, algorithm, validity, key)| {
        EpsKeyRecord::Nas(NasKeyRecord { key_use, ue, algorithm, validity, key })
    });
    let as_use = select([AsKeyUse::RrcCiphering, AsKeyUse::RrcIntegrity, AsKeyUse::UserCiphering]);
    let names = (as_use, imsi(), cell(), ue_id());
    let air =
        (names, algorithm(), validity(), key()).prop_map(|((key_use, ue, cell, ue_id), algorithm, validity, key)| {
            EpsKeyRecord::As(AsKeyRecord { key_use, ue, cell, ue_id, algorithm, validity, key })
        });
    one_of![nas, air].boxed()
}

/// What there is besides where security contexts are carried from node to node.
fn of_transfer() -> BoxedStrategy<EpsKeyRecord> {
    let mapping = select([KeyMapping::TargetId, KeyMapping::TargetIdFresh, KeyMapping::Nonce]);
    let transfer = (number::<u8>(), select([UpKeyPolicy::Same, UpKeyPolicy::Update]), mapping).prop_map(
        |(upe, up_keys, mapping)| EpsKeyRecord::Transfer(TransferRecord { upe: upe % 2 == 1, up_keys, mapping }),
    );
    let holder = || select([KeyHolder::Ue, KeyHolder::Network, KeyHolder::Both]);
    let user = (imsi(), algorithm(), holder(), validity(), array().prop_map(AlgorithmKey::from_octets)).prop_map(
        |(ue, algorithm, holder, validity, key)| {
            EpsKeyRecord::UpKey(UpKeyRecord { ue, algorithm, holder, validity, key })
        },
    );
    // Beyond the last cell: none.
    let some_cell = number::<u16>().prop_map(|value| Pci::new(value % 505));
    let utran = (imsi(), some_cell, holder(), validity(), array().prop_map(CkIk::from_octets)).prop_map(
        |(ue, cell, holder, validity, key)| EpsKeyRecord::CkIk(CkIkRecord { ue, cell, holder, validity, key }),
    );
    let link = (word(), word(), number(), array().prop_map(LinkSecret::from_octets)).prop_map(|(sender, receiver, spi, key)| {
        EpsKeyRecord::LinkKey(LinkKeyRecord { sender, receiver, spi, key })
    });
    one_of![transfer, user, utran, link].boxed()
}

/// A derivation, a cell, a key, or what there is of context transfer.
pub fn eps_record() -> BoxedStrategy<EpsKeyRecord> {
    let kasme = (imsi(), validity(), array().prop_map(Kasme::from_octets))
        .prop_map(|(ue, validity, key)| EpsKeyRecord::Kasme(KasmeRecord { ue, validity, key }));
    let nh = (imsi(), ncc(), validity(), array().prop_map(Nh::from_octets))
        .prop_map(|(ue, ncc, validity, key)| EpsKeyRecord::Nh(NhRecord { ue, ncc, validity, key }));
    let star = (imsi(), cell(), validity(), array().prop_map(KenbStar::from_octets))
        .prop_map(|(ue, cell, validity, key)| EpsKeyRecord::KenbStar(KenbStarRecord { ue, cell, validity, key }));
    one_of![derivation(), a_cell(), kasme, nh, star, kenb(), algorithm_keys(), of_transfer()].boxed()
}
