//! What sessions somebody reads who has come by keys of them, or by keys that theirs are made of (seed 004): a hostile SGSN with the CK
//! and IK that it was given, an end point with the keys of its own sessions, somebody who hears a link of the key server; or
//! who has found out the record keys of one session.
//!
//! Whoever it is hears what is between gateway and end points, and knows EMSE_Ids, the string and identities: none of them is secret.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::eps::identifiers::e2m::EmseId;
use crate::eps::keys::{CkIk, E2mIntKey, E2mKey};
use crate::eps::security::dtls_psk::MasterSecret;
use crate::eps::security::e2m_keys::E2mDerivation;
use crate::eps::session_protection::SessionKeys;
use crate::eps::wire::diameter::{DiameterBody, Vector};
use crate::eps::wire::dtls::{ContentType, DtlsRecord, HandshakeTranscript, SessionEnd};
use crate::eps::wire::sctp::DIAMETER_PROTOCOL;
use crate::eps::wire::session_identity::{EMSE_PORT, SessionIdentity};
use crate::eps::wire::user_packet::UserDatagram;
use crate::eps::wire::{CoreFrame, CorePayload, DiameterMessage};

/// Keys in somebody's hands.
#[derive(Clone, Debug, Default)]
pub struct KeyThief {
    /// CK and IK, or what stood in their place.
    pub ck_iks: Vec<CkIk>,
    /// e2m_int_keys.
    pub int_keys: Vec<E2mIntKey>,
    /// e2m_keys.
    pub keys: Vec<E2mKey>,
}

/// A session as it is heard.
#[derive(Clone, Debug)]
pub struct HeardSession {
    /// The address of the UE, and that of the end point.
    pub ends: [SocketAddrV4; 2],
    /// What the UE says of itself and of its key.
    pub identity: Option<SessionIdentity>,
    transcript: HandshakeTranscript,
    /// Records under the keys of the session.
    sealed: Vec<(SessionEnd, DtlsRecord)>,
}

/// Sessions that are followed at the most, and records of one that are kept.
const MOST_SESSIONS: usize = 10_000;
const MOST_RECORDS: usize = 10_000;

impl KeyThief {
    /// Takes the keys that stand in a frame of the core network.
    pub fn hear(&mut self, octets: &[u8]) {
        let Ok(CoreFrame { payload: CorePayload::Sctp(packet), .. }) = CoreFrame::parse(octets) else { return };
        if packet.data.protocol != DIAMETER_PROTOCOL {
            return;
        }
        match DiameterMessage::parse(&packet.data.user_data).map(|message| message.body) {
            Ok(DiameterBody::AuthenticationInformationAnswer(answer)) => {
                if let Some(Vector::Utran(vector)) = answer.vector {
                    self.ck_iks.push(vector.keys);
                }
            }
            Ok(DiameterBody::PushProfileRequest(request)) => self.int_keys.push(request.key),
            Ok(DiameterBody::BootstrappingInfoAnswer(answer)) => self.keys.extend(answer.keys),
            _ => {}
        }
    }

    /// Every e2m_key that follows, for these end points.
    #[must_use]
    pub fn keys_for(&self, agreed: &E2mDerivation, end_points: &[EmseId]) -> Vec<E2mKey> {
        let derived = self.ck_iks.iter().filter_map(|keys| agreed.int_key(keys).ok());
        let int_keys: Vec<E2mIntKey> = derived.chain(self.int_keys.iter().cloned()).collect();
        let of_all = int_keys.iter().flat_map(|key| end_points.iter().filter_map(|emse| agreed.key(key, emse).ok()));
        self.keys.iter().cloned().chain(of_all).collect()
    }
}

/// The sessions in these frames, in the order in which they begin. A new handshake between the same ends is another session.
pub fn sessions<'a>(frames: impl Iterator<Item = &'a [u8]>) -> Vec<HeardSession> {
    let mut all: Vec<HeardSession> = Vec::new();
    let mut last: BTreeMap<[SocketAddrV4; 2], usize> = BTreeMap::new();
    for octets in frames {
        let Ok(UserDatagram { from, to, payload }) = CoreFrame::parse(octets).and_then(UserDatagram::of_frame) else {
            continue;
        };
        let (sender, ends) = match (from.port(), to.port()) {
            (_, EMSE_PORT) => (SessionEnd::Client, [from, to]),
            (EMSE_PORT, _) => (SessionEnd::Server, [to, from]),
            _ => continue,
        };
        for record in DtlsRecord::parse_all(&payload).unwrap_or_default() {
            let place = match last.get(&ends) {
                Some(place) => *place,
                None if all.len() < MOST_SESSIONS => {
                    last.insert(ends, all.len());
                    let transcript = HandshakeTranscript::default();
                    all.push(HeardSession { ends, identity: None, transcript, sealed: Vec::new() });
                    all.len() - 1
                }
                None => continue,
            };
            let Some(session) = all.get_mut(place) else { continue };
            if record.epoch == 0 {
                // What the transcript refuses is of another handshake, or of nobody.
                let _ = session.transcript.take(sender, &record);
                session.identity = session.transcript.identity().and_then(SessionIdentity::parse);
            } else if session.sealed.len() < MOST_RECORDS {
                session.sealed.push((sender, record));
            }
        }
    }
    all
}

impl HeardSession {
    /// The random octets of the client, by which a session is told from others.
    #[must_use]
    pub fn client_random(&self) -> Option<[u8; 32]> {
        Some(self.transcript.client_hello()?.random)
    }

    /// The keys of the session, by its master secret.
    #[must_use]
    pub fn keys_of(&self, master: &MasterSecret) -> Option<SessionKeys> {
        SessionKeys::of_master(&self.transcript, master.clone())
    }

    /// The application data that these record keys open; none if they open none.
    #[must_use]
    pub fn read_under(&self, keys: &SessionKeys) -> Option<Vec<Vec<u8>>> {
        let data = self.sealed.iter().filter(|(_, record)| record.content == ContentType::APPLICATION_DATA);
        let opened: Vec<Vec<u8>> = data.filter_map(|(sender, record)| keys.open(*sender, record)).collect();
        (!opened.is_empty()).then_some(opened)
    }

    /// The application data that one of these keys opens; none if none does.
    #[must_use]
    pub fn read(&self, keys: &[E2mKey]) -> Option<Vec<Vec<u8>>> {
        keys.iter().find_map(|key| self.read_under(&SessionKeys::of(&self.transcript, key.octets())?))
    }
}
