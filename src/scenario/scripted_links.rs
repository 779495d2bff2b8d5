//! What a script says of single links becomes settings of the emulation: impairments, faults, taps of the adversary.

use super::faults::{Fault, Faults};
use super::script::{self, AttackAction, DirectedLink, Link, LinkEnd, LinkImpairments, Script, WireDelay};
use super::world::Topology;
use crate::adversary::{Action, Attack, FrameChoice, FrameKind, Trigger};
use crate::emulation::{Impairments, LinkSettings, Port, Timing};

/// By port: the settings towards the first end and towards the second.
pub(super) fn link_settings(script: &Script, topology: &Topology) -> Vec<[LinkSettings; 2]> {
    let of_all = |link| {
        [LinkEnd::First, LinkEnd::Second].map(|to| {
            let impairments = LinkImpairments::of_all(DirectedLink { link, to }, &script.radio, &script.backbone);
            directed_settings(&impairments, &script.radio)
        })
    };
    let mut settings: Vec<[LinkSettings; 2]> = topology.links.iter().map(|ends| of_all(ends.in_script())).collect();
    for impairments in &script.links {
        let (port, _) = topology.directed(impairments.link);
        let [to_first, to_second] = &mut settings[port.0];
        let direction = match impairments.link.to {
            LinkEnd::First => to_first,
            LinkEnd::Second => to_second,
        };
        *direction = directed_settings(impairments, &script.radio);
    }
    settings
}

fn directed_settings(impairments: &LinkImpairments, radio: &script::Radio) -> LinkSettings {
    let LinkImpairments { link, loss, duplication, bit_errors, reordering, held_back, wire } = *impairments;
    let timing = match (wire, link.to) {
        (Some(WireDelay { latency, jitter }), _) => Timing::Latency { latency, jitter },
        (None, LinkEnd::First) => Timing::Slot { period: radio.frame, end: radio.downlink },
        (None, LinkEnd::Second) => Timing::Slot { period: radio.frame, end: radio.frame },
    };
    LinkSettings {
        timing,
        impairments: Impairments { loss, duplication, bit_error: bit_errors, reordering, held_back },
    }
}

/// Every `[[fault]]`.
pub(super) fn scripted_faults(script: &Script, topology: &Topology) -> Faults {
    let mut faults = Faults::default();
    for fault in &script.faults {
        let (port, to) = topology.directed(fault.link);
        let frames = frame_choice(fault.frames, fault.link.link);
        faults.add(port, to, Fault { frames, effect: fault.effect });
    }
    faults
}

/// What the `[[attack]]` of this number is to the adversary on the links; `None`: it acts on none.
pub(super) fn scripted_attack(number: usize, attack: &script::Attack, topology: &Topology) -> Option<Attack> {
    if let (AttackAction::KeyStreamReuse(reuse), script::Trigger::Time(at)) = (&attack.action, attack.trigger) {
        // It acts on no link: the port is never looked at.
        let action = Action::Compare(reuse.first.clone(), reuse.second.clone());
        let (port, to) = (Port(0), Topology::GATEWAY);
        return Some(Attack { name: attack.name.clone(), number, port, to, trigger: Trigger::Time(at), action });
    }
    let tap = attack.tap?;
    let trigger = match attack.trigger {
        script::Trigger::Time(at) => Trigger::Time(at),
        script::Trigger::Frame(frames) => Trigger::Frames(frame_choice(frames, tap.link)),
    };
    let action = match &attack.action {
        AttackAction::Record(name) => Action::Record(name.clone()),
        AttackAction::Replay(name) => Action::Replay(name.clone()),
        AttackAction::Drop => Action::Drop,
        AttackAction::Delay(delay) => Action::Delay(*delay),
        AttackAction::Compromise(_) | AttackAction::KeyStreamReuse(_) => return None,
    };
    let (port, to) = topology.directed(tap);
    Some(Attack { name: attack.name.clone(), number, port, to, trigger, action })
}

fn frame_choice(frames: script::FrameChoice, link: Link) -> FrameChoice {
    let script::FrameChoice { kind, nth, count, after } = frames;
    let kind = match kind {
        script::FrameKind::Any => FrameKind::Any,
        script::FrameKind::Data if link.is_backbone() => FrameKind::BackboneData,
        script::FrameKind::Data => FrameKind::AirData,
        script::FrameKind::Message(name) => FrameKind::Message(name.message_type()),
        script::FrameKind::RangingCode => FrameKind::RangingCode,
        script::FrameKind::Control(kind) => FrameKind::Control(kind),
    };
    FrameChoice { kind, nth, count, after }
}
