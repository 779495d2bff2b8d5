//! The common name in the subject of a certificate (RFC 5280 section 4.1; DER, X.690): where a device certificate has the MAC
//! address of its device.

use nom::bytes::complete::{tag, take};
use nom::combinator::{map_opt, opt};
use nom::multi::many0;
use nom::number::complete::be_u8;
use nom::{IResult, Parser};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// `[0]`, the version.
const VERSION: u8 = 0xa0;
/// 2.5.4.3, id-at-commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The common name of the subject of the certificate `der`, if it has exactly one and that is text in UTF-8. Octets that are
/// no certificate have none; whether it is signed is not looked at.
#[must_use]
pub fn common_name(der: &[u8]) -> Option<&str> {
    let (_, subject) = subject(der).ok()?;
    let (_, names) = many0(relative_name).parse_complete(subject).ok()?;
    let mut common = names.into_iter().filter(|(kind, _)| *kind == COMMON_NAME).map(|(_, value)| value);
    let only = common.next().filter(|_| common.next().is_none())?;
    std::str::from_utf8(only).ok()
}

/// The subject: the fifth field of the signed part, or the sixth if the version is there.
fn subject(der: &[u8]) -> IResult<&[u8], &[u8]> {
    let (_, certificate) = element(SEQUENCE)(der)?;
    let (_, signed) = element(SEQUENCE)(certificate)?;
    let (signed, _) = opt(element(VERSION)).parse(signed)?;
    // Serial number, signature algorithm, issuer, validity.
    let (signed, _) = (any_element, any_element, any_element, any_element).parse(signed)?;
    element(SEQUENCE)(signed)
}

/// An attribute of a name, alone in its set: type and value.
fn relative_name(input: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    let (after, set) = element(SET)(input)?;
    let (_, attribute) = element(SEQUENCE)(set)?;
    let (value, kind) = element(OBJECT_IDENTIFIER)(attribute)?;
    let (_, (_, text)) = any_element(value)?;
    Ok((after, (kind, text)))
}

/// The contents of an element with the tag `number`.
fn element<'a>(number: u8) -> impl FnMut(&'a [u8]) -> IResult<&'a [u8], &'a [u8]> {
    move |input| {
        let (input, _) = tag(&[number][..])(input)?;
        contents(input)
    }
}

/// Tag and contents of an element with a tag of one octet.
fn any_element(input: &[u8]) -> IResult<&[u8], (u8, &[u8])> {
    (be_u8, contents).parse(input)
}

/// A definite length of up to four octets, and as many octets.
fn contents(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (input, first) = be_u8(input)?;
    let (input, length) = match first {
        0..=0x7f => (input, usize::from(first)),
        _ => map_opt(take(first & 0x7f), |octets: &[u8]| {
            let fits = (1..=4).contains(&octets.len());
            fits.then(|| octets.iter().fold(0, |length: usize, octet| length << 8 | usize::from(*octet)))
        })
        .parse(input)?,
    };
    take(length)(input)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::certificates::{CertificateAuthority, CertificateState};
    use super::*;
    use crate::dot16::identifiers::MsMac;

    fn device() -> Vec<u8> {
        let mac = MsMac([2, 0, 0, 0, 0, 1]);
        CertificateAuthority::new([1; 32]).device(mac, CertificateState::Valid).unwrap().certificate().to_vec()
    }

    #[test]
    fn the_common_name_of_a_device_certificate_is_found() {
        assert_eq!(common_name(&device()), Some("02:00:00:00:00:01"));
    }

    #[test]
    fn a_name_with_two_common_names_has_none() {
        let name = |text: &[u8]| [&[0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01], text].concat();
        let certificate = |subject: Vec<u8>| {
            let fields =
                [&[0x02, 0x01, 0x01, 0x30, 0x00, 0x30, 0x00, 0x30, 0x00, 0x30][..], &[subject.len() as u8], &subject];
            let signed = fields.concat();
            [&[0x30, signed.len() as u8 + 2, 0x30, signed.len() as u8][..], &signed].concat()
        };
        assert_eq!(common_name(&certificate(name(b"a"))), Some("a"));
        assert_eq!(common_name(&certificate([name(b"a"), name(b"b")].concat())), None);
        assert_eq!(common_name(&certificate(name(&[0xff]))), None, "no UTF-8");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn no_octets_bring_it_down(at in 0..600_usize, value: u8, cut in 0..600_usize) {
            let mut octets = device();
            if let Some(octet) = octets.get_mut(at) {
                *octet = value;
            }
            octets.truncate(octets.len().min(cut));
            let _ = common_name(&octets);
        }
    }
}
