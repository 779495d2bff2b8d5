//! The messages of GTPv1-C (TS 29.060 clauses 7.3.3, 7.3.4 and 7.5).

use super::contexts::{MS_NETWORK_CAPABILITY, PdpContext, QOS, UmtsContext};
use super::element::{Elements, Ie, Value};
use crate::eps::identifiers::{Ebi, EnbId, GlobalEnbId, Imsi, Plmn, Tac, Tai, Teid};
use crate::eps::parameters::Origin;
use crate::eps::wire::WireError;
use crate::eps::wire::ranap::{RanapCause, RelocationTarget, RncIdentity};
use crate::eps::wire::ue_context::{Erab, TunnelEndpoint};

/// Whose Private Extension the origin stands in: the enterprise of examples (RFC 5612).
const ENTERPRISE: u16 = 32473;

/// What became of a request, 1 octet (TS 29.060 clause 7.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtpv1Cause(pub u8);

impl Gtpv1Cause {
    /// Request accepted.
    pub const ACCEPTED: Self = Self(128);
    /// Non-existent.
    pub const NON_EXISTENT: Self = Self(192);
    /// IMSI not known: whose temporary identity it is, neither.
    pub const IMSI_NOT_KNOWN: Self = Self(194);
    /// No resources available.
    pub const NO_RESOURCES: Self = Self(199);
    /// Relocation failure.
    pub const RELOCATION_FAILURE: Self = Self(213);

    pub(super) fn element(self) -> Result<Vec<u8>, WireError> {
        Ie::CAUSE.with(&[self.0])
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        elements.octet(Ie::CAUSE).map(Self)
    }
}

fn with_teid(ie: Ie, teid: Teid) -> Result<Vec<u8>, WireError> {
    ie.with(&teid.0.to_be_bytes())
}

fn with_imsi(imsi: Imsi) -> Result<Vec<u8>, WireError> {
    let mut octets = imsi.octets();
    octets.resize(8, 0xff);
    Ie::IMSI.with(&octets)
}

fn imsi(value: Value<'_>) -> Result<Imsi, WireError> {
    let octets: [u8; 8] = value.array()?;
    let used = octets.iter().rposition(|octet| *octet != 0xff).map_or(0, |last| last.saturating_add(1));
    let found = octets.get(..used).and_then(Imsi::from_octets);
    found.ok_or_else(|| value.refused("6 to 15 digits", "others"))
}

fn with_origin(origin: Origin) -> Result<Vec<u8>, WireError> {
    let [high, low] = ENTERPRISE.to_be_bytes();
    Ie::PRIVATE.with(&[high, low, origin as u8])
}

/// The origin of the context; UMTS where nothing is said of it.
fn origin(elements: &Elements<'_>) -> Result<Origin, WireError> {
    let found = elements.nth(Ie::PRIVATE, 0, |value| {
        let [high, low, origin] = value.array()?;
        if u16::from_be_bytes([high, low]) != ENTERPRISE {
            return Ok(None);
        }
        Origin::from_number(origin).map(Some).ok_or_else(|| value.refused("an origin of 0 to 2", origin))
    })?;
    Ok(found.flatten().unwrap_or(Origin::Umts))
}

/// The octets of a Target Identification. It has no place for an eNB: the tracking area stands in that of the location area, the low
/// 12 bits of the eNB in that of the RNC, the low 16 in that of the extended RNC, which says too that it is one \[choice\].
fn with_target(target: RelocationTarget) -> Result<Vec<u8>, WireError> {
    let (plmn, area, rac, rnc, extended) = match target {
        RelocationTarget::Rnc(RncIdentity { plmn, lac, rac, rnc }) => (plmn, lac, rac, rnc, None),
        RelocationTarget::Enb(GlobalEnbId { plmn, enb }, tai) => {
            let number = u16::try_from(enb.get());
            let number = number.map_err(|_| WireError::new(super::LAYER, 0, "an eNB of 16 bits", enb))?;
            (plmn, tai.tac.0, 0, number & 0x0fff, Some(number))
        }
    };
    let mut value = [&plmn.0[..], &area.to_be_bytes(), &[rac], &rnc.to_be_bytes()].concat();
    value.extend(extended.into_iter().flat_map(u16::to_be_bytes));
    Ie::TARGET.with(&value)
}

fn target(value: Value<'_>) -> Result<RelocationTarget, WireError> {
    let [a, b, c, area @ .., rac, high, low] = *value.octets.first_chunk::<8>().ok_or_else(|| {
        let found = format!("{} octets", value.octets.len());
        value.refused("8 or 10 octets", found)
    })?;
    let (plmn, area) = (Plmn([a, b, c]), u16::from_be_bytes(area));
    match value.octets {
        [_, _, _, _, _, _, _, _, enb @ ..] if enb.len() == 2 => {
            let number = enb.iter().fold(0, |number, octet| number << 8 | u32::from(*octet));
            let enb = EnbId::new(number).ok_or_else(|| value.refused("an eNB", number))?;
            Ok(RelocationTarget::Enb(GlobalEnbId { plmn, enb }, Tai { plmn, tac: Tac(area) }))
        }
        _ => Ok(RelocationTarget::Rnc(RncIdentity {
            plmn,
            lac: area,
            rac,
            rnc: u16::from_be_bytes([high, low]) & 0x0fff,
        })),
    }
}

/// Forward Relocation Request, from the node that serves a UE to that of the other system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardRelocationRequest {
    /// The subscriber.
    pub imsi: Imsi,
    /// Where the sender wants the answer.
    pub sender: TunnelEndpoint,
    /// Why.
    pub cause: RanapCause,
    /// The UE's keys; none if the context has none of UMTS, which is not complete then.
    pub context: Option<UmtsContext>,
    /// Which authentication the keys go back to. The standard has no place for it: a Private Extension.
    pub origin: Origin,
    /// The UE's connection to the packet network.
    pub pdp: PdpContext,
    /// Where it is to go.
    pub target: RelocationTarget,
    /// From the source: what the target of its system understands.
    pub container: Vec<u8>,
}

/// MM context of a UE of which there are no keys: that of GSM without a Kc in use. No DRX parameter.
const NO_KEYS: [u8; 12] = [0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn with_context(context: Option<&UmtsContext>) -> Result<Vec<u8>, WireError> {
    match context {
        Some(context) => context.element(),
        None => {
            let capability = [&[MS_NETWORK_CAPABILITY.len() as u8][..], &MS_NETWORK_CAPABILITY].concat();
            // No container, no access restriction.
            Ie::MM_CONTEXT.with(&[&NO_KEYS[..], &capability, &[0, 0, 0]].concat())
        }
    }
}

impl ForwardRelocationRequest {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        Ok([
            with_imsi(self.imsi)?,
            with_teid(Ie::TEID_CONTROL, self.sender.teid)?,
            Ie::RANAP_CAUSE.with(&[self.cause.0])?,
            with_context(self.context.as_ref())?,
            self.pdp.element()?,
            Ie::ADDRESS.with(&self.sender.address.octets())?,
            with_target(self.target)?,
            Ie::CONTAINER.with(&self.container)?,
            with_origin(self.origin)?,
        ]
        .concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let sender = TunnelEndpoint { address: elements.address(0)?, teid: elements.teid(Ie::TEID_CONTROL)? };
        Ok(Self {
            imsi: elements.required(Ie::IMSI, imsi)?,
            sender,
            cause: RanapCause(elements.octet(Ie::RANAP_CAUSE)?),
            context: UmtsContext::read(elements)?,
            origin: origin(elements)?,
            pdp: PdpContext::read(elements)?,
            target: elements.required(Ie::TARGET, target)?,
            container: elements.required(Ie::CONTAINER, |value| Ok(value.octets.to_vec()))?,
        })
    }
}

/// What the target's node answers when the UE may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocationGrant {
    /// Where it wants what follows.
    pub sender: TunnelEndpoint,
    /// From the target.
    pub container: Vec<u8>,
    /// The bearer, with the tunnel of its downlink at the target.
    pub bearer: Erab,
}

/// Forward Relocation Response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardRelocationResponse {
    /// What became of the request.
    pub cause: Gtpv1Cause,
    /// What comes with it when it was accepted.
    pub grant: Option<RelocationGrant>,
}

impl ForwardRelocationResponse {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = self.cause.element()?;
        if let Some(RelocationGrant { sender, container, bearer: Erab { ebi, tunnel } }) = &self.grant {
            let rab = [&[ebi.get()][..], &tunnel.teid.0.to_be_bytes(), &tunnel.address.octets()].concat();
            elements.extend(with_teid(Ie::TEID_CONTROL, sender.teid)?);
            elements.extend(Ie::ADDRESS.with(&sender.address.octets())?);
            elements.extend(Ie::CONTAINER.with(container)?);
            elements.extend(Ie::RAB_SETUP.with(&rab)?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let container = elements.nth(Ie::CONTAINER, 0, |value| Ok(value.octets.to_vec()))?;
        let grant = match container {
            None => None,
            Some(container) => Some(RelocationGrant {
                sender: TunnelEndpoint { address: elements.address(0)?, teid: elements.teid(Ie::TEID_CONTROL)? },
                container,
                bearer: elements.required(Ie::RAB_SETUP, |value| {
                    let [nsapi, a, b, c, d, address @ ..] = value.array::<9>()?;
                    let ebi = Ebi::new(nsapi & 0xf).ok_or_else(|| value.refused("a bearer from 5 to 15", nsapi))?;
                    let tunnel =
                        TunnelEndpoint { address: address.into(), teid: Teid(u32::from_be_bytes([a, b, c, d])) };
                    Ok(Erab { ebi, tunnel })
                })?,
            }),
        };
        Ok(Self { cause: Gtpv1Cause::read(elements)?, grant })
    }
}

/// Relocation Cancel Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelocationCancelRequest {
    /// The subscriber.
    pub imsi: Imsi,
}

impl RelocationCancelRequest {
    pub(super) fn elements(self) -> Result<Vec<u8>, WireError> {
        with_imsi(self.imsi)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self { imsi: elements.required(Ie::IMSI, imsi)? })
    }
}

/// SGSN Context Request: a UE has come whose routing area the asked node served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SgsnContextRequest {
    /// The network of the routing area that the UE names.
    pub plmn: Plmn,
    /// Location area code.
    pub lac: u16,
    /// Routing area code.
    pub rac: u8,
    /// What the UE was called there.
    pub p_tmsi: u32,
    /// Where the sender wants the answer.
    pub sender: TunnelEndpoint,
}

impl SgsnContextRequest {
    pub(super) fn elements(self) -> Result<Vec<u8>, WireError> {
        let area = [&self.plmn.0[..], &self.lac.to_be_bytes(), &[self.rac]].concat();
        Ok([
            Ie::ROUTING_AREA.with(&area)?,
            Ie::P_TMSI.with(&self.p_tmsi.to_be_bytes())?,
            with_teid(Ie::TEID_CONTROL, self.sender.teid)?,
            Ie::ADDRESS.with(&self.sender.address.octets())?,
        ]
        .concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let [a, b, c, high, low, rac] = elements.required(Ie::ROUTING_AREA, |value| value.array())?;
        Ok(Self {
            plmn: Plmn([a, b, c]),
            lac: u16::from_be_bytes([high, low]),
            rac,
            p_tmsi: elements.teid(Ie::P_TMSI)?.0,
            sender: TunnelEndpoint { address: elements.address(0)?, teid: elements.teid(Ie::TEID_CONTROL)? },
        })
    }
}

/// What the asked node knows of the UE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SgsnContext {
    /// The subscriber.
    pub imsi: Imsi,
    /// Where the asked node wants what follows.
    pub sender: TunnelEndpoint,
    /// The UE's keys; none as in a [`ForwardRelocationRequest`].
    pub context: Option<UmtsContext>,
    /// Which authentication they go back to.
    pub origin: Origin,
    /// The UE's connection to the packet network.
    pub pdp: PdpContext,
}

/// SGSN Context Response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SgsnContextResponse {
    /// What became of the request.
    pub cause: Gtpv1Cause,
    /// What comes with it when it was accepted.
    pub known: Option<SgsnContext>,
}

impl SgsnContextResponse {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = self.cause.element()?;
        if let Some(SgsnContext { imsi, sender, context, origin, pdp }) = &self.known {
            elements.extend(with_imsi(*imsi)?);
            elements.extend(with_teid(Ie::TEID_CONTROL, sender.teid)?);
            elements.extend(with_context(context.as_ref())?);
            elements.extend(pdp.element()?);
            elements.extend(Ie::ADDRESS.with(&sender.address.octets())?);
            elements.extend(with_origin(*origin)?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let cause = Gtpv1Cause::read(elements)?;
        let Some(imsi) = elements.nth(Ie::IMSI, 0, imsi)? else { return Ok(Self { cause, known: None }) };
        let sender = TunnelEndpoint { address: elements.address(0)?, teid: elements.teid(Ie::TEID_CONTROL)? };
        let context = UmtsContext::read(elements)?;
        let known = SgsnContext { imsi, sender, context, origin: origin(elements)?, pdp: PdpContext::read(elements)? };
        Ok(Self { cause, known: Some(known) })
    }
}

/// Update PDP Context Request, from an SGSN to the gateway: the downlink of the UE goes there from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdatePdpContextRequest {
    /// The bearer.
    pub nsapi: Ebi,
    /// Where the SGSN wants answers.
    pub sender: TunnelEndpoint,
    /// Where it wants the downlink.
    pub downlink: TunnelEndpoint,
}

impl UpdatePdpContextRequest {
    pub(super) fn elements(self) -> Result<Vec<u8>, WireError> {
        Ok([
            with_teid(Ie::TEID_DATA, self.downlink.teid)?,
            with_teid(Ie::TEID_CONTROL, self.sender.teid)?,
            Ie::NSAPI.with(&[self.nsapi.get()])?,
            Ie::ADDRESS.with(&self.sender.address.octets())?,
            Ie::ADDRESS.with(&self.downlink.address.octets())?,
            Ie::QOS.with(&QOS)?,
        ]
        .concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let nsapi = elements.required(Ie::NSAPI, |value| {
            let [nsapi] = value.array()?;
            Ebi::new(nsapi & 0xf).ok_or_else(|| value.refused("a bearer from 5 to 15", nsapi))
        })?;
        Ok(Self {
            nsapi,
            sender: TunnelEndpoint { address: elements.address(0)?, teid: elements.teid(Ie::TEID_CONTROL)? },
            downlink: TunnelEndpoint { address: elements.address(1)?, teid: elements.teid(Ie::TEID_DATA)? },
        })
    }
}

/// Update PDP Context Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdatePdpContextResponse {
    /// What became of the request.
    pub cause: Gtpv1Cause,
    /// Where the uplink goes at the gateway, if it was accepted.
    pub uplink: Option<TunnelEndpoint>,
}

impl UpdatePdpContextResponse {
    pub(super) fn elements(self) -> Result<Vec<u8>, WireError> {
        let mut elements = self.cause.element()?;
        if let Some(TunnelEndpoint { address, teid }) = self.uplink {
            elements.extend(with_teid(Ie::TEID_DATA, teid)?);
            elements.extend(with_teid(Ie::TEID_CONTROL, teid)?);
            for _ in 0..2 {
                elements.extend(Ie::ADDRESS.with(&address.octets())?);
            }
            elements.extend(Ie::QOS.with(&QOS)?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let cause = Gtpv1Cause::read(elements)?;
        let uplink = match cause {
            Gtpv1Cause::ACCEPTED => {
                Some(TunnelEndpoint { address: elements.address(1)?, teid: elements.teid(Ie::TEID_DATA)? })
            }
            _ => None,
        };
        Ok(Self { cause, uplink })
    }
}
