//! `keyhop calc`: the key calculator. One subcommand per primitive of [`security`](crate::dot16::security), values in
//! hex.

mod calculation;
mod eps;

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::argument::{Octets, address, hex, hex_array, integer};
use super::{Status, print};
use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::security::kdf::MAX_BITS;
use crate::dot16::security::{CmacKey, Kek, PacketNumber, Pmk, PnWindow, Prf, Profile, Tek, Truncation};
use crate::dot16::wire::PduType;

/// The arguments of `keyhop calc`.
#[derive(Args)]
pub struct CalcCommand {
    /// What to compute.
    #[command(subcommand)]
    pub calculation: Calculation,
    /// Print one JSON document instead of lines "name: value"
    #[arg(long, global = true)]
    pub json: bool,
}

/// The calculations. Hex has no separators; integers are decimal or hex with 0x.
#[derive(Subcommand)]
pub enum Calculation {
    /// Dot16KDF: derive a key of any length
    Kdf(KdfArguments),
    /// The key hierarchy from the PMK down to CMAC keys and handover TEKs
    Keys(KeysArguments),
    /// The CMAC value of a management message
    Cmac(CmacArguments),
    /// Seal a payload in an encrypted PDU
    Seal(SealArguments),
    /// Check and open an encrypted PDU
    Open(OpenArguments),
    /// Encrypt a TEK under a KEK
    Wrap(WrapArguments),
    /// Decrypt a TEK that was encrypted under a KEK
    Unwrap(UnwrapArguments),
    /// What a receive window says about packet numbers in order of arrival
    Window(WindowArguments),
    /// EPS: the key derivation function of TS 33.220
    EpsKdf(eps::EpsKdfArguments),
    /// EPS: from KeNB, or from KASME and PARA, to KeNB* and to KeNB and AS keys (algorithms with AES) at the target
    EpsChain(eps::EpsChainArguments),
    /// BEST: KHSE of a run of 5G AKA or EAP-AKA', from CK and IK (TS 33.163)
    EpsKhse(eps::EpsKhseArguments),
    /// EPS: a message ciphered, or deciphered, with 128-EEA2
    EpsEea2(eps::EpsMessageArguments),
    /// EPS: the MAC of a message with 128-EIA2
    EpsEia2(eps::EpsMessageArguments),
}

/// Arguments of `calc kdf`.
#[derive(Args)]
pub struct KdfArguments {
    /// The key, at least 16 octets (20 with sha1)
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub key: Octets,
    /// Integers, addresses and label, one after the other; may be empty
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub astring: Octets,
    /// Length of the result in bits, a multiple of 8
    #[arg(long, value_name = "N", value_parser = |text: &str| integer::<usize>(text, 8..=MAX_BITS as u64))]
    pub bits: usize,
    /// The function inside
    #[arg(long, default_value = "cmac")]
    pub prf: Prf,
}

/// Arguments of `calc keys`.
#[derive(Args)]
pub struct KeysArguments {
    /// The PMK or what it comes from.
    #[command(flatten)]
    pub root: RootKey,
    /// MAC address of the mobile station
    #[arg(long, value_name = "MAC", value_parser = address::<MsMac>)]
    pub ms: MsMac,
    /// The base station
    #[arg(long, value_name = "BSID", value_parser = address::<Bsid>)]
    pub bs: Bsid,
    /// CMAC_KEY_COUNT of CMAC keys and TEKs
    #[arg(long, value_name = "N", value_parser = |text: &str| integer(text, 0..=0xffff).map(CmacKeyCount))]
    pub count: CmacKeyCount,
    /// SAID of the TEKs
    #[arg(long, value_name = "N", value_parser = |text: &str| integer(text, 0..=0xffff).map(Said))]
    pub said: Said,
    /// AK sequence number, 0 to 15
    #[arg(long, value_name = "N", default_value = "0",
        value_parser = |text: &str| integer(text, 0..=15).map(AkSequenceNumber))]
    pub ak_sn: AkSequenceNumber,
    /// The text that rules; both derive the same keys
    #[arg(long, default_value = "contribution")]
    pub profile: Profile,
}

/// Where the hierarchy of `calc keys` begins: one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct RootKey {
    /// The PMK, 20 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(Pmk::from_octets))]
    pub pmk: Option<Pmk>,
    /// The MSK, 64 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(|msk| Pmk::from_msk(&msk)))]
    pub msk: Option<Pmk>,
}

/// Arguments of `calc cmac`.
#[derive(Args)]
pub struct CmacArguments {
    /// CMAC_KEY_U or CMAC_KEY_D, 16 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(CmacKey::from_octets))]
    pub key: CmacKey,
    /// AKID, 8 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(AkId))]
    pub akid: AkId,
    /// CMAC_PN
    #[arg(long, value_name = "N", value_parser = |text: &str| integer::<u32>(text, 0..=0xffff_ffff))]
    pub pn: u32,
    /// CID of the connection that carries the message
    #[arg(long, value_name = "N", value_parser = |text: &str| integer(text, 0..=0xffff).map(Cid))]
    pub cid: Cid,
    /// The message from its type octet up to the CMAC tuple; may be empty
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub message: Octets,
    /// Which 8 octets of the CMAC are sent
    #[arg(long, default_value = "right")]
    pub truncate: Truncation,
}

/// Arguments of `calc seal`.
#[derive(Args)]
pub struct SealArguments {
    /// The TEK, 16 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(Tek::from_octets))]
    pub tek: Tek,
    /// CID
    #[arg(long, value_name = "N", value_parser = |text: &str| integer(text, 0..=0xffff).map(Cid))]
    pub cid: Cid,
    /// Packet number without direction bit, 1 to 0x7fffffff
    #[arg(long, value_name = "N", value_parser = packet_number)]
    pub pn: PacketNumber,
    /// Subheaders and payload; may be empty
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub payload: Octets,
    /// Uplink or downlink
    #[arg(long, default_value = "dl")]
    pub direction: Direction,
    /// EKS, 0 to 3
    #[arg(long, value_name = "N", default_value = "0", value_parser = |text: &str| integer::<u8>(text, 0..=3))]
    pub eks: u8,
    /// Type field of the header, 0 to 63
    #[arg(long = "type", value_name = "N", default_value = "0",
        value_parser = |text: &str| integer(text, 0..=63).map(PduType::from_bits))]
    pub pdu_type: PduType,
    /// Form of the CRC-32
    #[arg(long, default_value = "msb-first")]
    pub crc: SealCrc,
}

/// The CRC that `calc seal` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SealCrc {
    /// Most significant bit first, the form that Wireshark verifies
    MsbFirst,
    /// The form of the OFDMA PHY
    Ofdma,
    /// No CRC, CI = 0
    None,
}

/// Arguments of `calc open`.
#[derive(Args)]
pub struct OpenArguments {
    /// The TEK, 16 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(Tek::from_octets))]
    pub tek: Tek,
    /// The PDU from its header to its CRC
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub pdu: Octets,
    /// Form of the CRC-32
    #[arg(long, default_value = "auto")]
    pub crc: OpenCrc,
}

/// The CRC that `calc open` demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OpenCrc {
    /// None if CI = 0, else right in either form
    Auto,
    /// Most significant bit first
    MsbFirst,
    /// The form of the OFDMA PHY
    Ofdma,
}

/// Arguments of `calc wrap`.
#[derive(Args)]
pub struct WrapArguments {
    /// The KEK, 16 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(Kek::from_octets))]
    pub kek: Kek,
    /// The TEK, 16 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(Tek::from_octets))]
    pub tek: Tek,
    /// TEK encryption algorithm
    #[arg(long, default_value = "kw")]
    pub alg: TekEncryption,
}

/// Arguments of `calc unwrap`.
#[derive(Args)]
pub struct UnwrapArguments {
    /// The KEK, 16 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(Kek::from_octets))]
    pub kek: Kek,
    /// The encrypted TEK, 24 octets (16 with ecb)
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub tek: Octets,
    /// TEK encryption algorithm
    #[arg(long, default_value = "kw")]
    pub alg: TekEncryption,
}

/// How a TEK is encrypted under a KEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TekEncryption {
    /// AES key wrap, suite 02 01 04
    Kw,
    /// AES-ECB, suite 02 01 03, without a check
    Ecb,
}

/// Arguments of `calc window`.
#[derive(Args)]
pub struct WindowArguments {
    /// Size of the window, 0 to 1024
    #[arg(long, value_name = "N", value_parser = |text: &str| integer::<u16>(text, 0..=u64::from(PnWindow::MAX_SIZE)))]
    pub size: u16,
    /// Packet numbers without direction bit, in order of arrival
    #[arg(long, value_name = "N,N,...", value_delimiter = ',',
        value_parser = |text: &str| integer::<u64>(text, 0..=u64::MAX))]
    pub pns: Vec<u64>,
}

fn packet_number(text: &str) -> Result<PacketNumber, String> {
    let range = u64::from(PacketNumber::FIRST.count())..=u64::from(PacketNumber::LAST.count());
    let count = integer(text, range).map_err(|error| error.to_string())?;
    PacketNumber::new(count).map_err(|error| error.to_string())
}

/// The result of a calculation: names and values, in the order in which they are printed.
type Answer = Vec<(&'static str, Value)>;

/// Why there is no result.
#[derive(Debug)]
enum NoAnswer {
    /// Exit status 2: the arguments make no sense.
    BadInput(String),
    /// Exit status 1: a PDU or a wrapped key did not open.
    NotOpened(String),
}

/// Computes and prints.
///
/// # Errors
/// `out` or `messages` could not be written, for another reason than that the reader went away.
pub fn run(command: &CalcCommand, out: &mut dyn Write, messages: &mut dyn Write) -> io::Result<Status> {
    match calculation::calculate(&command.calculation) {
        Ok(answer) => {
            print(out, &if command.json { json(&answer)? } else { lines(&answer) })?;
            Ok(Status::Success)
        }
        Err(NoAnswer::NotOpened(error)) => {
            if command.json {
                print(out, &json(&vec![("error", error.into())])?)?;
            } else {
                print(messages, &format!("error: {error}\n"))?;
            }
            Ok(Status::Failure)
        }
        Err(NoAnswer::BadInput(error)) => {
            print(messages, &format!("error: {error}\n"))?;
            Ok(Status::BadInput)
        }
    }
}

/// An answer as one JSON object, its names in order.
struct Document<'a>(&'a [(&'static str, Value)]);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn json(answer: &Answer) -> io::Result<String> {
    Ok(serde_json::to_string(&Document(answer))? + "\n")
}

fn lines(answer: &Answer) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |(name, value): &(&str, Value)| match value {
        Value::Array(values) => format!("{name}: {}\n", values.iter().map(text).collect::<Vec<_>>().join(" ")),
        value => format!("{name}: {}\n", text(value)),
    };
    answer.iter().map(line).collect()
}
