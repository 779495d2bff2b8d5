//! KASMEtemp of two parts, where the MME sends a public key of its own too ("exchanges public keys"): what the MME has drawn, and what
//! the ME draws and encrypts to the key of the MME.
//!
//! \[choice\] The text does not say what the key of the MME is for. Here it carries a part that the ME gives: who finds the private key of
//! the ME later has one part only, as that of the MME is of one attach and is forgotten with it. Who stands in between from the start has
//! both.

use super::super::kdf::short_kdf;
use crate::eps::keys::Kasme;

/// FC of KASMEtemp of two parts: key the part of the MME, P0 that of the ME \[choice\].
pub const FC_CONTRIBUTION: u8 = 0xfd;

/// KASMEtemp of the part of the MME and that of the ME, 32 octets each.
#[must_use]
pub fn joined(of_mme: &Kasme, of_me: &Kasme) -> Kasme {
    Kasme::from_octets(short_kdf(of_mme.octets(), FC_CONTRIBUTION, [of_me.octets()]))
}
