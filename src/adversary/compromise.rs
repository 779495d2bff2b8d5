//! A compromised node: the adversary has every key that the node holds, and tries them on what it hears on the air
//! (statement A25; attack 14 of `dot16-security.md` 9).
//!
//! Its keys are those that the very node reports, and the TEKs that its KEKs give for counts around those it knows. What
//! other nodes hold is never asked. Whether a PDU can be read is found by opening it.

use std::collections::{BTreeMap, BTreeSet};

use crate::dot16::identifiers::{AkId, Bsid, CmacKeyCount, MsMac, Said};
use crate::dot16::node::NamedKey;
use crate::dot16::security::{AkContext, Kek, Tek, TekIndex, ccm, counter_tek};
use crate::dot16::wire::MacPdu;
use crate::time::VirtualTime;

/// For how many counts beyond the highest that it knows the adversary derives TEKs.
const COUNTS_AHEAD: u16 = 4;
/// Most keys of a kind that it remembers.
const MOST_KEYS: usize = 65_536;

/// A key, as far as it is of use to the adversary.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Loot {
    Tek(Said, CmacKeyCount, Tek),
    Kek(AkId, Kek),
}

/// A node that is in the adversary's hands from an instant on, with what it has learnt there.
#[derive(Clone, Debug)]
pub struct Compromise {
    since: VirtualTime,
    /// The base stations, for whose AKs a PMK is enough.
    base_stations: Vec<Bsid>,
    /// What is said in the clear of each mobile whose PMK is known: SAIDs, and the highest count.
    public: BTreeMap<MsMac, (BTreeSet<Said>, CmacKeyCount)>,
    /// The mobiles whose PMK is known.
    with_pmk: BTreeSet<MsMac>,
    /// Whether it took what was there at that instant, and came no more.
    once: bool,
    /// Of each mobile, in the order in which it came to the node: held now, or learnt.
    keys: Vec<(MsMac, Loot)>,
}

impl Compromise {
    /// From `since` on the adversary reads what the node holds.
    #[must_use]
    pub fn new(since: VirtualTime) -> Self {
        Self {
            since,
            once: false,
            base_stations: Vec::new(),
            public: BTreeMap::new(),
            with_pmk: BTreeSet::new(),
            keys: Vec::new(),
        }
    }

    /// At `at` the adversary takes what the node holds then, and nothing after.
    #[must_use]
    pub fn once(at: VirtualTime) -> Self {
        Self { once: true, ..Self::new(at) }
    }

    /// The same in a network with these base stations: of a node that has the PMK the adversary derives AK and KEK of each.
    #[must_use]
    pub fn among(mut self, base_stations: Vec<Bsid>) -> Self {
        self.base_stations = base_stations;
        self
    }

    /// Everybody hears that `ms` has an SA, or uses a count: MOB_BSHO-RSP and RNG-REQ are in the clear.
    pub fn heard(&mut self, ms: MsMac, said: Option<Said>, count: Option<CmacKeyCount>) {
        let (saids, highest) = self.public.entry(ms).or_insert((BTreeSet::new(), CmacKeyCount(0)));
        saids.extend(said);
        *highest = count.map_or(*highest, |count| count.max(*highest));
    }

    /// From when on.
    #[must_use]
    pub fn since(&self) -> VirtualTime {
        self.since
    }

    /// The node reports that a key of `ms` came into use, or went out of it. What went before the adversary came is lost
    /// to it; what goes later is not.
    pub fn key(&mut self, now: VirtualTime, ms: MsMac, held: bool, key: &NamedKey) {
        let loot = match key {
            NamedKey::Tek { said, count, tek, .. } => Loot::Tek(*said, *count, tek.clone()),
            NamedKey::AkAndKek { akid, kek, .. } => Loot::Kek(*akid, kek.clone()),
            NamedKey::Pmk { sn, pmk } => {
                if held || now >= self.since {
                    self.with_pmk.insert(ms);
                }
                for bs in self.base_stations.clone() {
                    let ak = AkContext::derive(pmk, *sn, ms, bs);
                    self.learn(now, ms, held, Loot::Kek(ak.akid, ak.kek.clone()));
                }
                return;
            }
            NamedKey::Cmac { .. } => return,
        };
        self.learn(now, ms, held, loot);
    }

    fn learn(&mut self, now: VirtualTime, ms: MsMac, held: bool, loot: Loot) {
        if self.once && now >= self.since {
            return;
        }
        let known = self.keys.iter().position(|(of, known)| *of == ms && *known == loot);
        match known {
            Some(known) if !held && now < self.since => {
                self.keys.remove(known);
            }
            None if held && self.keys.len() < MOST_KEYS => self.keys.push((ms, loot)),
            _ => {}
        }
    }

    /// The TEKs to try on PDUs of `ms`: those of the node, and those that its KEKs give.
    #[must_use]
    pub fn teks(&self, ms: MsMac) -> Vec<Tek> {
        let of_ms = || self.keys.iter().filter(|(of, _)| *of == ms).map(|(_, loot)| loot);
        let mut teks = Vec::new();
        let (mut saids, mut highest) = (BTreeSet::new(), CmacKeyCount(0));
        for loot in of_ms() {
            if let Loot::Tek(said, count, tek) = loot {
                teks.push(tek.clone());
                saids.insert(*said);
                highest = highest.max(*count);
            }
        }
        if let Some((heard, count)) = self.public.get(&ms).filter(|_| self.with_pmk.contains(&ms)) {
            saids.extend(heard);
            highest = highest.max(*count);
        }
        let keks = of_ms().filter_map(|loot| match loot {
            Loot::Kek(_, kek) => Some(kek),
            Loot::Tek(..) => None,
        });
        for kek in keks {
            for count in 1..=highest.0.saturating_add(COUNTS_AHEAD) {
                // Counts far below the highest belong to keys that are long gone.
                if highest.0.saturating_sub(count) > COUNTS_AHEAD {
                    continue;
                }
                let derived = saids
                    .iter()
                    .flat_map(|said| TekIndex::ALL.map(|index| counter_tek(kek, CmacKeyCount(count), *said, index)));
                teks.extend(derived);
            }
        }
        teks
    }
}

impl Compromise {
    /// Those of [`Self::teks`] that the node did not hold itself: its KEKs give them.
    #[must_use]
    pub fn derived_teks(&self, ms: MsMac) -> Vec<Tek> {
        let held = |tek: &Tek| {
            self.keys.iter().any(|(of, loot)| *of == ms && matches!(loot, Loot::Tek(.., known) if known == tek))
        };
        self.teks(ms).into_iter().filter(|tek| !held(tek)).collect()
    }
}

/// What is in the first user PDU of the burst `octets` that opens under one of `teks`: subheaders and payload.
#[must_use]
pub fn plaintext(teks: &[Tek], octets: &[u8]) -> Option<Vec<u8>> {
    let mut data = MacPdu::burst(octets).flatten().filter(|pdu| !pdu.header.cid.is_management());
    data.find_map(|pdu| teks.iter().find_map(|tek| ccm::open(tek, &pdu).ok()).map(|opened| opened.plaintext))
}

/// How many user PDUs are in the burst `octets`, and how many of them open under one of `teks`.
#[must_use]
pub fn opened(teks: &[Tek], octets: &[u8]) -> (u64, u64) {
    let data = MacPdu::burst(octets).flatten().filter(|pdu| !pdu.header.cid.is_management());
    data.fold((0, 0), |(all, open), pdu| {
        let opens = teks.iter().any(|tek| ccm::open(tek, &pdu).is_ok());
        (all.saturating_add(1), open.saturating_add(u64::from(opens)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::security::tek_context::TekSource;

    const MS: MsMac = MsMac([2; 6]);

    fn tek(octet: u8) -> NamedKey {
        NamedKey::Tek {
            bs: Bsid([1; 6]),
            akid: AkId([0; 8]),
            said: Said(1),
            count: CmacKeyCount(1),
            eks: 0,
            source: TekSource::Random,
            tek: Tek::from_octets([octet; 16]),
        }
    }

    #[test]
    fn the_adversary_has_what_is_held_when_it_comes_and_all_that_comes_later() {
        // A25
        let at = VirtualTime::from_nanos;
        let mut compromise = Compromise::new(at(10));
        for (time, held, octet) in
            [(0, true, 1), (0, true, 2), (5, false, 1), (10, false, 2), (12, true, 3), (13, false, 3)]
        {
            compromise.key(at(time), MS, held, &tek(octet));
        }
        assert_eq!(compromise.teks(MS), [2, 3].map(|octet| Tek::from_octets([octet; 16])));
        assert_eq!(compromise.teks(MsMac([3; 6])), []);
    }

    #[test]
    fn a_thief_has_what_is_held_at_that_instant_and_nothing_later() {
        // A25
        let at = VirtualTime::from_nanos;
        let mut theft = Compromise::once(at(10));
        for (time, held, octet) in [(0, true, 1), (0, true, 2), (5, false, 1), (11, false, 2), (12, true, 3)] {
            theft.key(at(time), MS, held, &tek(octet));
        }
        assert_eq!(theft.teks(MS), [Tek::from_octets([2; 16])]);
        assert_eq!(theft.derived_teks(MS), [], "no KEK was there");
    }

    #[test]
    fn a_kek_gives_the_teks_of_its_own_base_station_for_counts_near_those_known() {
        // A25
        let kek = Kek::from_octets([7; 16]);
        let mut compromise = Compromise::new(VirtualTime::ZERO);
        let ak = crate::dot16::security::keys::Ak::from_octets([1; 20]);
        let key = NamedKey::AkAndKek {
            bs: Bsid([1; 6]),
            sn: crate::dot16::identifiers::AkSequenceNumber(0),
            akid: AkId([0; 8]),
            ak,
            kek: kek.clone(),
        };
        compromise.key(VirtualTime::ZERO, MS, true, &key);
        compromise.key(VirtualTime::ZERO, MS, true, &tek(9));
        let teks = compromise.teks(MS);
        assert_eq!(teks.len(), 11, "one, and two for each of the counts 1 to 5");
        assert!(teks.contains(&counter_tek(&kek, CmacKeyCount(5), Said(1), TekIndex::Tek1)));
        assert_eq!(opened(&teks, &[]), (0, 0));
    }
}
