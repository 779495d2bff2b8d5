//! Diameter, as far as MME, SGSN and HSS speak it on S6a and S6d, and an HSS and end points with a key server: SCTP port 3868 (RFC 6733;
//! TS 29.272; `eps-systems.md` 4.4 and 5.2).
//!
//! | module | holds | source |
//! | --- | --- | --- |
//! | [`s6a`] | Authentication-Information, Update-Location, Cancel-Location | TS 29.272 clause 7.2 |
//! | [`key_server`] | Push-Profile of SWx, Bootstrapping-Info of Zn | TS 29.273, TS 29.109 |
//! | `avp` | attribute-value pairs, one by one and grouped | RFC 6733 clause 4 |
//!
//! A message is a header of 20 octets (version, length, flags, command, application, hop-by-hop and end-to-end identifier) and AVPs.
//! Every message has Session-Id, Origin-Host and Origin-Realm, and says that no state is maintained; a request says besides
//! whom it is for. AVPs that a message has beyond its fields are passed over when it is read.

mod avp;
pub mod key_server;
pub mod s6a;

use cookie_factory::bytes::{be_u8 as write_u8, be_u24 as write_u24, be_u32 as write_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::number::complete::{be_u8, be_u24, be_u32};
use nom::{IResult, Parser};

pub use self::key_server::{BootstrappingInfoAnswer, BootstrappingInfoRequest, PushProfileRequest};
pub use self::s6a::{
    AuthenticationInformationAnswer, AuthenticationInformationRequest, AuthenticationQuintuplet, AuthenticationTriplet,
    CancelLocationRequest, DiameterResult, Resynchronisation, UpdateLocationRequest, Vector, VectorAccess,
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
/// The application SWx (TS 29.273 clause 8.2.3).
pub const SWX: u32 = 16_777_265;
/// The application Zn (TS 29.109 clause 5.1).
pub const ZN: u32 = 16_777_220;
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

    /// An SGSN, by its address: it has no name of TS 23.003 here \[choice\].
    #[must_use]
    pub fn sgsn(address: std::net::Ipv4Addr, plmn: Plmn) -> Self {
        let [a, b, c, d] = address.octets();
        Self::of(&format!("nri-{a:02x}{b:02x}{c:02x}{d:02x}.sgsn"), plmn)
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
    /// Command 305 of SWx, HSS to key server: a key.
    PushProfileRequest(PushProfileRequest),
    /// Command 305 of SWx, key server to HSS.
    PushProfileAnswer(DiameterResult),
    /// Command 310 of Zn, end point to key server: a key is wanted.
    BootstrappingInfoRequest(BootstrappingInfoRequest),
    /// Command 310 of Zn, key server to end point: here it is, or why not.
    BootstrappingInfoAnswer(BootstrappingInfoAnswer),
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
        "PushProfileRequest",
        "PushProfileAnswer",
        "BootstrappingInfoRequest",
        "BootstrappingInfoAnswer",
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
            Self::PushProfileRequest(_) => "PushProfileRequest",
            Self::PushProfileAnswer(_) => "PushProfileAnswer",
            Self::BootstrappingInfoRequest(_) => "BootstrappingInfoRequest",
            Self::BootstrappingInfoAnswer(_) => "BootstrappingInfoAnswer",
        }
    }

    /// Command code, 24 bits, whether it is a request, and the application.
    const fn command(&self) -> (u32, bool, u32) {
        match self {
            Self::AuthenticationInformationRequest(_) => (318, true, S6A),
            Self::AuthenticationInformationAnswer(_) => (318, false, S6A),
            Self::UpdateLocationRequest(_) => (316, true, S6A),
            Self::UpdateLocationAnswer(_) => (316, false, S6A),
            Self::CancelLocationRequest(_) => (317, true, S6A),
            Self::CancelLocationAnswer(_) => (317, false, S6A),
            Self::PushProfileRequest(_) => (305, true, SWX),
            Self::PushProfileAnswer(_) => (305, false, SWX),
            Self::BootstrappingInfoRequest(_) => (310, true, ZN),
            Self::BootstrappingInfoAnswer(_) => (310, false, ZN),
        }
    }

    fn avps(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Self::AuthenticationInformationRequest(request) => request.avps(),
            Self::AuthenticationInformationAnswer(answer) => answer.avps(),
            Self::UpdateLocationRequest(request) => request.avps(),
            Self::CancelLocationRequest(request) => request.avps(),
            Self::PushProfileRequest(request) => request.avps(),
            Self::BootstrappingInfoRequest(request) => request.avps(),
            Self::BootstrappingInfoAnswer(answer) => answer.avps(),
            Self::UpdateLocationAnswer(result)
            | Self::CancelLocationAnswer(result)
            | Self::PushProfileAnswer(result) => result.avps(),
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
    /// The request with this number of a node: both identifiers are it, and it makes the session that of this request alone.
    #[must_use]
    pub fn request(number: u32, origin: DiameterPeer, body: DiameterBody) -> Self {
        let session = format!("{};0;{number}", origin.host);
        Self { hop_by_hop: number, end_to_end: number, session, origin, body }
    }

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
        if ![S6A, SWX, ZN].contains(&application) {
            let expected = "application 16777251 (S6a), 16777265 (SWx) or 16777220 (Zn)";
            return Err(WireError::new(LAYER, 8, expected, application));
        }
        let avps = Avps::parse(rest, HEADER_OCTETS)?;
        let body = match (command, flags & REQUEST != 0) {
            (305, true) if application == SWX => DiameterBody::PushProfileRequest(PushProfileRequest::read(&avps)?),
            (305, false) if application == SWX => DiameterBody::PushProfileAnswer(DiameterResult::read(&avps)?),
            (310, true) if application == ZN => {
                DiameterBody::BootstrappingInfoRequest(BootstrappingInfoRequest::read(&avps)?)
            }
            (310, false) if application == ZN => {
                DiameterBody::BootstrappingInfoAnswer(BootstrappingInfoAnswer::read(&avps)?)
            }
            (other, _) if application != S6A => {
                let expected = if application == SWX { "a command of SWx (305)" } else { "a command of Zn (310)" };
                return Err(WireError::new(LAYER, 5, expected, format!("command {other}")));
            }
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
        let (command, request, application) = self.body.command();
        let of_3gpp = [unsigned(Attribute::VENDOR_ID, VENDOR)?, unsigned(Attribute::AUTH_APPLICATION_ID, application)?];
        let avps = [
            text(Attribute::SESSION_ID, &self.session)?,
            grouped(Attribute::VENDOR_SPECIFIC_APPLICATION_ID, &of_3gpp)?,
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
        let flags = PROXIABLE | if request { REQUEST } else { 0 };
        let first = (write_u8(VERSION), write_u24(length), write_u8(flags), write_u24(command), write_u32(application));
        let second = (write_u32(self.hop_by_hop), write_u32(self.end_to_end), slice(avps));
        serialise(LAYER, tuple((tuple(first), tuple(second))))
    }
}

#[cfg(test)]
mod tests;
