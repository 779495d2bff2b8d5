//! A PDU that was received: its information elements by name, and errors that say where they stand.

use oxirush_s1ap::aper::protocol::{Ie, List};
use oxirush_s1ap::s1ap::{S1APPDU, S1apPduKind};
use oxirush_s1ap::{Error, S1ap};

use super::LAYER;
use crate::eps::wire::WireError;
use crate::eps::wire::core_error::offset_of;

/// A PDU and the octets it stands in.
pub(super) struct Received<'a> {
    octets: &'a [u8],
    pdu: S1APPDU<'a>,
}

impl<'a> Received<'a> {
    /// The PDU that `octets` are.
    pub(super) fn open(octets: &'a [u8]) -> Result<Self, WireError> {
        let pdu = S1APPDU::decode_borrowed(octets).map_err(|error| WireError::new(LAYER, 0, "a PDU of S1AP", error))?;
        Ok(Self { octets, pdu })
    }

    /// Which message it is.
    pub(super) fn kind(&self) -> S1apPduKind {
        self.pdu.kind()
    }

    /// What is said of its message in errors.
    pub(super) fn name(&self) -> String {
        format!("{:?}", self.pdu.kind())
    }

    /// The information element `T`, which the message must have.
    pub(super) fn required<T: Ie<Protocol = S1ap>>(&self) -> Result<T::Value<'_>, WireError> {
        self.optional::<T>()?.ok_or_else(|| WireError::new(LAYER, 0, format!("{} (IE {})", T::NAME, T::ID), "none"))
    }

    /// The information element `T`, which the message may have.
    pub(super) fn optional<T: Ie<Protocol = S1ap>>(&self) -> Result<Option<T::Value<'_>>, WireError> {
        self.pdu.ie::<T>().transpose().map_err(|error| self.undecodable::<T>(&error))
    }

    /// What `of` makes of each item of the list `T`, which the message must have; one at least. What stands in the list under
    /// another number than that of its items is passed over.
    pub(super) fn items<T, R>(&self, of: impl Fn(<T::Item as Ie>::Value<'_>) -> Option<R>) -> Result<Vec<R>, WireError>
    where
        T: List<Protocol = S1ap>,
    {
        self.required::<T>()?;
        let items = self.pdu.items::<T>().map(|item| {
            let item = item.map_err(|error| self.undecodable::<T>(&error))?;
            of(item).ok_or_else(|| self.refused::<T>("bearers 5 to 15 and IPv4 addresses", "others"))
        });
        let items: Vec<R> = items.collect::<Result<_, WireError>>()?;
        if items.is_empty() { Err(self.refused::<T>("a list with an item of its kind", "none")) } else { Ok(items) }
    }

    fn undecodable<T: Ie<Protocol = S1ap>>(&self, error: &Error) -> WireError {
        self.refused::<T>("a value of TS 36.413", error)
    }

    /// The information element `T` is there and is not what was `expected`.
    pub(super) fn refused<T: Ie<Protocol = S1ap>>(
        &self,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> WireError {
        let fields = self.pdu.protocol_ies().ok();
        let field = fields.iter().flat_map(|fields| &fields.0).find(|field| field.id.0 == T::ID);
        let offset = field.map_or(0, |field| offset_of(&field.value, self.octets));
        WireError::new(LAYER, offset, format!("{} (IE {}) as {expected}", T::NAME, T::ID), found)
    }
}
