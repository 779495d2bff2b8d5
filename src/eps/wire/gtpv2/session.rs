//! The messages by which an MME gives a UPE or a gateway a UE and takes it away again (TS 29.274 clauses 7.2.1, 7.2.2, 7.2.9 and
//! 7.2.10).
//!
//! \[choice\] The early architecture of seed 001 has no protocol between MME and UPE. The UPE has the place of the S-GW here, and these
//! are the messages to that; what the S-GW need not know, the key between UE and UPE, stands in a Private Extension.

use std::net::Ipv4Addr;

use cookie_factory::bytes::be_u8 as write_u8;
use cookie_factory::combinator::slice;
use nom::number::complete::{be_u8, be_u32};

use super::element::{Elements, Ie, Value};
use super::forward_relocation::{GtpCause, S11_SGW, imsi};
use super::modify_bearer::{S1U_SGW, S11_MME, erab};
use super::pdn_connection::{S5_PGW_CONTROL, S5_PGW_USER, labels, of_labels, qos};
use super::up_context::{up_key, with_up_key};
use crate::eps::identifiers::{Ebi, Imsi};
use crate::eps::keys::UpKey;
use crate::eps::wire::WireError;
use crate::eps::wire::ue_context::{Erab, TunnelEndpoint};

/// RAT type: E-UTRAN.
const E_UTRAN: u8 = 6;
/// OI of Indication, in its first octet: the path is to be switched without waiting for anybody.
const OPERATION_INDICATION: u8 = 0x08;

/// Create Session Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSessionRequest {
    /// The subscriber.
    pub imsi: Imsi,
    /// Where the MME wants answers and what follows (interface S11).
    pub sender: TunnelEndpoint,
    /// Name of the packet network.
    pub apn: String,
    /// The UE's address in it.
    pub address: Ipv4Addr,
    /// The bearer, with the tunnel of its uplink at the anchor. That is taken for the anchor's control plane too.
    pub bearer: Erab,
    /// The UE comes by itself, not by a handover (operation indication): COUNT begins at 0 under this key. Else another UPE tells it.
    pub afresh: bool,
    /// The key between UE and UPE, if it is a UPE that is asked.
    pub up: Option<UpKey>,
}

/// PDN type IPv4, then the address.
fn with_pdn_address(address: Ipv4Addr) -> Result<Vec<u8>, WireError> {
    let [a, b, c, d] = address.octets();
    Ie::PDN_ADDRESS.with(slice([1, a, b, c, d]))
}

fn pdn_address(value: Value<'_>) -> Result<Ipv4Addr, WireError> {
    match value.octets.split_first() {
        Some((1, _)) => value.read("5 octets", (be_u8, be_u32)).map(|(_, address)| Ipv4Addr::from_bits(address)),
        _ => Err(value.refused("PDN type 1 (IPv4)", "another")),
    }
}

/// What a UPE or a gateway answers when it takes the UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionGrant {
    /// Where the UPE wants what follows (interface S11).
    pub sender: TunnelEndpoint,
    /// The UE's address in the packet network, if the gateway gives it one.
    pub address: Option<Ipv4Addr>,
    /// The bearer, with the tunnel of its uplink at the UPE or the gateway.
    pub bearer: Erab,
}

/// Create Session Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateSessionResponse {
    /// What became of the request.
    pub cause: GtpCause,
    /// What comes with it when it was accepted.
    pub grant: Option<SessionGrant>,
}

/// Delete Session Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteSessionRequest {
    /// The default bearer.
    pub bearer: Ebi,
}

impl CreateSessionRequest {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let Erab { ebi, tunnel } = self.bearer;
        let bearer = [Ie::BEARER.with_bearer(ebi)?, Ie::ANCHOR_USER.with_tunnel(S5_PGW_USER, tunnel)?, qos()?];
        let elements = [
            Ie::IMSI.with(slice(self.imsi.octets()))?,
            Ie::RAT_TYPE.with(write_u8(E_UTRAN))?,
            Ie::SENDER.with_tunnel(S11_MME, self.sender)?,
            Ie::ANCHOR_CONTROL.with_tunnel(S5_PGW_CONTROL, tunnel)?,
            Ie::APN.with(slice(labels(&self.apn)?))?,
            Ie::INDICATION.with(slice([if self.afresh { OPERATION_INDICATION } else { 0 }, 0]))?,
            with_pdn_address(self.address)?,
            Ie::BEARER_CONTEXT.with_group(&bearer)?,
            self.up.as_ref().map(with_up_key).transpose()?.unwrap_or_default(),
        ];
        Ok(elements.concat())
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self {
            imsi: elements.required(Ie::IMSI, imsi)?,
            sender: elements.required(Ie::SENDER, |value| value.tunnel())?,
            apn: elements.required(Ie::APN, |value| of_labels(&value))?,
            address: elements.required(Ie::PDN_ADDRESS, pdn_address)?,
            bearer: elements.required(Ie::BEARER_CONTEXT, |value| erab(&value, Ie::ANCHOR_USER))?,
            afresh: elements.required(Ie::INDICATION, |value| value.read("2 octets", (be_u8, be_u8)))?.0
                & OPERATION_INDICATION
                != 0,
            up: elements.optional(Ie::PRIVATE, up_key)?,
        })
    }
}

impl CreateSessionResponse {
    pub(super) fn elements(&self) -> Result<Vec<u8>, WireError> {
        let mut elements = self.cause.elements()?;
        if let Some(SessionGrant { sender, address, bearer: Erab { ebi, tunnel } }) = self.grant {
            elements.extend(Ie::SENDER.with_tunnel(S11_SGW, sender)?);
            elements.extend(address.map(with_pdn_address).transpose()?.unwrap_or_default());
            let cause = self.cause.elements()?;
            let members = [Ie::BEARER.with_bearer(ebi)?, cause, Ie::SGW_USER.with_tunnel(S1U_SGW, tunnel)?];
            elements.extend(Ie::BEARER_CONTEXT.with_group(&members)?);
        }
        Ok(elements)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        let sender = elements.optional(Ie::SENDER, |value| value.tunnel())?;
        let grant = match sender {
            None => None,
            Some(sender) => {
                let bearer = elements.required(Ie::BEARER_CONTEXT, |value| erab(&value, Ie::SGW_USER))?;
                let address = elements.optional(Ie::PDN_ADDRESS, pdn_address)?;
                Some(SessionGrant { sender, address, bearer })
            }
        };
        Ok(Self { cause: GtpCause::read(elements)?, grant })
    }
}

impl DeleteSessionRequest {
    pub(super) fn elements(self) -> Result<Vec<u8>, WireError> {
        Ie::BEARER.with_bearer(self.bearer)
    }

    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, WireError> {
        Ok(Self { bearer: elements.required(Ie::BEARER, |value| value.bearer())? })
    }
}
