//! What UEs and MMEs of a script have for attaches for RLOS: key pairs, certificates, whom they trust. All of it follows from the seed.

use std::time::Duration;

use super::world::{mme_weaknesses, ue_weaknesses};
use crate::capture::key_log::eps::{CommandProof, EpsKeyRecord, NetworkKeyRecord, ParlosRecord, TrustRecord};
use crate::emulation::random;
use crate::eps::identifiers::Plmn;
use crate::eps::node::parlos::mcc;
use crate::eps::node::{Credential, NetworkProof, Parlos, RlosMme, RlosMmeFaults, RlosUe, RlosUeFaults};
use crate::eps::security::key_transport::signature::signing_key;
use crate::eps::security::key_transport::{Authority, KeyUsage, PrivateKey, SigningKey};
use crate::scenario::script::eps::parlos::{CertificateFault, TEST_NETWORK};
use crate::scenario::script::eps::{EpsScript, MmeWeakness, UeWeakness};
use crate::time::VirtualTime;

/// Who vouches for MEs and MMEs.
const OPERATOR: &str = "operator.1";
/// Who does so for somebody whom nobody trusts.
const STRANGER: &str = "stranger.1";
/// What the certificates of the MMEs are made out to.
const MME_NAME: &str = "mme.rlos";
/// What a certificate is made out to that is made out wrongly.
const SOMEBODY: &str = "somebody";
/// How long a certificate is valid.
const VALID: Duration = Duration::from_secs(365 * 86_400);

fn authority(seed: u64, name: &str, owner: &str) -> Authority {
    Authority::new(name, signing_key(&mut random::generator(seed, owner)))
}

fn operator(seed: u64) -> Authority {
    authority(seed, OPERATOR, "key of the operator")
}

/// What the MMEs sign with.
fn network_key(seed: u64) -> SigningKey {
    signing_key(&mut random::generator(seed, "signing key of the network"))
}

/// Who issues a certificate with this fault, when it is valid, for what its key is, and to whom it is made out.
fn issued(
    seed: u64,
    fault: CertificateFault,
    (usage, wrong): (KeyUsage, KeyUsage),
    subject: &str,
) -> (Authority, std::ops::RangeInclusive<VirtualTime>, KeyUsage, String) {
    let issuer = match fault {
        CertificateFault::UnknownIssuer => authority(seed, STRANGER, "key of a stranger"),
        CertificateFault::Forged => authority(seed, OPERATOR, "key of a stranger"),
        _ => operator(seed),
    };
    let start = VirtualTime::ZERO;
    let valid = match fault {
        CertificateFault::Expired => start..=start,
        CertificateFault::NotYetValid => start + VALID..=start + VALID + VALID,
        _ => start..=start + VALID,
    };
    let usage = if fault == CertificateFault::WrongUsage { wrong } else { usage };
    let subject = if fault == CertificateFault::WrongName { SOMEBODY } else { subject };
    (issuer, valid, usage, subject.to_owned())
}

/// What MEs and MMEs are to look at, as a key log has it.
pub(super) fn records(script: &EpsScript) -> Vec<EpsKeyRecord> {
    let (Some(variant), seed) = (script.parlos, script.title.seed) else { return Vec::new() };
    let network = match variant.network {
        NetworkProof::Unsigned => CommandProof::Unsigned,
        NetworkProof::Pinned => CommandProof::Pinned,
        NetworkProof::Certified => CommandProof::Certified,
    };
    let agreed = ParlosRecord {
        transport: variant.transport,
        certificates: variant.transport.is_some() && variant.credential == Credential::Certificate,
        network,
        mme_key: variant.mme_key,
        hash: variant.hash,
        mme_name: (network == CommandProof::Certified).then(|| MME_NAME.to_owned()),
    };
    let mut records = vec![EpsKeyRecord::Parlos(agreed.clone())];
    if agreed.certificates || network == CommandProof::Certified {
        records.push(EpsKeyRecord::Trust(TrustRecord { anchor: operator(seed).anchor() }));
    }
    if network == CommandProof::Pinned {
        let key = *network_key(seed).verifying_key();
        records.push(EpsKeyRecord::NetworkKey(NetworkKeyRecord { key }));
    }
    records
}

/// What the UE at this position has.
pub(super) fn ue(script: &EpsScript, variant: Parlos, ue: usize) -> RlosUe {
    let (seed, settings) = (script.title.seed, &script.nodes.ues[ue]);
    let own = &settings.rlos;
    let first = script.nodes.enbs.first().map_or(TEST_NETWORK, |enb| enb.rlos.plmn);
    let offering = script.nodes.enbs.iter().filter(|enb| enb.rlos.offered).map(|enb| enb.rlos.plmn);
    let certified = variant.transport.filter(|_| variant.credential == Credential::Certificate);
    let key = certified.and_then(|scheme| {
        PrivateKey::generate(scheme, &mut random::generator(seed, &format!("key pair of {}", settings.name))).ok()
    });
    let certificate = key.as_ref().and_then(|key| {
        let usages = (KeyUsage::KeyTransport, KeyUsage::Signature);
        let (mut issuer, valid, usage, subject) = issued(seed, own.certificate, usages, &settings.imsi.to_string());
        issuer.certify_transport(&subject, &key.public(), usage, valid).ok()
    });
    let weaknesses = ue_weaknesses(script, ue);
    let has = |weakness| weaknesses.contains(&weakness);
    RlosUe {
        offering: offering.collect::<Vec<Plmn>>(),
        home: own.home,
        preferred: own.preferred.clone(),
        allowed: own.allowed.clone().unwrap_or_else(|| vec![mcc(first)]),
        key,
        certificate,
        anchors: vec![operator(seed).anchor()],
        mme_name: MME_NAME.to_owned(),
        pinned: (variant.network == NetworkProof::Pinned).then(|| *network_key(seed).verifying_key()),
        faults: RlosUeFaults {
            ignores_capabilities: has(UeWeakness::IgnoresCapabilities),
            ignores_hash: has(UeWeakness::IgnoresHash),
            ignores_signature: has(UeWeakness::IgnoresSignature),
            takes_null: has(UeWeakness::TakesNull),
            ignores_tag: has(UeWeakness::IgnoresTag),
            attaches_anywhere: has(UeWeakness::AttachesAnywhere),
        },
        ..RlosUe::new(variant, first, random::generator(seed, &settings.name))
    }
}

/// What the MME at this position has.
pub(super) fn mme(script: &EpsScript, variant: Parlos, mme: usize) -> RlosMme {
    let (seed, own) = (script.title.seed, script.nodes.mmes[mme].rlos);
    let signing = (variant.network != NetworkProof::Unsigned).then(|| network_key(seed));
    let certificate = signing.as_ref().filter(|_| variant.network == NetworkProof::Certified).and_then(|key| {
        let usages = (KeyUsage::Signature, KeyUsage::KeyTransport);
        let (mut issuer, valid, usage, subject) = issued(seed, own.certificate, usages, MME_NAME);
        issuer.certify_signing(&subject, key.verifying_key(), usage, valid).ok()
    });
    let weaknesses = mme_weaknesses(script, mme);
    let has = |weakness| weaknesses.contains(&weakness);
    RlosMme {
        offered: own.offered,
        anchors: vec![operator(seed).anchor()],
        signing,
        certificate,
        most_half_open: own.most_half_open.into(),
        faults: RlosMmeFaults {
            ignores_certificates: has(MmeWeakness::IgnoresCertificates),
            serves_without_key: has(MmeWeakness::ServesWithoutKey),
            constant_kasme: has(MmeWeakness::ConstantKasme),
        },
        ..RlosMme::new(variant)
    }
}
