//! How long things may take, from the settings of a script alone.

use std::time::Duration;

use keyhop::scenario::script::{HandoverMode, MobileStation, Script, StepAction};

/// How long an authentication may take until it is given up.
const AUTHENTICATION_LIMIT: Duration = Duration::from_secs(10);

/// How long the SA-TEK handshake of a handover may take until it is given up: SaTEKTimer, four times.
const HANDSHAKE_LIMIT: Duration = Duration::from_millis(1200);

/// How often a mobile sends MOB_MSHO-REQ before it gives a preparation up.
const REQUESTS: u32 = 4;

/// The longest time from the beginning of a handover to its end:
///
/// * preparation: MOB_MSHO-REQ is sent four times, each waited for `handover_retry` and four frames (the serving BS waits
///   for its candidates no longer than `handover_retry`);
/// * the action time, counted from the frame of MOB_BSHO-RSP, with a frame for its way and one to align;
/// * one entry after another, at every BS at the most once: the target, the BS before, the others that were recommended
///   (or, for a mobile that has lost its link, every BS there is): `dl_sync`, `ranging_deadline`, and `tek_processing`
///   where RNG-RSP came in the last moment; once more where contexts are lost on the way back from a cancelled attempt;
/// * in mode `legacy-sa-tek` the handshake, which is given up after a while, in mode `legacy-full` the authentication;
/// * the way back of a cancelled attempt: `dl_sync`;
/// * where nothing else is left: the entry by authentication, which takes as long as [`entrance`] if nothing is lost;
/// * where a PMK may be renewed: the handover may wait for the end of a renewal, which is given up in the end.
pub fn handover_bound(script: &Script) -> Duration {
    let radio = &script.radio;
    let preparation = (radio.handover_retry + radio.frame * 4) * REQUESTS;
    let action = radio.frame * (u32::from(radio.action_time) + 3);
    let entry = radio.dl_sync + radio.ranging_deadline + radio.tek_processing + radio.frame;
    let stations = script.base_stations.len() as u32;
    let losses = script.steps.iter().filter(|step| is_loss_of_keys(&step.action)).count() as u32;
    let renewed = script.mobile_stations.iter().any(is_near_the_end)
        || script.steps.iter().any(|step| step.action == StepAction::Reauthenticate);
    let renewal = if renewed { AUTHENTICATION_LIMIT } else { Duration::ZERO };
    let mode = match script.mode {
        HandoverMode::LegacySaTek => HANDSHAKE_LIMIT,
        // Ranging, SBC, REG and Key-Request are repeated as often as MOB_MSHO-REQ, and can all come to nothing.
        HandoverMode::LegacyFull => AUTHENTICATION_LIMIT + entry + preparation * 3,
        _ => Duration::ZERO,
    };
    let entries = entry * stations * (1 + losses) + entrance(script) + mode;
    preparation + action + entries + radio.dl_sync + radio.frame + renewal
}

/// How long an entry by authentication takes if nothing is lost: ranging, and twelve exchanges (SBC, six of EAP-TLS, the context,
/// two of the SA-TEK handshake, REG, first TEKs), each over the air, to the AAA server and back at the most. (If something is
/// lost it takes as long as it takes: the mobile tries one BS after another until it is in.)
pub fn entrance(script: &Script) -> Duration {
    let radio = &script.radio;
    let exchange = longest_way(script) * 4 + radio.frame * 4;
    radio.dl_sync + radio.ranging_deadline + exchange * 12 + radio.tek_processing
}

/// The longest time from one node of the backbone to another.
fn longest_way(script: &Script) -> Duration {
    let links = script.links.iter().filter_map(|link| link.wire).map(|wire| wire.latency + wire.jitter);
    links.fold(script.backbone.latency + script.backbone.jitter, Duration::max)
}

/// Whether counts or CMAC_PNs of a mobile may be used up in a run, so that it authenticates anew.
pub fn is_near_the_end(mobile: &MobileStation) -> bool {
    mobile.cmac_key_count.is_some_and(|count| count.0 > 65_000) || mobile.cmac_pn.is_some()
}

fn is_loss_of_keys(action: &StepAction) -> bool {
    matches!(action, StepAction::LoseContexts | StepAction::LoseCounter)
}

/// After how long without a step everything is at rest again: what was under way has ended, a mobile whose BS holds no
/// connection any more has found that out (`lost_downlink`) and entered again, as often as its count must go up until it
/// is the network's.
pub fn settle(script: &Script) -> Duration {
    let bound = handover_bound(script);
    let behind = script.mobile_stations.iter().map(|mobile| {
        let own = mobile.cmac_key_count.map_or(1, |count| u32::from(count.0));
        let network = mobile.network_key_count.map_or(own + 1, |count| u32::from(count.0));
        network.saturating_sub(own + 1)
    });
    let backup = script.steps.iter().map(|step| match step.action {
        StepAction::Restart { backup: Some((mobile, count)) } => {
            let own = script[mobile].cmac_key_count.map_or(1, |count| u32::from(count.0));
            u32::from(count.0).saturating_sub(own + 1)
        }
        _ => 0,
    });
    let rounds = 1 + behind.chain(backup).max().unwrap_or_default();
    bound + (script.radio.lost_downlink + bound) * rounds
}

/// Whether a preparation fits into the time that the serving BS waits, `handover_retry` and the four times that it sends
/// HO_Req: HO_Req, Context_Req, Context_Rpt, Path_Prereg_Req, Path_Prereg_Rsp and HO_Rsp one after another. Where it does
/// not, a handover may always be refused.
pub fn preparation_fits(script: &Script) -> bool {
    script.radio.handover_retry.min(script.backbone.retry * 4) > longest_way(script) * 6
}
