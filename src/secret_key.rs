//! The form that every key type has: wiped from memory when its owner drops it, compared in constant time, and printed as its
//! name only, so that no log line and no panic message can carry one.

macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident, $octets:literal) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; $octets]);

        impl $name {
            /// Octets of this key.
            pub const OCTETS: usize = $octets;

            /// The key made of these octets, first octet first.
            #[must_use]
            pub const fn from_octets(octets: [u8; $octets]) -> Self {
                Self(octets)
            }

            /// The octets of the key, first octet first.
            #[must_use]
            pub const fn octets(&self) -> &[u8; $octets] {
                &self.0
            }
        }

        /// In constant time.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
            }
        }

        impl Eq for $name {}

        /// The name of the key, never its octets.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    };
}

pub(crate) use secret_key;
