//! What every parser is held to, whatever its input: a value or an error that names layer, offset and reason, no panic,
//! and no more memory than the input gives reason for.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use keyhop::capture::CaptureError;
use keyhop::capture::error::Place;
use keyhop::dot16::backbone::BackboneError;
use keyhop::dot16::wire::WireError;

/// An error, as far as it has to tell something.
pub struct Fault {
    pub layer: String,
    /// Octets from the start of the input; `None` where the error names a line and column of a text instead.
    pub offset: Option<usize>,
    pub expected: String,
    pub found: String,
}

impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        let WireError { layer, offset, expected, found } = error;
        Self { layer: layer.to_owned(), offset: Some(offset), expected: expected.into_owned(), found }
    }
}

impl From<BackboneError> for Fault {
    fn from(error: BackboneError) -> Self {
        let BackboneError { layer, offset, expected, found } = error;
        Self { layer: layer.to_owned(), offset: Some(offset), expected: expected.into_owned(), found }
    }
}

impl From<CaptureError> for Fault {
    fn from(error: CaptureError) -> Self {
        let text = error.to_string();
        let CaptureError::Malformed { place, expected, found, .. } = error else { panic!("not of the input: {text}") };
        let offset = match place {
            Place::Octet { offset, .. } => Some(usize::try_from(offset).unwrap()),
            Place::Line { .. } | Place::Whole => None,
        };
        // The file, and in it a frame or a line.
        Self { layer: place.to_string(), offset, expected, found }
    }
}

/// A parser, and the memory it may use.
pub struct Parser {
    pub name: &'static str,
    /// Reads the input and drops what comes of it.
    pub read: fn(&[u8]) -> Result<(), Fault>,
    /// Whatever of the input is a value comes back as the format promises; else panics.
    pub comes_back: fn(&[u8]),
    /// Octets of memory at the same time, for each octet of input.
    pub multiple: u64,
    /// And beside those.
    pub constant: u64,
}

impl Parser {
    /// Holds the parser to what it promises, on this input. Answers whether it is a value, and the memory it took.
    pub fn hold(&self, input: &[u8]) -> (bool, u64) {
        let mut outcome = None;
        let read = || outcome = catch_unwind(AssertUnwindSafe(|| (self.read)(input))).ok();
        let memory = allocation_counter::measure(read).bytes_max;
        let Some(result) = outcome else { self.broken(input, "a panic") };
        match &result {
            Ok(()) => (self.comes_back)(input),
            Err(Fault { layer, offset, expected, found }) => {
                if offset.is_some_and(|offset| offset > input.len()) {
                    self.broken(input, &format!("offset {offset:?}"));
                }
                if [layer, expected, found].iter().any(|text| text.trim().is_empty()) {
                    self.broken(input, &format!("an error that says nothing: {layer:?}, {expected:?}, {found:?}"));
                }
            }
        }
        let bound = self.multiple * input.len() as u64 + self.constant;
        if memory > bound {
            self.broken(input, &format!("{memory} octets of memory, {bound} are allowed"));
        }
        (result.is_ok(), memory)
    }

    fn broken(&self, input: &[u8], what: &str) -> ! {
        let shown = hex::encode(&input[..input.len().min(4096)]);
        panic!("{}: {what}, on {} octets: {shown}", self.name, input.len());
    }

    /// Holds it on every prefix of a valid input, and on that input with every octet changed: each bit of it, to 0 and to
    /// 255, and in a short input to every other value.
    pub fn hold_around(&self, valid: &[u8]) {
        assert!(self.hold(valid).0, "{} refuses {}", self.name, hex::encode(valid));
        for length in 0..valid.len() {
            self.hold(&valid[..length]);
        }
        let mut changed = valid.to_vec();
        for (place, octet) in valid.iter().enumerate() {
            let flips = (0..8).map(|bit| octet ^ 1 << bit).chain([0, 0xff]);
            let values: Vec<u8> = if valid.len() <= SHORT { (0..=255).collect() } else { flips.collect() };
            for value in values {
                changed[place] = value;
                self.hold(&changed);
            }
            changed[place] = *octet;
        }
    }
}

/// An input of up to so many octets is changed to every value in every place.
const SHORT: usize = 40;

/// That what was read writes and reads again to an equal value.
pub fn again<T: PartialEq + Debug, E: Debug>(value: &T, written: &[u8], read: impl Fn(&[u8]) -> Result<T, E>) {
    match read(written) {
        Ok(again) => assert_eq!(&again, value),
        Err(error) => panic!("{value:?} is written as {}: {error:?}", hex::encode(written)),
    }
}

mod tests {
    //! That a parser which breaks a promise is found out.

    use super::*;

    fn hold(read: fn(&[u8]) -> Result<(), Fault>) {
        let parser = Parser { name: "test", read, comes_back: |_| {}, multiple: 2, constant: 64 };
        parser.hold(&[0; 100]);
    }

    fn fault(offset: usize, found: &str) -> Fault {
        Fault { layer: "test".to_owned(), offset: Some(offset), expected: "x".to_owned(), found: found.to_owned() }
    }

    #[test]
    fn one_that_keeps_its_promises_passes() {
        hold(|input| {
            assert_eq!(input.to_vec(), input);
            Ok(())
        });
        hold(|input| Err(fault(input.len(), "y")));
    }

    #[test]
    #[should_panic(expected = "test: a panic, on 100 octets: 0000")]
    fn a_panic_is_found() {
        hold(|input| Err(fault(usize::from(input[input.len()]), "y")));
    }

    #[test]
    #[should_panic(expected = "265 octets of memory, 264 are allowed")]
    fn memory_beyond_the_bound_is_found() {
        hold(|input| {
            let room: Vec<u8> = Vec::with_capacity(input.len() * 2 + 65);
            assert!(room.is_empty());
            Ok(())
        });
    }

    #[test]
    #[should_panic(expected = "offset Some(101)")]
    fn an_offset_beyond_the_input_is_found() {
        hold(|input| Err(fault(input.len() + 1, "y")));
    }

    #[test]
    #[should_panic(expected = "an error that says nothing")]
    fn an_error_without_a_reason_is_found() {
        hold(|_| Err(fault(0, " ")));
    }
}
