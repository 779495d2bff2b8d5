//! The messages by which an MME switches the path of a UE at its S-GW (TS 29.274 clauses 7.2.7 and 7.2.8).

use super::element::{Elements, Ie, Value};
use super::forward_relocation::GtpCause;
use super::up_context::{up_key, with_up_key};
use crate::eps::keys::UpKey;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{Erab, TunnelEndpoint};

/// Interface type of an F-TEID: S1-U at the eNB.
const S1U_ENB: u8 = 0;
/// Interface type of an F-TEID: S1-U at the S-GW.
pub(super) const S1U_SGW: u8 = 1;
/// Interface type of an F-TEID: S11 at the MME.
pub(super) const S11_MME: u8 = 10;

/// Modify Bearer Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyBearerRequest {
    /// Where the MME wants answers and what follows (interface S11), if it is another than before.
    pub sender: Option<TunnelEndpoint>,
    /// The bearers, with the tunnels of their downlink at the eNB; none if they stay.
    pub bearers: Vec<Erab>,
    /// To a UPE: another key between it and the UE, which are where they are; in a Private Extension.
    pub up: Option<UpKey>,
}

/// Modify Bearer Response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyBearerResponse {
    /// What became of the request.
    pub cause: GtpCause,
    /// The bearers that were modified, with the tunnels of their uplink at the S-GW.
    pub bearers: Vec<Erab>,
}

pub(super) fn erab(context: &Value<'_>, ie: Ie) -> Result<Erab, WireError> {
    let members = context.group()?;
    Ok(Erab {
        ebi: members.required(Ie::BEARER, |value| value.bearer())?,
        tunnel: members.required(ie, |value| value.tunnel())?,
    })
}

impl ModifyBearerRequest {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = Vec::new();
        if let Some(sender) = self.sender {
            elements.extend(Ie::SENDER.with_tunnel(S11_MME, sender)?);
        }
        for Erab { ebi, tunnel } in &self.bearers {
            let members = [Ie::BEARER.with_bearer(*ebi)?, Ie::ENB_USER.with_tunnel(S1U_ENB, *tunnel)?];
            elements.extend(Ie::BEARER_CONTEXT.with_group(&members)?);
        }
        if let Some(up) = &self.up {
            elements.extend(with_up_key(up)?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self {
            sender: elements.optional(Ie::SENDER, |value| value.tunnel())?,
            bearers: elements.every(Ie::BEARER_CONTEXT, |value| erab(&value, Ie::ENB_USER))?,
            up: elements.optional(Ie::PRIVATE, up_key)?,
        })
    }
}

impl ModifyBearerResponse {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = self.cause.elements()?;
        for Erab { ebi, tunnel } in &self.bearers {
            let cause = self.cause.elements()?;
            let members = [Ie::BEARER.with_bearer(*ebi)?, cause, Ie::SGW_USER.with_tunnel(S1U_SGW, *tunnel)?];
            elements.extend(Ie::BEARER_CONTEXT.with_group(&members)?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self {
            cause: GtpCause::read(elements)?,
            bearers: elements.every(Ie::BEARER_CONTEXT, |value| erab(&value, Ie::SGW_USER))?,
        })
    }
}
