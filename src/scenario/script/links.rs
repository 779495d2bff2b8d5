//! How a script names links, one direction of a link, and frames on it.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::attacks::{MESSAGES, MessageName};
use super::nearest::{nearest, suggest};
use super::problem::Read;
use super::section::{Field, Section};
use super::stations::{BaseStationId, MobileStationId, Stations};
use crate::dot16::backbone::MessageKind;
use crate::time::VirtualTime;

/// A link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// The air between a mobile station and a base station, `air:ms1-bs2`.
    Air {
        /// One end.
        mobile_station: MobileStationId,
        /// The other end.
        base_station: BaseStationId,
    },
    /// Reference point R6 between a base station and the gateway, `r6:bs2-gw`.
    R6 {
        /// One end; the gateway is the other.
        base_station: BaseStationId,
    },
    /// Reference point R4 between two base stations, `r4:bs1-bs2`; a script may name them in either order.
    R4 {
        /// The end that the script has first among its base stations.
        first: BaseStationId,
        /// The other end.
        second: BaseStationId,
    },
    /// Reference point R3 between the gateway and the AAA server, `r3:gw-aaa`.
    R3,
}

impl Link {
    /// Whether it is wired.
    #[must_use]
    pub const fn is_backbone(self) -> bool {
        !matches!(self, Self::Air { .. })
    }
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkEnd {
    /// The mobile station of [`Link::Air`], the base station of [`Link::R6`], `first` of [`Link::R4`], the gateway of
    /// [`Link::R3`].
    First,
    /// The other one.
    Second,
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectedLink {
    /// The link.
    pub link: Link,
    /// The end that receives.
    pub to: LinkEnd,
}

/// A kind of frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Every frame.
    Any,
    /// User data.
    Data,
    /// On the air: a management message.
    Message(MessageName),
    /// On the air: a CDMA ranging code.
    RangingCode,
    /// On the backbone: a control message.
    Control(MessageKind),
}

/// Frames that pass a link in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameChoice {
    /// Which frames count.
    pub kind: FrameKind,
    /// The first matching frame, from 1.
    pub nth: u32,
    /// How many matching frames in a row, from that one on.
    pub count: u32,
    /// Frames before this instant do not count.
    pub after: VirtualTime,
}

/// `RNG-REQ`, as a script has it.
impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => ANY,
            Self::Data => DATA,
            Self::Message(name) => name.as_str(),
            Self::RangingCode => RANGING_CODE,
            Self::Control(kind) => kind.name(),
        })
    }
}

const ANY: &str = "any";
const DATA: &str = "data";
const RANGING_CODE: &str = "CDMA";

/// Numbers of frames, and how many of them.
pub(super) const FRAMES: RangeInclusive<u32> = 1..=1_000_000;

/// The link that `field` names.
pub(super) fn link(field: &Field<'_>, stations: &Stations) -> Read<Link> {
    let expected = "a link such as \"air:ms1-bs2\", \"r6:bs2-gw\", \"r4:bs1-bs2\" or \"r3:gw-aaa\"";
    let text = field.text(expected)?;
    let parts = text.split_once(':').and_then(|(kind, ends)| Some((kind, ends.split_once('-')?)));
    let (kind, (first, second)) = parts.ok_or_else(|| field.mismatch(expected))?;
    match kind {
        "air" => Ok(Link::Air {
            mobile_station: stations.mobile_station_called(field, first)?,
            base_station: stations.base_station_called(field, second)?,
        }),
        "r6" => {
            let base_station = stations.base_station_called(field, first)?;
            let gateway = &stations.authenticator.name;
            if second == gateway {
                return Ok(Link::R6 { base_station });
            }
            let problem = field.mismatch("the name of the gateway after the base station's");
            Err(problem.help(format!("did you mean \"r6:{first}-{gateway}\"?")))
        }
        "r3" => {
            let (gateway, server) = (&stations.authenticator.name, &stations.aaa.name);
            if first == gateway && second == server {
                return Ok(Link::R3);
            }
            let problem = field.mismatch("the names of the gateway and of the AAA server");
            Err(problem.help(format!("did you mean \"r3:{gateway}-{server}\"?")))
        }
        "r4" => {
            let one = stations.base_station_called(field, first)?;
            let other = stations.base_station_called(field, second)?;
            if one == other {
                return Err(field.mismatch("two different base stations"));
            }
            Ok(Link::R4 { first: one.min(other), second: one.max(other) })
        }
        _ => {
            let problem = field.mismatch(expected);
            Err(match nearest(kind, ["air", "r6", "r4", "r3"]) {
                Some(kind) => problem.help(format!("did you mean \"{kind}:{first}-{second}\"?")),
                None => problem,
            })
        }
    }
}

/// The direction of `link` towards the node that the key `to` of `section` names.
pub(super) fn towards(section: &Section<'_>, link: Link, stations: &Stations) -> Read<DirectedLink> {
    let [first, second] = stations.end_names(link);
    let expected = format!("{first:?} or {second:?}, the end of the link that receives");
    let field = section.required("to", &expected)?;
    let to = match field.text(&expected)? {
        name if name == first => LinkEnd::First,
        name if name == second => LinkEnd::Second,
        other => {
            let problem = field.mismatch(&expected);
            return Err(suggest(problem, other, [first, second]));
        }
    };
    Ok(DirectedLink { link, to })
}

/// The frames that the keys `frame`, `nth`, `count` and `after` of `section` choose on a link, which is one on the backbone or
/// on the air.
pub(super) fn frames(section: &Section<'_>, backbone: bool, duration: Duration) -> Read<FrameChoice> {
    Ok(FrameChoice {
        kind: frame_kind(&section.required("frame", expected_kind(backbone))?, backbone)?,
        nth: section.read("nth", 1, |field| field.number(FRAMES))?,
        count: section.read("count", 1, |field| field.number(FRAMES))?,
        after: section.read("after", VirtualTime::ZERO, |field| {
            field.instant(Duration::ZERO, duration).map(|time| VirtualTime::ZERO + time)
        })?,
    })
}

const fn expected_kind(backbone: bool) -> &'static str {
    if backbone {
        "\"any\", \"data\" or, on the backbone, the name of a control message such as \"Context_Rpt\""
    } else {
        "\"any\", \"data\", \"CDMA\" or, on the air, the name of a management message such as \"RNG-REQ\""
    }
}

fn frame_kind(field: &Field<'_>, backbone: bool) -> Read<FrameKind> {
    let text = field.text(expected_kind(backbone))?;
    let mut kinds = vec![FrameKind::Any, FrameKind::Data];
    if backbone {
        kinds.extend(MessageKind::NAMED.iter().map(|kind| FrameKind::Control(*kind)));
    } else {
        kinds.push(FrameKind::RangingCode);
        kinds.extend(MESSAGES.iter().filter_map(|(_, number)| MessageName::of_type(*number)).map(FrameKind::Message));
    }
    let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    match names.iter().zip(&kinds).find(|(name, _)| *name == text) {
        Some((_, kind)) => Ok(*kind),
        None => {
            let problem = field.mismatch(expected_kind(backbone));
            Err(suggest(problem, text, names.iter().map(String::as_str)))
        }
    }
}
