//! The messages of a handover between MMEs (TS 29.274 clauses 7.3.1 to 7.3.4, 7.3.16 and 7.3.17).

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::bytes::complete::take;
use nom::combinator::rest;
use nom::number::complete::{be_u8, be_u16};
use oxirush_s1ap::s1ap::decode_open_type;

use super::LAYER;
use super::data_forwarding::FORWARDING_SGW;
use super::element::{Elements, Ie, Value};
use super::mm_context::{MmContext, origin, with_origin};
use super::modify_bearer::erab;
use super::pdn_connection::PdnConnection;
use super::up_context::{up_relocation, with_up_relocation};
use crate::eps::identifiers::{EnbId, GlobalEnbId, Imsi, Plmn, Tac, Tai};
use crate::eps::keys::UpRelocation;
use crate::eps::parameters::Origin;
use crate::eps::wire::WireError;
use crate::eps::wire::s1ap::{Cause, CauseMisc};
use crate::eps::wire::ue_context::{Erab, TunnelEndpoint};

/// Interface type of an F-TEID: S10 at an MME.
pub(super) const S10_MME: u8 = 12;
/// Interface type of an F-TEID: S11 at the S-GW.
pub(super) const S11_SGW: u8 = 11;
/// Container type: E-UTRAN.
const E_UTRAN: u8 = 3;
/// Target type: macro eNB.
const MACRO_ENB: u8 = 1;
/// Whose Private Extension the NAS message stands in: the enterprise of examples (RFC 5612).
pub const ENTERPRISE: u16 = 32473;
/// The bits of types that stand in half an octet.
const HALF: u8 = 0x0f;

/// What became of a request, 1 octet (TS 29.274 clause 8.4). Of the two octets that follow it, the second's flags are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GtpCause(pub u8);

impl GtpCause {
    /// Request accepted.
    pub const ACCEPTED: Self = Self(16);
    /// Context not found.
    pub const CONTEXT_NOT_FOUND: Self = Self(64);
    /// Service not supported.
    pub const NOT_SUPPORTED: Self = Self(68);
    /// No resources available.
    pub const NO_RESOURCES: Self = Self(73);
    /// User authentication failed: the MAC of the message is not the UE's.
    pub const USER_AUTHENTICATION_FAILED: Self = Self(92);
    /// Relocation failure.
    pub const RELOCATION_FAILURE: Self = Self(81);

    /// The information element.
    pub(super) fn elements(self) -> Result<Vec<u8>, WireError> {
        Ie::CAUSE.with(tuple((write_u8(self.0), write_u8(0))))
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        elements.required(Ie::CAUSE, |value| value.read("2 octets", (be_u8, be_u8))).map(|(cause, _)| Self(cause))
    }
}

/// F-Cause: a cause of S1AP by its numbers (TS 29.274 clause 8.49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FCause {
    /// Group, 4 bits: 0 radio network layer, 1 transport layer, 2 NAS, 3 protocol, 4 other.
    pub group: u8,
    /// Number of the value in its group, 1 octet.
    pub value: u8,
}

impl FCause {
    /// The cause of S1AP with these numbers; none if it has none. PER is what tells which of its values are additions: the octets
    /// are choice and enumeration as X.691 clauses 14 and 23 have them.
    #[must_use]
    pub fn s1ap(self) -> Option<Cause> {
        // How many values the group has in the root of its enumeration.
        let root: u8 = match self.group {
            0 => 36,
            1 => 2,
            2 => 4,
            3 => 7,
            4 => 6,
            _ => return None,
        };
        // The extension bit and the value: in as many bits as the root needs, or behind a bit of 0 in 6.
        let (value, bits) = match self.value.checked_sub(root) {
            None => (self.value, root.ilog2() + 1 + u32::from(!root.is_power_of_two())),
            Some(added @ 0..64) => (0x80 | added, 8),
            Some(_) => return None,
        };
        // Before them, the extension bit and three bits of the choice.
        let octets = (u16::from(self.group) << 12 | u16::from(value) << 12_u32.saturating_sub(bits)).to_be_bytes();
        let used = if bits > 4 { 2 } else { 1 };
        octets.get(..used).and_then(|octets| decode_open_type(octets).ok())
    }
}

/// Of a group that S1AP has not now: group 4, unspecified.
impl From<&Cause> for FCause {
    fn from(cause: &Cause) -> Self {
        let (group, value) = match cause {
            Cause::radioNetwork(value) => (0, *value as u8),
            Cause::transport(value) => (1, *value as u8),
            Cause::nas(value) => (2, *value as u8),
            Cause::protocol(value) => (3, *value as u8),
            Cause::misc(value) => (4, *value as u8),
            _ => (4, CauseMisc::unspecified as u8),
        };
        Self { group, value }
    }
}

/// Forward Relocation Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardRelocationRequest {
    /// The subscriber.
    pub imsi: Imsi,
    /// Where the source MME wants the answer (interface S10).
    pub sender: TunnelEndpoint,
    /// The UE's connections to packet networks.
    pub connections: Vec<PdnConnection>,
    /// The UE's S-GW, control plane (interface S11).
    pub sgw: TunnelEndpoint,
    /// The UE's security context.
    pub mm_context: MmContext,
    /// From the source eNB: octets of a [`SourceToTargetContainer`](crate::eps::wire::s1ap::SourceToTargetContainer).
    pub container: Vec<u8>,
    /// The eNB that the UE is to go to.
    pub target: GlobalEnbId,
    /// A tracking area that this serves. Of its network only that of the eNB is sent, which must be the same.
    pub target_tai: Tai,
    /// Why the source eNB wants it.
    pub cause: FCause,
    /// Of the contribution on context transfer: the key between UE and UPE, in a Private Extension of [`ENTERPRISE`]. `sgw` and the
    /// bearers then tell the UPE that the UE has.
    pub up: Option<UpRelocation>,
    /// What the context goes back to, if the network says so: a Private Extension of [`ENTERPRISE`].
    pub origin: Option<Origin>,
}

/// What the target MME answers when the UE may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocationGrant {
    /// Where the target MME wants what follows (interface S10).
    pub sender: TunnelEndpoint,
    /// From the target eNB: octets of a [`TargetToSourceContainer`](crate::eps::wire::s1ap::TargetToSourceContainer).
    pub container: Vec<u8>,
    /// In the contribution, what the target MME says to the UE: a NAS message with INDICATION and PARA. The standard has no place for
    /// it: it stands in a Private Extension of [`ENTERPRISE`].
    pub nas: Option<Vec<u8>>,
    /// Of the contribution on context transfer: the bearer with the tunnel for forwarded packets at the UPE that the UE goes to, if that
    /// is another.
    pub forwarding: Option<Erab>,
}

/// Forward Relocation Response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardRelocationResponse {
    /// What became of the request.
    pub cause: GtpCause,
    /// What comes with it when it was accepted.
    pub grant: Option<RelocationGrant>,
}

/// Relocation Cancel Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelocationCancelRequest {
    /// The subscriber.
    pub imsi: Imsi,
}

fn with_container(container: &[u8]) -> Result<Vec<u8>, WireError> {
    Ie::CONTAINER.with(tuple((write_u8(E_UTRAN), slice(container))))
}

fn container(value: Value<'_>) -> Result<Vec<u8>, WireError> {
    let (kind, container) = value.read("a type and a container", (be_u8, rest))?;
    if kind & HALF != E_UTRAN {
        return Err(value.refused("type 3 (E-UTRAN)", format!("type {}", kind & HALF)));
    }
    Ok(container.to_vec())
}

fn private(value: Value<'_>) -> Result<Vec<u8>, WireError> {
    let (enterprise, octets) = value.read("a number of an enterprise and octets", (be_u16, rest))?;
    if enterprise != ENTERPRISE {
        return Err(value.refused("one of enterprise 32473", enterprise));
    }
    Ok(octets.to_vec())
}

pub(super) fn imsi(value: Value<'_>) -> Result<Imsi, WireError> {
    Imsi::from_octets(value.octets)
        .ok_or_else(|| value.refused("6 to 15 digits", format!("{} octets of others", value.octets.len())))
}

fn with_cause(cause: FCause) -> Result<Vec<u8>, WireError> {
    Ie::S1AP_CAUSE.with(tuple((write_u8(cause.group & HALF), write_u8(cause.value))))
}

fn cause(value: Value<'_>) -> Result<FCause, WireError> {
    value.read("2 octets", (be_u8, be_u8)).map(|(group, value)| FCause { group: group & HALF, value })
}

fn with_target(enb: GlobalEnbId, tai: Tai) -> Result<Vec<u8>, WireError> {
    if enb.plmn != tai.plmn {
        return Err(WireError::new(LAYER, 0, "an eNB and a tracking area of one network", tai.plmn));
    }
    let [_, id @ ..] = enb.enb.get().to_be_bytes();
    Ie::TARGET.with(tuple((write_u8(MACRO_ENB), slice(enb.plmn.0), slice(id), write_u16(tai.tac.0))))
}

fn target(value: Value<'_>) -> Result<(GlobalEnbId, Tai), WireError> {
    let (kind, plmn, high, low, tac) = value.read("9 octets", (be_u8, take(3_usize), be_u8, be_u16, be_u16))?;
    if kind != MACRO_ENB {
        return Err(value.refused("a macro eNB (type 1)", format!("type {kind}")));
    }
    let id = u32::from(high & HALF) << 16 | u32::from(low);
    let found = EnbId::new(id).zip(<[u8; 3]>::try_from(plmn).ok());
    let (enb, plmn) = found.ok_or_else(|| value.refused("20 bits", id))?;
    let plmn = Plmn(plmn);
    Ok((GlobalEnbId { plmn, enb }, Tai { plmn, tac: Tac(tac) }))
}

impl ForwardRelocationRequest {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements =
            vec![Ie::IMSI.with(slice(self.imsi.octets()))?, Ie::SENDER.with_tunnel(S10_MME, self.sender)?];
        for connection in &self.connections {
            elements.push(connection.octets()?);
        }
        elements.extend([
            Ie::SGW_CONTROL.with_tunnel(S11_SGW, self.sgw)?,
            self.mm_context.octets()?,
            with_container(&self.container)?,
            with_target(self.target, self.target_tai)?,
            with_cause(self.cause)?,
        ]);
        if let Some(up) = &self.up {
            elements.push(with_up_relocation(up)?);
        }
        if let Some(origin) = self.origin {
            elements.push(with_origin(origin)?);
        }
        Ok(elements.concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let (target, target_tai) = elements.required(Ie::TARGET, target)?;
        Ok(Self {
            imsi: elements.required(Ie::IMSI, imsi)?,
            sender: elements.required(Ie::SENDER, |value| value.tunnel())?,
            connections: elements.every(Ie::PDN_CONNECTION, |value| PdnConnection::read(&value))?,
            sgw: elements.required(Ie::SGW_CONTROL, |value| value.tunnel())?,
            mm_context: elements.required(Ie::MM_CONTEXT, |value| MmContext::read(&value))?,
            container: elements.required(Ie::CONTAINER, container)?,
            target,
            target_tai,
            cause: elements.required(Ie::S1AP_CAUSE, cause)?,
            up: elements.optional(Ie::PRIVATE, up_relocation)?,
            origin: elements.optional(Ie::ORIGIN, origin)?.flatten(),
        })
    }
}

impl ForwardRelocationResponse {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = self.cause.elements()?;
        if let Some(RelocationGrant { sender, container, nas, forwarding }) = &self.grant {
            elements.extend(Ie::SENDER.with_tunnel(S10_MME, *sender)?);
            elements.extend(with_container(container)?);
            if let Some(Erab { ebi, tunnel }) = forwarding {
                let end = Ie::RELOCATED_SGW.with_tunnel(FORWARDING_SGW, *tunnel)?;
                elements.extend(Ie::BEARER_CONTEXT.with_group(&[Ie::BEARER.with_bearer(*ebi)?, end])?);
            }
            if let Some(nas) = nas {
                elements.extend(Ie::PRIVATE.with(tuple((write_u16(ENTERPRISE), slice(nas))))?);
            }
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let sender = elements.optional(Ie::SENDER, |value| value.tunnel())?;
        let grant = match sender {
            None => None,
            Some(sender) => Some(RelocationGrant {
                sender,
                container: elements.required(Ie::CONTAINER, container)?,
                nas: elements.optional(Ie::PRIVATE, private)?,
                forwarding: elements.optional(Ie::BEARER_CONTEXT, |value| erab(&value, Ie::RELOCATED_SGW))?,
            }),
        };
        Ok(Self { cause: GtpCause::read(elements)?, grant })
    }
}

impl RelocationCancelRequest {
    pub(super) fn elements(self) -> Result<Vec<u8>, WireError> {
        Ie::IMSI.with(slice(self.imsi.octets()))
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self { imsi: elements.required(Ie::IMSI, imsi)? })
    }
}
