//! What each subcommand of `calc` computes.

use super::{
    Answer, Calculation, CmacArguments, KdfArguments, KeysArguments, NoAnswer, OpenArguments, OpenCrc, SealArguments,
    SealCrc, TekEncryption, UnwrapArguments, WindowArguments, WrapArguments, eps,
};
use crate::cli::argument::hex_text;
use crate::dot16::identifiers::Direction;
use crate::dot16::security::cmac_tuple::{cmac_full, truncated};
use crate::dot16::security::{
    AkContext, KdfError, PacketNumber, PnVerdict, PnWindow, TekIndex, UnwrapError, ccm, counter_tek, dot16_kdf,
    key_wrap,
};
use crate::dot16::wire::{CrcForm, GenericMacHeader, MacPdu};

pub(super) fn calculate(calculation: &Calculation) -> Result<Answer, NoAnswer> {
    match calculation {
        Calculation::Kdf(arguments) => kdf(arguments),
        Calculation::Keys(arguments) => keys(arguments),
        Calculation::Cmac(arguments) => Ok(cmac(arguments)),
        Calculation::Seal(arguments) => seal(arguments),
        Calculation::Open(arguments) => open(arguments),
        Calculation::Wrap(arguments) => Ok(wrap(arguments)),
        Calculation::Unwrap(arguments) => unwrap(arguments),
        Calculation::Window(arguments) => window(arguments),
        Calculation::EpsKdf(arguments) => eps::kdf(arguments),
        Calculation::EpsChain(arguments) => eps::chain(arguments),
        Calculation::EpsKhse(arguments) => eps::khse(arguments),
        Calculation::EpsEea2(arguments) => eps::cipher(arguments),
        Calculation::EpsEia2(arguments) => eps::authenticate(arguments),
    }
}

fn kdf(KdfArguments { key, astring, bits, prf }: &KdfArguments) -> Result<Answer, NoAnswer> {
    let key = dot16_kdf(*prf, &key.0, &astring.0, *bits).map_err(|error| {
        let option = match error {
            KdfError::KeyTooShort { .. } => "--key",
            KdfError::Length { .. } => "--bits",
        };
        NoAnswer::BadInput(format!("{option}: {error}"))
    })?;
    Ok(vec![("key", hex_text(&key).into())])
}

fn keys(arguments: &KeysArguments) -> Result<Answer, NoAnswer> {
    let KeysArguments { root, ms, bs, count, said, ak_sn, .. } = arguments;
    let Some(pmk) = root.pmk.as_ref().or(root.msk.as_ref()) else {
        return Err(NoAnswer::BadInput("expected --pmk or --msk, found neither".to_owned()));
    };
    let context = AkContext::derive(pmk, *ak_sn, *ms, *bs);
    let cmac_key = |direction| hex_text(context.cmac_key(direction, *count).octets());
    let prekey = |direction| hex_text(context.cmac_prekey(direction).octets());
    let tek = |index| hex_text(counter_tek(&context.kek, *count, *said, index).octets());
    Ok(vec![
        ("pmk", hex_text(pmk.octets()).into()),
        ("ak", hex_text(context.ak.octets()).into()),
        ("akid", hex_text(&context.akid.0).into()),
        ("cmac_prekey_u", prekey(Direction::Uplink).into()),
        ("cmac_prekey_d", prekey(Direction::Downlink).into()),
        ("kek", hex_text(context.kek.octets()).into()),
        ("cmac_key_u", cmac_key(Direction::Uplink).into()),
        ("cmac_key_d", cmac_key(Direction::Downlink).into()),
        ("tek0", tek(TekIndex::Tek0).into()),
        ("tek1", tek(TekIndex::Tek1).into()),
    ])
}

fn cmac(CmacArguments { key, akid, pn, cid, message, truncate }: &CmacArguments) -> Answer {
    let full = cmac_full(key, *akid, *pn, *cid, &message.0);
    vec![("cmac", hex_text(&truncated(full, *truncate)).into()), ("full", hex_text(&full).into())]
}

fn seal(arguments: &SealArguments) -> Result<Answer, NoAnswer> {
    let SealArguments { tek, cid, pn, payload, direction, eks, pdu_type, crc } = arguments;
    let template = GenericMacHeader { eks: *eks, pdu_type: *pdu_type, ..GenericMacHeader::new(*cid) };
    let crc = match crc {
        SealCrc::MsbFirst => Some(CrcForm::MsbFirst),
        SealCrc::Ofdma => Some(CrcForm::Ofdma),
        SealCrc::None => None,
    };
    let pdu = ccm::seal(tek, template, *pn, *direction, &payload.0, crc)
        .map_err(|error| NoAnswer::BadInput(format!("--payload: {error}")))?;
    Ok(vec![("pdu", hex_text(&pdu).into())])
}

fn open(OpenArguments { tek, pdu: octets, crc }: &OpenArguments) -> Result<Answer, NoAnswer> {
    let not_opened = |error: &dyn std::fmt::Display| NoAnswer::NotOpened(error.to_string());
    let pdu = MacPdu::parse(&octets.0).map_err(|error| not_opened(&error))?;
    let (length, given) = (pdu.octets.len(), octets.0.len());
    if given > length {
        return Err(not_opened(&format_args!(
            "MAC PDU, octet {length}: expected the end that LEN tells, found {given} octets in all"
        )));
    }
    check_crc(&pdu, *crc).map_err(NoAnswer::NotOpened)?;
    let opened = ccm::open(tek, &pdu).map_err(|error| not_opened(&error))?;
    let direction = match opened.direction {
        Direction::Uplink => "ul",
        Direction::Downlink => "dl",
    };
    Ok(vec![
        ("cid", pdu.header.cid.0.into()),
        ("eks", pdu.header.eks.into()),
        ("pn", opened.pn.count().into()),
        ("direction", direction.into()),
        ("payload", hex_text(&opened.plaintext).into()),
    ])
}

fn check_crc(pdu: &MacPdu<'_>, demanded: OpenCrc) -> Result<(), String> {
    let forms: &[CrcForm] = match demanded {
        OpenCrc::Auto => &[CrcForm::MsbFirst, CrcForm::Ofdma],
        OpenCrc::MsbFirst => &[CrcForm::MsbFirst],
        OpenCrc::Ofdma => &[CrcForm::Ofdma],
    };
    match pdu.octets.split_last_chunk::<4>().filter(|_| pdu.header.crc_present) {
        None if demanded == OpenCrc::Auto => Ok(()),
        None => Err("MAC PDU, octet 1: expected CI = 1 of a PDU with CRC, found CI = 0".to_owned()),
        Some((covered, found)) if forms.iter().any(|form| form.octets(covered) == *found) => Ok(()),
        Some((covered, found)) => {
            let expected: Vec<String> = forms.iter().map(|form| hex_text(&form.octets(covered))).collect();
            let (place, expected, found) = (covered.len(), expected.join(" or "), hex_text(found));
            Err(format!("MAC PDU, octet {place}: expected CRC {expected}, found {found}"))
        }
    }
}

fn wrap(WrapArguments { kek, tek, alg }: &WrapArguments) -> Answer {
    let encrypted = match alg {
        TekEncryption::Kw => hex_text(&key_wrap::wrap(kek, tek)),
        TekEncryption::Ecb => hex_text(&key_wrap::ecb_wrap(kek, tek)),
    };
    vec![("tek", encrypted.into())]
}

fn unwrap(UnwrapArguments { kek, tek, alg }: &UnwrapArguments) -> Result<Answer, NoAnswer> {
    let tek = match alg {
        TekEncryption::Kw => key_wrap::unwrap(kek, &tek.0),
        TekEncryption::Ecb => key_wrap::ecb_unwrap(kek, &tek.0),
    };
    match tek {
        Ok(tek) => Ok(vec![("tek", hex_text(tek.octets()).into())]),
        Err(error @ UnwrapError::Integrity) => Err(NoAnswer::NotOpened(error.to_string())),
        Err(error @ UnwrapError::Length { .. }) => Err(NoAnswer::BadInput(format!("--tek: {error}"))),
    }
}

fn window(WindowArguments { size, pns }: &WindowArguments) -> Result<Answer, NoAnswer> {
    let mut window = PnWindow::new(*size).map_err(|error| NoAnswer::BadInput(format!("--size: {error}")))?;
    let verdict = |count: &u64| match u32::try_from(*count).ok().and_then(|count| PacketNumber::new(count).ok()) {
        None => "invalid",
        Some(pn) => match window.accept(pn) {
            PnVerdict::Accept => "accept",
            PnVerdict::Duplicate => "duplicate",
            PnVerdict::Old => "old",
        },
    };
    let verdicts: Vec<&str> = pns.iter().map(verdict).collect();
    Ok(vec![("verdicts", verdicts.into())])
}
