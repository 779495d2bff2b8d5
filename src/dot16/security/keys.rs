//! One type for each key of the PKMv2 hierarchy (802.16-2009 clause 7.2.2; `dot16-security.md` 2.1).

use crate::secret_key::secret_key as key;

key! {
    /// Pairwise master key, 20 octets: what EAP leaves at the mobile station and the Authenticator.
    Pmk, 20
}

key! {
    /// Authorization key, 20 octets: the PMK bound to one mobile station and one base station.
    Ak, 20
}

key! {
    /// Key encryption key, 16 octets: wraps TEKs, and TEKs are derived from it in a seamless handover.
    Kek, 16
}

key! {
    /// CMAC_KEY_U or CMAC_KEY_D, 16 octets: authenticates management messages of one direction under one
    /// CMAC_KEY_COUNT.
    CmacKey, 16
}

key! {
    /// CMAC_PREKEY_U or CMAC_PREKEY_D, 16 octets: gives the CMAC key of one direction for every CMAC_KEY_COUNT.
    CmacPrekey, 16
}

key! {
    /// Traffic encryption key, 16 octets: encrypts the data PDUs of one security association, both directions.
    Tek, 16
}

key! {
    /// Master session key, 64 octets: what EAP leaves at both ends, and the PMK is made of.
    Msk, 64
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroize;

    use super::*;

    #[test]
    fn debug_shows_the_name_and_no_octet() {
        let shown = [
            format!("{:?}", Pmk::from_octets([0xab; 20])),
            format!("{:?}", Ak::from_octets([0xab; 20])),
            format!("{:?}", Kek::from_octets([0xab; 16])),
            format!("{:?}", CmacKey::from_octets([0xab; 16])),
            format!("{:?}", CmacPrekey::from_octets([0xab; 16])),
            format!("{:#?}", Some(Tek::from_octets([0xab; 16]))).replace(char::is_whitespace, ""),
        ];
        assert_eq!(
            shown,
            [
                "Pmk(redacted)",
                "Ak(redacted)",
                "Kek(redacted)",
                "CmacKey(redacted)",
                "CmacPrekey(redacted)",
                "Some(Tek(redacted),)"
            ]
        );
    }

    #[test]
    fn keys_are_equal_exactly_if_every_octet_is() {
        let key = Tek::from_octets([7; 16]);
        assert_eq!(key, key.clone());
        for place in 0..Tek::OCTETS {
            let mut octets = *key.octets();
            octets[place] ^= 0x10;
            assert_ne!(key, Tek::from_octets(octets), "octet {place}");
        }
    }

    #[test]
    fn wiping_leaves_zeros() {
        let mut key = Ak::from_octets([0xff; 20]);
        key.zeroize();
        assert_eq!(key.octets(), &[0; 20]);
    }
}
