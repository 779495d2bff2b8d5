//! RRCConnectionReconfiguration, of which the handover command is one (TS 36.331 clauses 5.3.5.4 and 6.2.2).

use rasn::types::OctetString;

use super::asn1;
use super::codec::Refused;
use super::values::{SecurityAlgorithms, named, pci};
use crate::eps::identifiers::{Ebi, Pci};
use crate::eps::parameters::Ncc;

/// Most NAS messages in one reconfiguration.
pub const MAX_NAS_MESSAGES: usize = 11;

/// RRCConnectionReconfiguration; a handover command if it has [`mobility`](Self::mobility).
///
/// Not carried: measConfig, the rest of radioResourceConfigDedicated and the extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RrcConnectionReconfiguration {
    /// rrc-TransactionIdentifier, 0 to 3.
    pub transaction: u8,
    /// The target cell.
    pub mobility: Option<MobilityControlInfo>,
    /// dedicatedInfoNASList, at most [`MAX_NAS_MESSAGES`]; left out if there are none.
    pub nas: Vec<Vec<u8>>,
    /// radioResourceConfigDedicated with data bearer 1, which is set up for this EPS bearer: RLC in acknowledged mode, a sequence number
    /// of 12 bits in PDCP.
    pub bearer: Option<Ebi>,
    /// What the keys of the target cell are made with.
    pub security: Option<SecurityConfigHo>,
}

/// mobilityControlInfo. radioResourceConfigCommon is constant, as small as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MobilityControlInfo {
    /// targetPhysCellId.
    pub target: Pci,
    /// carrierFreq: EARFCN of the downlink, 16 bits; left out if it stays the same.
    pub carrier: Option<u16>,
    /// How long the UE tries.
    pub t304: T304,
    /// newUE-Identity: the C-RNTI in the target cell.
    pub c_rnti: u16,
}

/// T304, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum T304 {
    /// 50 ms.
    Ms50 = 0,
    /// 100 ms.
    Ms100 = 1,
    /// 150 ms.
    Ms150 = 2,
    /// 200 ms.
    Ms200 = 3,
    /// 500 ms.
    Ms500 = 4,
    /// 1 s.
    Ms1000 = 5,
    /// 2 s.
    Ms2000 = 6,
}

impl T304 {
    pub(super) const ALL: [Self; 7] =
        [Self::Ms50, Self::Ms100, Self::Ms150, Self::Ms200, Self::Ms500, Self::Ms1000, Self::Ms2000];

    /// Milliseconds.
    #[must_use]
    pub const fn milliseconds(self) -> u64 {
        match self {
            Self::Ms50 => 50,
            Self::Ms100 => 100,
            Self::Ms150 => 150,
            Self::Ms200 => 200,
            Self::Ms500 => 500,
            Self::Ms1000 => 1000,
            Self::Ms2000 => 2000,
        }
    }
}

/// securityConfigHO of a handover within LTE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityConfigHo {
    /// The algorithms of the target cell; left out if they stay the same.
    pub algorithms: Option<SecurityAlgorithms>,
    /// keyChangeIndicator: KeNB is made of a new KASME.
    pub key_change: bool,
    /// nextHopChainingCount, 3 bits.
    pub next_hop_chaining_count: Ncc,
}

impl RrcConnectionReconfiguration {
    pub(super) fn from_asn1(asn1: asn1::Transaction<asn1::Of8<asn1::Reconfiguration>>) -> Result<Self, Refused> {
        let transaction = asn1.transaction;
        let asn1::Reconfiguration { mobility, nas, dedicated, security, .. } = asn1.critical.first()?;
        let bearer = dedicated.and_then(|dedicated| dedicated.data_bearer()).and_then(Ebi::new);
        let mobility = mobility.map(|mobility| {
            Ok(MobilityControlInfo {
                target: pci(mobility.target)?,
                carrier: mobility.carrier.map(|carrier| carrier.downlink),
                t304: named(&T304::ALL, mobility.t304)?,
                c_rnti: mobility.c_rnti,
            })
        });
        let security = security.map(|security| match security.handover {
            asn1::HandoverType::IntraLte(intra) => Ok(SecurityConfigHo {
                algorithms: intra.algorithms.as_ref().map(SecurityAlgorithms::from_asn1).transpose()?,
                key_change: intra.key_change,
                next_hop_chaining_count: Ncc::new(intra.next_hop_chaining_count.into()),
            }),
            other @ asn1::HandoverType::InterRat(_) => Err(Refused::alternative(&other)),
        });
        Ok(Self {
            transaction,
            mobility: mobility.transpose()?,
            nas: nas.unwrap_or_default().iter().map(|message| message.to_vec()).collect(),
            bearer,
            security: security.transpose()?,
        })
    }

    pub(super) fn to_asn1(&self) -> asn1::Transaction<asn1::Of8<asn1::Reconfiguration>> {
        let mobility = self.mobility.map(|mobility| asn1::MobilityControlInfo {
            target: mobility.target.get(),
            carrier: mobility.carrier.map(|downlink| asn1::CarrierFreq { downlink, uplink: None }),
            bandwidth: None,
            spectrum_emission: None,
            t304: mobility.t304 as u8,
            c_rnti: mobility.c_rnti,
            common: asn1::RadioResourceConfigCommon::default(),
            rach_dedicated: None,
        });
        let nas = || self.nas.iter().map(|message| OctetString::from_slice(message)).collect();
        let security = self.security.map(|security| asn1::SecurityConfigHo {
            handover: asn1::HandoverType::IntraLte(asn1::IntraLte {
                algorithms: security.algorithms.map(SecurityAlgorithms::to_asn1),
                key_change: security.key_change,
                next_hop_chaining_count: security.next_hop_chaining_count.get(),
            }),
        });
        let content = asn1::Reconfiguration {
            measurements: None,
            mobility,
            nas: (!self.nas.is_empty()).then(nas),
            dedicated: self.bearer.map(|bearer| asn1::RadioResourceConfigDedicated::data(bearer.get())),
            security,
            extension: None,
        };
        asn1::Transaction { transaction: self.transaction, critical: asn1::Either::Known(asn1::Of8::First(content)) }
    }
}
