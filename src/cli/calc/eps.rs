//! `keyhop calc eps-...`: the calculations of [`eps::security`](crate::eps::security).

use clap::{Args, ValueEnum};

use super::{Answer, NoAnswer};
use crate::cli::argument::{Octets, hex, hex_array, hex_text, integer};
use crate::eps::keys::{AlgorithmKey, CkIk, Kasme, Kenb};
use crate::eps::parameters::{AlgorithmId, LinkDirection};
use crate::eps::security::algorithms::eia2_bits;
use crate::eps::security::best::{self, KhseRoot};
use crate::eps::security::handover_keys::{AsKeys, CRnti, FC_STAR, FC_TARGET};
use crate::eps::security::{HandoverDerivation, eea2, kdf as derivation};

/// Arguments of `calc eps-kdf`.
#[derive(Args)]
pub struct EpsKdfArguments {
    /// The key
    #[arg(long, value_name = "HEX", value_parser = hex)]
    key: Octets,
    /// The octet in front of the parameters
    #[arg(long, value_name = "N", value_parser = |text: &str| integer::<u8>(text, 0..=255))]
    fc: u8,
    /// A parameter; given as often as there are parameters, in their order; may be empty
    #[arg(long, value_name = "HEX", value_parser = hex)]
    param: Vec<Octets>,
}

/// Arguments of `calc eps-chain`.
#[derive(Args)]
pub struct EpsChainArguments {
    /// Where it begins.
    #[command(flatten)]
    root: EpsRoot,
    /// PARA, with --kasme
    #[arg(long, value_name = "HEX", value_parser = hex, conflicts_with = "kenb")]
    para: Option<Octets>,
    /// C-RNTI, 2 octets, or 4 as the contribution has it
    #[arg(long, value_name = "HEX", value_parser = c_rnti)]
    c_rnti: CRnti,
    /// FC of KeNB*
    #[arg(long, value_name = "N", default_value_t = FC_STAR, value_parser = |text: &str| integer::<u8>(text, 0..=255))]
    fc_star: u8,
    /// FC of the KeNB of the target
    #[arg(long, value_name = "N", default_value_t = FC_TARGET, value_parser = |text: &str| integer::<u8>(text, 0..=255))]
    fc_kenb: u8,
}

/// Where `calc eps-chain` begins: one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct EpsRoot {
    /// KeNB of the source eNB, 32 octets: chained
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(Kenb::from_octets))]
    kenb: Option<Kenb>,
    /// KASME, 32 octets: with the MME
    #[arg(long, value_name = "HEX", requires = "para",
        value_parser = |text: &str| hex_array(text).map(Kasme::from_octets))]
    kasme: Option<Kasme>,
}

/// Arguments of `calc eps-khse`.
#[derive(Args)]
pub struct EpsKhseArguments {
    /// What CK and IK are of
    #[arg(long, default_value = "5g-aka")]
    of: KhseOf,
    /// CK, then IK, 32 octets; of EAP-AKA' CK', then IK'
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(CkIk::from_octets))]
    ck_ik: CkIk,
    /// Name of the serving network, such as 5G:mnc001.mcc001.3gppnetwork.org
    #[arg(long, value_name = "NAME")]
    serving_network: String,
    /// SQN xor AK, 6 octets
    #[arg(long, value_name = "HEX", value_parser = hex_array::<6>)]
    sqn_xor_ak: [u8; 6],
}

#[derive(Clone, Copy, ValueEnum)]
enum KhseOf {
    /// 5G AKA
    #[value(name = "5g-aka")]
    FiveGAka,
    /// EAP-AKA'
    EapAkaPrime,
}

/// Arguments of `calc eps-eea2` and `calc eps-eia2`.
#[derive(Args)]
pub struct EpsMessageArguments {
    /// The key, 16 octets
    #[arg(long, value_name = "HEX", value_parser = |text: &str| hex_array(text).map(AlgorithmKey::from_octets))]
    key: AlgorithmKey,
    /// COUNT, 32 bits
    #[arg(long, value_name = "N", value_parser = |text: &str| integer::<u32>(text, 0..=0xffff_ffff))]
    count: u32,
    /// BEARER, 0 to 31
    #[arg(long, value_name = "N", value_parser = |text: &str| integer::<u8>(text, 0..=31))]
    bearer: u8,
    /// Uplink or downlink
    #[arg(long)]
    direction: MessageDirection,
    /// The message; may be empty
    #[arg(long, value_name = "HEX", value_parser = hex)]
    message: Octets,
    /// How many bits of it there are, if the last octet is not full
    #[arg(long, value_name = "N", value_parser = |text: &str| integer::<usize>(text, 0..=u64::from(u32::MAX)))]
    bits: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum MessageDirection {
    /// From the UE
    Ul,
    /// To the UE
    Dl,
}

impl EpsMessageArguments {
    fn direction(&self) -> LinkDirection {
        match self.direction {
            MessageDirection::Ul => LinkDirection::Uplink,
            MessageDirection::Dl => LinkDirection::Downlink,
        }
    }

    /// The bits of the message.
    fn bits(&self) -> Result<usize, NoAnswer> {
        let octets = self.message.0.len();
        let bits = self.bits.unwrap_or_else(|| octets.saturating_mul(8));
        if bits.div_ceil(8) == octets {
            return Ok(bits);
        }
        Err(NoAnswer::BadInput(format!(
            "--bits: expected {} to {} for a message of {octets} octets, found {bits}",
            octets.saturating_sub(1).saturating_mul(8).saturating_add(usize::from(octets > 0)),
            octets.saturating_mul(8)
        )))
    }
}

fn c_rnti(text: &str) -> Result<CRnti, String> {
    let octets = hex(text).map_err(|error| error.to_string())?.0;
    match octets[..] {
        [a, b] => Ok(CRnti::Bits16(u16::from_be_bytes([a, b]))),
        [a, b, c, d] => Ok(CRnti::Bits32(u32::from_be_bytes([a, b, c, d]))),
        _ => Err(format!("expected 2 or 4 octets, found {}", octets.len())),
    }
}

pub(super) fn kdf(EpsKdfArguments { key, fc, param }: &EpsKdfArguments) -> Result<Answer, NoAnswer> {
    let parameters: Vec<&[u8]> = param.iter().map(|parameter| &parameter.0[..]).collect();
    let key =
        derivation::kdf(&key.0, *fc, &parameters).map_err(|error| NoAnswer::BadInput(format!("--param: {error}")))?;
    Ok(vec![("key", hex_text(&key).into())])
}

pub(super) fn chain(arguments: &EpsChainArguments) -> Result<Answer, NoAnswer> {
    let EpsChainArguments { root, para, c_rnti, fc_star, fc_kenb } = arguments;
    let derivation = HandoverDerivation { fc_star: *fc_star, fc_target: *fc_kenb, ..HandoverDerivation::default() };
    let star = match (&root.kenb, &root.kasme, para) {
        (Some(kenb), ..) => derivation.chained(kenb),
        (None, Some(kasme), Some(para)) => {
            derivation.mme_involved(kasme, &para.0).map_err(|error| NoAnswer::BadInput(format!("--para: {error}")))?
        }
        _ => return Err(NoAnswer::BadInput("expected --kenb, or --kasme with --para, found neither".to_owned())),
    };
    let kenb = derivation.target(&star, *c_rnti);
    let AsKeys { rrc_enc, rrc_int, up_enc } = AsKeys::derive(&kenb, AlgorithmId::Aes, AlgorithmId::Aes);
    Ok(vec![
        ("kenb_star", hex_text(star.octets()).into()),
        ("kenb", hex_text(kenb.octets()).into()),
        ("k_rrc_enc", hex_text(rrc_enc.octets()).into()),
        ("k_rrc_int", hex_text(rrc_int.octets()).into()),
        ("k_up_enc", hex_text(up_enc.octets()).into()),
    ])
}

pub(super) fn khse(arguments: &EpsKhseArguments) -> Result<Answer, NoAnswer> {
    let EpsKhseArguments { of, ck_ik, serving_network, sqn_xor_ak } = arguments;
    let root = match of {
        KhseOf::FiveGAka => KhseRoot::FiveGAka,
        KhseOf::EapAkaPrime => KhseRoot::EapAkaPrime,
    };
    let khse = best::khse(root, ck_ik, serving_network, *sqn_xor_ak)
        .map_err(|error| NoAnswer::BadInput(format!("--serving-network: {error}")))?;
    Ok(vec![("khse", hex_text(khse.octets()).into())])
}

pub(super) fn cipher(arguments: &EpsMessageArguments) -> Result<Answer, NoAnswer> {
    let bits = arguments.bits()?;
    let EpsMessageArguments { key, count, bearer, message, .. } = arguments;
    let mut message = message.0.clone();
    eea2(key, *count, *bearer, arguments.direction(), &mut message);
    if let Some(last) = message.last_mut().filter(|_| !bits.is_multiple_of(8)) {
        *last &= !(0xff >> (bits % 8));
    }
    Ok(vec![("message", hex_text(&message).into())])
}

pub(super) fn authenticate(arguments: &EpsMessageArguments) -> Result<Answer, NoAnswer> {
    let bits = arguments.bits()?;
    let EpsMessageArguments { key, count, bearer, message, .. } = arguments;
    let mac = eia2_bits(key, *count, *bearer, arguments.direction(), &message.0, bits);
    Ok(vec![("mac", hex_text(&mac).into())])
}
