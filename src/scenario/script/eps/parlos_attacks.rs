//! What somebody does against attaches: actions of `[[attack]]` that only scripts with `system = "parlos"` have, and one that those with
//! `system = "e2m"` have too.

use std::time::Duration;

use super::Network;
use super::attacks::AttackAction;
use super::network::UeId;
use crate::adversary::eps::AttachChange;
use crate::eps::parameters::AlgorithmId;
use crate::eps::wire::nas::AlgorithmSet;
use crate::scenario::script::header::System;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};

/// What somebody does who attacks an attach for RLOS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParlosAttack {
    /// Hears all of the air, and has no key; or is given, when all is over, the private key that this ME had in this attach of it,
    /// from 1.
    Listen(Option<(UeId, u32)>),
    /// Sits between ME and network, and puts its own public key in the place of the ME's.
    ManInTheMiddle,
    /// Is the network for an ME: the louder one in a cell.
    FalseNetwork,
    /// Comes as an ME.
    Attaches {
        /// How often.
        times: u32,
        /// From one time to the next.
        every: Duration,
        /// The attach request is the first of this recording; else one with a key of its own.
        recording: Option<String>,
        /// Or it is one in the name of this UE.
        imsi_of: Option<UeId>,
    },
}

/// The actions.
pub(super) const ACTIONS: &[&str] = &["listen", "man_in_the_middle", "false_network", "attaches"];
/// What stands beside them.
pub(super) const ACTION_OPTIONS: &[&str] = &["key_of", "nth", "recording"];
/// What is changed in an attach request.
pub(super) const CHANGES: &[&str] = &["rlos", "key", "capabilities", "sealed_bit"];

/// Whether an action sits on a link of the air and takes both directions of it.
pub(super) const fn is_on_air(action: &AttackAction) -> bool {
    matches!(action, AttackAction::Parlos(attack) if !matches!(attack, ParlosAttack::Listen(_)))
}

/// The algorithms that somebody leaves in an attach request.
const ALGORITHMS: [(&str, (bool, AlgorithmId)); 4] = [
    ("eea0", (true, AlgorithmId::Null)),
    ("eea2", (true, AlgorithmId::Aes)),
    ("eia0", (false, AlgorithmId::Null)),
    ("eia2", (false, AlgorithmId::Aes)),
];

/// What is changed in an attach request: keys of [`CHANGES`] in a `modify`.
pub(super) fn attach_change(section: &Section<'_>, network: Network<'_>) -> Read<AttachChange> {
    if !network.is_parlos() {
        for key in CHANGES {
            section.refuse(key, "without system = \"parlos\"")?;
        }
    }
    let stripped = |key: &str| {
        section.read(key, false, |field| match field.boolean()? {
            false => Ok(true),
            true => Err(field.mismatch("false: it is taken out")),
        })
    };
    let algorithms = |field: Field<'_>| -> Read<(AlgorithmSet, AlgorithmSet)> {
        let fields = field.items("an array of algorithms")?;
        let chosen = fields.iter().map(|field| field.one_of(&ALGORITHMS)).collect::<Read<Vec<_>>>()?;
        let of = |ciphers: bool| {
            let ids: Vec<AlgorithmId> = chosen.iter().filter(|(of, _)| *of == ciphers).map(|(_, id)| *id).collect();
            AlgorithmSet::of(&ids)
        };
        Ok((of(true), of(false)))
    };
    Ok(AttachChange {
        strips_rlos: stripped("rlos")?,
        strips_key: stripped("key")?,
        capabilities: section.field("capabilities").map(algorithms).transpose()?,
        sealed_bit: section
            .field("sealed_bit")
            .map(|field| field.number(SEALED_BITS).map(|bit| bit as usize))
            .transpose()?,
    })
}

/// Bits of the longest encrypted KASMEtemp.
const SEALED_BITS: std::ops::RangeInclusive<u32> = 0..=256 * 8 - 1;
const MOST_ATTACHES: u32 = 10_000;
const NTH: std::ops::RangeInclusive<u32> = 1..=1_000_000;
const EVERY: Duration = Duration::from_millis(5);
const TICK: Duration = Duration::from_nanos(1);

/// An action of [`ACTIONS`].
pub(super) fn action(section: &Section<'_>, what: &Field<'_>, network: Network<'_>) -> Read<ParlosAttack> {
    let e2m = network.0.system == System::E2m;
    if !(network.is_parlos() || e2m && what.key() == "attaches") {
        return Err(what.mismatch("no such action without system = \"parlos\""));
    }
    Ok(match what.key() {
        "listen" => {
            what.yes()?;
            let key = section.field("key_of").map(|field| network.named_ue(&field)).transpose()?;
            if key.is_none() {
                section.refuse("nth", "without key_of")?;
            }
            let nth = section.read("nth", 1, |field| field.number(NTH))?;
            ParlosAttack::Listen(key.map(|ue| (ue, nth)))
        }
        "man_in_the_middle" => what.yes().map(|()| ParlosAttack::ManInTheMiddle)?,
        "false_network" => what.yes().map(|()| ParlosAttack::FalseNetwork)?,
        _ => {
            let (refused, reason) =
                if e2m { ("recording", "with system = \"e2m\"") } else { ("imsi_of", "without system = \"e2m\"") };
            section.refuse(refused, reason)?;
            let of_whom = |field: Field<'_>| network.named_ue(&field);
            ParlosAttack::Attaches {
                times: what.number(1..=MOST_ATTACHES)?,
                every: section.read("every", EVERY, |field| field.time(TICK..=Duration::MAX))?,
                recording: section.field("recording").map(|field| field.name(64, true)).transpose()?,
                imsi_of: if e2m { Some(of_whom(section.required("imsi_of", "the name of a UE")?)?) } else { None },
            }
        }
    })
}
