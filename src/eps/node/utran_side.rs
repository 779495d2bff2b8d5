//! A node's side of the air of UTRAN with one UE: RRC messages and user packets into frames and back.

use crate::eps::identifiers::Pci;
use crate::eps::keys::{AlgorithmKey, CkIk};
use crate::eps::node::event::What;
use crate::eps::parameters::{IntegrityCheck, LinkDirection};
use crate::eps::security::count::CountExhausted;
use crate::eps::security::protection::ProtectionError;
use crate::eps::security::utran::{USER_BEARER, UtranSecurity};
use crate::eps::wire::rrc::utran::{UtranDlMessage, UtranUlMessage};
use crate::eps::wire::{UtranContents, UtranFrame, WireError};

/// Why a frame was not made or not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UtranError {
    /// Octets that are not what they should be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A wrong MAC, or no COUNT left.
    #[error(transparent)]
    Protection(#[from] ProtectionError),
    /// A message with an integrity check while there are no keys.
    #[error("RRC of UTRAN: expected no integrity check, for there are no keys")]
    NoKeys,
    /// A message without an integrity check where there has to be one.
    #[error("RRC of UTRAN: expected an integrity check, found none")]
    Unchecked,
}

impl From<CountExhausted> for UtranError {
    fn from(error: CountExhausted) -> Self {
        Self::Protection(error.into())
    }
}

/// An RRC message of UTRAN, of either direction.
pub trait UtranMessage: Sized {
    /// Which.
    const DIRECTION: LinkDirection;
    /// The octets behind an integrity check.
    ///
    /// # Errors
    /// A number is beyond its range.
    fn written(&self, check: Option<IntegrityCheck>) -> Result<Vec<u8>, WireError>;
    /// The octets that the check covers.
    ///
    /// # Errors
    /// A number is beyond its range.
    fn under_check(&self) -> Result<Vec<u8>, WireError>;
}

impl UtranMessage for UtranDlMessage {
    const DIRECTION: LinkDirection = LinkDirection::Downlink;
    fn written(&self, check: Option<IntegrityCheck>) -> Result<Vec<u8>, WireError> {
        self.octets(check)
    }
    fn under_check(&self) -> Result<Vec<u8>, WireError> {
        self.covered()
    }
}

impl UtranMessage for UtranUlMessage {
    const DIRECTION: LinkDirection = LinkDirection::Uplink;
    fn written(&self, check: Option<IntegrityCheck>) -> Result<Vec<u8>, WireError> {
        self.octets(check)
    }
    fn under_check(&self) -> Result<Vec<u8>, WireError> {
        self.covered()
    }
}

/// One end of the air of UTRAN with a UE.
#[derive(Clone, Debug)]
pub struct UtranSide {
    /// What the RNC calls the UE.
    pub u_rnti: u32,
    /// The keys, and their COUNTs.
    pub security: UtranSecurity,
    /// Whether there are keys: integrity protection has begun, or is to begin.
    on: bool,
}

impl UtranSide {
    /// With these keys.
    #[must_use]
    pub const fn new(u_rnti: u32, keys: CkIk, fresh: u32) -> Self {
        Self { u_rnti, security: UtranSecurity::new(keys, fresh), on: true }
    }

    /// Of a connection that has no keys yet. Those that stand in their place are never used.
    #[must_use]
    pub const fn without_keys(u_rnti: u32) -> Self {
        Self { u_rnti, security: UtranSecurity::new(CkIk::from_octets([0; CkIk::OCTETS]), 0), on: false }
    }

    /// Whether there are keys.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// The frame of a message under an integrity check; without one while there are no keys.
    ///
    /// # Errors
    /// A number beyond its range, or no COUNT left.
    pub fn message<M: UtranMessage>(&mut self, message: &M) -> Result<Vec<u8>, UtranError> {
        if !self.on {
            return self.unchecked(message);
        }
        let check = self.security.sign(M::DIRECTION, &message.under_check()?)?;
        self.signalling(M::DIRECTION, message.written(Some(check))?)
    }

    /// The frame of a message without one: before the RNC has begun integrity protection.
    ///
    /// # Errors
    /// A number beyond its range.
    pub fn unchecked<M: UtranMessage>(&self, message: &M) -> Result<Vec<u8>, UtranError> {
        self.signalling(M::DIRECTION, message.written(None)?)
    }

    fn signalling(&self, direction: LinkDirection, message: Vec<u8>) -> Result<Vec<u8>, UtranError> {
        let contents = UtranContents::Signalling(message);
        Ok(UtranFrame { direction, u_rnti: self.u_rnti, contents }.octets()?)
    }

    /// Whether a message is authentic.
    ///
    /// # Errors
    /// It is not, has no check, or no COUNT is left.
    pub fn verify<M: UtranMessage>(&mut self, check: Option<IntegrityCheck>, message: &M) -> Result<u32, UtranError> {
        let check = check.ok_or(UtranError::Unchecked)?;
        if !self.on {
            return Err(UtranError::NoKeys);
        }
        Ok(self.security.verify(M::DIRECTION, check, &message.under_check()?)?)
    }

    /// The frame of a user packet, and what it was ciphered with.
    ///
    /// # Errors
    /// No COUNT is left, or there are no keys.
    pub fn packet(&mut self, direction: LinkDirection, packet: &[u8]) -> Result<(Vec<u8>, What), UtranError> {
        if !self.on {
            return Err(UtranError::NoKeys);
        }
        let ciphered = self.security.cipher(direction, packet)?;
        let contents = UtranContents::User { sequence_number: ciphered.sequence_number, packet: ciphered.octets };
        let frame = UtranFrame { direction, u_rnti: self.u_rnti, contents }.octets()?;
        let key: AlgorithmKey = self.security.ck();
        Ok((frame, What::Protected { key, bearer: USER_BEARER - 1, direction, count: ciphered.count }))
    }

    /// What is said of keys that come into use in a cell.
    #[must_use]
    pub fn in_use(&self, cell: Pci) -> What {
        What::CkIkInUse { cell, keys: self.security.keys().clone() }
    }
}
