//! What the behaviour tests share: runs of scripts, and what a capture and its key log show without asking the nodes.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use keyhop::capture::key_log::{ConnectionType, KekRecord, KeyLog, KeyRecord, TekRecord, Validity};
use keyhop::capture::{Capture, CapturedFrame, FileFormat, LinkKind, capture_file, key_log_text};
use keyhop::dot16::backbone::transport::{BackbonePacket, Decapsulated, decapsulate};
use keyhop::dot16::backbone::{AsnTlv, ControlMessage, MessageKind};
use keyhop::dot16::identifiers::{Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use keyhop::dot16::security::{Tek, ccm};
use keyhop::dot16::wire::{MacPdu, ManagementMessage, PduType, RngReq};
use keyhop::emulation::Engine;
use keyhop::scenario::outcome::RunOutcome;
use keyhop::scenario::run::{FinishedRun, TrafficOverride, run};
use keyhop::scenario::script::{Script, SetArgument};
use keyhop::time::VirtualTime;

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The names of the bundled scripts whose captures and key logs lie beside them, sorted; the others take minutes.
pub fn bundled_names() -> Vec<String> {
    let mut names: Vec<String> = keyhop::scenario::bundled::goldens().map(|script| script.name.to_owned()).collect();
    names.sort();
    names
}

/// The same, and those of EPS.
pub fn all_bundled_names() -> Vec<String> {
    let of_eps = keyhop::scenario::bundled::EPS_SCRIPTS.iter().map(|script| script.name.to_owned());
    bundled_names().into_iter().chain(of_eps).collect()
}

/// The text of a bundled script.
pub fn bundled(name: &str) -> String {
    std::fs::read_to_string(repository(&format!("captures/{name}.toml"))).unwrap()
}

/// A script from its text, with `--set` arguments.
pub fn script(text: &str, sets: &[&str]) -> Script {
    let sets: Vec<SetArgument> = sets.iter().map(|set| set.parse().unwrap()).collect();
    Script::parse("test.toml", text, &sets).unwrap_or_else(|error| panic!("{:?}", miette::Report::new(error)))
}

/// Base stations bs1 to bs`stations`, and ms1 at bs1; `rest` is the rest of the script.
pub fn network(stations: u8, rest: &str) -> String {
    let mut text = "name = \"test\"\nshows = \"a test\"\nduration = \"2.5s\"\n".to_owned();
    for number in 1..=stations {
        text.push_str(&format!(
            "[[base_station]]\nname = \"bs{number}\"\nbsid = \"0a000000000{number}\"\nip = \"10.16.0.{number}\"\n"
        ));
    }
    text.push_str(
        "[[mobile_station]]\nname = \"ms1\"\nmac = \"020000000001\"\nip = \"192.0.2.10\"\nserving = \"bs1\"\n",
    );
    text.push_str(rest);
    text
}

/// UDP both ways, `size` octets every 20 ms.
pub fn udp(size: u32) -> String {
    format!(
        "[[traffic]]\nkind = \"udp\"\ndirection = \"both\"\nstart = \"100ms\"\nstop = \"2.3s\"\ninterval = \"20ms\"\n\
         size = {size}\n"
    )
}

/// A step: a handover of ms1.
pub fn handover(at: &str, target: &str, candidates: &[&str]) -> String {
    format!("[[step]]\nat = \"{at}\"\naction = \"handover\"\ntarget = \"{target}\"\ncandidates = {candidates:?}\n")
}

/// A finished run, with what can be read from its capture and key log.
pub struct Run {
    pub outcome: RunOutcome,
    pub capture: Capture,
    pub keys: KeyLog,
    pub delivered: Capture,
}

/// Runs a script inline.
pub fn run_script(script: &Script) -> Run {
    run_with(script, Engine::Inline, None)
}

/// Runs the text of a script inline.
pub fn run_text(text: &str, sets: &[&str]) -> Run {
    run_script(&script(text, sets))
}

/// Runs a bundled script inline.
pub fn run_bundled(name: &str, sets: &[&str]) -> Run {
    run_text(&bundled(name), sets)
}

/// Runs a script on an engine, with user traffic from a file or the script's own.
pub fn run_with(script: &Script, engine: Engine, traffic: Option<&Path>) -> Run {
    let traffic = traffic.map(|file| TrafficOverride { file: file.to_owned(), mobile: None });
    let FinishedRun { outcome, capture, keys, delivered, .. } =
        run(script, engine, &repository("captures"), traffic.as_ref()).unwrap();
    Run { outcome, capture, keys, delivered }
}

/// A PDU of a capture on the air, and where it was sent.
pub struct AirPdu {
    /// Index of its frame.
    pub frame: usize,
    pub time: VirtualTime,
    /// Name of the interface.
    pub interface: String,
    pub direction: Direction,
    /// Whether the link lost it.
    pub lost: bool,
    /// The whole PDU.
    pub octets: Vec<u8>,
}

impl AirPdu {
    pub fn pdu(&self) -> MacPdu<'_> {
        MacPdu::parse(&self.octets).unwrap()
    }

    /// Whether it is user data: encrypted, and not on a management connection.
    pub fn is_data(&self) -> bool {
        let header = self.pdu().header;
        header.encrypted && !header.cid.is_management()
    }

    /// The management message in it.
    pub fn message(&self) -> Option<ManagementMessage> {
        let pdu = self.pdu();
        let plain = !pdu.header.encrypted && pdu.header.cid.is_management();
        plain.then(|| ManagementMessage::parse(pdu.body).unwrap())
    }

    pub fn rng_req(&self) -> Option<RngReq> {
        match self.message()? {
            ManagementMessage::RngReq(message) => Some(message),
            _ => None,
        }
    }
}

/// A user PDU, opened with a TEK of the key log.
pub struct OpenedData {
    pub time: VirtualTime,
    pub frame: usize,
    pub interface: String,
    pub direction: Direction,
    pub lost: bool,
    pub cid: Cid,
    pub eks: u8,
    pub pn: u32,
    pub pdu_type: PduType,
    pub octets: Vec<u8>,
    pub plaintext: Vec<u8>,
    pub tek: TekRecord,
}

impl Run {
    pub fn interface(&self, frame: &CapturedFrame) -> &str {
        &self.capture.interfaces[frame.interface].name
    }

    /// Every PDU on interfaces whose name begins with `prefix`, in order; CDMA codes are none.
    pub fn air(&self, prefix: &str) -> Vec<AirPdu> {
        let mut pdus = Vec::new();
        for (index, frame) in self.capture.frames.iter().enumerate() {
            let interface = &self.capture.interfaces[frame.interface];
            if interface.kind != LinkKind::Air || !interface.name.starts_with(prefix) || frame.octets.len() == 3 {
                continue;
            }
            for pdu in MacPdu::burst(&frame.octets) {
                pdus.push(AirPdu {
                    frame: index,
                    time: frame.time,
                    interface: interface.name.clone(),
                    direction: frame.direction.unwrap(),
                    lost: frame.comment.lines().any(|line| line == "lost"),
                    octets: pdu.unwrap().octets.to_vec(),
                });
            }
        }
        pdus
    }

    /// The user PDUs among [`Self::air`]; every one of them must open with a TEK that the key log has for its mobile,
    /// base station, SA and EKS at that time; one of the adversary with a TEK of any time.
    pub fn data(&self, prefix: &str) -> Vec<OpenedData> {
        let sent = self.air(prefix).into_iter().filter(AirPdu::is_data);
        sent.map(|sent| {
            let genuine = !sent.interface.starts_with("adv:");
            self.open(sent, genuine)
        })
        .collect()
    }

    /// The same with keys and connections of any time: a mobile may send on when its base station has let it go.
    pub fn data_of_any_time(&self, prefix: &str) -> Vec<OpenedData> {
        let sent = self.air(prefix).into_iter().filter(AirPdu::is_data);
        sent.map(|sent| self.open(sent, false)).collect()
    }

    fn open(&self, sent: AirPdu, at_its_time: bool) -> OpenedData {
        let pdu = sent.pdu();
        let header = pdu.header;
        let (ms, bs) = self.ends(&sent.interface);
        let in_use = |validity: Validity| !at_its_time || validity.contains(sent.time);
        let said = self
            .said(bs, header.cid, in_use)
            .unwrap_or_else(|| panic!("frame {}: {} is no connection of {bs}", sent.frame + 1, header.cid));
        let opened = self.teks().find_map(|tek| {
            let fits =
                tek.ms == ms && tek.bs == bs && tek.said == said && tek.eks == header.eks && in_use(tek.validity);
            let opened = fits.then(|| ccm::open(&Tek::from_octets(*tek.key.expose()), &pdu).ok())??;
            Some((tek.clone(), opened))
        });
        let (tek, opened) = opened.unwrap_or_else(|| {
            panic!(
                "frame {}: no TEK of the key log opens the PDU on {} {} EKS {}",
                sent.frame + 1,
                sent.interface,
                header.cid,
                header.eks
            )
        });
        assert_eq!(opened.direction, sent.direction, "direction bit of frame {}", sent.frame + 1);
        OpenedData {
            time: sent.time,
            frame: sent.frame,
            direction: sent.direction,
            lost: sent.lost,
            cid: header.cid,
            eks: header.eks,
            pn: opened.pn.count(),
            pdu_type: header.pdu_type,
            plaintext: opened.plaintext.clone(),
            interface: sent.interface.clone(),
            octets: sent.octets.clone(),
            tek,
        }
    }

    /// Mobile and base station at the ends of `air:MOBILE-BASE` or `adv:MOBILE-BASE`.
    pub fn ends(&self, interface: &str) -> (MsMac, Bsid) {
        let (_, ends) = interface.split_once(':').unwrap();
        let (ms, bs) = ends.split_once('-').unwrap();
        let id = |name| self.keys.node(name).unwrap().id.unwrap();
        (MsMac(id(ms)), Bsid(id(bs)))
    }

    pub fn bs(&self, name: &str) -> Bsid {
        Bsid(self.keys.node(name).unwrap().id.unwrap())
    }

    fn said(&self, bs: Bsid, cid: Cid, in_use: impl Fn(Validity) -> bool) -> Option<Said> {
        self.keys.records.iter().find_map(|record| match record {
            KeyRecord::Connection(connection)
                if connection.kind == ConnectionType::Transport
                    && connection.bs == bs
                    && connection.cid == cid
                    && in_use(connection.validity) =>
            {
                Some(connection.said)
            }
            _ => None,
        })
    }

    pub fn teks(&self) -> impl Iterator<Item = &TekRecord> {
        self.keys.records.iter().filter_map(|record| match record {
            KeyRecord::Tek(tek) => Some(tek),
            _ => None,
        })
    }

    /// The TEKs of a base station.
    pub fn teks_of(&self, bs: &str) -> Vec<&TekRecord> {
        let bs = self.bs(bs);
        self.teks().filter(|tek| tek.bs == bs).collect()
    }

    pub fn keks(&self) -> impl Iterator<Item = &KekRecord> {
        self.keys.records.iter().filter_map(|record| match record {
            KeyRecord::Kek(kek) => Some(kek),
            _ => None,
        })
    }

    /// The first frame on `prefix` whose PDU is a management message that `wanted` takes.
    pub fn first_message(&self, prefix: &str, wanted: impl Fn(&ManagementMessage) -> bool) -> Option<AirPdu> {
        let mut pdus = self.air(prefix).into_iter();
        pdus.find(|pdu| pdu.message().is_some_and(|message| wanted(&message)))
    }

    pub fn first_rng_req(&self, prefix: &str) -> AirPdu {
        self.first_message(prefix, |message| matches!(message, ManagementMessage::RngReq(_))).expect("an RNG-REQ")
    }

    /// Control messages of this kind on the backbone: when each was sent, from where to where.
    pub fn control(&self, kind: MessageKind) -> Vec<(VirtualTime, Decapsulated, ControlMessage)> {
        let backbone = |frame: &&CapturedFrame| self.capture.interfaces[frame.interface].kind == LinkKind::Backbone;
        let frames = self.capture.frames.iter().filter(backbone);
        let packets = frames.filter_map(|frame| {
            let packet = decapsulate(&frame.octets).unwrap();
            match &packet.packet {
                BackbonePacket::Control(message) if message.kind == kind => {
                    let message = message.clone();
                    Some((frame.time, packet, message))
                }
                _ => None,
            }
        });
        packets.collect()
    }

    /// N of every Context_Rpt to a base station, in order.
    pub fn reported_counts(&self, bs: &str) -> Vec<CmacKeyCount> {
        let ip = self.keys.node(bs).unwrap().ip.unwrap();
        let reports = self.control(MessageKind::ContextRpt).into_iter();
        reports
            .filter(|(_, packet, _)| packet.to.ip == ip)
            .map(|(_, _, message)| count_in(&message.tlvs).expect("N in Context_Rpt"))
            .collect()
    }

    /// The packets that came out, in order, with their direction.
    pub fn delivered_packets(&self) -> Vec<(Direction, &[u8])> {
        let direction = |interface| match interface {
            0 => Direction::Uplink,
            _ => Direction::Downlink,
        };
        let frames = self.delivered.frames.iter();
        frames.map(|frame| (direction(frame.interface), frame.octets.as_slice())).collect()
    }

    pub fn capture_octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        capture_file::write(&self.capture, FileFormat::Pcapng, &mut out).unwrap();
        out
    }

    pub fn key_log_octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        key_log_text::write(&self.keys, &mut out).unwrap();
        out
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(&self.outcome).unwrap()
    }
}

/// CMAC_KEY_COUNT in the AK Context inside MS Info.
pub fn count_in(tlvs: &[AsnTlv]) -> Option<CmacKeyCount> {
    tlvs.iter().find_map(|tlv| match tlv {
        AsnTlv::MsInfo(inside) | AsnTlv::AkContext(inside) => count_in(inside),
        AsnTlv::CmacKeyCount(count) => Some(*count),
        _ => None,
    })
}
