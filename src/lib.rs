//! keyhop emulates, byte for byte, what happens to the keys when a mobile changes base station.
//!
//! The map of the crate, from the inside out. Each room uses only rooms named before it.
//!
//! * [`time`]: virtual time.
//! * [`lanes`]: AES-CCM, AES-CMAC and CRC-32 with what the processor has, many inputs side by side.
//! * [`dot16::wire`]: octets of the air interface into values and back; no keys, no state, no clock.
//! * [`dot16::backbone`]: the same for the ASN control plane, the GRE data path and RADIUS.
//! * [`dot16::security`]: key derivation, CMAC tuples, CCM PDUs, PN windows, TEK contexts, EAP-TLS; no I/O.
//! * [`eps::wire`]: octets of the air and the core network of EPS (LTE) into values and back.
//! * [`eps::security`]: the key hierarchy of EPS, its AES algorithms, and the key derivations on handover.
//! * [`capture`]: pcapng and pcap files, their framings, the key log.
//! * [`judge`]: recomputes everything in a capture, and tells what is wrong with it.
//! * [`emulation`]: nodes behind one trait, links, taps, virtual time, threads and channels; knows no protocol.
//! * [`dot16::node`]: the state machines of mobile station, base station, Authenticator and AAA server, sans-IO.
//! * [`eps::link_protection`]: ESP around the frames of its core network; [`eps::session_protection`]: records of DTLS, opened.
//! * [`eps::node`]: those of UE, eNB, MME and gateway.
//! * [`adversary`]: trigger and action: record, replay, drop, delay, compromise a node.
//! * [`scenario`]: a script becomes nodes, links, steps and expectations, and is run.
//! * [`report`]: ladder (text, SVG, Mermaid), tables, the comparison and its plot.
//! * [`cli`]: one file per command.

#[forbid(unsafe_code)]
pub mod adversary;
#[forbid(unsafe_code)]
pub mod capture;
#[forbid(unsafe_code)]
pub mod cli;
#[forbid(unsafe_code)]
pub mod dot16;
#[forbid(unsafe_code)]
pub mod emulation;
#[forbid(unsafe_code)]
pub mod eps;
#[forbid(unsafe_code)]
pub mod judge;
pub mod lanes;
#[forbid(unsafe_code)]
pub mod report;
#[forbid(unsafe_code)]
pub mod scenario;
#[forbid(unsafe_code)]
mod secret_key;
#[forbid(unsafe_code)]
pub mod time;
