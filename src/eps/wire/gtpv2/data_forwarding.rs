//! The messages by which an MME has a UPE send the downlink of a UE another way, and takes that back (TS 29.274 clauses 7.2.18 to
//! 7.2.21).
//!
//! \[choice\] To the UPE of the target, the request tells the tunnel at the target eNB, and another key if the UE is to have one (in a
//! Private Extension): the UE is to come. To the UPE that the UE leaves, it tells the tunnel at the UPE that it goes to: the relocation
//! begins. To delete the tunnels is to say that the UE is not to go.

use super::element::{Elements, Ie};
use super::forward_relocation::GtpCause;
use super::modify_bearer::{S11_MME, erab};
use super::up_context::{up_key, with_up_key};
use crate::eps::identifiers::Ebi;
use crate::eps::keys::UpKey;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{Erab, TunnelEndpoint};

/// Interface type of an F-TEID: GTP-U at an eNB, for forwarded downlink data.
const FORWARDING_ENB: u8 = 19;
/// Interface type of an F-TEID: GTP-U at an S-GW, for forwarded downlink data.
pub(super) const FORWARDING_SGW: u8 = 23;

/// Where the downlink is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardingEnd {
    /// To the target eNB.
    Enb(TunnelEndpoint),
    /// To another UPE.
    Upe(TunnelEndpoint),
}

/// Create Indirect Data Forwarding Tunnel Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateForwardingRequest {
    /// Where the MME wants the answer (interface S11).
    pub sender: TunnelEndpoint,
    /// The bearer.
    pub ebi: Ebi,
    /// Where its downlink is to go.
    pub to: ForwardingEnd,
    /// Another key between UE and UPE.
    pub up: Option<UpKey>,
}

/// Create Indirect Data Forwarding Tunnel Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateForwardingResponse {
    /// What became of the request.
    pub cause: GtpCause,
    /// When it was accepted, the bearer with the tunnel for forwarded packets at this UPE.
    pub bearer: Option<Erab>,
}

impl CreateForwardingRequest {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let end = match self.to {
            ForwardingEnd::Enb(tunnel) => Ie::FORWARDING_ENB.with_tunnel(FORWARDING_ENB, tunnel)?,
            ForwardingEnd::Upe(tunnel) => Ie::FORWARDING_SGW.with_tunnel(FORWARDING_SGW, tunnel)?,
        };
        let mut elements = Ie::SENDER.with_tunnel(S11_MME, self.sender)?;
        elements.extend(Ie::BEARER_CONTEXT.with_group(&[Ie::BEARER.with_bearer(self.ebi)?, end])?);
        if let Some(up) = &self.up {
            elements.extend(with_up_key(up)?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let (ebi, to) = elements.required(Ie::BEARER_CONTEXT, |value| {
            let members = value.group()?;
            let enb = members.optional(Ie::FORWARDING_ENB, |value| value.tunnel())?.map(ForwardingEnd::Enb);
            let to = match enb {
                Some(enb) => enb,
                None => ForwardingEnd::Upe(members.required(Ie::FORWARDING_SGW, |value| value.tunnel())?),
            };
            Ok((members.required(Ie::BEARER, |value| value.bearer())?, to))
        })?;
        Ok(Self {
            sender: elements.required(Ie::SENDER, |value| value.tunnel())?,
            ebi,
            to,
            up: elements.optional(Ie::PRIVATE, up_key)?,
        })
    }
}

impl CreateForwardingResponse {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = self.cause.elements()?;
        if let Some(Erab { ebi, tunnel }) = self.bearer {
            let end = Ie::FORWARDING_ENB.with_tunnel(FORWARDING_SGW, tunnel)?;
            elements.extend(Ie::BEARER_CONTEXT.with_group(&[
                Ie::BEARER.with_bearer(ebi)?,
                self.cause.elements()?,
                end,
            ])?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self {
            cause: GtpCause::read(elements)?,
            bearer: elements.optional(Ie::BEARER_CONTEXT, |value| erab(&value, Ie::FORWARDING_ENB))?,
        })
    }
}
