//! What a key server is told and asked, in grammars that there are already (`eps-systems.md` 4.4 \[choice\]):
//!
//! * Push-Profile of SWx (TS 29.273 clause 8.2.2.3): the HSS tells it a key of a subscriber. User-Name is the IMSI,
//!   Transaction-Identifier the identifier of the key where the HSS makes that, ME-Key-Material the key.
//! * Bootstrapping-Info of Zn (TS 29.109 clause 5.2): an end point asks for its key with a user. User-Name is the identity of the user,
//!   Transaction-Identifier the identifier of the key, NAF-Hostname the identifier of the end point, ME-Key-Material the key. A request
//!   that names neither user nor key registers the end point, and its answer has no key. One whose GAA-Service-Identifier is [`CONFIRMED`]
//!   tells that a session under the key has come about; its answer has no key either.
//!
//! Identifiers of keys are 4 octets.

use super::DiameterPeer;
use super::avp::{Attribute, Avps, Value, octets, text};
use super::s6a::{DiameterResult, destination, of_destination, of_user, user};
use crate::eps::identifiers::Imsi;
use crate::eps::keys::{E2mIntKey, E2mKey};
use crate::eps::wire::WireError;

/// The service of a request that confirms a key.
pub const CONFIRMED: &str = "key-confirmed";
/// Most keys in an answer.
pub const MOST_KEYS: usize = 16;

fn of_key(avps: &Avps<'_>) -> Result<Option<u32>, WireError> {
    avps.optional(Attribute::TRANSACTION_IDENTIFIER, |value| value.array().map(u32::from_be_bytes))
}

/// Push-Profile-Request, with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushProfileRequest {
    /// The key server.
    pub destination: DiameterPeer,
    /// The subscriber.
    pub imsi: Imsi,
    /// What the key is called; none where the key server computes that itself.
    pub identifier: Option<u32>,
    /// The key.
    pub key: E2mIntKey,
}

impl PushProfileRequest {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let mut avps = [destination(&self.destination)?, user(self.imsi)?].concat();
        if let Some(identifier) = self.identifier {
            avps.extend(octets(Attribute::TRANSACTION_IDENTIFIER, &identifier.to_be_bytes())?);
        }
        avps.extend(octets(Attribute::ME_KEY_MATERIAL, self.key.octets())?);
        Ok(avps)
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        Ok(Self {
            destination: of_destination(avps)?,
            imsi: of_user(avps)?,
            identifier: of_key(avps)?,
            key: avps.required(Attribute::ME_KEY_MATERIAL, |value| value.array().map(E2mIntKey::from_octets))?,
        })
    }
}

/// Bootstrapping-Info-Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrappingInfoRequest {
    /// The key server.
    pub destination: DiameterPeer,
    /// The end point that asks; none where it has said so before.
    pub end_point: Option<String>,
    /// The identity of the user and the identifier of the key; none: the end point registers.
    pub wanted: Option<(String, u32)>,
    /// Nothing is asked for: a session under this key has come about.
    pub confirms: bool,
}

impl BootstrappingInfoRequest {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let mut avps = destination(&self.destination)?;
        if let Some((identity, identifier)) = &self.wanted {
            avps.extend(text(Attribute::USER_NAME, identity)?);
            avps.extend(octets(Attribute::TRANSACTION_IDENTIFIER, &identifier.to_be_bytes())?);
        }
        if let Some(end_point) = &self.end_point {
            avps.extend(text(Attribute::NAF_HOSTNAME, end_point)?);
        }
        if self.confirms {
            avps.extend(text(Attribute::GAA_SERVICE_IDENTIFIER, CONFIRMED)?);
        }
        Ok(avps)
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        let text = |value: Value<'_>| value.text();
        let wanted = match of_key(avps)? {
            Some(identifier) => Some((avps.required(Attribute::USER_NAME, text)?, identifier)),
            None => None,
        };
        let end_point = avps.optional(Attribute::NAF_HOSTNAME, text)?;
        let confirmed = |value: Value<'_>| match value.octets == CONFIRMED.as_bytes() {
            true => Ok(()),
            false => Err(value.refused(CONFIRMED, "another service")),
        };
        let confirms = avps.optional(Attribute::GAA_SERVICE_IDENTIFIER, confirmed)?.is_some();
        Ok(Self { destination: of_destination(avps)?, end_point, wanted, confirms })
    }
}

/// Bootstrapping-Info-Answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrappingInfoAnswer {
    /// What became of the request.
    pub result: DiameterResult,
    /// The keys of that identifier, at most [`MOST_KEYS`], that which is to be tried first in front; none of a registration, or if it
    /// was not done.
    pub keys: Vec<E2mKey>,
}

impl BootstrappingInfoAnswer {
    pub(super) fn avps(&self) -> Result<Vec<u8>, WireError> {
        let mut avps = self.result.avps()?;
        for key in self.keys.iter().take(MOST_KEYS) {
            avps.extend(octets(Attribute::ME_KEY_MATERIAL, key.octets())?);
        }
        Ok(avps)
    }

    pub(super) fn read(avps: &Avps<'_>) -> Result<Self, WireError> {
        let key = |value: Value<'_>| value.array().map(E2mKey::from_octets);
        Ok(Self {
            result: DiameterResult::read(avps)?,
            keys: avps.several(Attribute::ME_KEY_MATERIAL, MOST_KEYS, key)?,
        })
    }
}
