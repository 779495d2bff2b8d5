//! Capture files, the framings inside them, user traffic read from captures, the key log, and output files put in
//! place together (DESIGN sections 5 and 6).
//!
//! * [`framing`]: what an interface carries, and the link types that stand for it.
//! * [`upper_pdu`]: the tags around an air frame on link type 252.
//! * [`capture_file`]: a capture as a value, written as pcapng or classic pcap.
//! * [`capture_reader`]: frames read back from our own captures and from foreign ones.
//! * [`foreign`]: 802.16 in the framings of others; [`m2m`], [`m2m_reassembly`] and [`gsmtap`]: two of them,
//!   [`foreign_direction`]: directions by content, [`link_layer`]: what is inside a frame of a common link type.
//! * [`gathering`]: a whole capture, with what is no 802.16 left out.
//! * [`record_reader`]: the records of a pcap or pcapng file, [`pcapng_block`]: the blocks of the latter.
//! * [`decryption_secrets`]: secrets inside a capture, by which Wireshark opens what it holds.
//! * [`frame_comment`]: the comment on a frame, for those who write it and those who read it.
//! * [`traffic`]: the IPv4 packets of any capture, as user traffic.
//! * [`key_log`]: the keys of a run, [`key_log_text`]: their text form.
//! * [`key_lookup`]: the key for a frame.
//! * [`secret`]: a key that is wiped on drop and never printed.
//! * [`spill`]: frames of a capture that is too long for memory.
//! * [`placement`]: output files that appear all together or not at all.
//! * [`error`]: what can be wrong with a file, and where.
//!
//! Whatever a file claims, reading it takes at most 64 octets of memory at the same time for each octet of the file, and
//! 16 KiB beside those (`tests/properties`); 512 for each octet where the file holds m2m packets, whose bursts may be of one
//! octet each and become frames of their own. A reader of frames holds one record of at most
//! [`MAX_BLOCK`](record_reader::MAX_BLOCK) octets, its interfaces and its names; [`capture_reader::read_whole`] and
//! [`key_log_text::parse`] hold all.

pub mod capture_file;
pub mod capture_reader;
pub mod decryption_secrets;
pub mod error;
pub mod foreign;
pub mod foreign_direction;
pub mod frame_comment;
pub mod framing;
pub mod gathering;
pub mod gsmtap;
pub mod key_log;
pub mod key_log_text;
pub mod key_lookup;
pub mod link_layer;
pub mod m2m;
pub mod m2m_reassembly;
pub mod pcapng_block;
pub mod placement;
pub mod record_reader;
pub mod secret;
pub mod spill;
pub mod traffic;
pub mod upper_pdu;

pub use capture_file::{Capture, CaptureWriter, CapturedFrame, FileFormat};
pub use decryption_secrets::DecryptionSecrets;
pub use error::CaptureError;
pub use framing::{InterfaceDescription, LinkKind};
