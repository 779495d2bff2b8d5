//! SCTP packets that carry one DATA chunk each: an S1AP, X2AP or Diameter message (RFC 9260; `eps-systems.md` 5.2).
//!
//! No association is set up and nothing is acknowledged on the wire: the messages stand as they would in the middle of one. TSN and
//! stream sequence number are the sender's to advance, else its messages pass for retransmissions.

use cookie_factory::bytes::{be_u8 as write_u8, be_u16 as write_u16, be_u32 as write_u32, le_u32 as write_le_u32};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use crc::{CRC_32_ISCSI, Crc};
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32, le_u32};
use nom::{IResult, Parser};

use super::WireError;
use super::core_error::{length_16, serialise};

/// SCTP port of S1AP (TS 36.412 clause 7).
pub const S1AP_PORT: u16 = 36_412;
/// SCTP port of X2AP (TS 36.422 clause 7).
pub const X2AP_PORT: u16 = 36_422;
/// SCTP port of Diameter (RFC 6733 clause 2.1).
pub const DIAMETER_PORT: u16 = 3868;
/// SCTP port of RUA, which carries RANAP.
pub const RUA_PORT: u16 = 29_169;
/// Payload protocol identifier of S1AP.
pub const S1AP_PROTOCOL: u32 = 18;
/// Payload protocol identifier of X2AP.
pub const X2AP_PROTOCOL: u32 = 27;
/// Payload protocol identifier of Diameter in DATA chunks that are not encrypted.
pub const DIAMETER_PROTOCOL: u32 = 46;
/// Payload protocol identifier of RUA.
pub const RUA_PROTOCOL: u32 = 19;

const LAYER: &str = "SCTP";
/// Octets of the common header: two ports, verification tag, checksum.
const HEADER_OCTETS: usize = 12;
/// Octets of a DATA chunk before the user data.
const CHUNK_HEADER_OCTETS: usize = 16;
/// Octets before the user data.
const BEFORE_DATA: usize = HEADER_OCTETS + CHUNK_HEADER_OCTETS;
/// Where the checksum stands, 4 octets.
const CHECKSUM_OFFSET: usize = 8;
/// Where the length of the chunk stands.
const LENGTH_OFFSET: usize = HEADER_OCTETS + 2;
/// Chunk type of DATA.
const DATA: u8 = 0;
/// Flags of a DATA chunk that is a whole message, in order: first and last fragment.
const WHOLE: u8 = 0x03;
/// The bits of the flags that would make it something else: a fragment, or out of order.
const ORDER_AND_FRAGMENTS: u8 = 0x07;

/// CRC32c, as Appendix A of RFC 9260 has it.
const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// A whole message in a DATA chunk: 16 octets, the message, and up to 3 octets of padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataChunk {
    /// Transmission sequence number, 4 octets: one higher in each chunk of a sender.
    pub tsn: u32,
    /// Stream, 2 octets.
    pub stream: u16,
    /// Stream sequence number, 2 octets: one higher in each message of a stream.
    pub sequence: u16,
    /// Payload protocol identifier, 4 octets: [`S1AP_PROTOCOL`], [`X2AP_PROTOCOL`], [`DIAMETER_PROTOCOL`].
    pub protocol: u32,
    /// The message, 1 octet at least.
    pub user_data: Vec<u8>,
}

/// An SCTP packet with one DATA chunk: the payload of IPv4 with protocol 132.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SctpPacket {
    /// Source port, 2 octets.
    pub source: u16,
    /// Destination port, 2 octets.
    pub destination: u16,
    /// Verification tag, 4 octets: what the receiver chose for the association.
    pub tag: u32,
    /// The chunk.
    pub data: DataChunk,
}

type Header = (u16, u16, u32, u32);
type ChunkHeader = (u8, u8, u16);
type DataHeader = (u32, u16, u16, u32);

fn header(input: &[u8]) -> IResult<&[u8], Header> {
    (be_u16, be_u16, be_u32, le_u32).parse(input)
}

fn chunk_header(input: &[u8]) -> IResult<&[u8], ChunkHeader> {
    (be_u8, be_u8, be_u16).parse(input)
}

fn data_header(input: &[u8]) -> IResult<&[u8], DataHeader> {
    (be_u32, be_u16, be_u16, be_u32).parse(input)
}

/// The checksum of the packet `octets`, in which the four octets of the checksum count as 0.
fn checksum(octets: &[u8]) -> u32 {
    let mut digest = CRC32C.digest();
    digest.update(octets.get(..CHECKSUM_OFFSET).unwrap_or_default());
    digest.update(&[0; 4]);
    digest.update(octets.get(HEADER_OCTETS..).unwrap_or_default());
    digest.finalize()
}

impl SctpPacket {
    /// The packet that `octets` (the whole payload of IPv4) are.
    ///
    /// # Errors
    ///
    /// Fewer octets than the headers have; a wrong checksum; a chunk other than DATA, or more than one; a fragment, an unordered
    /// message or one without user data; a length of the chunk that its padding does not fill up to the end.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let short = |offset, expected| WireError::new(LAYER, offset, expected, format!("{} octets", octets.len()));
        let (rest, (source, destination, tag, found)) =
            header(octets).map_err(|_| short(octets.len(), "a common header of 12 octets"))?;
        let expected = checksum(octets);
        if found != expected {
            let [expected, found] = [expected, found].map(|value| format!("checksum {:#010x}", value.swap_bytes()));
            return Err(WireError::new(LAYER, CHECKSUM_OFFSET, expected, found));
        }
        let (rest, (kind, flags, length)) =
            chunk_header(rest).map_err(|_| short(octets.len(), "a chunk header of 4 octets"))?;
        if kind != DATA {
            return Err(WireError::new(LAYER, HEADER_OCTETS, "a DATA chunk (type 0)", format!("type {kind}")));
        }
        if flags & ORDER_AND_FRAGMENTS != WHOLE {
            let expected = "flags of a whole message in order (0x03)";
            return Err(WireError::new(LAYER, HEADER_OCTETS + 1, expected, format!("{flags:#04x}")));
        }
        let (rest, (tsn, stream, sequence, protocol)) =
            data_header(rest).map_err(|_| short(octets.len(), "a DATA chunk of 16 octets and more"))?;
        let user_octets = usize::from(length).checked_sub(CHUNK_HEADER_OCTETS).filter(|octets| *octets > 0);
        let chunk = user_octets.and_then(|count| take::<_, _, nom::error::Error<&[u8]>>(count).parse(rest).ok());
        let Some((padding, user_data)) = chunk else {
            let most = octets.len().saturating_sub(HEADER_OCTETS);
            let expected = format!("length from {} to {most}", CHUNK_HEADER_OCTETS + 1);
            return Err(WireError::new(LAYER, LENGTH_OFFSET, expected, format!("length {length}")));
        };
        let needed = user_data.len().next_multiple_of(4).saturating_sub(user_data.len());
        if padding.len() != needed {
            let offset = BEFORE_DATA.saturating_add(user_data.len());
            let expected = format!("{needed} octets of padding and no other chunk");
            return Err(WireError::new(LAYER, offset, expected, format!("{} octets", padding.len())));
        }
        let data = DataChunk { tsn, stream, sequence, protocol, user_data: user_data.to_vec() };
        Ok(Self { source, destination, tag, data })
    }

    /// The octets of the packet, checksum and padding included.
    ///
    /// # Errors
    ///
    /// More than 65519 octets of user data, or none.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let DataChunk { tsn, stream, sequence, protocol, user_data } = &self.data;
        if user_data.is_empty() {
            return Err(WireError::new(LAYER, BEFORE_DATA, "user data", "none"));
        }
        let octets = user_data.len();
        let length = length_16(LAYER, LENGTH_OFFSET, octets.saturating_add(CHUNK_HEADER_OCTETS))?;
        let padding = octets.next_multiple_of(4).saturating_sub(octets);
        let packet = |checksum| {
            serialise(
                LAYER,
                tuple((
                    tuple((write_u16(self.source), write_u16(self.destination), write_u32(self.tag))),
                    write_le_u32(checksum),
                    tuple((write_u8(DATA), write_u8(WHOLE), write_u16(length))),
                    tuple((write_u32(*tsn), write_u16(*stream), write_u16(*sequence), write_u32(*protocol))),
                    slice(user_data),
                    slice([0_u8; 3].get(..padding).unwrap_or_default()),
                )),
            )
        };
        packet(checksum(&packet(0)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> SctpPacket {
        SctpPacket {
            source: S1AP_PORT,
            destination: 36_413,
            tag: 0x0102_0304,
            data: DataChunk {
                tsn: 0x0a0b_0c0d,
                stream: 1,
                sequence: 2,
                protocol: S1AP_PROTOCOL,
                user_data: b"hello".to_vec(),
            },
        }
    }

    /// The checksum of the octets "123456789", by which implementations of a CRC are compared.
    #[test]
    fn the_checksum_is_crc32c() {
        assert_eq!(CRC32C.checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_packet_is_header_chunk_and_padding() {
        let octets = sample().octets().unwrap();
        let expected = "8e3c8e3d01020304________000300150a0b0c0d000100020000001268656c6c6f000000";
        let found = hex::encode(&octets);
        assert_eq!((&found[..16], &found[24..]), (&expected[..16], &expected[24..]));
        assert_eq!(SctpPacket::parse(&octets), Ok(sample()));
    }

    #[test]
    fn what_is_no_whole_message_says_why() {
        let octets = sample().octets().unwrap();
        let error = |change: &dyn Fn(&mut Vec<u8>), right: bool| {
            let mut octets = octets.clone();
            change(&mut octets);
            if right {
                let sum = checksum(&octets).to_le_bytes();
                octets[8..12].copy_from_slice(&sum);
            }
            SctpPacket::parse(&octets).unwrap_err().to_string()
        };
        assert!(error(&|octets| octets[30] ^= 1, false).starts_with("SCTP, octet 8: expected checksum 0x"));
        assert_eq!(
            error(&|octets| octets[12] = 3, true),
            "SCTP, octet 12: expected a DATA chunk (type 0), found type 3"
        );
        let flags = "SCTP, octet 13: expected flags of a whole message in order (0x03), found 0x02";
        assert_eq!(error(&|octets| octets[13] = 2, true), flags);
        let length = "SCTP, octet 14: expected length from 17 to 24, found length 16";
        assert_eq!(error(&|octets| octets[15] = 16, true), length);
        let padding = "SCTP, octet 33: expected 3 octets of padding and no other chunk, found 7 octets";
        assert_eq!(error(&|octets| octets.extend([0; 4]), true), padding);
        assert!(
            SctpPacket { data: DataChunk { user_data: Vec::new(), ..sample().data }, ..sample() }.octets().is_err()
        );
    }

    #[test]
    fn every_prefix_and_every_changed_octet_gives_an_error() {
        let octets = sample().octets().unwrap();
        for length in 0..octets.len() {
            assert!(SctpPacket::parse(&octets[..length]).is_err());
        }
        for place in 0..octets.len() {
            for value in 0..=255 {
                let mut changed = octets.clone();
                changed[place] = value;
                assert_eq!(SctpPacket::parse(&changed).is_ok(), changed == octets);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_read_back(
            (source, destination, tag) in any::<(u16, u16, u32)>(),
            (tsn, stream, sequence, protocol) in any::<(u32, u16, u16, u32)>(),
            user_data in prop::collection::vec(any::<u8>(), 1..50),
        ) {
            let data = DataChunk { tsn, stream, sequence, protocol, user_data };
            let packet = SctpPacket { source, destination, tag, data };
            prop_assert_eq!(SctpPacket::parse(&packet.octets().unwrap()), Ok(packet));
        }
    }
}
