//! A false network (seed 003, point 5 of `eps-systems.md` 3.2): somebody who is louder than the eNB of a cell, and eNB and MME for the ME
//! that attaches there. He has no key of an operator. KASMEtemp is his own, encrypted to the public key of the ME.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::parlos::{Answer, C_RNTIS, NAME, Said};
use super::parlos_command::{Command, Offer, protected};
use crate::emulation::Fate;
use crate::eps::identifiers::{Ebi, Tai};
use crate::eps::keys::Kasme;
use crate::eps::node::radio_side::{FromAir, RadioSide, common_frame, common_message};
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::parameters::{AlgorithmId, Algorithms};
use crate::eps::security::handover_keys::AsKeys;
use crate::eps::security::kdf;
use crate::eps::security::protection::{AsSecurity, BearerId, NasSecurity};
use crate::eps::wire::nas::{EmmMessage, NasMessage, ProtectedNas, SecurityHeader, esm};
use crate::eps::wire::radio_frame::RadioFrame;
use crate::eps::wire::rrc::{
    DlCcchMessage, DlDcchMessage, RrcConnectionReconfiguration, SecurityAlgorithms, UlCcchMessage, UlDcchMessage,
};
use crate::time::VirtualTime;

const SRB1: BearerId = BearerId::Signalling(1);
/// EPS attach result: EPS only.
const EPS_ONLY: u8 = 1;
/// T3412: 54 minutes.
const T3412: u8 = 0x49;
/// Procedure transaction of the ME's request for a connection.
const TRANSACTION: u8 = 1;

/// An ME that takes this for its network.
#[derive(Clone, Debug)]
struct Session {
    c_rnti: u16,
    radio: RadioSide,
    air: AsSecurity,
    /// What he has sent a security mode command of.
    keys: Option<(Kasme, NasSecurity)>,
    /// The AS algorithms that he takes.
    algorithms: Algorithms,
}

/// A false network.
#[derive(Clone, Debug)]
pub(super) struct FalseNetwork {
    random: ChaCha20Rng,
    tai: Tai,
    session: Option<Session>,
}

impl FalseNetwork {
    /// One that nobody has come to; what it broadcasts is what the cell does.
    pub(super) const fn new(random: ChaCha20Rng, tai: Tai) -> Self {
        Self { random, tai, session: None }
    }

    /// A frame of the link: neither end hears the other any more.
    pub(super) fn hear(&mut self, now: VirtualTime, uplink: bool, octets: &[u8]) -> Option<Answer> {
        let drowned = |remark: String| Fate { remarks: vec![remark], ..Fate::lost() };
        if !uplink {
            return Some(Answer { fate: drowned(format!("drowned by {NAME}")), ..Answer::default() });
        }
        let fate = drowned(format!("heard by {NAME} alone"));
        Some(match self.answer(now, octets) {
            Ok(answer) => Answer { fate, ..answer },
            Err(failure) => Answer { fate, failure: Some(failure), ..Answer::default() },
        })
    }

    fn answer(&mut self, now: VirtualTime, octets: &[u8]) -> Result<Answer, String> {
        let frame = RadioFrame::parse(octets).map_err(|error| error.to_string())?;
        if let Some(message) = common_message(&frame) {
            return match UlCcchMessage::parse(&message) {
                Ok(UlCcchMessage::ReestablishmentRequest { .. }) | Err(_) => Ok(Answer::default()),
                Ok(_) => self.connected(now),
            };
        }
        let Some(session) = self.session.as_mut().filter(|session| session.c_rnti == frame.c_rnti) else {
            return Ok(Answer::default());
        };
        let message = match RadioSide::open(&frame, &mut session.air).map_err(|error| error.to_string())? {
            FromAir { bearer: BearerId::Signalling(_), octets, .. } => UlDcchMessage::parse(&octets),
            // That packets are read shows when all is over.
            FromAir { bearer: BearerId::Data(_), .. } => return Ok(Answer::default()),
        };
        match message.map_err(|error| error.to_string())? {
            UlDcchMessage::SetupComplete { nas, .. } => self.attach_requested(now, &nas),
            UlDcchMessage::InformationTransfer { nas } => self.nas(now, &nas),
            UlDcchMessage::SecurityModeComplete { .. } => self.accept(now),
            _ => Ok(Answer::default()),
        }
    }

    /// The ME gets a connection.
    fn connected(&mut self, now: VirtualTime) -> Result<Answer, String> {
        let c_rnti = C_RNTIS.start() + (self.random.next_u32() % u32::from(C_RNTIS.end() - C_RNTIS.start())) as u16;
        let setup = DlCcchMessage::ConnectionSetup { transaction: 0 }.octets();
        let octets = setup.and_then(|octets| common_frame(now, (Downlink, c_rnti), octets));
        let octets = octets.map_err(|error| error.to_string())?;
        self.session = Some(Session {
            c_rnti,
            radio: RadioSide::default(),
            air: AsSecurity::off(),
            keys: None,
            algorithms: Algorithms::AES,
        });
        Ok(said(octets, "RRCConnectionSetup"))
    }

    fn rrc(&mut self, now: VirtualTime, message: &DlDcchMessage, note: &str) -> Result<Answer, String> {
        let Some(Session { c_rnti, radio, air, .. }) = self.session.as_mut() else { return Ok(Answer::default()) };
        let octets = message.octets().map_err(|error| error.to_string())?;
        let frame = radio.frame(now, (Downlink, *c_rnti), air, SRB1, &octets).map_err(|error| error.to_string())?;
        Ok(said(frame.0, note))
    }

    fn nas_to_me(&mut self, now: VirtualTime, nas: Vec<u8>, note: &str) -> Result<Answer, String> {
        let message = DlDcchMessage::InformationTransfer { transaction: 0, nas };
        self.rrc(now, &message, &format!("DLInformationTransfer: {note}"))
    }

    /// The ME wants to attach: it gets a KASMEtemp.
    fn attach_requested(&mut self, now: VirtualTime, nas: &[u8]) -> Result<Answer, String> {
        let offer = Offer::read(nas).ok_or("what the ME says is no attach request")?;
        let mut octets = [0; Kasme::OCTETS];
        // Without a key to encrypt to there is no secret.
        if offer.key().is_some() {
            self.random.fill_bytes(&mut octets);
        }
        let kasme = Kasme::from_octets(octets);
        let Command { nas, security } = Command::make(&offer, nas, &kasme, &mut self.random)?;
        let Some(session) = self.session.as_mut() else { return Ok(Answer::default()) };
        session.algorithms = security.algorithms();
        session.keys = Some((kasme.clone(), security));
        let answer = self.nas_to_me(now, nas, "SecurityModeCommand with a KASMEtemp of its own")?;
        Ok(Answer { learned: Some(kasme), ..answer })
    }

    /// The ME says something under NAS keys.
    fn nas(&mut self, now: VirtualTime, nas: &[u8]) -> Result<Answer, String> {
        let Some(session) = self.session.as_mut() else { return Ok(Answer::default()) };
        let Some((kasme, security)) = &mut session.keys else { return Ok(Answer::default()) };
        let message = match NasMessage::parse(nas).map_err(|error| error.to_string())? {
            NasMessage::Plain(message) => message,
            NasMessage::Protected(ProtectedNas { header, mac, sequence_number, message }) => {
                let opened = security.open(Uplink, sequence_number, mac, &message, header.ciphered());
                let (_, plain) = opened.map_err(|error| error.to_string())?;
                EmmMessage::parse(&plain).map_err(|error| error.to_string())?
            }
        };
        match message {
            EmmMessage::SecurityModeComplete { .. } => {
                // KeNB is made of the COUNT of this message, which is the first.
                let kenb = kdf::kenb(kasme, 0);
                let Algorithms { ciphering, integrity } = session.algorithms;
                let keys = AsKeys::derive(&kenb, ciphering, integrity);
                let air = AsSecurity::new(keys, ciphering, integrity).going_on_from(&session.air);
                session.air = air.ciphering_with(AlgorithmId::Null);
                let algorithms = SecurityAlgorithms { ciphering, integrity };
                let command = DlDcchMessage::SecurityModeCommand { transaction: 0, algorithms };
                self.rrc(now, &command, "SecurityModeCommand")
            }
            EmmMessage::SecurityModeReject { cause } => {
                Err(format!("the ME has refused the security mode command, cause {cause}"))
            }
            _ => Ok(Answer::default()),
        }
    }

    /// What follows is ciphered. The ME gets its bearer, and is told that it is attached.
    fn accept(&mut self, now: VirtualTime) -> Result<Answer, String> {
        let tai = self.tai;
        let Some(session) = self.session.as_mut() else { return Ok(Answer::default()) };
        let Some((_, security)) = &mut session.keys else { return Ok(Answer::default()) };
        session.air = session.air.clone().ciphering_with(session.algorithms.ciphering);
        let esm = esm::activate_default_bearer_request(TRANSACTION, [0; 4]).to_vec();
        let accept = EmmMessage::AttachAccept { result: EPS_ONLY, t3412: T3412, tai, esm, guti: None };
        let nas = vec![protected(&accept, (security, Downlink), SecurityHeader::IntegrityCiphered)?];
        let reconfiguration = RrcConnectionReconfiguration {
            transaction: 1,
            mobility: None,
            nas,
            bearer: Some(Ebi::FIRST),
            security: None,
        };
        self.rrc(now, &DlDcchMessage::Reconfiguration(reconfiguration), "RRCConnectionReconfiguration: AttachAccept")
    }
}

/// Something that the ME is told.
fn said(octets: Vec<u8>, note: &str) -> Answer {
    Answer { said: vec![Said { to_ue: true, octets, note: note.to_owned() }], ..Answer::default() }
}
