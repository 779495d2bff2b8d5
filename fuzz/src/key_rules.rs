//! The rules on counts, contexts and packet numbers (R1 to R8, R10) without any machine around them: the keys of a mobile, of
//! three base stations and of the Authenticator, and pairs of TEK contexts, used in any order.
//!
//! Crypto is real. Held: no (TEK, direction, PN) and no (CMAC key, PN) is used twice, no PDU and no RNG-REQ is taken twice,
//! M, N and T_B never go back, no context is kept that N has left behind, and the Authenticator says what a plain model says.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use keyhop::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use keyhop::dot16::security::authenticator_keys::{AuthenticatorKeys, ReportOutcome};
use keyhop::dot16::security::base_station_keys::{
    BaseStationKeySettings, BaseStationKeys, EntryState, Preparation, RangingOutcome,
};
use keyhop::dot16::security::mobile_keys::{GiveUp, MobileKeySettings, MobileKeys};
use keyhop::dot16::security::tek_context::{PmkLifetime, TekContext, TekLimits, TekSource, TekState};
use keyhop::dot16::security::{PacketNumber, Pmk, PnWindow, Profile, Tek, Weaknesses};
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu};
use keyhop::time::VirtualTime;

use crate::choices::Choices;

const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const SAID: Said = Said(1);
const BASES: usize = 3;
const JUMP: u16 = 4;
const PMK_LIFE: Duration = Duration::from_secs(80);

/// Parties, or two ends of a security association, by the first octet.
pub fn run(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    match choices.any() & 1 {
        0 => parties(&mut choices),
        _ => refreshes(&mut choices),
    }
}

fn bsid(place: usize) -> Bsid {
    Bsid([10, 0, 0, 0, 0, place as u8])
}

/// TEKs that nobody has used.
#[derive(Default)]
struct Random(u64);

impl Random {
    fn tek(&mut self, eks: u8, now: VirtualTime, lasts: Duration) -> TekState {
        self.0 += 1;
        let [a, b] = [self.0.to_be_bytes(), [0x77; 8]];
        let tek = Tek::from_octets([a, b].concat().try_into().expect("16 octets"));
        TekState::new(tek, eks, TekSource::Random, window(), now + lasts).lasting(lasts)
    }

    fn pair(&mut self, now: VirtualTime) -> TekContext {
        let (older, newer) = (self.tek(0, now, PMK_LIFE / 8), self.tek(1, now, PMK_LIFE / 2));
        TekContext::from_random(older, newer)
    }
}

fn window() -> PnWindow {
    PnWindow::new(8).expect("a size that there is")
}

/// An uplink PDU with the TEK and PN that it has used.
struct SealedPdu {
    octets: Vec<u8>,
    name: (u64, u32),
}

/// An RNG-REQ.
struct Request {
    to: usize,
    count: CmacKeyCount,
    message: Vec<u8>,
    tuple: CmacTuple,
}

struct Parties {
    now: VirtualTime,
    lifetime: PmkLifetime,
    settings: BaseStationKeySettings,
    mobile: MobileKeys,
    bases: [Option<BaseStationKeys>; BASES],
    authenticator: AuthenticatorKeys,
    random: Random,
    pdus: Vec<SealedPdu>,
    requests: Vec<Request>,
    /// Where the mobile is.
    at: Option<usize>,
    /// Nonces that were used: TEK, uplink, PN.
    nonces: HashSet<(u64, bool, u32)>,
    /// CMAC_PNs that were used: key, PN. A base station that has restarted begins with PN 1 again.
    signed: HashSet<([u8; 16], u32)>,
    /// PDUs that were accepted, by base station.
    accepted: BTreeSet<(usize, u64, u32)>,
    /// RNG-REQs that had an effect, by base station.
    effective: BTreeSet<(usize, usize)>,
    restarted: BTreeSet<usize>,
    /// N by the plain model, and who was given a context.
    next: Option<u16>,
    last_report: Option<(usize, u16)>,
    holders: BTreeSet<usize>,
    restored: bool,
    traffic_counts: BTreeMap<usize, CmacKeyCount>,
}

fn parties(choices: &mut Choices<'_>) {
    let how = choices.any();
    let lifetime = PmkLifetime { full: PMK_LIFE, ends: VirtualTime::ZERO + PMK_LIFE };
    let pmk = Pmk::from_octets([7; 20]);
    let settings = BaseStationKeySettings {
        profile: if how & 1 == 0 { Profile::Contribution } else { Profile::Std2009 },
        self_sync_window: u16::from(how >> 1 & 3),
        self_sync_budget: u32::from(how >> 3 & 3) * 2,
        window: window(),
        limits: TekLimits::default(),
        tek_cache: true,
        weaknesses: Weaknesses::default(),
    };
    let of_mobile = MobileKeySettings {
        window: window(),
        limits: TekLimits::default(),
        tek_cache: true,
        weaknesses: Weaknesses::default(),
    };
    let (sn, first) = (AkSequenceNumber(0), CmacKeyCount(1));
    let mut random = Random::default();
    let pair = random.pair(VirtualTime::ZERO);
    let mut mobile = MobileKeys::new(of_mobile, pmk.clone(), sn, MS, vec![SAID], lifetime, first);
    mobile.establish(bsid(0), [(SAID, pair.clone())]);
    let mut authenticator = AuthenticatorKeys::new(pmk, sn, MS, lifetime, Some(CmacKeyCount(2))).jumping_at_most(JUMP);
    let context = authenticator.hand_out(bsid(0)).expect("N is 2");
    let mut base = BaseStationKeys::new(settings.clone(), context.ak, vec![SAID], lifetime);
    base.establish(first, [(SAID, pair)]);
    base.notice(CmacKeyCount(2));
    let mut parties = Parties {
        now: VirtualTime::ZERO,
        lifetime,
        settings,
        mobile,
        bases: [Some(base), None, None],
        authenticator,
        random,
        pdus: Vec::new(),
        requests: Vec::new(),
        at: Some(0),
        nonces: HashSet::new(),
        signed: HashSet::new(),
        accepted: BTreeSet::new(),
        effective: BTreeSet::new(),
        restarted: BTreeSet::new(),
        next: Some(2),
        last_report: None,
        holders: BTreeSet::from([0]),
        restored: false,
        traffic_counts: BTreeMap::new(),
    };
    let mut steps = 0;
    while let Some(step) = choices.octet() {
        steps += 1;
        if steps > 400 {
            return;
        }
        parties.step(step, choices);
        parties.hold();
    }
}

impl Parties {
    fn step(&mut self, step: u8, choices: &mut Choices<'_>) {
        let place = usize::from(step >> 5) % BASES;
        match step & 31 {
            0..=2 => self.begin(place),
            3 | 4 => self.prepare(place),
            5..=7 => self.seal_uplink(place),
            8..=11 => self.open_uplink(place, choices.below(self.pdus.len().min(256))),
            12 | 13 => self.seal_downlink(place),
            14 | 15 => self.send_request(place),
            16..=18 => self.take_request(place, choices.below(self.requests.len().min(256))),
            19 => self.give_up(),
            20 => {
                if let (Some(base), Some(n)) = (&mut self.bases[place], self.next) {
                    base.notice(CmacKeyCount(n));
                }
            }
            21 => {
                if let Some(base) = &mut self.bases[place] {
                    base.release();
                }
            }
            22 => {
                let count = CmacKeyCount(u16::from(choices.any() & 15));
                if let Some(base) = self.bases[place].as_mut().filter(|base| base.count() != count) {
                    base.evict(count);
                }
            }
            23 => {
                // Its contexts are lost, and its H.
                self.bases[place] = None;
                self.restarted.insert(place);
                self.traffic_counts.remove(&place);
            }
            24 => {
                self.mobile.lose_contexts();
                self.at = None;
            }
            25 => {
                let count = CmacKeyCount(u16::from(choices.any() & 15));
                if let Some(base) = &mut self.bases[place] {
                    base.refused(count);
                }
            }
            26 => {
                // An N that there has been.
                let old = u16::from(choices.any() & 15);
                if self.next.is_some_and(|next| (1..=next).contains(&old)) {
                    self.authenticator.restore(CmacKeyCount(old));
                    (self.next, self.last_report, self.restored) = (Some(old), None, true);
                }
            }
            27 => self.report(place, u16::from(choices.any() & 31)),
            28 => self.sign_downlink(place),
            29 => self.now += Duration::from_millis(u64::from(choices.two())),
            _ => self.seal_uplink(self.at.unwrap_or(place)),
        }
    }

    /// What is true at any time.
    fn hold(&mut self) {
        assert_eq!(self.authenticator.next().map(|count| count.0), self.next);
        for (place, base) in self.bases.iter().enumerate() {
            let Some(base) = base else { continue };
            let before = self.traffic_counts.insert(place, base.count());
            // A base station that has derived nothing yet follows an N that comes from an old backup (R4: H is none).
            let kept = self.restored || before.is_none_or(|before| before <= base.count());
            assert!(kept, "T_B of {place} goes back from {before:?}");
        }
        let committed = self.mobile.committed();
        assert!(self.mobile.traffic().is_none_or(|traffic| Some(traffic) == committed.next()), "T_M is M + 1");
    }

    fn use_nonce(&mut self, fingerprint: u64, uplink: bool, pn: PacketNumber) {
        let new = self.nonces.insert((fingerprint, uplink, pn.count()));
        assert!(new, "PN {} is used twice under TEK {fingerprint:016x}, uplink {uplink}", pn.count());
    }

    fn begin(&mut self, place: usize) {
        if !self.mobile.is_spent() && self.mobile.begin().is_ok() {
            self.mobile.derive(self.now, bsid(place));
        }
    }

    fn hand_out(&mut self, place: usize) -> Option<keyhop::dot16::security::authenticator_keys::HandedContext> {
        let context = self.authenticator.hand_out(bsid(place));
        assert_eq!(context.as_ref().map(|context| context.count.0), self.next);
        let before = !self.holders.insert(place) || self.restored;
        assert!(context.as_ref().is_none_or(|context| context.issued_before == before), "issued before");
        context
    }

    fn prepare(&mut self, place: usize) {
        // A connection that is in use is not prepared again.
        if self.at == Some(place) && self.bases[place].is_some() {
            return;
        }
        let Some(context) = self.hand_out(place) else { return };
        let fresh = || BaseStationKeys::new(self.settings.clone(), context.ak.clone(), vec![SAID], self.lifetime);
        let mut base = self.bases[place].take().unwrap_or_else(fresh);
        if let Preparation::Seamless { count, .. } = base.prepare(self.now, context.count, context.issued_before) {
            assert!(count >= context.count && count == base.count());
            assert!(base.current().is_some_and(|keys| keys.has_teks()));
            assert_eq!(base.state(), Some(EntryState::Prepared));
        }
        self.bases[place] = Some(base);
    }

    /// Under T_M while a handover is under way, and under M where the mobile is.
    fn seal_uplink(&mut self, place: usize) {
        let count = if self.at == Some(place) { Some(self.mobile.committed()) } else { self.mobile.traffic() };
        let Some(keys) = count.and_then(|count| self.mobile.keys_mut(bsid(place), count)) else { return };
        let Some(context) = keys.tek_context_mut(SAID) else { return };
        let header = GenericMacHeader::new(Cid(0x300));
        if let Ok(sealed) = context.seal(self.now, Direction::Uplink, header, b"up", CrcForm::MsbFirst) {
            self.use_nonce(sealed.fingerprint, true, sealed.pn);
            let name = (sealed.fingerprint, sealed.pn.count());
            self.pdus.push(SealedPdu { octets: sealed.octets, name });
        }
    }

    fn open_uplink(&mut self, place: usize, which: usize) {
        let (Some(base), Some(pdu)) = (&mut self.bases[place], self.pdus.get(which)) else { return };
        let before = (base.count(), base.state());
        let read = MacPdu::parse(&pdu.octets).expect("what was sealed reads");
        match base.open_uplink(self.now, SAID, &read) {
            Ok(taken) => {
                assert!(taken.opened.plaintext == b"up");
                let steps = base.count().0 - before.0.0;
                assert_eq!(taken.self_sync_steps, steps);
                assert!(steps <= self.settings.self_sync_window);
                assert!(base.state() != Some(EntryState::Prepared));
                let new = self.accepted.insert((place, pdu.name.0, pdu.name.1));
                assert!(new, "a PDU is accepted twice at {place}");
            }
            Err(_) => assert_eq!((base.count(), base.state()), before, "a PDU that is dropped changes nothing"),
        }
    }

    fn seal_downlink(&mut self, place: usize) {
        let Some(base) = &mut self.bases[place] else { return };
        let Some(context) = base.current_mut().and_then(|keys| keys.tek_context_mut(SAID)) else { return };
        let header = GenericMacHeader::new(Cid(0x301));
        let Ok(sealed) = context.seal(self.now, Direction::Downlink, header, b"down", CrcForm::MsbFirst) else {
            return;
        };
        self.use_nonce(sealed.fingerprint, false, sealed.pn);
        // Whoever hears it: a mobile that has the TEK takes it once.
        let pdu = MacPdu::parse(&sealed.octets).expect("what was sealed reads");
        let counts = [Some(self.mobile.committed()), self.mobile.traffic()];
        for count in counts.into_iter().flatten() {
            let keys = self.mobile.keys_mut(bsid(place), count);
            let Some(context) = keys.and_then(|keys| keys.tek_context_mut(SAID)) else { continue };
            if context.open(self.now, Direction::Downlink, &pdu).is_ok() {
                assert!(context.open(self.now, Direction::Downlink, &pdu).is_err());
            }
        }
    }

    fn send_request(&mut self, place: usize) {
        let Some(count) = self.mobile.traffic() else { return };
        // Once an RNG-REQ was sent, T_M is for its BS only.
        let elsewhere = self.requests.iter().any(|request| request.count == count && request.to != place);
        if (self.mobile.is_spent() && elsewhere) || self.mobile.derive(self.now, bsid(place)).is_none() {
            return;
        }
        self.mobile.spend();
        let message = vec![4, 0, 13, 2, 0, count.0 as u8];
        let Some(keys) = self.mobile.keys_mut(bsid(place), count) else { return };
        let Ok(tuple) = keys.sign(Direction::Uplink, Cid(0), &message) else { return };
        let key = *keys.cmac_key(Direction::Uplink).octets();
        assert!(self.signed.insert((key, tuple.pn)), "CMAC_PN_U {} is used twice", tuple.pn);
        self.requests.push(Request { to: place, count, message, tuple });
    }

    fn take_request(&mut self, place: usize, which: usize) {
        if self.bases[place].is_none() {
            // The context is asked for because of the RNG-REQ.
            let Some(context) = self.hand_out(place) else { return };
            let mut base = BaseStationKeys::new(self.settings.clone(), context.ak, vec![SAID], self.lifetime);
            base.prepare(self.now, context.count, context.issued_before);
            self.bases[place] = Some(base);
        }
        let (Some(base), Some(request)) = (&mut self.bases[place], self.requests.get(which)) else { return };
        let before = (base.count(), base.state());
        let (to, count, awaited) = (request.to, request.count, base.awaits_first_uplink());
        let outcome = base.range(self.now, count, Cid(0), &request.message, &request.tuple);
        let effective = match outcome {
            RangingOutcome::Invalid => {
                assert_ne!(to, place, "the CMAC verifies where the RNG-REQ was sent to");
                assert_eq!((base.count(), base.state()), before);
                false
            }
            RangingOutcome::Replay(_) | RangingOutcome::Smaller { .. } => {
                assert_eq!((base.count(), base.state()), before);
                false
            }
            RangingOutcome::Confirmed { .. } | RangingOutcome::Retransmission => {
                assert_eq!((base.count(), base.state()), (count, Some(EntryState::Confirmed)));
                true
            }
            RangingOutcome::ContextLost => {
                if !awaited {
                    let teks = self.random.pair(self.now);
                    base.install_lost(count, [(SAID, teks)]);
                }
                true
            }
        };
        if !effective {
            return;
        }
        let new = self.effective.insert((place, which));
        assert!(new || self.restarted.contains(&place), "RNG-REQ {which} has an effect twice at {place}");
        self.sign_downlink(place);
        if matches!(outcome, RangingOutcome::Confirmed { .. }) {
            self.report(place, count.0);
            if self.mobile.traffic() == Some(count) && self.mobile.is_spent() {
                self.mobile.complete(bsid(place));
                self.at = Some(place);
            }
        }
    }

    /// RNG-RSP, or any other message.
    fn sign_downlink(&mut self, place: usize) {
        let Some(keys) = self.bases[place].as_mut().and_then(BaseStationKeys::current_mut) else { return };
        let Ok(tuple) = keys.sign(Direction::Downlink, Cid(0), &[5, 0]) else { return };
        let key = *keys.cmac_key(Direction::Downlink).octets();
        let new = self.signed.insert((key, tuple.pn));
        assert!(new || self.restarted.contains(&place), "CMAC_PN_D {} is used twice at {place}", tuple.pn);
    }

    fn report(&mut self, place: usize, count: u16) {
        let expected = match self.next {
            _ if self.last_report == Some((place, count)) => ReportOutcome::Repeated,
            Some(next) if (next..=next + JUMP).contains(&count) => {
                (self.next, self.last_report) = (Some(count + 1), Some((place, count)));
                self.holders.insert(place);
                ReportOutcome::Accepted(CmacKeyCount(count + 1))
            }
            _ => ReportOutcome::Refused,
        };
        assert_eq!(self.authenticator.report(bsid(place), CmacKeyCount(count)), expected);
        if expected == ReportOutcome::Refused
            && let Some(base) = &mut self.bases[place]
        {
            base.refused(CmacKeyCount(count));
        }
    }

    fn give_up(&mut self) {
        let (committed, traffic, spent) = (self.mobile.committed(), self.mobile.traffic(), self.mobile.is_spent());
        match self.mobile.give_up() {
            GiveUp::Resume => {
                assert!(!spent);
                assert_eq!((self.mobile.committed(), self.mobile.traffic()), (committed, traffic));
            }
            GiveUp::ReEnter => {
                assert!(spent);
                assert_eq!(Some(self.mobile.committed()), traffic.or(Some(committed)));
                assert_eq!(self.mobile.held().count(), 0);
                self.at = None;
            }
        }
    }
}

/// Two ends of one security association: TEKs expire, run out of packet numbers, and newer ones follow, some of them lost.
fn refreshes(choices: &mut Choices<'_>) {
    let how = choices.any();
    let limits = TekLimits {
        last_pn: PacketNumber::new(u32::from(how & 15) + 3).expect("not 0"),
        linger: Duration::from_millis(u64::from(how >> 4) * 100),
    };
    let mut random = Random::default();
    let mut now = VirtualTime::ZERO;
    let mut first = match how & 0x80 {
        0 => random.pair(now),
        _ => {
            let lifetime = PmkLifetime { full: PMK_LIFE, ends: now + PMK_LIFE };
            let kek = keyhop::dot16::security::Kek::from_octets([1; 16]);
            TekContext::from_count(&kek, CmacKeyCount(2), SAID, &window(), lifetime, now)
        }
    };
    first.limit(limits);
    let (mut bs, mut ms) = (first.clone(), first);
    let mut nonces = HashSet::new();
    let mut accepted = HashSet::new();
    let mut pdus: Vec<(bool, Vec<u8>, (u64, u32))> = Vec::new();
    let mut replies: Vec<TekState> = Vec::new();
    while let Some(step) = choices.octet() {
        match step & 7 {
            0..=2 => {
                let uplink = step & 8 == 0;
                let (end, direction) =
                    if uplink { (&mut ms, Direction::Uplink) } else { (&mut bs, Direction::Downlink) };
                let can = end.can_send(direction, now);
                let sealed = end.seal(now, direction, GenericMacHeader::new(Cid(0x300)), b"x", CrcForm::Ofdma);
                assert_eq!(sealed.is_ok(), can);
                let Ok(sealed) = sealed else { continue };
                assert!(sealed.pn <= limits.last_pn);
                let name = (sealed.fingerprint, sealed.pn.count());
                assert!(nonces.insert((uplink, name)), "a nonce is used twice");
                pdus.push((uplink, sealed.octets, name));
            }
            3 | 4 => {
                let Some((uplink, octets, name)) = pdus.get(choices.below(pdus.len().min(256))) else { continue };
                let (end, direction) =
                    if *uplink { (&mut bs, Direction::Uplink) } else { (&mut ms, Direction::Downlink) };
                let pdu = MacPdu::parse(octets).expect("what was sealed reads");
                if end.open(now, direction, &pdu).is_ok() {
                    assert!(accepted.insert((*uplink, *name)), "a PDU is accepted twice");
                }
            }
            5 => {
                // Key-Request and Key-Reply, of which the reply may be late, or lost.
                if bs.may_renew(now) {
                    let newest = random.tek(bs.next_eks(), now, Duration::from_secs(u64::from(step >> 3) + 1));
                    bs.renew(newest);
                    bs.hold_newer(now, Duration::from_millis(u64::from(choices.any())));
                }
                let [_, newer] = bs.states();
                let newer = newer.clone();
                let fresh = TekState::new(newer.tek().clone(), newer.eks(), newer.source(), window(), newer.expires());
                if newer.last_sent().is_none() || replies.len() < 8 {
                    replies.push(fresh);
                }
            }
            6 => {
                // Only the last ones: a Key-Reply of long ago is a replay, which its CMAC_PN tells.
                if let Some(reply) = replies.pop() {
                    replies.clear();
                    ms.take(reply);
                }
            }
            _ => now += Duration::from_millis(u64::from(choices.two()) / 4),
        }
        for end in [&bs, &ms] {
            assert!((2..=4).contains(&end.teks().count()), "{} TEKs are held", end.teks().count());
        }
    }
}
