//! Names of management messages in scripts (`dot16-wire.md` 3.1).

use std::fmt;

use crate::dot16::identifiers::Direction;
use crate::dot16::wire::message_direction;

/// Name of a management message, as [`MESSAGES`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageName(&'static str);

/// Names and types of the management messages that a trigger can name (`dot16-wire.md` 3.1).
pub const MESSAGES: [(&str, u8); 18] = [
    ("RNG-REQ", 4),
    ("RNG-RSP", 5),
    ("REG-REQ", 6),
    ("REG-RSP", 7),
    ("PKM-REQ", 9),
    ("PKM-RSP", 10),
    ("DSA-REQ", 11),
    ("DSA-RSP", 12),
    ("DSA-ACK", 13),
    ("SBC-REQ", 26),
    ("SBC-RSP", 27),
    ("MOB_NBR-ADV", 53),
    ("MOB_SCN-REQ", 54),
    ("MOB_SCN-RSP", 55),
    ("MOB_BSHO-REQ", 56),
    ("MOB_MSHO-REQ", 57),
    ("MOB_BSHO-RSP", 58),
    ("MOB_HO-IND", 59),
];

impl MessageName {
    /// The type octet of the message.
    #[must_use]
    pub fn message_type(self) -> u8 {
        MESSAGES.iter().find(|(name, _)| *name == self.0).map_or(0, |(_, number)| *number)
    }

    /// The name of the message of this type; `None` for a type that is not in [`MESSAGES`].
    #[must_use]
    pub fn of_type(message_type: u8) -> Option<Self> {
        MESSAGES.iter().find(|(_, number)| *number == message_type).map(|(name, _)| Self(name))
    }

    /// The way that it goes; `None`: both stations send it.
    #[must_use]
    pub fn direction(self) -> Option<Direction> {
        message_direction(self.message_type())
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// `RNG-REQ`.
impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
