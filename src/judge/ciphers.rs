//! Which key opens a data PDU, and which verifies the CMAC of a message: ICV and CMAC decide (`dot16-security.md` 3.1, 4.1).

use std::collections::HashMap;

use super::keys::{Keys, Origin};
use super::survey::AirLink;
use crate::capture::key_log::Validity;
use crate::capture::key_lookup::Protection;
use crate::dot16::identifiers::{Bsid, Cid, CmacKeyCount, Direction, MsMac};
use crate::dot16::security::ccm::{self, OpenError, Opened};
use crate::dot16::security::cmac_tuple::{self, Truncation};
use crate::dot16::wire::MacPdu;
use crate::time::VirtualTime;

/// Most keys tried on one PDU or message.
pub const MAX_TRIALS: usize = 1024;
/// After so many PDUs in a row that no key opened, keys of other links are not tried on a connection.
const HOPELESS: u32 = 8;
/// Most searches through all counts of an AK for one that verifies a message.
const MAX_SEARCHES: usize = 8;

/// What became of a data PDU.
#[derive(Debug)]
pub enum DataOutcome {
    /// It opened.
    Opened {
        /// Packet number, direction, plaintext.
        opened: Opened,
        /// Number of the TEK.
        tek: usize,
        /// Whether the TEK belongs to another link.
        elsewhere: bool,
    },
    /// A key that opened others of its connection and EKS, or one that the log has for this time, does not open it.
    WrongIcv,
    /// There is no such key.
    NoKey,
    /// No key could open it.
    Unopenable(OpenError),
}

/// What became of the CMAC of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmacOutcome {
    /// It verified.
    Verified {
        /// Number of the key.
        key: usize,
        /// Whether the key belongs to another link.
        elsewhere: bool,
    },
    /// The AK of the link is known, and no key of it verifies.
    Wrong {
        /// Whether it is sure that the right key was among those tried.
        sure: bool,
    },
    /// No AK of this link is known.
    NoKey,
}

/// When and where a PDU was seen.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// When its transmission started.
    pub time: VirtualTime,
    /// Its link.
    pub link: AirLink,
    /// Its direction, if the capture tells.
    pub direction: Option<Direction>,
}

/// Whether the receiver at this place holds the keys of a mobile and a base station: a base station those of all its mobiles,
/// whoever seems to have sent.
fn holds(keys: &Keys, place: &Place, ms: MsMac, bs: Bsid) -> bool {
    match (place.direction, keys.ends(place.link)) {
        (Some(Direction::Uplink), (_, receiver)) => receiver == Some(bs),
        (Some(Direction::Downlink), (receiver, _)) => receiver == Some(ms),
        (None, _) => false,
    }
}

/// Tries keys, and remembers which were right.
#[derive(Debug, Default)]
pub struct Ciphers {
    last_tek: HashMap<(AirLink, Cid, u8), usize>,
    failures: HashMap<(AirLink, Cid, u8), u32>,
    verified_links: HashMap<(AirLink, Option<Direction>), usize>,
    searches: usize,
}

impl Ciphers {
    /// Opens an encrypted data PDU.
    pub fn open(&mut self, keys: &mut Keys, pdu: &MacPdu<'_>, place: &Place) -> DataOutcome {
        let eks = pdu.header.eks;
        let connection = (place.link, pdu.header.cid, eks);
        let failures = self.failures.get(&connection).copied().unwrap_or_default();
        let mut near: Vec<usize> = Vec::new();
        for pair in keys.pairs(place.link) {
            near.extend(
                keys.teks_of(pair).iter().filter(|number| keys.teks.get(**number).is_some_and(|tek| tek.eks == eks)),
            );
        }
        let likely = |number: &usize| {
            keys.teks.get(*number).map(|tek| (tek.origin == Origin::Derived, !tek.validity.contains(place.time)))
        };
        near.sort_by_key(|number| (likely(number), std::cmp::Reverse(*number)));
        let certain = near.iter().any(|number| {
            keys.teks.get(*number).is_some_and(|tek| tek.origin == Origin::Logged && tek.validity.contains(place.time))
        });
        let last = self.last_tek.get(&connection).copied();
        let far_limit = if failures < HOPELESS { MAX_TRIALS } else { 0 };
        let far = (0..keys.teks.len())
            .rev()
            .filter(|number| keys.teks.get(*number).is_some_and(|tek| tek.eks == eks) && !near.contains(number))
            .take(far_limit);
        let candidates = last.into_iter().chain(near.iter().copied()).chain(far);
        let mut opened_by = None;
        for number in candidates.take(MAX_TRIALS) {
            let Some(tek) = keys.teks.get(number) else { continue };
            match ccm::open(&tek.tek, pdu) {
                Ok(opened) => {
                    opened_by = Some((number, opened));
                    break;
                }
                Err(OpenError::Icv) => {}
                Err(other) => return DataOutcome::Unopenable(other),
            }
        }
        let Some((number, opened)) = opened_by else {
            self.failures.insert(connection, failures.saturating_add(1));
            return if certain || last.is_some() { DataOutcome::WrongIcv } else { DataOutcome::NoKey };
        };
        // The same octets may be known of another link, too.
        let octets = keys.teks.get(number).map(|tek| tek.octets_number);
        let same = |near: &&usize| keys.teks.get(**near).map(|tek| tek.octets_number) == octets;
        let here = if near.contains(&number) { Some(number) } else { near.iter().find(same).copied() };
        let number = here.unwrap_or(number);
        let elsewhere = here.is_none() && keys.teks.get(number).is_none_or(|tek| !holds(keys, place, tek.ms, tek.bs));
        if here.is_some() {
            self.failures.remove(&connection);
            self.last_tek.insert(connection, number);
        }
        DataOutcome::Opened { opened, tek: number, elsewhere }
    }

    /// Verifies the CMAC of a message that came on `cid`. `claimed` is the count that the message itself names.
    pub fn verify(
        &mut self,
        keys: &mut Keys,
        protection: &Protection<'_>,
        cid: Cid,
        claimed: Option<CmacKeyCount>,
        place: &Place,
    ) -> CmacOutcome {
        let pairs = keys.pairs(place.link);
        let mut near: Vec<usize> = Vec::new();
        let mut contexts = Vec::new();
        for pair in &pairs {
            contexts.extend(keys.contexts_of(*pair).iter().cloned());
            near.extend(keys.cmac_keys_of(*pair));
        }
        let serves = |direction| place.direction.is_none_or(|of| of == direction);
        for (context, count) in contexts.iter().flat_map(|context| claimed.map(|count| (context, count))) {
            for direction in [Direction::Uplink, Direction::Downlink].into_iter().filter(|direction| serves(*direction))
            {
                near.extend(keys.add_count(context, direction, count));
            }
        }
        near.retain(|number| keys.cmac_keys.get(*number).is_some_and(|key| serves(key.direction)));
        near.sort_unstable();
        near.dedup();
        let out_of_use = |validity: Validity| !validity.contains(place.time);
        near.sort_by_key(|number| {
            let key = keys.cmac_keys.get(*number);
            let claimed_one = key.is_some_and(|key| Some(key.count) == claimed);
            let derived = key.is_none_or(|key| key.origin == Origin::Derived);
            (!claimed_one, derived, key.is_none_or(|key| out_of_use(key.validity)), std::cmp::Reverse(*number))
        });
        let last = self.verified_links.get(&(place.link, place.direction)).copied().filter(|_| claimed.is_none());
        let far = (0..keys.cmac_keys.len()).rev().filter(|number| {
            keys.cmac_keys.get(*number).is_some_and(|key| serves(key.direction)) && !near.contains(number)
        });
        let good = |number: &usize| {
            keys.cmac_keys.get(*number).is_some_and(|key| {
                let Protection { covered, pn, value } = protection;
                cmac_tuple::verify(&key.key, key.akid, *pn, cid, covered, Truncation::Right, value)
            })
        };
        let found = last.into_iter().chain(near.iter().copied()).chain(far).take(MAX_TRIALS).find(good);
        let mut searched = false;
        let found = found.or_else(|| {
            let unsure = claimed.is_none() && !self.verified_links.contains_key(&(place.link, place.direction));
            if !unsure || contexts.is_empty() || self.searches >= MAX_SEARCHES {
                return None;
            }
            contexts.truncate(MAX_SEARCHES.saturating_sub(self.searches));
            self.searches = self.searches.saturating_add(contexts.len());
            searched = true;
            let Protection { covered, pn, value } = protection;
            let (context, direction, count) = contexts.iter().find_map(|context| {
                [Direction::Uplink, Direction::Downlink].into_iter().filter(|direction| serves(*direction)).find_map(
                    |direction| {
                        let right = |count: &CmacKeyCount| {
                            let key = context.cmac_key(direction, *count);
                            cmac_tuple::verify(&key, context.akid, *pn, cid, covered, Truncation::Right, value)
                        };
                        let count = (0..=u16::MAX).map(CmacKeyCount).find(right)?;
                        Some((context, direction, count))
                    },
                )
            })?;
            let number = keys.add_count(context, direction, count)?;
            near.push(number);
            Some(number)
        });
        let Some(number) = found else {
            let logged = |number: &usize| {
                keys.cmac_keys.get(*number).is_some_and(|key| key.origin == Origin::Logged && !out_of_use(key.validity))
            };
            let sure = claimed.is_some() || last.is_some() || searched || near.iter().any(logged);
            return if near.is_empty() { CmacOutcome::NoKey } else { CmacOutcome::Wrong { sure } };
        };
        let here = near.contains(&number);
        let elsewhere = !here && keys.cmac_keys.get(number).is_none_or(|key| !holds(keys, place, key.ms, key.bs));
        if let Some(key) = keys.cmac_keys.get(number)
            && here
        {
            let (ms, bs) = (key.ms, key.bs);
            keys.learn(place.link, ms, bs);
            self.verified_links.insert((place.link, place.direction), number);
        }
        CmacOutcome::Verified { key: number, elsewhere }
    }
}
