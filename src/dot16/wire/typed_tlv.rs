//! One table per message makes its typed TLVs: type number, name and value type on one line, everything else kept as it is.

use nom::Parser;
use nom::combinator::all_consuming;
use smallvec::SmallVec;

use super::error::WireError;
use super::parsing::{Fault, Parsed, octets};
use super::tlv::TlvView;
use crate::dot16::identifiers::{AkId, Bsid, Cid, CmacKeyCount, MsMac, Said};

/// A value that a TLV can hold.
pub(super) trait TlvValue: Sized {
    /// The value, or `None` if the octets are not exactly one.
    fn from_value(value: &[u8]) -> Option<Self>;

    /// The octets of the value.
    fn to_value(&self) -> Result<Vec<u8>, WireError>;

    /// Whether writing it gives back `value`, of which it was made. Types of which no two values have the same octets need
    /// not try.
    fn writes_back(&self, value: &[u8]) -> bool {
        self.to_value().is_ok_and(|octets| octets == value)
    }

    /// The value if writing it gives back the same octets, so that a message that was read can be written again unchanged.
    fn from_value_faithfully(value: &[u8]) -> Option<Self> {
        Self::from_value(value).filter(|typed| typed.writes_back(value))
    }
}

/// What `parser` makes of `value`, if it takes all of it.
pub(super) fn exactly<'a, P>(parser: P, value: &'a [u8]) -> Option<P::Output>
where
    P: Parser<&'a [u8], Error = ()>,
{
    all_consuming(parser).parse(value).ok().map(|(_, value)| value)
}

// The number of octets of each is that of the array that is made into it.
macro_rules! values {
    ($($kind:ty: $parser:expr, |$value:ident| $octets:expr;)*) => {
        $(impl TlvValue for $kind {
            fn from_value(value: &[u8]) -> Option<Self> {
                exactly($parser, value)
            }

            fn to_value(&self) -> Result<Vec<u8>, WireError> {
                let $value = self;
                Ok($octets.to_vec())
            }

            fn writes_back(&self, _: &[u8]) -> bool {
                true
            }
        })*
    };
}

values! {
    u8: octets.map(Self::from_be_bytes), |value| value.to_be_bytes();
    u16: octets.map(Self::from_be_bytes), |value| value.to_be_bytes();
    u32: octets.map(Self::from_be_bytes), |value| value.to_be_bytes();
    i8: octets.map(Self::from_be_bytes), |value| value.to_be_bytes();
    i32: octets.map(Self::from_be_bytes), |value| value.to_be_bytes();
    Bsid: octets.map(Self), |value| value.0;
    MsMac: octets.map(Self), |value| value.0;
    AkId: octets.map(Self), |value| value.0;
    Said: octets.map(|value| Self(u16::from_be_bytes(value))), |value| value.0.to_be_bytes();
    Cid: octets.map(|value| Self(u16::from_be_bytes(value))), |value| value.0.to_be_bytes();
    CmacKeyCount: octets.map(|value| Self(u16::from_be_bytes(value))), |value| value.0.to_be_bytes();
}

/// 0 or 1, one octet.
impl TlvValue for bool {
    fn from_value(value: &[u8]) -> Option<Self> {
        match value {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        Ok(vec![u8::from(*self)])
    }

    fn writes_back(&self, _: &[u8]) -> bool {
        true
    }
}

/// Octets of any number.
impl TlvValue for Vec<u8> {
    fn from_value(value: &[u8]) -> Option<Self> {
        Some(value.to_vec())
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.clone())
    }

    fn writes_back(&self, _: &[u8]) -> bool {
        true
    }
}

impl<const N: usize> TlvValue for [u8; N] {
    fn from_value(value: &[u8]) -> Option<Self> {
        exactly(octets, value)
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.to_vec())
    }

    fn writes_back(&self, _: &[u8]) -> bool {
        true
    }
}

/// A TLV of one message.
pub(super) trait TypedTlv: Sized {
    /// Gives `to` what the TLV is. Each kind is made where `to` puts it: to make one of all kinds and move it would have the
    /// processor wait, as what it has just written in small parts is read in large ones.
    fn made<R>(tlv: TlvView<'_>, to: impl FnOnce(Self) -> R) -> R;
}

/// How many TLVs there are up to the end of the input.
fn count(mut input: &[u8]) -> Result<usize, nom::Err<Fault<'_>>> {
    let mut count = 0;
    while !input.is_empty() {
        (input, _) = TlvView::parser(input)?;
        count += 1;
    }
    Ok(count)
}

/// Reads typed TLVs up to the end of the input.
pub(super) fn list<T: TypedTlv>(mut input: &[u8]) -> Parsed<'_, Vec<T>> {
    // Counted first: a list that outgrows its room takes three times the memory for a moment.
    let mut tlvs = Vec::with_capacity(count(input)?);
    while !input.is_empty() {
        let (rest, tlv) = TlvView::parser(input)?;
        T::made(tlv, |tlv| tlvs.push(tlv));
        input = rest;
    }
    Ok((input, tlvs))
}

/// The same into `tlvs`, which is empty and has room for a few without an allocation; where it is, as it is large to move.
#[inline]
pub(super) fn short_list<'a, A>(mut input: &'a [u8], tlvs: &mut SmallVec<A>) -> Parsed<'a, ()>
where
    A: smallvec::Array<Item: TypedTlv>,
{
    while !input.is_empty() {
        if tlvs.len() == tlvs.inline_size() {
            tlvs.reserve_exact(count(input)?);
        }
        let (rest, tlv) = TlvView::parser(input)?;
        A::Item::made(tlv, |tlv| tlvs.push(tlv));
        input = rest;
    }
    Ok((input, ()))
}

/// Declares the enum of the TLVs of one message from a table `Name(value type) = type number`.
macro_rules! typed_tlvs {
    (
        $(#[$enum_doc:meta])*
        pub enum $name:ident {
            $($(#[$doc:meta])* $variant:ident($value:ty) = $number:literal,)*
        }
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\nTLV ", stringify!($number), ".")]
                $variant($value),
            )*
            /// A TLV of another type, or of a length or content that its type does not have.
            Other($crate::dot16::wire::tlv::Tlv),
        }

        impl $crate::dot16::wire::typed_tlv::TypedTlv for $name {
            #[inline]
            fn made<R>(tlv: $crate::dot16::wire::tlv::TlvView<'_>, to: impl FnOnce(Self) -> R) -> R {
                use $crate::dot16::wire::typed_tlv::TlvValue;
                match tlv.kind {
                    $($number => {
                        if let Some(value) = TlvValue::from_value_faithfully(tlv.value) {
                            return to(Self::$variant(value));
                        }
                    })*
                    _ => {}
                }
                to(Self::Other(tlv.to_tlv()))
            }
        }

        impl From<$crate::dot16::wire::tlv::Tlv> for $name {
            fn from(tlv: $crate::dot16::wire::tlv::Tlv) -> Self {
                <Self as $crate::dot16::wire::typed_tlv::TypedTlv>::made(tlv.view(), |typed| typed)
            }
        }

        impl $name {
            /// The type number, 1 octet.
            #[must_use]
            pub fn kind(&self) -> u8 {
                match self {
                    $(Self::$variant(_) => $number,)*
                    Self::Other(tlv) => tlv.kind,
                }
            }

            /// The octets: type, shortest form of length, value.
            ///
            /// # Errors
            /// A value that cannot be written: empty, too long, or of fields that do not agree.
            pub fn octets(&self) -> Result<Vec<u8>, $crate::dot16::wire::error::WireError> {
                use $crate::dot16::wire::typed_tlv::TlvValue;
                match self {
                    $(Self::$variant(value) => {
                        $crate::dot16::wire::tlv::Tlv { kind: $number, value: value.to_value()? }.octets()
                    })*
                    Self::Other(tlv) => tlv.octets(),
                }
            }

            /// The octets of `tlvs`, one after the other.
            ///
            /// # Errors
            /// As [`octets`](Self::octets), for any of them.
            pub fn octets_of_all(tlvs: &[Self]) -> Result<Vec<u8>, $crate::dot16::wire::error::WireError> {
                let mut octets = Vec::new();
                for tlv in tlvs {
                    octets.extend(tlv.octets()?);
                }
                Ok(octets)
            }
        }
    };
}

/// The value of the first TLV of one variant: `first!(self.tlvs, RngReqTlv::HoId)` is an `Option<&u8>`.
macro_rules! first {
    ($tlvs:expr, $($variant:ident)::+) => {
        $tlvs.iter().find_map(|tlv| match tlv {
            $($variant)::+(value) => Some(value),
            _ => None,
        })
    };
}

/// The CMAC tuple, if it is the last TLV: `trailing_cmac_tuple!(self.tlvs, RngReqTlv)`.
macro_rules! trailing_cmac_tuple {
    ($tlvs:expr, $name:ident) => {
        match $tlvs.last() {
            Some($name::CmacTuple(tuple)) => Some(tuple),
            _ => None,
        }
    };
}

pub(super) use {first, trailing_cmac_tuple, typed_tlvs};

#[cfg(test)]
mod tests {
    use super::super::tlv::Tlv;
    use super::{SmallVec, list, short_list};

    typed_tlvs! {
        /// For the tests.
        pub enum SomeTlv {
            /// One octet.
            Octet(u8) = 1,
            /// A flag.
            Flag(bool) = 2,
        }
    }

    #[test]
    fn a_known_type_of_unexpected_length_is_kept_as_it_is() {
        let tlv = Tlv { kind: 1, value: vec![1, 2] };
        assert_eq!(SomeTlv::from(tlv.clone()), SomeTlv::Other(tlv));
        assert_eq!(SomeTlv::from(Tlv { kind: 1, value: vec![9] }), SomeTlv::Octet(9));
    }

    #[test]
    fn a_short_list_with_more_than_it_has_room_for_is_read_whole_and_a_fault_is_where_it_is_in_any_list() {
        let octets = [1, 1, 7, 2, 1, 1, 1, 1, 8, 1, 1, 9];
        for length in 0..=octets.len() {
            let mut short: SmallVec<[SomeTlv; 2]> = SmallVec::new();
            let read = short_list(&octets[..length], &mut short);
            assert_eq!(read.map(|(rest, ())| (rest, short.into_vec())), list(&octets[..length]), "{length}");
        }
    }

    #[test]
    fn a_flag_that_is_neither_0_nor_1_is_kept_as_it_is() {
        assert_eq!(SomeTlv::from(Tlv { kind: 2, value: vec![1] }), SomeTlv::Flag(true));
        assert!(matches!(SomeTlv::from(Tlv { kind: 2, value: vec![2] }), SomeTlv::Other(_)));
    }

    #[test]
    fn order_and_repetition_are_kept_and_the_first_of_several_counts() {
        let tlvs = [SomeTlv::Flag(true), SomeTlv::Octet(3), SomeTlv::Octet(4)];
        assert_eq!(first!(tlvs, SomeTlv::Octet), Some(&3));
        assert_eq!(SomeTlv::octets_of_all(&tlvs).unwrap(), [2, 1, 1, 1, 1, 3, 1, 1, 4]);
        assert_eq!(tlvs.map(|tlv| tlv.kind()), [2, 1, 1]);
    }
}
