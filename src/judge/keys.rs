//! The keys of the judge: those of the log, and those that follow from its PMKs and AKs for the mobiles, base stations, counts
//! and SAs of the capture (`dot16-security.md` 2). A PMK line is enough to begin with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::findings::{FindingKind, Findings, NoteKind};
use super::survey::{AirLink, SentTek, Survey};
use crate::capture::key_log::{CmacKeyRecord, KeyLog, KeyRecord, TekNumber, TekRecord, TekSource, Validity};
use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::security::{Ak, AkContext, CmacKey, Kek, Pmk, Tek, TekIndex, counter_tek, key_wrap};

/// Most TEKs, and most CMAC keys, that are kept.
pub const MAX_KEYS: usize = 200_000;
/// Most pairs of mobile and base station that an air link without known ends may stand for.
pub const MAX_PAIRS: usize = 64;

/// How the judge came to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It is in the log.
    Logged,
    /// It came in a message and was unwrapped with a KEK of the judge, or in the clear from BS to BS.
    Received,
    /// It was derived from a count.
    Derived,
}

/// A TEK of one mobile at one base station.
#[derive(Clone, Debug)]
pub struct KnownTek {
    /// Mobile.
    pub ms: MsMac,
    /// Base station.
    pub bs: Bsid,
    /// SA.
    pub said: Said,
    /// The count that it was generated from; `None` for any other TEK.
    pub count: Option<CmacKeyCount>,
    /// The EKS of its PDUs.
    pub eks: u8,
    /// How the judge came to it.
    pub origin: Origin,
    /// Whether log or wire say that it was taken over from another base station, or given to one.
    pub reused: bool,
    /// When it was in use, as far as the log tells.
    pub validity: Validity,
    /// Number of its octets: the same for equal TEKs.
    pub octets_number: usize,
    /// The key.
    pub tek: Tek,
}

/// A CMAC key of one mobile at one base station and direction.
#[derive(Clone, Debug)]
pub struct KnownCmacKey {
    /// Direction.
    pub direction: Direction,
    /// Mobile.
    pub ms: MsMac,
    /// Base station.
    pub bs: Bsid,
    /// AKID of its AK.
    pub akid: AkId,
    /// Its count.
    pub count: CmacKeyCount,
    /// How the judge came to it.
    pub origin: Origin,
    /// When it was in use, as far as the log tells.
    pub validity: Validity,
    /// The key.
    pub key: CmacKey,
}

type Pair = (MsMac, Bsid);

/// All keys, and which mobile and base station an address stands for.
#[derive(Debug, Default)]
pub struct Keys {
    /// TEKs.
    pub teks: Vec<KnownTek>,
    /// CMAC keys.
    pub cmac_keys: Vec<KnownCmacKey>,
    teks_of: BTreeMap<Pair, Vec<usize>>,
    cmac_keys_of: BTreeMap<Pair, Vec<usize>>,
    octets_numbers: BTreeMap<[u8; 16], usize>,
    contexts: BTreeMap<Pair, Vec<AkContext>>,
    addresses: BTreeMap<Ipv4Addr, [u8; 6]>,
    names: BTreeMap<[u8; 6], String>,
    mobiles: BTreeSet<MsMac>,
    stations: BTreeSet<Bsid>,
    full: bool,
}

impl Keys {
    /// The keys for a capture that `survey` has read. Keys of the log that do not follow from those above them are findings.
    #[must_use]
    pub fn new(log: &KeyLog, survey: &Survey, findings: &mut Findings) -> Self {
        let mut keys = Self { stations: survey.bsids.clone(), ..Self::default() };
        keys.addresses.extend(survey.mobiles.iter().map(|(ip, ms)| (*ip, ms.0)));
        for node in &log.nodes {
            if let (Some(ip), Some(id)) = (node.ip, node.id) {
                keys.addresses.insert(ip, id);
                keys.names.insert(id, node.name.clone());
                if node.role == "bs" {
                    keys.stations.insert(Bsid(id));
                }
            }
        }
        for record in &log.records {
            keys.name_ends(record);
        }
        let pairs = keys.pairs_of_links(survey);
        keys.derive_contexts(log, &pairs, findings);
        for record in &log.records {
            match record {
                KeyRecord::Tek(record) => keys.logged_tek(record, findings),
                KeyRecord::CmacKey(record) => keys.logged_cmac_key(record, findings),
                KeyRecord::Kek(record) => {
                    let kek = Kek::from_octets(*record.key.expose());
                    keys.check(record.ms, record.bs, record.akid, "KEK", findings, |context| context.kek == kek);
                }
                KeyRecord::Connection(_) | KeyRecord::Pmk(_) | KeyRecord::Ak(_) => {}
            }
        }
        keys.derive_keys(survey);
        keys.receive_teks(survey);
        if keys.full || survey.full {
            findings.note(NoteKind::Limit, None, "there are more keys, links or numbers than the judge keeps");
        }
        keys
    }

    /// The mobile and the base station of a link, where they are known.
    #[must_use]
    pub fn ends(&self, link: AirLink) -> (Option<MsMac>, Option<Bsid>) {
        let id = |address: Option<Ipv4Addr>| self.addresses.get(&address?).copied();
        (id(link.ms).map(MsMac), id(link.bs).map(Bsid))
    }

    /// From now on the link is known to be between these two, unless something else is known already.
    pub fn learn(&mut self, link: AirLink, ms: MsMac, bs: Bsid) {
        for (address, id) in [(link.ms, ms.0), (link.bs, bs.0)] {
            if let Some(address) = address {
                self.addresses.entry(address).or_insert(id);
            }
        }
    }

    /// The pairs that a link may stand for: one if both ends are known, at most [`MAX_PAIRS`] else.
    #[must_use]
    pub fn pairs(&self, link: AirLink) -> Vec<Pair> {
        match self.ends(link) {
            (Some(ms), Some(bs)) => vec![(ms, bs)],
            (ms, bs) => {
                let mobiles = ms.map_or_else(|| self.mobiles.clone(), |ms| BTreeSet::from([ms]));
                let stations = bs.map_or_else(|| self.stations.clone(), |bs| BTreeSet::from([bs]));
                let pairs = mobiles.into_iter().flat_map(|ms| stations.clone().into_iter().map(move |bs| (ms, bs)));
                pairs.take(MAX_PAIRS).collect()
            }
        }
    }

    /// The TEKs of a pair, by number.
    #[must_use]
    pub fn teks_of(&self, pair: Pair) -> &[usize] {
        self.teks_of.get(&pair).map_or(&[], Vec::as_slice)
    }

    /// The CMAC keys of a pair, by number.
    #[must_use]
    pub fn cmac_keys_of(&self, pair: Pair) -> &[usize] {
        self.cmac_keys_of.get(&pair).map_or(&[], Vec::as_slice)
    }

    /// The AK contexts of a pair, the oldest first.
    #[must_use]
    pub fn contexts_of(&self, pair: Pair) -> &[AkContext] {
        self.contexts.get(&pair).map_or(&[], Vec::as_slice)
    }

    /// Every AK context.
    pub fn contexts(&self) -> impl Iterator<Item = &AkContext> {
        self.contexts.values().flatten()
    }

    /// The AK contexts of a mobile at all base stations.
    pub fn contexts_of_mobile(&self, ms: MsMac) -> impl Iterator<Item = &AkContext> {
        let (first, last) = ((ms, Bsid([0; 6])), (ms, Bsid([0xff; 6])));
        self.contexts.range(first..=last).flat_map(|(_, contexts)| contexts)
    }

    /// A mobile or base station by its name, if the log names it, else by its address.
    #[must_use]
    pub fn name(&self, id: [u8; 6]) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| MsMac(id).to_string())
    }

    /// A TEK in words.
    #[must_use]
    pub fn tek_name(&self, number: usize) -> String {
        let Some(tek) = self.teks.get(number) else { return String::new() };
        let (ms, bs) = (self.name(tek.ms.0), self.name(tek.bs.0));
        match tek.count {
            Some(count) => format!("TEK{} of count {count}, SA {}, of {ms} at {bs}", tek.eks, tek.said),
            None => format!("TEK with EKS {}, SA {}, of {ms} at {bs}", tek.eks, tek.said),
        }
    }

    /// A CMAC key in words.
    #[must_use]
    pub fn cmac_key_name(&self, number: usize) -> String {
        let Some(key) = self.cmac_keys.get(number) else { return String::new() };
        let (ms, bs) = (self.name(key.ms.0), self.name(key.bs.0));
        format!("{} CMAC key of count {}, of {ms} at {bs}", key.direction, key.count)
    }

    /// The CMAC key of a context for a count that was not foreseen.
    pub fn add_count(&mut self, context: &AkContext, direction: Direction, count: CmacKeyCount) -> Option<usize> {
        self.add_cmac_key(KnownCmacKey {
            direction,
            ms: context.ms,
            bs: context.bs,
            akid: context.akid,
            count,
            origin: Origin::Derived,
            validity: Validity::default(),
            key: context.cmac_key(direction, count),
        })
    }

    fn name_ends(&mut self, record: &KeyRecord) {
        let (ms, bs) = match record {
            KeyRecord::Connection(record) => (record.ms, Some(record.bs)),
            KeyRecord::Pmk(record) => (record.ms, None),
            KeyRecord::Ak(record) => (record.ms, Some(record.bs)),
            KeyRecord::Kek(record) => (record.ms, Some(record.bs)),
            KeyRecord::CmacKey(record) => (record.ms, Some(record.bs)),
            KeyRecord::Tek(record) => (record.ms, Some(record.bs)),
        };
        self.mobiles.insert(ms);
        self.stations.extend(bs);
    }

    fn pairs_of_links(&self, survey: &Survey) -> BTreeSet<Pair> {
        survey.links.iter().flat_map(|link| self.pairs(*link)).take(super::survey::MAX_KNOWN).collect()
    }

    fn derive_contexts(&mut self, log: &KeyLog, pairs: &BTreeSet<Pair>, findings: &mut Findings) {
        for record in &log.records {
            let KeyRecord::Pmk(record) = record else { continue };
            let pmk = Pmk::from_octets(*record.key.expose());
            for &(ms, bs) in pairs.range((record.ms, Bsid([0; 6]))..=(record.ms, Bsid([0xff; 6]))) {
                let context = AkContext::derive(&pmk, AkSequenceNumber(record.pmk_sn & 0xf), ms, bs);
                self.contexts.entry((ms, bs)).or_default().push(context);
            }
        }
        for record in &log.records {
            let KeyRecord::Ak(record) = record else { continue };
            let context = AkContext::from_ak(Ak::from_octets(*record.key.expose()), record.ak_sn, record.ms, record.bs);
            if context.akid != record.akid {
                let detail =
                    format!("AKID {} of {} at {} does not follow from its AK", record.akid, record.ms, record.bs);
                findings.find(FindingKind::KeyDerivation, &[], detail);
            }
            let known = self.contexts.entry((record.ms, record.bs)).or_default();
            if known.iter().any(|known| known.akid == context.akid && known.ak == context.ak) {
                continue;
            }
            if known.iter().any(|known| known.akid == record.akid || known.ak_sn == record.ak_sn) {
                let detail = format!("AK {} of {} at {} does not follow from a PMK", record.akid, record.ms, record.bs);
                findings.find(FindingKind::KeyDerivation, &[], detail);
            }
            known.push(context);
        }
    }

    /// Finds a key of the log that does not agree with any context of its pair and AKID, if there are such.
    fn check(
        &self,
        ms: MsMac,
        bs: Bsid,
        akid: AkId,
        what: &str,
        findings: &mut Findings,
        agrees: impl Fn(&AkContext) -> bool,
    ) {
        let mut contexts = self.contexts_of((ms, bs)).iter().filter(|context| context.akid == akid).peekable();
        if contexts.peek().is_some() && !contexts.any(agrees) {
            let detail = format!("{what} of {ms} at {bs} does not follow from its AK");
            findings.find(FindingKind::KeyDerivation, &[], detail);
        }
    }

    fn logged_tek(&mut self, record: &TekRecord, findings: &mut Findings) {
        let tek = Tek::from_octets(*record.key.expose());
        let index = record.tek.map(|number| match number {
            TekNumber::Zero => TekIndex::Tek0,
            TekNumber::One => TekIndex::Tek1,
        });
        if let (TekSource::Counter, Some(index)) = (record.source, index) {
            let what = format!("TEK{} of count {}, SAID {}", index.eks(), record.count, record.said);
            self.check(record.ms, record.bs, record.akid, &what, findings, |context| {
                counter_tek(&context.kek, record.count, record.said, index) == tek
            });
        }
        self.add_tek(
            (record.ms, record.bs, record.said),
            (record.source == TekSource::Counter).then_some(record.count),
            record.eks & 3,
            Origin::Logged,
            record.source == TekSource::Reuse,
            record.validity,
            tek,
        );
    }

    fn logged_cmac_key(&mut self, record: &CmacKeyRecord, findings: &mut Findings) {
        let key = CmacKey::from_octets(*record.key.expose());
        let what = format!("{} CMAC key of count {}", record.direction, record.count);
        self.check(record.ms, record.bs, record.akid, &what, findings, |context| {
            context.cmac_key(record.direction, record.count) == key
        });
        self.add_cmac_key(KnownCmacKey {
            direction: record.direction,
            ms: record.ms,
            bs: record.bs,
            akid: record.akid,
            count: record.count,
            origin: Origin::Logged,
            validity: record.validity,
            key,
        });
    }

    fn derive_keys(&mut self, survey: &Survey) {
        let contexts: Vec<AkContext> = self.contexts.values().flatten().cloned().collect();
        for context in contexts {
            let saids = survey.saids_of(context.ms);
            for count in survey.counts_near(context.ms) {
                if self.full {
                    return;
                }
                for direction in [Direction::Uplink, Direction::Downlink] {
                    self.add_count(&context, direction, count);
                }
                for (said, index) in saids.iter().flat_map(|said| TekIndex::ALL.map(|index| (*said, index))) {
                    let sa = (context.ms, context.bs, said);
                    let tek = counter_tek(&context.kek, count, said, index);
                    let validity = Validity::default();
                    self.add_tek(sa, Some(count), index.eks(), Origin::Derived, false, validity, tek);
                }
            }
        }
    }

    /// Unwraps the TEKs that messages brought, and takes over those that went from BS to BS in the clear.
    fn receive_teks(&mut self, survey: &Survey) {
        for sent in &survey.sent_teks {
            if let (true, Some(ms), Ok(octets)) = (sent.plain, sent.ms, <[u8; 16]>::try_from(sent.octets.as_slice())) {
                let known = self.octets_numbers.get(&octets).copied();
                for tek in self.teks.iter_mut().filter(|tek| Some(tek.octets_number) == known) {
                    tek.reused = true;
                }
                let stations: Vec<Bsid> =
                    self.contexts.keys().filter(|(of, _)| *of == ms).map(|(_, bs)| *bs).take(MAX_PAIRS).collect();
                for bs in stations {
                    let (sa, validity) = ((ms, bs, sent.said), Validity::default());
                    self.add_tek(sa, None, sent.eks, Origin::Received, true, validity, Tek::from_octets(octets));
                }
                continue;
            }
            for pair in self.pairs(sent.link) {
                self.unwrap(sent, pair);
            }
        }
    }

    fn unwrap(&mut self, sent: &SentTek, (ms, bs): Pair) {
        let keks: Vec<Kek> = self.contexts_of((ms, bs)).iter().map(|context| context.kek.clone()).collect();
        for kek in keks {
            let tek = match sent.octets.len() {
                key_wrap::WRAPPED_OCTETS => key_wrap::unwrap(&kek, &sent.octets),
                _ => key_wrap::ecb_unwrap(&kek, &sent.octets),
            };
            if let Ok(tek) = tek {
                let sa = (ms, bs, sent.said);
                self.add_tek(sa, None, sent.eks, Origin::Received, false, Validity::default(), tek);
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn add_tek(
        &mut self,
        (ms, bs, said): (MsMac, Bsid, Said),
        count: Option<CmacKeyCount>,
        eks: u8,
        origin: Origin,
        reused: bool,
        validity: Validity,
        tek: Tek,
    ) {
        let next = self.octets_numbers.len();
        let octets_number = self.octets_numbers.get(tek.octets()).copied();
        let of_pair = self.teks_of.entry((ms, bs)).or_default();
        let known = |number: &usize| {
            self.teks.get(*number).is_some_and(|known| Some(known.octets_number) == octets_number && known.eks == eks)
        };
        if origin != Origin::Logged && octets_number.is_some() && of_pair.iter().any(known) {
            return;
        }
        if self.teks.len() >= MAX_KEYS {
            self.full = true;
            return;
        }
        of_pair.push(self.teks.len());
        let octets_number = *self.octets_numbers.entry(*tek.octets()).or_insert(next);
        self.teks.push(KnownTek { ms, bs, said, count, eks, origin, reused, validity, octets_number, tek });
    }

    fn add_cmac_key(&mut self, key: KnownCmacKey) -> Option<usize> {
        let of_pair = self.cmac_keys_of.entry((key.ms, key.bs)).or_default();
        let same = |number: &usize| {
            self.cmac_keys.get(*number).is_some_and(|known| {
                (known.direction, known.akid, known.count) == (key.direction, key.akid, key.count)
                    && known.key == key.key
            })
        };
        if let Some(known) = of_pair.iter().copied().find(same) {
            return Some(known);
        }
        if self.cmac_keys.len() >= MAX_KEYS {
            self.full = true;
            return None;
        }
        let number = self.cmac_keys.len();
        of_pair.push(number);
        self.cmac_keys.push(key);
        Some(number)
    }
}
