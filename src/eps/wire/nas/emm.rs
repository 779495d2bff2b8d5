//! The messages of EPS mobility management in the clear (TS 24.301 clause 8.2), with their mandatory fields and the optional ones
//! named here. Other optional fields are refused when reading.

use super::super::WireError;
use super::capability::{NasAlgorithms, UeCapability};
use super::element::FurtherElement;
use super::emm_octets;
use super::emm_parsing;
use super::identity::{EpsMobileIdentity, NasKsi};
use crate::eps::identifiers::{Guti, Tai};
use crate::eps::parameters::HandoverParameters;

/// Generic message container type of INDICATION and PARA: the first of those that the standard leaves to others.
pub const CONTAINER_TYPE: u8 = 0x80;
/// Generic message container type of the number of another key between UE and UPE (seed 001): the one after it.
pub const UP_KEY_CONTAINER_TYPE: u8 = 0x81;

/// EPS attach type of a UE that attaches for restricted local operator services.
pub const ATTACH_FOR_RLOS: u8 = 3;
/// Octets of HashMME.
pub const HASH_OCTETS: usize = 8;

/// A message of mobility management.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmmMessage {
    /// ATTACH REQUEST.
    AttachRequest {
        /// EPS attach type, 3 bits: 1 is EPS attach, [`ATTACH_FOR_RLOS`].
        attach_type: u8,
        /// The key that the UE has.
        key_set: NasKsi,
        /// Who it is.
        identity: EpsMobileIdentity,
        /// UE network capability.
        capability: UeCapability,
        /// ESM message container.
        esm: Vec<u8>,
        /// What stands behind it.
        elements: Vec<FurtherElement>,
    },
    /// ATTACH ACCEPT.
    AttachAccept {
        /// EPS attach result, 3 bits: 1 is EPS only.
        result: u8,
        /// T3412 value, 1 octet: unit and count.
        t3412: u8,
        /// TAI list: of one.
        tai: Tai,
        /// ESM message container.
        esm: Vec<u8>,
        /// GUTI, optional.
        guti: Option<Guti>,
    },
    /// ATTACH COMPLETE.
    AttachComplete {
        /// ESM message container.
        esm: Vec<u8>,
    },
    /// ATTACH REJECT.
    AttachReject {
        /// EMM cause, 1 octet.
        cause: EmmCause,
    },
    /// DETACH REQUEST of the UE.
    DetachRequest {
        /// Type of detach.
        detach_type: DetachType,
        /// The key that the UE has.
        key_set: NasKsi,
        /// Who it is.
        identity: EpsMobileIdentity,
    },
    /// DETACH REQUEST of the network.
    NetworkDetachRequest {
        /// Type of detach, 3 bits: 1 is re-attach required, 2 is not required.
        detach_type: u8,
    },
    /// DETACH ACCEPT.
    DetachAccept,
    /// TRACKING AREA UPDATE REQUEST.
    TrackingAreaUpdateRequest {
        /// EPS update type, 4 bits with the active flag on top: 0 is TA updating.
        update_type: u8,
        /// The key that the UE has.
        key_set: NasKsi,
        /// Old GUTI.
        old_guti: Guti,
        /// What a UE says besides that was idle in UTRAN, optional. Old GUTI is one that was mapped from its P-TMSI then.
        from_utran: Option<UpdateFromUtran>,
    },
    /// TRACKING AREA UPDATE ACCEPT.
    TrackingAreaUpdateAccept {
        /// EPS update result, 3 bits: 0 is TA updated.
        result: u8,
        /// GUTI, optional.
        guti: Option<Guti>,
        /// TAI list, optional: of one.
        tai: Option<Tai>,
    },
    /// TRACKING AREA UPDATE COMPLETE.
    TrackingAreaUpdateComplete,
    /// TRACKING AREA UPDATE REJECT.
    TrackingAreaUpdateReject {
        /// EMM cause, 1 octet.
        cause: EmmCause,
    },
    /// AUTHENTICATION REQUEST.
    AuthenticationRequest {
        /// The key that is to come.
        key_set: NasKsi,
        /// RAND, 16 octets.
        rand: [u8; 16],
        /// AUTN, 16 octets.
        autn: [u8; 16],
    },
    /// AUTHENTICATION RESPONSE.
    AuthenticationResponse {
        /// RES, 4 to 16 octets.
        res: Vec<u8>,
    },
    /// AUTHENTICATION FAILURE: the UE does not take the challenge.
    AuthenticationFailure {
        /// EMM cause, 1 octet.
        cause: EmmCause,
        /// Authentication failure parameter, 14 octets: AUTS, with cause 21.
        auts: Option<[u8; 14]>,
    },
    /// AUTHENTICATION REJECT: the network does not take the response.
    AuthenticationReject,
    /// SECURITY MODE COMMAND.
    SecurityModeCommand {
        /// Selected NAS security algorithms.
        algorithms: NasAlgorithms,
        /// The key they are used with.
        key_set: NasKsi,
        /// Replayed UE security capability.
        capability: UeCapability,
        /// Replayed nonceUE and nonceMME, optional: what the keys are made of besides CK and IK, of a UE that was idle in UTRAN.
        nonces: Option<Nonces>,
        /// HashMME, optional: the last 8 octets of the SHA-256 of the request that it answers, as it came (TS 33.401 Annex I).
        hash: Option<[u8; HASH_OCTETS]>,
        /// What stands behind it.
        elements: Vec<FurtherElement>,
    },
    /// SECURITY MODE COMPLETE.
    SecurityModeComplete {
        /// What stands behind it.
        elements: Vec<FurtherElement>,
    },
    /// SECURITY MODE REJECT.
    SecurityModeReject {
        /// EMM cause, 1 octet: 23 is capabilities mismatch, 24 unspecified.
        cause: u8,
    },
    /// DOWNLINK GENERIC NAS TRANSPORT.
    DownlinkGenericTransport(GenericContainer),
    /// UPLINK GENERIC NAS TRANSPORT.
    UplinkGenericTransport(GenericContainer),
}

/// What a UE that was idle in UTRAN says in its tracking area update: GPRS ciphering key sequence number, nonceUE, UE network capability
/// and old GUTI type (TS 24.301 clause 8.2.29).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateFromUtran {
    /// Which CK and IK it has, 3 bits.
    pub key_set: u8,
    /// NONCE_UE.
    pub nonce: u32,
    /// UE network capability.
    pub capability: UeCapability,
}

/// NONCE_UE and NONCE_MME, of which KASME is made of a UE that was idle in UTRAN (TS 33.401 A.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonces {
    /// That of the UE.
    pub ue: u32,
    /// That of the MME.
    pub mme: u32,
}

/// EMM cause, 1 octet (TS 24.301 clause 9.9.3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmmCause(pub u8);

impl EmmCause {
    /// IMSI unknown in HSS.
    pub const IMSI_UNKNOWN: Self = Self(2);
    /// Illegal ME: its certificate is not taken.
    pub const ILLEGAL_ME: Self = Self(6);
    /// UE identity cannot be derived by the network: the temporary identity says nothing to it.
    pub const IDENTITY_UNKNOWN: Self = Self(9);
    /// Network failure.
    pub const NETWORK_FAILURE: Self = Self(17);
    /// MAC failure: AUTN is not the HSS's.
    pub const MAC_FAILURE: Self = Self(20);
    /// Synch failure: SQN is not fresh.
    pub const SYNCH_FAILURE: Self = Self(21);
    /// Congestion: too many attaches are half done.
    pub const CONGESTION: Self = Self(22);
    /// UE security capabilities mismatch.
    pub const CAPABILITIES_MISMATCH: Self = Self(23);
    /// Security mode rejected, unspecified.
    pub const SECURITY_MODE_REJECTED: Self = Self(24);
    /// Requested service option not authorized in this PLMN: no restricted local operator services.
    pub const NOT_AUTHORIZED: Self = Self(35);
    /// Protocol error, unspecified.
    pub const PROTOCOL_ERROR: Self = Self(111);
    /// Non-EPS authentication unacceptable: the vector is not for E-UTRAN.
    pub const NOT_EPS: Self = Self(26);
}

/// Type of detach, of a UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetachType {
    /// The UE is switched off: no answer.
    pub switch_off: bool,
    /// 3 bits: 1 is EPS detach.
    pub kind: u8,
}

/// What a generic NAS transport carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenericContainer {
    /// Generic message container type, 1 octet: [`CONTAINER_TYPE`] for [`HandoverParameters`], [`UP_KEY_CONTAINER_TYPE`].
    pub container_type: u8,
    /// Generic message container, 1 to 65,535 octets.
    pub content: Vec<u8>,
}

impl GenericContainer {
    /// One that carries INDICATION and PARA.
    ///
    /// # Errors
    /// PARA is too long.
    pub fn of_handover_parameters(parameters: &HandoverParameters) -> Result<Self, WireError> {
        Ok(Self { container_type: CONTAINER_TYPE, content: parameters.octets()? })
    }

    /// INDICATION and PARA that it carries.
    ///
    /// # Errors
    /// It is of another type, or they are malformed.
    pub fn handover_parameters(&self) -> Result<HandoverParameters, WireError> {
        if self.container_type != CONTAINER_TYPE {
            return Err(refused("container type 80", format!("{:02x}", self.container_type)));
        }
        HandoverParameters::parse(&self.content)
    }

    /// One that says that the key between UE and UPE is from now on that with this number.
    #[must_use]
    pub fn of_up_key(update: u32) -> Self {
        Self { container_type: UP_KEY_CONTAINER_TYPE, content: update.to_be_bytes().to_vec() }
    }

    /// The number of the key between UE and UPE that it carries.
    ///
    /// # Errors
    /// It is of another type, or has another length than 4 octets.
    pub fn up_key(&self) -> Result<u32, WireError> {
        let number = <[u8; 4]>::try_from(self.content.as_slice()).ok();
        let number = number.filter(|_| self.container_type == UP_KEY_CONTAINER_TYPE);
        let found = || format!("{:02x} with {}", self.container_type, self.content.len());
        number.map(u32::from_be_bytes).ok_or_else(|| refused("container type 81 with 4 octets", found()))
    }
}

fn refused(expected: &'static str, found: String) -> WireError {
    WireError { layer: "generic NAS transport", offset: 2, expected: expected.into(), found }
}

impl EmmMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// It is none of these, or has other optional fields than they do, or in another order.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        emm_parsing::parse(octets)
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// A field is longer or a number larger than the message has room for.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        emm_octets::octets(self)
    }
}
