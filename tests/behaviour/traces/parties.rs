//! A mobile, its base stations A and B, and the Authenticator as nothing but their keys: for steps of a trace that no run
//! can be steered into. The setting is that of the traces: M = 1, A confirmed with count 1, W = 1.

use std::collections::BTreeMap;
use std::time::Duration;

use keyhop::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use keyhop::dot16::security::authenticator_keys::{AuthenticatorKeys, ReportOutcome};
use keyhop::dot16::security::base_station_keys::{
    BaseStationKeySettings, BaseStationKeys, Preparation, RangingOutcome, Uplink, UplinkError,
};
use keyhop::dot16::security::entry_keys::EntryKeys;
use keyhop::dot16::security::mobile_keys::{MobileKeySettings, MobileKeys};
use keyhop::dot16::security::tek_context::{PmkLifetime, SealedPdu, TekContext, TekLimits, TekSource, TekState};
use keyhop::dot16::security::{AkContext, Pmk, PnWindow, Profile, Tek, Weakness};
use keyhop::dot16::wire::{CmacTuple, CrcForm, GenericMacHeader, MacPdu};
use keyhop::time::VirtualTime;

/// The BS where the mobile has entered.
pub const A: Bsid = Bsid([10, 0, 0, 0, 0, 1]);
/// The other one.
pub const B: Bsid = Bsid([10, 0, 0, 0, 0, 2]);

const MS: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const SAID: Said = Said(0x0101);
const BASIC: Cid = Cid(5);
const TRANSPORT: Cid = Cid(0x0300);
const NOW: VirtualTime = VirtualTime::from_nanos(10_000_000_000);
const RNG_REQ: &[u8] = b"\x04\x00 the TLVs of an RNG-REQ";

/// An RNG-REQ as it is on the air: count and CMAC tuple.
#[derive(Clone, Copy, Debug)]
pub struct RngReq {
    /// CMAC_KEY_COUNT.
    pub count: u16,
    tuple: CmacTuple,
}

/// Everybody's keys.
#[derive(Clone)]
pub struct Parties {
    pub mobile: MobileKeys,
    pub base_stations: BTreeMap<Bsid, BaseStationKeys>,
    pub authenticator: AuthenticatorKeys,
}

impl Parties {
    /// A's report of count 1 has not reached the Authenticator: N = 1.
    pub fn report_pending(weaknesses: &[Weakness]) -> Self {
        let weaknesses: keyhop::dot16::security::Weaknesses = weaknesses.iter().copied().collect();
        let window = PnWindow::new(64).unwrap();
        let lifetime = PmkLifetime { full: Duration::from_secs(3600), ends: VirtualTime::from_nanos(u64::MAX) };
        let (pmk, sn) = (Pmk::from_octets([7; 20]), AkSequenceNumber(4));
        let random = |octet, eks| {
            TekState::new(Tek::from_octets([octet; 16]), eks, TekSource::Random, window.clone(), lifetime.ends)
        };
        let entry_teks = [(SAID, TekContext::from_random(random(1, 0), random(2, 1)))];
        let limits = TekLimits::default();
        let settings =
            MobileKeySettings { window: window.clone(), limits, tek_cache: true, weaknesses: weaknesses.clone() };
        let mut mobile = MobileKeys::new(settings, pmk.clone(), sn, MS, vec![SAID], lifetime, CmacKeyCount(1));
        mobile.establish(A, entry_teks.clone());
        let settings = BaseStationKeySettings {
            profile: Profile::Contribution,
            self_sync_window: 1,
            self_sync_budget: 16,
            window: window.clone(),
            limits,
            tek_cache: true,
            weaknesses: weaknesses.clone(),
        };
        let base_station =
            |bs| BaseStationKeys::new(settings.clone(), AkContext::derive(&pmk, sn, MS, bs), vec![SAID], lifetime);
        let mut base_stations = BTreeMap::from([(A, base_station(A)), (B, base_station(B))]);
        base_stations.get_mut(&A).unwrap().establish(CmacKeyCount(1), entry_teks);
        let mut authenticator =
            AuthenticatorKeys::new(pmk, sn, MS, lifetime, Some(CmacKeyCount(1))).with_weaknesses(weaknesses);
        authenticator.hand_out(A);
        Self { mobile, base_stations, authenticator }
    }

    pub fn base_station(&mut self, bs: Bsid) -> &mut BaseStationKeys {
        self.base_stations.get_mut(&bs).unwrap()
    }

    /// T_B.
    pub fn t_b(&self, bs: Bsid) -> u16 {
        self.base_stations[&bs].count().0
    }

    /// The Authenticator hands the context out and `bs` prepares with it.
    pub fn prepare(&mut self, bs: Bsid) -> Preparation {
        let handed = self.authenticator.hand_out(bs).unwrap();
        self.base_station(bs).prepare(NOW, handed.count, handed.issued_before)
    }

    /// The mobile comes to `bs`; answers T_M.
    pub fn arrive(&mut self, bs: Bsid) -> u16 {
        let count = self.mobile.begin().unwrap();
        self.mobile.derive(NOW, bs);
        count.0
    }

    fn at(&mut self, bs: Bsid) -> &mut EntryKeys {
        let count = self.mobile.traffic().unwrap_or(self.mobile.committed());
        self.mobile.keys_mut(bs, count).unwrap()
    }

    /// The mobile sends RNG-REQ, which is recorded.
    pub fn rng_req(&mut self, bs: Bsid) -> RngReq {
        self.mobile.spend();
        let keys = self.at(bs);
        let tuple = keys.sign(Direction::Uplink, BASIC, RNG_REQ).unwrap();
        RngReq { count: keys.count().0, tuple }
    }

    /// An RNG-REQ, or a record of one, reaches `bs`.
    pub fn range(&mut self, bs: Bsid, request: RngReq) -> RangingOutcome {
        self.base_station(bs).range(NOW, CmacKeyCount(request.count), BASIC, RNG_REQ, &request.tuple)
    }

    /// A report reaches the Authenticator, and the answer the BS.
    pub fn report(&mut self, bs: Bsid, count: u16) -> ReportOutcome {
        let outcome = self.authenticator.report(bs, CmacKeyCount(count));
        if outcome == ReportOutcome::Refused {
            self.base_station(bs).refused(CmacKeyCount(count));
        }
        outcome
    }

    /// The notice of N reaches `bs`.
    pub fn notice(&mut self, bs: Bsid) {
        let n = self.authenticator.next().unwrap();
        self.base_station(bs).notice(n);
    }

    /// The mobile seals uplink data for `bs`.
    pub fn uplink(&mut self, bs: Bsid) -> SealedPdu {
        seal(self.at(bs), Direction::Uplink)
    }

    /// `bs` seals downlink data under T_B, if it has keys.
    pub fn downlink(&mut self, bs: Bsid) -> Option<SealedPdu> {
        Some(seal(self.base_station(bs).current_mut()?, Direction::Downlink))
    }

    /// Uplink data, or a record of it, reaches `bs`.
    pub fn open(&mut self, bs: Bsid, pdu: &SealedPdu) -> Result<Uplink, UplinkError> {
        self.base_station(bs).open_uplink(NOW, SAID, &MacPdu::parse(&pdu.octets).unwrap())
    }
}

fn seal(keys: &mut EntryKeys, direction: Direction) -> SealedPdu {
    let context = keys.tek_context_mut(SAID).unwrap();
    context.seal(NOW, direction, GenericMacHeader::new(TRANSPORT), b"user data", CrcForm::MsbFirst).unwrap()
}
