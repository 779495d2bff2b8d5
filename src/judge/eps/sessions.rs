//! Sessions of DTLS between UEs and end points in an enterprise (seed 004), as they are outside of the network: the master secret recomputed
//! of the e2m_keys of the log and of the handshake, and every record opened.
//!
//! The same datagrams in tunnels and on the air are not looked at once more.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddrV4;

use super::super::findings::{FindingKind, NoteKind};
use super::FrameView;
use super::core_network::view;
use super::reading::{Reading, Seen, digest};
use crate::capture::capture_reader::RecordedFrame;
use crate::capture::key_log::KeyLog;
use crate::capture::key_log::enterprise::EnterpriseRecord;
use crate::capture::key_log::eps::EpsKeyRecord;
use crate::eps::identifiers::e2m::KeyIdentifier;
use crate::eps::keys::E2mKey;
use crate::eps::security::dtls_psk::RecordKey;
use crate::eps::session_protection::SessionKeys;
use crate::eps::wire::dtls::{self, DtlsRecord, HandshakeTranscript, SessionEnd};
use crate::eps::wire::session_identity::{EMSE_PORT, SessionIdentity};
use crate::eps::wire::user_packet::UserDatagram;

/// Sessions that are remembered at the most.
const MOST_SESSIONS: usize = 10_000;
/// Records whose nonces are remembered at the most.
const MOST_RECORDS: usize = 1_000_000;

/// A session, as far as it is seen.
#[derive(Default)]
struct Session {
    transcript: HandshakeTranscript,
    keys: Option<SessionKeys>,
}

/// The sessions, and the keys of the log that may be theirs.
#[derive(Default)]
pub(super) struct Sessions {
    keys: Vec<(KeyIdentifier, E2mKey)>,
    /// By UE and end point.
    seen: BTreeMap<[SocketAddrV4; 2], Session>,
    /// By key and what stands of the nonce in a record: the frame that had it first, and a digest of its record.
    nonces: HashMap<([u8; RecordKey::OCTETS], u64), (u64, u64)>,
}

impl Sessions {
    /// With the keys of a log.
    pub(super) fn new(log: &KeyLog) -> Self {
        let keys = log.eps.iter().filter_map(|record| match record {
            EpsKeyRecord::Enterprise(EnterpriseRecord::Key(record)) => Some((record.identifier, record.key.clone())),
            _ => None,
        });
        Self { keys: keys.collect(), ..Self::default() }
    }
}

/// What became of a record.
enum Found {
    /// With this key.
    Opened(RecordKey),
    /// The log has no key with the identifier that the UE has given.
    NoKey,
    /// It has some, and the record opens with none of them.
    Sealed,
}

impl Session {
    fn open(&mut self, keys: &[(KeyIdentifier, E2mKey)], sender: SessionEnd, record: &DtlsRecord) -> Found {
        let opened = |keys: &SessionKeys| keys.open(sender, record).map(|_| keys.of_end(sender).clone());
        if let Some(keys) = &self.keys {
            return opened(keys).map_or(Found::Sealed, Found::Opened);
        }
        let said = self.transcript.identity().and_then(SessionIdentity::parse).map(|identity| identity.key);
        let mut candidates = keys.iter().filter(|(identifier, _)| said == Some(*identifier)).peekable();
        if candidates.peek().is_none() {
            return Found::NoKey;
        }
        let mut derived = candidates.filter_map(|(_, key)| SessionKeys::of(&self.transcript, key.octets()));
        let Some((keys, key)) = derived.find_map(|keys| opened(&keys).map(|key| (keys, key))) else {
            return Found::Sealed;
        };
        self.keys = Some(keys);
        Found::Opened(key)
    }
}

impl Reading<'_> {
    /// A datagram to or from an end point.
    pub(super) fn session(&mut self, frame: &RecordedFrame, datagram: &UserDatagram, seen: &Seen) -> FrameView {
        let records = match DtlsRecord::parse_all(&datagram.payload) {
            Ok(records) => records,
            Err(error) => return self.malformed(frame.number, "dtls", error),
        };
        let (sender, ends) = match datagram.to.port() {
            EMSE_PORT => (SessionEnd::Client, [datagram.from, datagram.to]),
            _ => (SessionEnd::Server, [datagram.to, datagram.from]),
        };
        let known = &mut self.sessions.seen;
        if known.len() >= MOST_SESSIONS && !known.contains_key(&ends) {
            self.findings.note(NoteKind::Limit, None, format!("{MOST_SESSIONS} sessions are judged, there are more"));
            return view("dtls", dtls::names(&datagram.payload));
        }
        let session = known.entry(ends).or_default();
        let mut opened = 0_usize;
        for record in &records {
            if record.epoch == 0 {
                // A hello with other random octets begins another session.
                let before = session.transcript.client_hello().map(|hello| hello.random);
                let random = record.client_hello().map(|hello| hello.random);
                if sender == SessionEnd::Client && random.is_some() && before.is_some() && before != random {
                    *session = Session::default();
                }
                // What cannot be read says nothing.
                let _ = session.transcript.take(sender, record);
                continue;
            }
            let name = record.names().join(", ");
            match session.open(&self.sessions.keys, sender, record) {
                Found::Opened(key) => {
                    opened = opened.saturating_add(1);
                    self.verified.records = self.verified.records.saturating_add(1);
                    let Some(nonce) = RecordKey::explicit_nonce(&record.fragment) else { continue };
                    let nonce = u64::from_be_bytes(nonce);
                    let (used, this) = (&mut self.sessions.nonces, (frame.number, digest(&record.fragment)));
                    if used.len() >= MOST_RECORDS {
                        let detail = format!("nonces of {MOST_RECORDS} records are remembered, there are more");
                        self.findings.note(NoteKind::Limit, None, detail);
                        continue;
                    }
                    // The same record again is a copy.
                    let (first, of_first) = *used.entry((*key.octets(), nonce)).or_insert(this);
                    if of_first != this.1 {
                        let who = if sender == SessionEnd::Client { "a UE" } else { "an end point" };
                        let detail = format!("two records of {who} under the nonce {nonce:016x} of one key");
                        self.findings.find(FindingKind::NonceReuse, &[first, frame.number], detail);
                    }
                }
                Found::NoKey => {
                    let detail = "a record of a session of which the log has no e2m_key";
                    self.findings.note(NoteKind::NoKey, Some(frame.number), detail);
                }
                // Of what is for the UE, the receiver here is the gateway, which takes anything.
                Found::Sealed if sender == SessionEnd::Client && seen.accepted() == Some(true) => {
                    let detail =
                        format!("{name} accepted, which opens with no e2m_key of the log: its comment says so");
                    self.findings.find(FindingKind::MacInvalid, &[frame.number], detail);
                }
                Found::Sealed => {
                    let detail = "a record that opens with no e2m_key of the log";
                    self.findings.note(NoteKind::MacWrong, Some(frame.number), detail);
                }
            }
        }
        let told = if opened > 0 { format!("; {opened} opened") } else { String::new() };
        view("dtls", format!("{}{told}", dtls::names(&datagram.payload)))
    }
}
