//! What a script tells these nodes, what they report, and how nodes that know nothing of them stand in the same emulation.

use super::store::Removal;
use crate::emulation::{Input, Node, Outbox};
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::{ApplicationIdentity, EmseId, KeyIdentifier};
use crate::eps::keys::{E2mIntKey, E2mKey};
use crate::eps::node;
use crate::eps::security::dtls_psk::MasterSecret;
use crate::time::VirtualTime;

/// What a script tells a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// What it tells any node of EPS.
    Eps(node::Command),
    /// To a UE: a session with this end point is to be opened.
    Open(EmseId),
    /// To a UE: the session with this end point is to be closed.
    Close(EmseId),
    /// To a UE: these octets go to this end point in their session.
    Send(EmseId, Vec<u8>),
}

/// By what a node knows a user: what it has learnt of it, and no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// By its IMSI.
    Imsi(Imsi),
    /// By its application identity.
    Application(ApplicationIdentity),
}

/// What a node reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What any node of EPS reports.
    Eps(node::Event),
    /// What the nodes of this module report of a user.
    Enterprise {
        /// The user, as the node knows it.
        user: User,
        /// What.
        what: What,
    },
}

/// Why an EMSE gets no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueryFailure {
    /// There is no user of this identity.
    UnknownUser,
    /// The user has no key of this identifier: it never had, or it is deleted.
    UnknownKey,
    /// Several keys have this identifier, and none is given.
    Ambiguous,
    /// The EMSE is not the one that it says it is, or has not registered.
    NotAuthorized,
    /// No answer has come.
    NoAnswer,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionFailure {
    /// The UE has no key: it was never authenticated, or is not in the plan.
    NoKey,
    /// The EMSE got no key.
    Query(QueryFailure),
    /// The PSK identity is none.
    Identity,
    /// The two ends have different keys, or a message was changed on its way.
    Handshake,
    /// The other end has said so by an alert.
    Alert,
    /// Nothing came from the other end any more.
    TimedOut,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// UE: it has made this of an authentication; HSS: it has, and pushes it; EMKS: it keeps it.
    IntKey {
        /// The key.
        key: E2mIntKey,
        /// What it is called.
        identifier: KeyIdentifier,
    },
    /// HSS: the EMKS has answered a push.
    Pushed(KeyIdentifier),
    /// HSS: the EMKS has not answered, however often it was told.
    PushGivenUp(KeyIdentifier),
    /// EMKS: it has deleted a key.
    Deleted {
        /// What it was called.
        identifier: KeyIdentifier,
        /// Why.
        why: Removal,
    },
    /// UE: it has made this for a session; EMKS: it gives it; EMSE: it has got it.
    Key {
        /// The key.
        key: E2mKey,
        /// What the e2m_int_key is called that it is made of.
        identifier: KeyIdentifier,
        /// The end point that it is for.
        emse: EmseId,
    },
    /// EMKS: it refuses an end point a key.
    Refused {
        /// What was asked for.
        identifier: KeyIdentifier,
        /// The end point as which it was asked, if one was named.
        emse: Option<EmseId>,
        /// Why.
        why: QueryFailure,
    },
    /// UE or EMSE: a session is open, with the key of this identifier.
    SessionOpened {
        /// The end point.
        emse: EmseId,
        /// What the key is called.
        identifier: KeyIdentifier,
        /// The random value of the client, by which the session is told from others.
        client_random: [u8; 32],
        /// The master secret, if the library tells it.
        master_secret: Option<MasterSecret>,
    },
    /// UE or EMSE: no session has come of an attempt.
    SessionFailed {
        /// The end point.
        emse: EmseId,
        /// What the key is called, if it came to that.
        identifier: Option<KeyIdentifier>,
        /// Why.
        why: SessionFailure,
    },
    /// UE or EMSE: a session was closed.
    SessionClosed {
        /// The end point.
        emse: EmseId,
    },
    /// UE or EMSE: these octets have come out of a session.
    Received {
        /// The end point.
        emse: EmseId,
        /// The octets.
        octets: Vec<u8>,
    },
}

/// A node of EPS that knows nothing of enterprises, among those that do.
pub struct Around<N>(pub N);

impl<N: Node<Command = node::Command, Event = node::Event>> Node for Around<N> {
    type Command = Command;
    type Event = Event;

    fn handle(&mut self, now: VirtualTime, input: Input<Command>, outbox: &mut Outbox<Event>) {
        let Some(input) = of_eps(input) else { return };
        let mut inner = Outbox::default();
        self.0.handle(now, input, &mut inner);
        outbox.absorb(inner, Event::Eps);
    }

    fn next_timer(&self) -> Option<VirtualTime> {
        self.0.next_timer()
    }
}

/// An input as a node of EPS takes it; none if it is a command of this module.
pub(super) fn of_eps(input: Input<Command>) -> Option<Input<node::Command>> {
    match input {
        Input::Frame { port, octets } => Some(Input::Frame { port, octets }),
        Input::Timer => Some(Input::Timer),
        Input::Command(Command::Eps(command)) => Some(Input::Command(command)),
        Input::Command(_) => None,
    }
}
