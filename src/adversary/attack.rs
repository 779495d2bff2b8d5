//! An attack as the adversary carries it out: where it sits, when it acts, what it does.

use std::time::Duration;

use super::change::Change;
use super::fields::FrameField;
use super::forgery::Forgery;
use super::known::Known;
use super::recording::Heard;
use super::trigger::Trigger;
use super::value::Sight;
use crate::dot16::identifiers::Direction;
use crate::emulation::{NodeIndex, Port};

/// Where an attack hears, and where it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// One direction of a link.
    Link {
        /// The link.
        port: Port,
        /// The end that the frames go to, those heard and those sent.
        to: NodeIndex,
    },
    /// Every link on the air, in one direction or both. What it sends goes where the frame that it repeats, or that started
    /// it, was heard.
    Air(Option<Direction>),
}

/// What an attack does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Copies the frame to the end of the recording of this name.
    Record(String),
    /// Sends recorded frames.
    Replay(Replay),
    /// Takes the frame off the link.
    Drop,
    /// Holds the frame back for so long.
    Delay(Duration),
    /// Lets the frame wait until so many others have passed.
    Reorder(u32),
    /// Puts a changed frame in its place.
    Modify(Change),
    /// Sends a frame of its own making.
    Inject {
        /// The frame.
        forgery: Forgery,
        /// How often.
        rounds: Rounds,
    },
    /// Sends these frames.
    Play(Vec<Vec<u8>>),
    /// Is the base station of the link from then on.
    Rogue,
    /// Looks for key stream that was used twice, in these two recordings.
    Compare(String, String),
}

/// How a recording is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its name.
    pub recording: String,
    /// How often.
    pub rounds: Rounds,
    /// The first frame that is sent, from 1.
    pub first: u32,
    /// How many are sent from that one on; `None`: all.
    pub frames: Option<u32>,
    /// How each of them is changed.
    pub change: Change,
}

/// How often something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// How often in all, at least once.
    pub times: u32,
    /// From one time to the next.
    pub every: Duration,
}

/// An attack at a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its name.
    pub name: String,
    /// Its number in the script, which tells in a capture what belongs to it.
    pub number: usize,
    /// Where it sits.
    pub tap: Tap,
    /// When it acts.
    pub trigger: Trigger,
    /// How much later it sends.
    pub wait: Duration,
    /// What it does.
    pub action: Action,
}

impl Attack {
    /// Whether it hears frames on `port` towards `to`.
    pub(super) fn hears(&self, known: &Known, port: Port, to: NodeIndex) -> bool {
        match self.tap {
            Tap::Link { port: own, to: own_to } => own == port && own_to == to,
            Tap::Air(wanted) => {
                known.air_link(port).is_some_and(|link| wanted.is_none_or(|of| of == link.direction(to)))
            }
        }
    }

    /// Whether a frame that it hears is one to act on; `seen` is how many there were so far.
    pub(super) fn takes(&self, seen: &mut u32, frame: &Heard, sight: Sight<'_>) -> bool {
        let Trigger::Frames { choice, filter } = &self.trigger else {
            return false;
        };
        let link = sight.known.air_link(frame.port);
        let sent_by =
            |sender| link.is_some_and(|link| [link.mobile, link.base_station].contains(&sender)) && sender != frame.to;
        let holds = filter.sender.is_none_or(sent_by)
            && filter.phase.is_none_or(|phase| link.is_some_and(|link| sight.known.phase(link.ms) == phase))
            && filter.cid.as_ref().is_none_or(|cid| {
                let wanted = sight.number(cid, u16::MAX.into()).ok();
                wanted.is_some() && FrameField::Cid.read(&frame.octets) == wanted
            });
        holds && choice.takes(seen, frame.time, &frame.octets)
    }

    /// How often it sends.
    pub(super) fn rounds(&self) -> Rounds {
        match &self.action {
            Action::Replay(replay) => replay.rounds,
            Action::Inject { rounds, .. } => *rounds,
            _ => Rounds { times: 1, every: Duration::ZERO },
        }
    }
}
