//! The nodes: sections `[authenticator]`, `[aaa]`, `[grid]`, `[[base_station]]` and `[[mobile_station]]`, and the names by which the rest of the
//! script refers to stations.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::aaa::{self, AAA_KEYS, Aaa};
use super::defaults;
use super::entry::{self, Entry, Station};
use super::grid::{self, GRID_KEYS};
use super::groups::{Counted, Groups, LARGEST_GROUP};
use super::header::Profile;
use super::links::Link;
use super::nearest::suggest;
use super::network::{AUTHENTICATOR_KEYS, Authenticator, TICK};
use super::placement::{Placement, Served};
use super::position::{Area, Position, position};
use super::problem::{Place, Problem, Read};
use super::section::{Field, Section};
use crate::dot16::identifiers::{Bsid, CmacKeyCount, MsMac};
use crate::dot16::security::authenticator_keys::AuthenticatorKeys;
use crate::dot16::security::eap_tls::CertificateState;
use crate::dot16::security::{PacketNumber, Party, Pmk, Weakness, Weaknesses};

/// A base station of the script: its position in [`Script::base_stations`](super::Script::base_stations).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseStationId(pub usize);

/// A mobile station of the script: its position in [`Script::mobile_stations`](super::Script::mobile_stations).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MobileStationId(pub usize);

/// A base station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseStation {
    /// Its name: letters, digits and `_`.
    pub name: String,
    /// Its identifier on the air and in keys.
    pub bsid: Bsid,
    /// Its address on the backbone.
    pub ip: Ipv4Addr,
    /// Where it stands, if the script says so.
    pub position: Option<Position>,
    /// Whether it generates TEKs from the count (statement A5).
    pub seamless: bool,
    /// Whether it keeps the TEK contexts of handovers that were not completed (statement A16); `false` breaks the scheme.
    pub tek_cache: bool,
    /// How many counts beyond T_B it tries on uplink data that does not open (rule R6); 0 in profile `std2009`.
    pub self_sync_window: u16,
    /// Failed searches that a connection may cost per second (rule R6).
    pub self_sync_budget: u32,
    /// Size of the uplink PN window, in packet numbers, 0 to 1024.
    pub pn_window: u16,
    /// Contexts of ended attempts that it keeps at the most (rule R8).
    pub retained_contexts: u32,
    /// Context_Req that RNG-REQs of mobiles without context here may cause in a second.
    pub context_request_budget: u32,
    /// HO_Req that it takes in a second; it refuses the others.
    pub preparation_budget: u32,
    /// Rules that it does not keep.
    pub weaknesses: Weaknesses,
    /// The last PN that it sends under a TEK.
    pub last_pn: PacketNumber,
}

/// A mobile station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobileStation {
    /// Its name: letters, digits and `_`.
    pub name: String,
    /// Its MAC address.
    pub mac: MsMac,
    /// The address of its user traffic.
    pub ip: Ipv4Addr,
    /// Where it enters the network.
    pub serving: BaseStationId,
    /// Where it is at the start, if that is how its serving base station was found: the nearest one.
    pub position: Option<Position>,
    /// How it begins.
    pub entry: Entry,
    /// Whether it is mobile at all (statement A26).
    pub station: Station,
    /// Whether it declares seamless handover at network entry (statement A5).
    pub seamless: bool,
    /// The PMK that it begins with, where that is not one made from the seed; never with [`Entry::Full`].
    pub pmk: Option<Pmk>,
    /// Whether it keeps the TEK contexts of handovers that were not completed (statement A17); `false` breaks the scheme.
    pub tek_cache: bool,
    /// Size of the downlink PN window, in packet numbers, 0 to 1024.
    pub pn_window: u16,
    /// CMAC_KEY_COUNT with which it starts, where that is not the 1 of a fresh authentication.
    pub cmac_key_count: Option<CmacKeyCount>,
    /// N with which the Authenticator starts, where that is not one more.
    pub network_key_count: Option<CmacKeyCount>,
    /// CMAC_PN that the mobile and its serving base station have used last in both directions, where that is not 0.
    pub cmac_pn: Option<u32>,
    /// What is wrong with the certificate of the device.
    pub certificate: CertificateState,
    /// Rules that it does not keep.
    pub weaknesses: Weaknesses,
    /// The last PN that it sends under a TEK.
    pub last_pn: PacketNumber,
    /// Whether it asks for new TEKs (statement A22); `false` leaves it without any when the ones it has have expired.
    pub refresh: bool,
    /// How long before the end of a TEK it asks for new ones; at most 1/8 of the lifetime is used (rule R10).
    pub tek_grace: Duration,
}

/// Mobile stations that one base station can serve: basic CIDs 1 to 320 stay in the range Wireshark reads as management.
pub const MOBILE_STATIONS_PER_BASE_STATION: usize = 300;
/// Base stations in one script.
pub(super) const BASE_STATIONS: usize = 1_024;
/// Longest name of a station, in characters.
const NAME_LENGTH: usize = 32;
/// Largest PN window and self-synchronisation window.
const LARGEST_WINDOW: u16 = 1_024;
/// Most contexts of ended attempts that one base station keeps.
const LARGEST_RETAINED: u32 = 1_000_000;
/// Largest budget per second.
const LARGEST_BUDGET: u32 = 1_000_000;

pub(super) const BASE_STATION_KEYS: &[&str] = &[
    "name",
    "bsid",
    "ip",
    "position",
    "seamless",
    "tek_cache",
    "self_sync_window",
    "self_sync_budget",
    "pn_window",
    "retained_contexts",
    "context_request_budget",
    "preparation_budget",
    "weaknesses",
    "last_pn",
];
pub(super) const MOBILE_STATION_KEYS: &[&str] = &[
    "name",
    "count",
    "mac",
    "ip",
    "serving",
    "entry",
    "station",
    "seamless",
    "pmk",
    "msk",
    "tek_cache",
    "pn_window",
    "cmac_key_count",
    "network_key_count",
    "cmac_pn",
    "certificate",
    "weaknesses",
    "last_pn",
    "refresh",
    "tek_grace",
];

/// All stations of a script, and their names.
#[derive(Debug)]
pub(super) struct Stations {
    pub authenticator: Authenticator,
    pub aaa: Aaa,
    pub base_stations: Vec<BaseStation>,
    pub mobile_stations: Vec<MobileStation>,
    /// Where mobile stations are, if every base station has a place.
    pub area: Option<Area>,
    base_names: BTreeMap<String, BaseStationId>,
    pub(super) mobile_names: BTreeMap<String, MobileStationId>,
    pub(super) groups: Groups,
}

/// What must be given only once in a script, with the place where it was.
#[derive(Default)]
struct Taken(BTreeMap<String, Place>);

impl Taken {
    fn take(&mut self, field: &Field<'_>, value: &str) -> Read<()> {
        match self.0.insert(value.to_owned(), field.place()) {
            None => Ok(()),
            Some(first) => {
                let expected = "a value that no other station has";
                let problem =
                    Problem::mismatch(field.place(), field.path(), expected, &format!("the string {value:?}"));
                Err(match first.start < first.end {
                    true => problem.also(first, "already used here"),
                    false => problem.help(
                        "it is what the authenticator or the AAA server has where the script does not say otherwise",
                    ),
                })
            }
        }
    }

    /// Takes a value that the script leaves out for `key`.
    fn take_default<T: ToString>(&mut self, key: &str, value: T, place: Place) -> Read<T> {
        let text = value.to_string();
        match self.0.insert(text.clone(), Place { end: place.start, ..place }) {
            None => Ok(value),
            Some(first) => {
                let problem = Problem::mismatch(first, key, "a value that no other station has", &format!("{text:?}"));
                Err(problem.help(format!("it is what {key} is where the script does not say otherwise")))
            }
        }
    }
}

/// Reads every station of the document; `seed` is for the places of mobile stations.
pub(super) fn read(root: &Section<'_>, profile: Profile, entry: Entry, seed: u64) -> Read<Stations> {
    let (mut names, mut ids, mut ips) = (Taken::default(), Taken::default(), Taken::default());
    let mut stations = Stations {
        authenticator: authenticator(root, &mut names, &mut ips)?,
        aaa: aaa_server(root, &mut names, &mut ips)?,
        base_stations: Vec::new(),
        mobile_stations: Vec::new(),
        area: None,
        base_names: BTreeMap::new(),
        mobile_names: BTreeMap::new(),
        groups: Groups::new(),
    };
    match root.field("grid") {
        Some(field) => {
            root.refuse("base_station", "beside [grid], which makes them")?;
            stations.grid(&field.section(GRID_KEYS)?, profile, (&mut names, &mut ids, &mut ips))?;
        }
        None => stations.listed(root, profile, (&mut names, &mut ids, &mut ips))?,
    }
    root.required("mobile_station", "at least one [[mobile_station]]")?;
    let places = stations.base_stations.iter().filter_map(|base| base.position).collect();
    let placement = stations.area.map(|area| Placement::new(seed, area, places));
    let mut served = Served::default();
    for section in root.tables("mobile_station", MOBILE_STATION_KEYS)? {
        stations.mobiles(&section, entry, placement.as_ref(), &mut served, (&mut names, &mut ids, &mut ips))?;
    }
    if stations.mobile_stations.is_empty() {
        return Err(Problem::mismatch(root.place, "mobile_station", "at least one [[mobile_station]]", "none"));
    }
    Ok(stations)
}

/// Names, identifiers and addresses that stations have already.
type AllTaken<'a> = (&'a mut Taken, &'a mut Taken, &'a mut Taken);

impl Stations {
    /// Every `[[base_station]]`.
    fn listed(&mut self, root: &Section<'_>, profile: Profile, (names, ids, ips): AllTaken<'_>) -> Read<()> {
        root.required("base_station", "at least one [[base_station]], or a [grid] of them")?;
        for section in root.tables("base_station", BASE_STATION_KEYS)? {
            let name = station_name(&section, names)?;
            let bsid: Bsid = address(&section, "bsid", ids)?;
            let ip = station_ip(&section, ips)?;
            let mut base_station = base_station(&section, name, bsid, ip, profile)?;
            base_station.position = section.field("position").map(|field| position(&field)).transpose()?;
            if self.base_stations.len() >= BASE_STATIONS {
                return Err(Problem::mismatch(section.place, "base_station", "at most 1024 of them", "more"));
            }
            self.add_base_station(base_station);
        }
        if self.base_stations.is_empty() {
            return Err(Problem::mismatch(root.place, "base_station", "at least one [[base_station]]", "none"));
        }
        let places: Option<Vec<Position>> = self.base_stations.iter().map(|base| base.position).collect();
        self.area = places.and_then(|places| Area::around(places.into_iter()));
        Ok(())
    }

    /// The base stations of `[grid]`.
    fn grid(&mut self, section: &Section<'_>, profile: Profile, (names, ids, ips): AllTaken<'_>) -> Read<()> {
        let grid = grid::read(section)?;
        let first_bsid = section.read("bsid", defaults::GRID_BSID, |field| field.parsed(EXPECTED_ADDRESS))?;
        let first_ip = section.read("ip", defaults::GRID_IP, ip)?;
        let name = section.read("name", defaults::GRID_NAME.to_owned(), |field| field.name(NAME_LENGTH, false))?;
        let first = base_station(section, name.clone(), first_bsid, first_ip, profile)?;
        for (number, position) in grid.positions().enumerate() {
            let name = numbered(section, &name, number, names)?;
            let bsid = counted(section, "bsid", &first_bsid, number, ids)?;
            let ip = counted(section, "ip", &first_ip, number, ips)?;
            self.add_base_station(BaseStation { name, bsid, ip, position: Some(position), ..first.clone() });
        }
        self.area = Some(grid.area());
        Ok(())
    }

    fn add_base_station(&mut self, base_station: BaseStation) {
        self.base_names.insert(base_station.name.clone(), BaseStationId(self.base_stations.len()));
        self.base_stations.push(base_station);
    }

    /// The mobile stations of one `[[mobile_station]]`: one, or `count`.
    fn mobiles(
        &mut self,
        section: &Section<'_>,
        entry: Entry,
        placement: Option<&Placement>,
        served: &mut Served,
        (names, ids, ips): AllTaken<'_>,
    ) -> Read<()> {
        let name = station_name(section, names)?;
        let count = section.field("count").map(|field| field.number(1..=LARGEST_GROUP as i64)).transpose()?;
        let Some(count) = count.and_then(|count| usize::try_from(count).ok()) else {
            let mac: MsMac = address(section, "mac", ids)?;
            let ip = station_ip(section, ips)?;
            let mobile = mobile_station(section, name, mac, ip, (self, entry), placement)?;
            return self.add_mobile_station(section, mobile, served);
        };
        for key in ["pmk", "msk"] {
            section.refuse(key, "beside count, since every mobile has a key of its own")?;
        }
        let first_mac: MsMac = section.required("mac", EXPECTED_ADDRESS)?.parsed(EXPECTED_ADDRESS)?;
        let first_ip = ip(&section.required("ip", EXPECTED_IP)?)?;
        let first = mobile_station(section, name.clone(), first_mac, first_ip, (self, entry), placement)?;
        let begin = self.mobile_stations.len();
        for number in 0..count {
            let name = numbered(section, &name, number, names)?;
            let mac = counted(section, "mac", &first_mac, number, ids)?;
            let ip = counted(section, "ip", &first_ip, number, ips)?;
            let (serving, position) = match (placement, first.position) {
                (Some(placement), Some(_)) => placement.of(&name),
                _ => (first.serving, None),
            };
            let mobile = MobileStation { name, mac, ip, serving, position, ..first.clone() };
            self.add_mobile_station(section, mobile, served)?;
        }
        self.groups.insert(name, begin..self.mobile_stations.len());
        Ok(())
    }

    fn add_mobile_station(&mut self, section: &Section<'_>, mobile: MobileStation, served: &mut Served) -> Read<()> {
        if let Err(count) = served.add(mobile.serving) {
            let expected = format!("at most {MOBILE_STATIONS_PER_BASE_STATION} at one base station at the start");
            let there = self.base_stations.get(mobile.serving.0).map_or("", |base| base.name.as_str());
            let field = section.field("serving").or(section.field("count"));
            let place = field.map_or(section.place, |field| field.place());
            return Err(Problem::mismatch(place, "mobile_station", &expected, &format!("{count} at {there}")));
        }
        self.mobile_names.insert(mobile.name.clone(), MobileStationId(self.mobile_stations.len()));
        self.mobile_stations.push(mobile);
        Ok(())
    }
}

/// The name `prefix` with the number of a station behind it, from 1 on; `number` counts from 0.
fn numbered(section: &Section<'_>, prefix: &str, number: usize, names: &mut Taken) -> Read<String> {
    let name = format!("{prefix}{}", number.saturating_add(1));
    let field = section.field("name");
    if name.len() > NAME_LENGTH {
        let place = field.as_ref().map_or(section.place, Field::place);
        let expected = format!("a name that has at most {NAME_LENGTH} characters with the number behind it");
        return Err(Problem::mismatch(place, "name", &expected, &format!("{name:?}")));
    }
    match field {
        Some(field) => names.take(&field, &name)?,
        None => drop(names.take_default("grid.name", name.clone(), section.place)?),
    }
    Ok(name)
}

/// The identifier or address `number` behind `first`, which the key `key` gives.
fn counted<T: Counted + ToString>(
    section: &Section<'_>,
    key: &str,
    first: &T,
    number: usize,
    taken: &mut Taken,
) -> Read<T> {
    let field = section.field(key);
    let Some(value) = first.after(number) else {
        let place = field.as_ref().map_or(section.place, Field::place);
        let expected = format!("an address behind which there are {number} more");
        return Err(Problem::mismatch(place, key, &expected, &format!("{:?}", first.to_string())));
    };
    match field {
        Some(field) => taken.take(&field, &value.to_string()).map(|()| value),
        None => {
            taken.take_default(&format!("grid.{key}"), value.to_string(), section.place)?;
            Ok(value)
        }
    }
}

fn station_name(section: &Section<'_>, names: &mut Taken) -> Read<String> {
    let field = section.required("name", "a name")?;
    let name = field.name(NAME_LENGTH, false)?;
    names.take(&field, &name)?;
    Ok(name)
}

fn address<T: std::str::FromStr<Err: std::fmt::Display> + ToString>(
    section: &Section<'_>,
    key: &str,
    ids: &mut Taken,
) -> Read<T> {
    let field = section.required(key, EXPECTED_ADDRESS)?;
    let address: T = field.parsed(EXPECTED_ADDRESS)?;
    ids.take(&field, &address.to_string())?;
    Ok(address)
}

fn station_ip(section: &Section<'_>, ips: &mut Taken) -> Read<Ipv4Addr> {
    let field = section.required("ip", EXPECTED_IP)?;
    let ip = ip(&field)?;
    ips.take(&field, &ip.to_string())?;
    Ok(ip)
}

const EXPECTED_ADDRESS: &str = "six octets in hex such as \"0a:00:00:00:00:02\"";
const EXPECTED_IP: &str = "the IPv4 address of one host such as \"192.0.2.10\"";

/// An IPv4 unicast address.
pub(super) fn ip(field: &Field<'_>) -> Read<Ipv4Addr> {
    let ip: Ipv4Addr = field.parsed(EXPECTED_IP)?;
    if is_host(ip) { Ok(ip) } else { Err(field.mismatch(EXPECTED_IP)) }
}

/// Whether one host can have this address.
pub(super) fn is_host(ip: Ipv4Addr) -> bool {
    !(ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || ip.is_loopback())
}

/// Name and address of a node that is there whether or not the script speaks of it.
fn place_of(
    root: &Section<'_>,
    section: Option<&Section<'_>>,
    (kind, default_name, default_ip): (&str, &str, Ipv4Addr),
    names: &mut Taken,
    ips: &mut Taken,
) -> Read<(String, Ipv4Addr)> {
    let field = |key| section.and_then(|section| section.field(key));
    let name = match field("name") {
        Some(field) => {
            let name = field.name(NAME_LENGTH, false)?;
            names.take(&field, &name)?;
            name
        }
        None => names.take_default(&format!("{kind}.name"), default_name.to_owned(), root.place)?,
    };
    let ip = match field("ip") {
        Some(field) => {
            let ip = ip(&field)?;
            ips.take(&field, &ip.to_string())?;
            ip
        }
        None => ips.take_default(&format!("{kind}.ip"), default_ip, root.place)?,
    };
    Ok((name, ip))
}

fn aaa_server(root: &Section<'_>, names: &mut Taken, ips: &mut Taken) -> Read<Aaa> {
    let section = root.field("aaa").map(|field| field.section(AAA_KEYS)).transpose()?;
    let (name, ip) = place_of(root, section.as_ref(), ("aaa", defaults::AAA, defaults::AAA_IP), names, ips)?;
    let secret = section.as_ref().and_then(|section| section.field("secret"));
    let secret = secret.map_or_else(|| Ok(defaults::AAA_SECRET.to_owned()), |field| field.line())?;
    let certificate = section.as_ref().map(aaa::certificate).transpose()?.unwrap_or_default();
    Ok(Aaa { name, ip, secret, certificate })
}

fn authenticator(root: &Section<'_>, names: &mut Taken, ips: &mut Taken) -> Read<Authenticator> {
    let section = root.field("authenticator").map(|field| field.section(AUTHENTICATOR_KEYS)).transpose()?;
    let field = |key| section.as_ref().and_then(|section| section.field(key));
    let default = ("authenticator", defaults::AUTHENTICATOR, defaults::AUTHENTICATOR_IP);
    let (name, ip) = place_of(root, section.as_ref(), default, names, ips)?;
    let second = Duration::from_secs(1);
    let pmk_lifetime = match field("pmk_lifetime") {
        Some(field) => field.time_in_steps(second..=second * u32::MAX, second)?,
        None => defaults::PMK_LIFETIME,
    };
    let weaknesses = match &section {
        Some(section) => weaknesses(section, Party::Authenticator)?,
        None => Weaknesses::default(),
    };
    let count_jump = field("count_jump").map_or(Ok(AuthenticatorKeys::JUMP), |field| field.number(0..=u16::MAX))?;
    Ok(Authenticator { name, pmk_lifetime, ip, count_jump, weaknesses })
}

fn base_station(section: &Section<'_>, name: String, bsid: Bsid, ip: Ipv4Addr, profile: Profile) -> Read<BaseStation> {
    let self_sync_window = match (profile, section.field("self_sync_window")) {
        (Profile::Contribution, None) => defaults::SELF_SYNC_WINDOW,
        (Profile::Contribution, Some(field)) => field.number(0..=LARGEST_WINDOW)?,
        (Profile::Std2009, None) => 0,
        (Profile::Std2009, Some(field)) => match field.number(0..=LARGEST_WINDOW)? {
            0 => 0,
            _ => return Err(field.mismatch("0, because profile std2009 has no self-synchronisation")),
        },
    };
    Ok(BaseStation {
        name,
        bsid,
        ip,
        position: None,
        seamless: section.read("seamless", defaults::SEAMLESS, Field::boolean)?,
        tek_cache: section.read("tek_cache", defaults::TEK_CACHE, Field::boolean)?,
        self_sync_window,
        self_sync_budget: section
            .read("self_sync_budget", defaults::SELF_SYNC_BUDGET, |field| field.number(0..=LARGEST_BUDGET))?,
        pn_window: section.read("pn_window", defaults::PN_WINDOW, |field| field.number(0..=LARGEST_WINDOW))?,
        last_pn: last_pn(section)?,
        retained_contexts: section
            .read("retained_contexts", defaults::RETAINED_CONTEXTS, |field| field.number(0..=LARGEST_RETAINED))?,
        context_request_budget: section.read("context_request_budget", defaults::CONTEXT_REQUEST_BUDGET, |field| {
            field.number(0..=LARGEST_BUDGET)
        })?,
        preparation_budget: section
            .read("preparation_budget", defaults::PREPARATION_BUDGET, |field| field.number(0..=LARGEST_BUDGET))?,
        weaknesses: weaknesses(section, Party::BaseStation)?,
    })
}

/// The rules that a node does not keep.
fn weaknesses(section: &Section<'_>, party: Party) -> Read<Weaknesses> {
    section.read("weaknesses", Weaknesses::default(), |field| {
        let own = Weakness::ALL.iter().filter(|(_, _, of)| *of == party);
        let words: Vec<(&str, Weakness)> = own.map(|(name, weakness, _)| (*name, *weakness)).collect();
        field.items("an array of weaknesses")?.iter().map(|item| item.one_of(&words)).collect()
    })
}

fn mobile_station(
    section: &Section<'_>,
    name: String,
    mac: MsMac,
    ip: Ipv4Addr,
    (stations, entry): (&Stations, Entry),
    placement: Option<&Placement>,
) -> Read<MobileStation> {
    let (serving, position) = match (placement, section.field("serving")) {
        (Some(placement), None) => placement.of(&name),
        _ => (stations.base_station(&section.required("serving", "the name of a [[base_station]]")?)?, None),
    };
    let (station, seamless) = entry::station(section)?;
    Ok(MobileStation {
        name,
        mac,
        ip,
        serving,
        position,
        entry: entry::of_mobile(section, entry)?,
        station,
        seamless,
        pmk: entry::pmk(section)?,
        tek_cache: section.read("tek_cache", defaults::TEK_CACHE, Field::boolean)?,
        pn_window: section.read("pn_window", defaults::PN_WINDOW, |field| field.number(0..=LARGEST_WINDOW))?,
        cmac_key_count: key_count(section, "cmac_key_count")?,
        network_key_count: key_count(section, "network_key_count")?,
        cmac_pn: section.field("cmac_pn").map(|field| field.number(0..=u32::MAX)).transpose()?,
        certificate: aaa::certificate(section)?,
        weaknesses: weaknesses(section, Party::MobileStation)?,
        last_pn: last_pn(section)?,
        refresh: section.read("refresh", defaults::REFRESH, Field::boolean)?,
        tek_grace: section.read("tek_grace", defaults::TEK_GRACE, |field| field.time(TICK..=Duration::MAX))?,
    })
}

fn last_pn(section: &Section<'_>) -> Read<PacketNumber> {
    section.read("last_pn", defaults::LAST_PN, |field| {
        let count = field.number(1..=PacketNumber::LAST.count())?;
        PacketNumber::new(count).map_err(|error| field.mismatch(&error.to_string()))
    })
}

fn key_count(section: &Section<'_>, key: &'static str) -> Read<Option<CmacKeyCount>> {
    section.field(key).map(|field| field.number(1..=u16::MAX).map(CmacKeyCount)).transpose()
}

fn by_name<T: Copy>(field: &Field<'_>, found: &str, names: &BTreeMap<String, T>, kind: &str) -> Read<T> {
    names.get(found).copied().ok_or_else(|| {
        let problem = field.mismatch(&format!("the name of a [[{kind}]]"));
        suggest(problem, found, names.keys().map(String::as_str))
    })
}

impl Stations {
    /// The base station that `field` names.
    pub fn base_station(&self, field: &Field<'_>) -> Read<BaseStationId> {
        by_name(field, field.text("the name of a [[base_station]]")?, &self.base_names, "base_station")
    }

    /// The mobile station of `section`: its key `mobile_station`, which only a script with one mobile may leave out.
    pub fn mobile_station(&self, section: &Section<'_>) -> Read<MobileStationId> {
        if section.field("mobile_station").is_none() && self.mobile_stations.len() == 1 {
            return Ok(MobileStationId(0));
        }
        let expected = "the name of a [[mobile_station]]";
        let field = section.required("mobile_station", expected)?;
        self.mobile_station_called(&field, field.text(expected)?)
    }

    /// The base station `name`, a part of `field`.
    pub fn base_station_called(&self, field: &Field<'_>, name: &str) -> Read<BaseStationId> {
        by_name(field, name, &self.base_names, "base_station")
    }

    /// The mobile station `name`, a part of `field`.
    pub fn mobile_station_called(&self, field: &Field<'_>, name: &str) -> Read<MobileStationId> {
        let found = by_name(field, name, &self.mobile_names, "mobile_station");
        found.map_err(|problem| self.not_single(problem, name))
    }

    /// The names of the first and the second end of a link.
    pub fn end_names(&self, link: Link) -> [&str; 2] {
        let base = |id: BaseStationId| self.base_stations.get(id.0).map_or("", |base| base.name.as_str());
        match link {
            Link::Air { mobile_station, base_station } => {
                let mobile = self.mobile_stations.get(mobile_station.0).map_or("", |mobile| mobile.name.as_str());
                [mobile, base(base_station)]
            }
            Link::R6 { base_station } => [base(base_station), &self.authenticator.name],
            Link::R4 { first, second } => [base(first), base(second)],
            Link::R3 => [&self.authenticator.name, &self.aaa.name],
        }
    }
}
