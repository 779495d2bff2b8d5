//! The security of EPS: keys, algorithms, COUNTs. It computes and does nothing else (TS 33.401; `eps-systems.md` 1 and 6).
//!
//! * [`kdf`]: the key derivation function of TS 33.220 and the derivations of TS 33.401 Annex A.
//! * [`handover_keys`]: the three derivations of the contribution, with what it leaves open as settings.
//! * [`next_hop`]: NH and NCC, the standard's chaining.
//! * [`algorithms`]: 128-EEA2 and 128-EIA2.
//! * [`snow3g`]: UEA2 and UIA2, which UTRAN has, and 128-EEA1 and 128-EIA1 are.
//! * [`inter_system`]: the derivations between UTRAN and E-UTRAN. [`utran`]: what a UE in UTRAN is protected with.
//! * [`count`]: COUNT values of NAS and PDCP, and whether one was used before.
//! * [`protection`]: RRC, user packets and NAS under their keys.
//! * [`gcm`]: AES-128-GCM, for links of the core network.
//! * [`user_plane`]: user packets between UE and UPE.
//! * [`dtls_psk`]: the keys of a session of an application with a pre-shared key.
//! * [`e2m_keys`]: keys of a UE and an end point in an enterprise.
//! * [`best`]: the key that these became in TS 33.163.
//! * [`aka`]: authentication at USIM and HSS.
//! * [`key_transport`]: KASMEtemp encrypted to the public key of an ME.
//! * [`parties`]: the keys of a UE at itself, at its eNB and at its MME.

pub mod aka;
pub mod algorithms;
pub mod best;
pub mod count;
pub mod dtls_psk;
pub mod e2m_keys;
pub mod gcm;
pub mod handover_keys;
pub mod inter_system;
pub mod kdf;
pub mod key_transport;
pub mod next_hop;
pub mod parties;
pub mod protection;
pub mod snow3g;
pub mod user_plane;
pub mod utran;

pub use algorithms::{eea2, eia2};
pub use gcm::{gcm_open, gcm_seal};
pub use handover_keys::{HandoverDerivation, OneWay};
