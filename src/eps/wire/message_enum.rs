//! The messages of a protocol as one enumeration: what S1AP, X2AP and RANAP have in common.

/// Makes an enumeration whose alternatives are called as the types that they hold: their names, and each of them into it.
macro_rules! message_enum {
    ($(#[$of:meta])* $messages:ident { $($(#[$doc:meta])* $name:ident,)* }) => {
        $(#[$of])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $messages {
            $($(#[$doc])* $name($name),)*
        }

        impl $messages {
            /// The names of all messages.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// The name of the message: that of its alternative.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }
        }

        $(impl From<$name> for $messages {
            fn from(message: $name) -> Self {
                Self::$name(message)
            }
        })*
    };
}

pub(super) use message_enum;
