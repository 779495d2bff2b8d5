//! Diameter, as far as MME and HSS speak it on S6a: SCTP port 3868 (RFC 6733; TS 29.272; `eps-systems.md` 4.4 and 5.2).
//!
//! | module | holds | source |
//! | --- | --- | --- |
//! | [`s6a`] | Authentication-Information, Update-Location, Cancel-Location | TS 29.272 clause 7.2 |
//! | `avp` | attribute-value pairs, one by one and grouped | RFC 6733 clause 4 |
//!
//! A message is a header of 20 octets (version, length, flags, command, application, hop-by-hop and end-to-end identifier) and AVPs.
//! Every message of S6a has Session-Id, Origin-Host and Origin-Realm, and says that no state is maintained; a request says besides
//! whom it is for. AVPs that a message has beyond its fields are passed over when it is read.

mod avp;
pub mod s6a;

use cookie_factory::bytes::{be_u8 as write_u8, be_u24 as write_u24, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::number::complete::{be_u8, be_u24, be_u32};
use nom::{IResult, Parser};

pub use self::s6a::{
    AuthenticationInformationAnswer, AuthenticationInformationRequest, CancelLocationRequest, DiameterResult,
    Resynchronisation, UpdateLocationRequest,
};

use self::avp::{Attribute, Avps, grouped, text, unsigned};
use super::WireError;
use super::core_error::serialise;
use crate::eps::identifiers::{Gummei, Plmn};

const LAYER: &str = "Diameter";
/// Octets of the header.
const HEADER_OCTETS: usize = 20;
const VERSION: u8 = 1;
/// Command flag: a request.
const REQUEST: u8 = 0x80;
/// Command flag: it may be handed on by others.
const PROXIABLE: u8 = 0x40;
/// The application S6a (TS 29.272 clause 7.1.8).
pub const S6A: u32 = 16_777_251;
/// 3GPP as a vendor.
pub const VENDOR: u32 = 10_415;
/// Auth-Session-State: no state is maintained.
const NO_STATE: u32 = 1;
/// Highest length of a message, 24 bits.
const MAX_LENGTH: usize = 0x00ff_ffff;

/// A node of Diameter: its host and realm, names as of DNS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiameterPeer {
    /// Origin-Host or Destination-Host.
    pub host: String,
    /// Origin-Realm or Destination-Realm.
    pub realm: String,
}

impl DiameterPeer {
    /// A node of a network that is called so there (TS 23.003 clause 19.2).
    #[must_use]
    pub fn of(name: &str, plmn: Plmn) -> Self {
        // The text of a network is MCC-MNC; in names an MNC of two digits has a 0 in front.
        let text = plmn.to_string();
        let (mcc, mnc) = text.split_once('-').unwrap_or_default();
        let realm = format!("epc.mnc{mnc:0>3}.mcc{mcc}.3gppnetwork.org");
        Self { host: format!("{name}.{realm}"), realm }
    }

    /// An MME (TS 23.003 clause 19.4.2.4).
    #[must_use]
    pub fn mme(Gummei { plmn, group, code }: Gummei) -> Self {
        Self::of(&format!("mmec{:02x}.mmegi{:04x}.mme", code.0, group.0), plmn)
    }

    /// The HSS of a network.
    #[must_use]
    pub fn hss(plmn: Plmn) -> Self {
        Self::of("hss", plmn)
    }
}

/// What a message says, by command and flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiameterBody {
    /// Command 318, MME to HSS: a vector is wanted.
    AuthenticationInformationRequest(AuthenticationInformationRequest),
    /// Command 318, HSS to MME: here it is, or why not.
    AuthenticationInformationAnswer(AuthenticationInformationAnswer),
    /// Command 316, MME to HSS: it serves the UE now.
    UpdateLocationRequest(UpdateLocationRequest),
    /// Command 316, HSS to MME.
    UpdateLocationAnswer(DiameterResult),
    /// Command 317, HSS to MME: another serves the UE now.
    CancelLocationRequest(CancelLocationRequest),
    /// Command 317, MME to HSS.
    CancelLocationAnswer(DiameterResult),
}

impl DiameterBody {
    /// The names of all messages.
    pub const NAMES: &[&str] = &[
        "AuthenticationInformationRequest",
        "AuthenticationInformationAnswer",
        "UpdateLocationRequest",
        "UpdateLocationAnswer",
        "CancelLocationRequest",
        "CancelLocationAnswer",
    ];

    /// The name of the message, e.g. `"AuthenticationInformationRequest"`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AuthenticationInformationRequest(_) => "AuthenticationInformationRequest",
            Self::AuthenticationInformationAnswer(_) => "AuthenticationInformationAnswer",
            Self::UpdateLocationRequest(_) => "UpdateLocationRequest",
            Self::UpdateLocationAnswer(_) => "UpdateLocationAnswer",
            Self::CancelLocationRequest(_) => "CancelLocationRequest",
            Self::CancelLocationAnswer(_) => "CancelLocationAnswer",
        }
    }

    /// Command code, 24 bits, and whether it is a request.
    const fn command(&self) -> (u32, bool) {
        match self {
            Self::AuthenticationInformationRequest(_) => (318, true),
            Self::AuthenticationInformationAnswer(_) => (318, false),
            Self::UpdateLocationRequest(_) => (316, true),
            Self::UpdateLocationAnswer(_) => (316, false),
            Self::CancelLocationRequest(_) => (317, true),
            Self::CancelLocationAnswer(_) => (317, false),
        }
    }

    fn avps(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::AuthenticationInformationRequest(request) => request.avps(),
            Self::AuthenticationInformationAnswer(answer) => answer.avps(),
            Self::UpdateLocationRequest(request) => request.avps(),
            Self::CancelLocationRequest(request) => request.avps(),
            Self::UpdateLocationAnswer(result) | Self::CancelLocationAnswer(result) => result.avps(),
        }
    }
}

/// A message of Diameter: the user data of SCTP port 3868.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiameterMessage {
    /// Hop-by-hop identifier, 4 octets: an answer has that of its request.
    pub hop_by_hop: u32,
    /// End-to-end identifier, 4 octets: likewise.
    pub end_to_end: u32,
    /// Session-Id: likewise.
    pub session: String,
    /// Who sends it.
    pub origin: DiameterPeer,
    /// What it says.
    pub body: DiameterBody,
}

/// The header as it stands: version, length, flags, command, application, hop-by-hop and end-to-end identifier.
type Header = (u8, u32, u8, u32, u32, u32, u32);

fn header(input: &[u8]) -> IResult<&[u8], Header> {
    (be_u8, be_u24, be_u8, be_u24, be_u32, be_u32, be_u32).parse(input)
}

impl DiameterMessage {
    /// The message that `octets` are.
    ///
    /// # Errors
    ///
    /// Fewer than 20 octets; another version or application; a length other than that of the octets; a message that is none of these;
    /// an AVP that is cut short, missing, or holds something that is not used here. Offsets count from the first octet.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let Ok((rest, (version, length, flags, command, application, hop_by_hop, end_to_end))) = header(octets) else {
            let found = format!("{} octets", octets.len());
            return Err(WireError::new(LAYER, octets.len(), "a header of 20 octets", found));
        };
        if version != VERSION {
            return Err(WireError::new(LAYER, 0, "version 1", version));
        }
        if usize::try_from(length) != Ok(octets.len()) {
            return Err(WireError::new(LAYER, 1, format!("length {}", octets.len()), format!("length {length}")));
        }
        if application != S6A {
            return Err(WireError::new(LAYER, 8, "application 16777251 (S6a)", application));
        }
        let avps = Avps::parse(rest, HEADER_OCTETS)?;
        let body = match (command, flags & REQUEST != 0) {
            (318, true) => {
                DiameterBody::AuthenticationInformationRequest(AuthenticationInformationRequest::read(&avps)?)
            }
            (318, false) => {
                DiameterBody::AuthenticationInformationAnswer(AuthenticationInformationAnswer::read(&avps)?)
            }
            (316, true) => DiameterBody::UpdateLocationRequest(UpdateLocationRequest::read(&avps)?),
            (316, false) => DiameterBody::UpdateLocationAnswer(DiameterResult::read(&avps)?),
            (317, true) => DiameterBody::CancelLocationRequest(CancelLocationRequest::read(&avps)?),
            (317, false) => DiameterBody::CancelLocationAnswer(DiameterResult::read(&avps)?),
            (other, _) => {
                return Err(WireError::new(LAYER, 5, "a command of S6a (316 to 318)", format!("command {other}")));
            }
        };
        Ok(Self {
            hop_by_hop,
            end_to_end,
            session: avps.required(Attribute::SESSION_ID, |value| value.text())?,
            origin: DiameterPeer {
                host: avps.required(Attribute::ORIGIN_HOST, |value| value.text())?,
                realm: avps.required(Attribute::ORIGIN_REALM, |value| value.text())?,
            },
            body,
        })
    }

    /// The octets of the message.
    ///
    /// # Errors
    ///
    /// More octets in an AVP or in all than 24 bits of length can say.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let application = [unsigned(Attribute::VENDOR_ID, VENDOR)?, unsigned(Attribute::AUTH_APPLICATION_ID, S6A)?];
        let avps = [
            text(Attribute::SESSION_ID, &self.session)?,
            grouped(Attribute::VENDOR_SPECIFIC_APPLICATION_ID, &application)?,
            unsigned(Attribute::AUTH_SESSION_STATE, NO_STATE)?,
            text(Attribute::ORIGIN_HOST, &self.origin.host)?,
            text(Attribute::ORIGIN_REALM, &self.origin.realm)?,
            self.body.avps()?,
        ]
        .concat();
        let length = avps.len().saturating_add(HEADER_OCTETS);
        let Some(length) = u32::try_from(length).ok().filter(|_| length <= MAX_LENGTH) else {
            return Err(WireError::new(LAYER, 1, "at most 16777215 octets", format!("{length} octets")));
        };
        let (command, request) = self.body.command();
        let flags = PROXIABLE | if request { REQUEST } else { 0 };
        let first = (write_u8(VERSION), write_u24(length), write_u8(flags), write_u24(command), write_u32(S6A));
        let second = (write_u32(self.hop_by_hop), write_u32(self.end_to_end), slice(avps));
        serialise(LAYER, tuple((tuple(first), tuple(second))))
    }
}

#[cfg(test)]
mod tests;
