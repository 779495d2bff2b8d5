//! The security sublayer of IEEE 802.16: keys, packet numbers, protected PDUs and messages. It computes and does
//! nothing else: no I/O, no clock, no randomness (PKMv2, 802.16-2009 clause 7; `dot16-security.md` 1 to 5).
//!
//! * [`keys`]: a type for each key, wiped when dropped, never printed.
//! * [`kdf`]: Dot16KDF in both forms.
//! * [`hierarchy`]: MSK to PMK to AK to AKID, CMAC keys and KEK; TEKs derived from CMAC_KEY_COUNT.
//! * [`cmac_tuple`]: the CMAC value that authenticates a management message.
//! * [`packet_number`]: the PN of a data PDU and its transmit counter.
//! * [`pn_window`]: which received PNs are new.
//! * [`ccm`]: sealing and opening data PDUs with AES-CCM.
//! * [`key_wrap`]: TEKs under the KEK, both suites.
//! * [`tek_context`]: the live TEKs of a security association with their PNs, windows and lifetimes.
//! * [`tek_refresh`]: how newer TEKs follow; [`tek_transfer`]: how they go to another BS.
//! * [`entry_keys`]: everything that hangs on one CMAC_KEY_COUNT at one BS.
//! * [`base_station_keys`], [`mobile_keys`], [`authenticator_keys`]: the counts, and the rules R1 to R8, at each party.
//! * [`eap_tls`]: authentication of a mobile by the AAA server.
//! * [`radius`]: what the secret that Authenticator and AAA server share protects.
//! * [`weakness`]: which of those rules a script may switch off.
//!
//! Under `cfg(fuzzing)` there is `null_crypto` besides, which lets a fuzzer past CMAC and ICV.

mod aes_cmac;
pub mod authenticator_keys;
pub mod base_station_keys;
pub mod ccm;
pub mod cmac_tuple;
pub mod eap_tls;
pub mod entry_keys;
pub mod hierarchy;
pub mod kdf;
pub mod key_wrap;
pub mod keys;
pub mod mobile_keys;
#[cfg(fuzzing)]
pub mod null_crypto;
pub mod packet_number;
pub mod pn_window;
pub mod radius;
pub mod tek_context;
pub mod tek_refresh;
pub mod tek_transfer;
pub mod weakness;

pub use ccm::{OpenError, Opened, SealError};
pub use cmac_tuple::Truncation;
pub use hierarchy::{AkContext, Profile, TekIndex, counter_tek, counter_teks};
pub use kdf::{KdfError, Prf, dot16_kdf};
pub use key_wrap::UnwrapError;
pub use keys::{Ak, CmacKey, CmacPrekey, Kek, Msk, Pmk, Tek};
pub use packet_number::{Exhausted, PacketNumber, PnCounter, PnError};
pub use pn_window::{PnVerdict, PnWindow, WindowSizeError};
pub use weakness::{Party, Weakness, Weaknesses};
