//! The defences of the handover rules that a script may switch off, each named after what the node then does.
//!
//! Every weakness undoes one rule, so that the damage it prevents can be seen (acceptance traces T1 to T21). A node without
//! any follows the rules.

use std::collections::BTreeSet;

/// Whose defence it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The mobile station.
    MobileStation,
    /// The base station.
    BaseStation,
    /// The Authenticator and gateway.
    Authenticator,
}

macro_rules! weaknesses {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $party:ident;)*) => {
        /// A defence that is off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Weakness {
            $($(#[$doc])* $variant,)*
        }

        impl Weakness {
            /// Every weakness with its name in scripts and whose it is.
            pub const ALL: &'static [(&'static str, Self, Party)] =
                &[$(($name, Self::$variant, Party::$party),)*];
        }
    };
}

weaknesses! {
    /// R1: a handover given up after its RNG-REQ was sent keeps M, so that T_M is used again (trace T1).
    KeepsSpentCount = "keeps-spent-count", MobileStation;
    /// R1: after an RNG-REQ was sent the mobile still resumes its old connection (trace T16).
    ResumesAfterRanging = "resumes-after-ranging", MobileStation;
    /// R8: contexts of T_M that were lost are derived again (trace T11).
    DerivesLostContextsAgain = "derives-lost-contexts-again", MobileStation;
    /// R15: a mobile that gave up goes to the same target again without a new preparation (trace T19).
    ReturnsUnprepared = "returns-unprepared", MobileStation;
    /// R13: TEKs that come in another way (RNG-RSP, SA-TEK-Response, those of the serving BS) are used although seamless
    /// handover was agreed.
    AcceptsTeksAfterSeamless = "accepts-teks-after-seamless", MobileStation;
    /// R13: the mobile acts as if seamless handover had been negotiated.
    ClaimsSeamless = "claims-seamless", MobileStation;
    /// R9: TEKs of the candidates are derived at the target, not before MOB_MSHO-REQ.
    DerivesAtArrival = "derives-at-arrival", MobileStation;
    /// A20: the PN of a downlink PDU moves the replay window although its ICV does not verify.
    MovesWindowBeforeIcv = "moves-window-before-icv", MobileStation;
    /// The security negotiation of SA-TEK-Response is not compared with that of SBC-RSP, which anybody can have altered.
    BelievesSbcRsp = "believes-sbc-rsp", MobileStation;
    /// A26: a fixed station, which declares no handover, asks for one all the same.
    MovesAlthoughFixed = "moves-although-fixed", MobileStation;
    /// R1: after the last count comes 0, under the same PMK (attack 15).
    WrapsCount = "wraps-count", MobileStation;
    /// An RNG-RSP without a CMAC tuple is acted on in lock too: an abort or another frequency ends the connection (attack 9).
    /// The CMAC of one that has a tuple is not verified: who answers an RNG-REQ is the target (attack 7).
    BelievesUnprotectedRngRsp = "believes-unprotected-rng-rsp", MobileStation;
    /// Only neighbours that the last MOB_NBR-ADV names are candidates, and the first of them is the target in place of one
    /// that it does not name (attack 8).
    FollowsNeighbourAdvertisement = "follows-neighbour-advertisement", MobileStation;

    /// R4: the highest count is not kept: T_B := N, and contexts are derived for every count that is not retained
    /// (traces T4, T10, T14, T15).
    ForgetsHighestCount = "forgets-highest-count", BaseStation;
    /// R5: a notice of N purges every context below it, the live one too (trace T5).
    PurgesLiveContext = "purges-live-context", BaseStation;
    /// R5: MOB_HO-IND counts as the release of the connection (trace T20).
    ReleasesOnIndication = "releases-on-indication", BaseStation;
    /// R6: an uplink PDU that does not open is searched for in every state (trace T6).
    SearchesInEveryState = "searches-in-every-state", BaseStation;
    /// R7: the count of an RNG-REQ is acted on before its CMAC is verified (trace T7).
    BelievesCountFirst = "believes-count-first", BaseStation;
    /// R7: a valid RNG-REQ below T_B releases the connection in every state (trace T8).
    SmallerCountReleases = "smaller-count-releases", BaseStation;
    /// R8: "issued before" is ignored (traces T9, T10).
    IgnoresIssuedBefore = "ignores-issued-before", BaseStation;
    /// R8: a Context_Rpt that answers no outstanding request is taken (trace T15).
    TakesLateContextReport = "takes-late-context-report", BaseStation;
    /// R8: an entry answered with TEKs in RNG-RSP is confirmed, reported and switched at once (trace T18).
    ConfirmsLostContextAtOnce = "confirms-lost-context-at-once", BaseStation;
    /// R13: seamless handover is offered to mobiles that did not negotiate it.
    AcceptsUnnegotiatedSeamless = "accepts-unnegotiated-seamless", BaseStation;
    /// R13: the generated TEKs are sent in RNG-RSP.
    SendsGeneratedTeks = "sends-generated-teks", BaseStation;
    /// R14: the ranging deadline ends nothing.
    IgnoresRangingDeadline = "ignores-ranging-deadline", BaseStation;
    /// R15: downlink SDUs sent under the old T_B are not sealed again when T_B changes (trace T12).
    NeverSealsAgain = "never-seals-again", BaseStation;
    /// R16: the data path is asked for on an RNG-REQ alone, before the Authenticator has taken its count.
    SwitchesPathAtRanging = "switches-path-at-ranging", BaseStation;
    /// R2: the BS counts N up by itself.
    CountsByItself = "counts-by-itself", BaseStation;
    /// R12: TEKs of the serving BS are used on with packet numbers and windows from the start.
    ForgetsReusedPacketNumbers = "forgets-reused-packet-numbers", BaseStation;
    /// The security negotiation of SA-TEK-Request is not compared with that of SBC-REQ, which anybody can have altered.
    BelievesSbcReq = "believes-sbc-req", BaseStation;
    /// A5, R13: REG-RSP agrees to seamless handover whatever REG-REQ declared.
    AgreesToUndeclaredSeamless = "agrees-to-undeclared-seamless", BaseStation;
    /// A26: candidates are prepared for a station that declared no handover.
    MovesFixedStations = "moves-fixed-stations", BaseStation;
    /// A context that was asked for because of an RNG-REQ is forgotten if the RNG-REQ does not verify, so that each costs
    /// another (attack 2).
    FetchesContextAgain = "fetches-context-again", BaseStation;
    /// R7: the repetition of an RNG-REQ that was answered is dropped as a replay (attack 16).
    AnswersRangingOnce = "answers-ranging-once", BaseStation;
    /// R4, R8: an N below the highest count is taken for one that has wrapped, and contexts are derived again (attack 15).
    BelievesWrappedCount = "believes-wrapped-count", BaseStation;
    /// MOB_MSHO-REQ and MOB_HO-IND without a CMAC tuple are acted on (attack 10).
    BelievesUnprotectedHandoverMessages = "believes-unprotected-handover-messages", BaseStation;

    /// R2: a repeat of the report accepted last is refused (trace T2).
    RefusesRepeatedReport = "refuses-repeated-report", Authenticator;
    /// R2: a report below N moves N on to N + 1 (trace T3).
    AcceptsOldReport = "accepts-old-report", Authenticator;
    /// R2: N moves when a context is handed out.
    CountsHandedOutContexts = "counts-handed-out-contexts", Authenticator;
    /// R3: nobody is told that N has moved.
    TellsNobody = "tells-nobody", Authenticator;
    /// R8: "issued before" is said only where the same N was given before (trace T13).
    RemembersLastCountOnly = "remembers-last-count-only", Authenticator;
    /// R16: the data path is switched whatever count the switch rests on (trace T17).
    SwitchesPathOnAnyCount = "switches-path-on-any-count", Authenticator;
    /// R2: behind the last count N is 0, under the same PMK, and paths rest on any count (attack 15).
    WrapsNetworkCount = "wraps-network-count", Authenticator;
    /// R2: a reported count may be any that is not below N, however far above it (attack 3).
    TakesAnyCount = "takes-any-count", Authenticator;
}

/// The defences of a node that are off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weaknesses(BTreeSet<Weakness>);

impl Weaknesses {
    /// Whether this defence is off.
    #[must_use]
    pub fn has(&self, weakness: Weakness) -> bool {
        self.0.contains(&weakness)
    }
}

impl FromIterator<Weakness> for Weaknesses {
    fn from_iter<T: IntoIterator<Item = Weakness>>(weaknesses: T) -> Self {
        Self(weaknesses.into_iter().collect())
    }
}
