//! The man in the middle (seed 003, points 3 and 4 of `eps-systems.md` 3.2): on the way to the network he puts his own public key in the
//! place of the ME's. KASMEtemp comes encrypted to him; he opens it, encrypts it to the ME, and passes it on. Where the MME sends a key
//! too he does the same with that and with what the ME answers. From then on he changes nothing, and reads everything.

use rand_chacha::ChaCha20Rng;

use super::nas_in_frame::NasInFrame;
use super::parlos::{Answer, NAME};
use super::parlos_command::{Offer, carried_public_key, hash_of, protected, security_of};
use crate::emulation::Fate;
use crate::eps::keys::Kasme;
use crate::eps::parameters::Algorithms;
use crate::eps::parameters::LinkDirection::{Downlink, Uplink};
use crate::eps::security::key_transport::contribution::joined;
use crate::eps::security::key_transport::{PrivateKey, PublicKey, TransportError, open, seal};
use crate::eps::security::protection::NasSecurity;
use crate::eps::wire::nas::element::{TAG_PUBLIC_KEY, TAG_SEALED};
use crate::eps::wire::nas::{EmmMessage, FurtherElement, NasMessage, ProtectedNas};

/// The attach that is going on.
#[derive(Clone, Debug)]
struct Attach {
    /// The ME's key, and that in its place.
    of_me: PublicKey,
    own: PrivateKey,
    /// The attach request as the ME has sent it.
    request: Vec<u8>,
    exchange: Option<Exchange>,
}

/// What the MME has sent with a key of its own.
#[derive(Clone, Debug)]
struct Exchange {
    /// The MME's key, and that in its place.
    of_mme: PublicKey,
    own: PrivateKey,
    /// The MME's part of KASMEtemp, under which the ME answers.
    part: Kasme,
    security: NasSecurity,
}

/// A man in the middle.
#[derive(Clone, Debug)]
pub(super) struct Middle {
    random: ChaCha20Rng,
    attach: Option<Attach>,
}

/// A changed message, what was changed, and the key that came out.
type Changed = (Vec<u8>, &'static str, Option<Kasme>);

impl Middle {
    /// One who has heard nothing.
    pub(super) const fn new(random: ChaCha20Rng) -> Self {
        Self { random, attach: None }
    }

    /// A frame of the link. `None`: there is nothing to change.
    pub(super) fn hear(&mut self, uplink: bool, octets: &[u8]) -> Option<Answer> {
        let (frame, nas) = NasInFrame::read(octets, true)?;
        let changed = match (uplink, NasMessage::parse(&nas).ok()?) {
            (true, NasMessage::Plain(_)) => self.request(&nas),
            (true, NasMessage::Protected(message)) => self.complete(&message),
            (false, NasMessage::Protected(message)) => self.command(&message),
            (false, NasMessage::Plain(_)) => None,
        };
        let changed = changed?.and_then(|(nas, words, learned)| {
            let octets = frame.with(nas).map_err(|error| error.to_string())?;
            let fate = Fate { remarks: vec![format!("modified by {NAME}: {words}")], ..Fate::replaced(octets) };
            Ok(Answer { fate, learned, ..Answer::default() })
        });
        Some(changed.unwrap_or_else(|failure| Answer { failure: Some(failure), ..Answer::default() }))
    }

    /// An attach request gets another key.
    fn request(&mut self, nas: &[u8]) -> Option<Result<Changed, String>> {
        let offer = Offer::read(nas)?;
        let of_me = offer.key()?;
        let replaced = PrivateKey::generate(of_me.scheme(), &mut self.random).map_err(told).and_then(|own| {
            let replaced = offer.replaced(&own.public(), &mut self.random)?.octets()?;
            Ok((own, replaced))
        });
        Some(replaced.map(|(own, replaced)| {
            self.attach = Some(Attach { of_me, own, request: nas.to_vec(), exchange: None });
            (replaced, "its public key is another", None)
        }))
    }

    /// A security mode command is opened, and encrypted to the ME. What it says of the request fits that which the ME has sent; a
    /// signature of the network he cannot make.
    fn command(&mut self, message: &ProtectedNas) -> Option<Result<Changed, String>> {
        let EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, mut elements } =
            EmmMessage::parse(&message.message).ok()?
        else {
            return None;
        };
        let attach = self.attach.as_mut()?;
        let sealed = elements.iter_mut().find(|element| element.tag == TAG_SEALED)?;
        let opened = open(&attach.own, &sealed.content).and_then(|kasme| {
            sealed.content = seal(&attach.of_me, &kasme, &mut self.random)?;
            Ok(kasme)
        });
        let kasme = match opened {
            Ok(kasme) => kasme,
            Err(error) => return Some(Err(told(error))),
        };
        let both = Algorithms { ciphering: algorithms.ciphering, integrity: algorithms.integrity };
        let mut security = security_of(&kasme, both).going_on_at(0, message.sequence_number.into());
        if let Some(of_mme) = carried_public_key(&elements) {
            let own = match PrivateKey::generate(of_mme.scheme(), &mut self.random) {
                Ok(own) => own,
                Err(error) => return Some(Err(told(error))),
            };
            let key = own.public();
            elements.retain(|element| element.tag != TAG_PUBLIC_KEY);
            elements.push(FurtherElement::public_key(key.scheme() as u8, key.octets()));
            attach.exchange = Some(Exchange { of_mme, own, part: kasme.clone(), security: security.clone() });
        }
        let hash = hash.map(|_| hash_of(&attach.request));
        let command = EmmMessage::SecurityModeCommand { algorithms, key_set, capability, nonces: None, hash, elements };
        let nas = protected(&command, (&mut security, Downlink), message.header);
        Some(nas.map(|nas| (nas, "its KASMEtemp is encrypted to the ME again", Some(kasme))))
    }

    /// What the ME gives of KASMEtemp is opened, and encrypted to the MME.
    fn complete(&mut self, message: &ProtectedNas) -> Option<Result<Changed, String>> {
        let Exchange { of_mme, own, part, security } = self.attach.as_mut()?.exchange.as_mut()?;
        let ProtectedNas { header, mac, sequence_number, message } = message;
        let before = security.clone();
        let (_, plain) = security.open(Uplink, *sequence_number, *mac, message, header.ciphered()).ok()?;
        let EmmMessage::SecurityModeComplete { mut elements } = EmmMessage::parse(&plain).ok()? else { return None };
        let sealed = elements.iter_mut().find(|element| element.tag == TAG_SEALED)?;
        let opened = open(own, &sealed.content).and_then(|of_me| {
            sealed.content = seal(of_mme, &of_me, &mut self.random)?;
            Ok(joined(part, &of_me))
        });
        let changed = opened.map_err(told).and_then(|whole| {
            let complete = EmmMessage::SecurityModeComplete { elements };
            let nas = protected(&complete, (&mut before.clone(), Uplink), *header)?;
            Ok((nas, "its part of KASMEtemp is encrypted to the MME again", Some(whole)))
        });
        // The messages that follow are under both parts.
        if let Some(attach) = self.attach.as_mut() {
            attach.exchange = None;
        }
        Some(changed)
    }
}

fn told(error: TransportError) -> String {
    error.to_string()
}
