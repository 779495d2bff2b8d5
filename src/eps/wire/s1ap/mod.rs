//! S1AP: the messages between eNB and MME that a handover needs, in aligned PER (TS 36.413; `eps-systems.md` 1.5 and 5.2).
//!
//! | module | messages | clause |
//! | --- | --- | --- |
//! | [`nas_transport`] | INITIAL UE MESSAGE, DOWNLINK and UPLINK NAS TRANSPORT | 9.1.7 |
//! | [`ue_context`] | INITIAL CONTEXT SETUP, UE CONTEXT MODIFICATION, UE CONTEXT RELEASE | 9.1.4 |
//! | [`preparation`] | HANDOVER REQUIRED and its answers, HANDOVER CANCEL: at the source | 9.1.5 |
//! | [`resource_allocation`] | HANDOVER REQUEST and its answers, HANDOVER NOTIFY: at the target | 9.1.5 |
//! | [`status_transfer`] | ENB and MME STATUS TRANSFER | 9.1.5 |
//! | [`path_switch`] | PATH SWITCH REQUEST and its answers | 9.1.5 |
//! | [`inter_system`] | HANDOVER REQUIRED, COMMAND and REQUEST between E-UTRAN and UTRAN | 9.1.5 |
//! | [`container`] | the transparent containers between the eNBs | 9.2.1.7, 9.2.1.8 |
//!
//! A message has the fields that a handover needs. What the standard makes mandatory besides is the same in every message: handover
//! within LTE, establishment cause `mo-Signalling`, and the QoS of [`wire::ue_context`](super::ue_context). Information elements
//! that a message has beyond its fields are passed over when it is read.

pub mod container;
mod fields;
pub mod inter_system;
pub mod nas_transport;
pub mod path_switch;
pub mod preparation;
mod received;
pub mod resource_allocation;
pub mod status_transfer;
pub mod ue_context;

use oxirush_s1ap::s1ap::{HandoverType, S1AP_PDU, S1apPduKind};

pub use self::container::{SourceToTargetContainer, TargetToSourceContainer};
pub use self::fields::{SecurityContext, UeS1apIds};
pub use self::inter_system::{
    HandoverFromUtranRequest, HandoverToUtranCommand, HandoverToUtranRequired, container_from_utran,
};
pub use self::nas_transport::{DownlinkNasTransport, InitialUeMessage, UplinkNasTransport};
pub use self::path_switch::{PathSwitchRequest, PathSwitchRequestAcknowledge, PathSwitchRequestFailure};
pub use self::preparation::{
    HandoverCancel, HandoverCancelAcknowledge, HandoverCommand, HandoverPreparationFailure, HandoverRequired,
};
pub use self::resource_allocation::{HandoverFailure, HandoverNotify, HandoverRequest, HandoverRequestAcknowledge};
pub use self::status_transfer::{EnbStatusTransfer, MmeStatusTransfer};
pub use self::ue_context::{
    InitialContextSetupFailure, InitialContextSetupRequest, InitialContextSetupResponse, SetupBearer,
    UeContextModificationRequest, UeContextModificationResponse, UeContextReleaseCommand, UeContextReleaseComplete,
    UeContextReleaseRequest,
};
/// Why (TS 36.413 clause 9.2.1.3), with the values of its groups.
pub use oxirush_s1ap::s1ap::{Cause, CauseMisc, CauseNas, CauseProtocol, CauseRadioNetwork, CauseTransport};

use self::received::Received;
use super::WireError;
use super::message_enum::message_enum;

const LAYER: &str = "S1AP";

/// A message of S1AP into a PDU and back.
trait Message: Sized {
    /// The PDU of this message.
    fn pdu(&self) -> Result<S1AP_PDU, oxirush_s1ap::Error>;

    /// The message that a PDU of its kind is.
    fn read(received: &Received<'_>) -> Result<Self, WireError>;
}

macro_rules! messages {
    ({ $($(#[$doc:meta])* $name:ident = $kind:ident,)* } { $($(#[$other_doc:meta])* $other:ident,)* }) => {
        message_enum! {
            /// A message of S1AP: the user data of SCTP port 36412.
            S1apMessage {
                $($(#[$doc])* $name,)*
                $($(#[$other_doc])* $other,)*
            }
        }

        impl S1apMessage {
            /// The message that `octets` are.
            ///
            /// # Errors
            ///
            /// Octets that are no S1AP PDU; a message that is none of these; an information element that is missing, does not
            /// decode or has a value that is not used here: an address other than IPv4, a node other than a macro eNB.
            pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
                let received = Received::open(octets)?;
                if let Some(message) = between_systems(&received) {
                    return message;
                }
                match received.kind() {
                    $(S1apPduKind::$kind => $name::read(&received).map(Self::$name),)*
                    _ => Err(WireError::new(LAYER, 0, "a message of a handover", received.name())),
                }
            }

            /// The octets of the message.
            ///
            /// # Errors
            ///
            /// A list of bearers that is empty or has more than 256.
            pub fn octets(&self) -> Result<Vec<u8>, WireError> {
                let pdu = match self {
                    $(Self::$name(message) => message.pdu(),)*
                    $(Self::$other(message) => message.pdu(),)*
                };
                let octets = pdu.and_then(|pdu| pdu.encode());
                octets.map_err(|error| WireError::new(LAYER, 0, format!("{} that encodes", self.name()), error))
            }
        }
    };
}

messages! {
    {
        /// eNB to MME: the first NAS message of a UE.
        InitialUeMessage = Initiating_initialUEMessage,
        /// MME to eNB: a NAS message.
        DownlinkNasTransport = Initiating_downlinkNASTransport,
        /// eNB to MME: a NAS message.
        UplinkNasTransport = Initiating_uplinkNASTransport,
        /// MME to eNB: KeNB and bearers of a UE.
        InitialContextSetupRequest = Initiating_InitialContextSetup,
        /// eNB to MME: they are set up.
        InitialContextSetupResponse = Successful_InitialContextSetup,
        /// eNB to MME: they cannot be set up.
        InitialContextSetupFailure = Unsuccessful_InitialContextSetup,
        /// MME to eNB: a UE has another KeNB.
        UeContextModificationRequest = Initiating_UEContextModification,
        /// eNB to MME: it is in use.
        UeContextModificationResponse = Successful_UEContextModification,
        /// eNB to MME: a UE is to be forgotten.
        UeContextReleaseRequest = Initiating_UEContextReleaseRequest,
        /// Source eNB to MME: a handover is wanted.
        HandoverRequired = Initiating_HandoverPreparation,
        /// MME to source eNB: the target has accepted.
        HandoverCommand = Successful_HandoverPreparation,
        /// MME to source eNB: it is not to be.
        HandoverPreparationFailure = Unsuccessful_HandoverPreparation,
        /// MME to target eNB: a UE is to come.
        HandoverRequest = Initiating_HandoverResourceAllocation,
        /// Target eNB to MME: it may.
        HandoverRequestAcknowledge = Successful_HandoverResourceAllocation,
        /// Target eNB to MME: it may not.
        HandoverFailure = Unsuccessful_HandoverResourceAllocation,
        /// Target eNB to MME: it has come.
        HandoverNotify = Initiating_HandoverNotification,
        /// Source eNB to MME: the handover is given up.
        HandoverCancel = Initiating_HandoverCancel,
        /// MME to source eNB: so be it.
        HandoverCancelAcknowledge = Successful_HandoverCancel,
        /// Source eNB to MME: the COUNTs of the bearers.
        EnbStatusTransfer = Initiating_eNBStatusTransfer,
        /// MME to target eNB: the same.
        MmeStatusTransfer = Initiating_MMEStatusTransfer,
        /// Target eNB to MME: a UE has come over X2.
        PathSwitchRequest = Initiating_PathSwitchRequest,
        /// MME to target eNB: the path is switched, and here is a fresh NH.
        PathSwitchRequestAcknowledge = Successful_PathSwitchRequest,
        /// MME to target eNB: it is not.
        PathSwitchRequestFailure = Unsuccessful_PathSwitchRequest,
        /// MME to eNB: forget a UE.
        UeContextReleaseCommand = Initiating_UEContextRelease,
        /// eNB to MME: it is forgotten.
        UeContextReleaseComplete = Successful_UEContextRelease,
    } {
        /// Source eNB to MME: a handover to UTRAN is wanted.
        HandoverToUtranRequired,
        /// MME to source eNB: the target in UTRAN has accepted.
        HandoverToUtranCommand,
        /// MME to target eNB: a UE is to come from UTRAN.
        HandoverFromUtranRequest,
    }
}

/// A message of a handover between systems, by its type of handover; none if it is another.
fn between_systems(received: &Received<'_>) -> Option<Result<S1apMessage, WireError>> {
    use S1apPduKind::{
        Initiating_HandoverPreparation, Initiating_HandoverResourceAllocation, Successful_HandoverPreparation,
    };
    let kind = received.kind();
    match (kind, inter_system::handover_type(received)?) {
        (Initiating_HandoverPreparation, HandoverType::ltetoutran) => {
            Some(HandoverToUtranRequired::read(received).map(Into::into))
        }
        (Successful_HandoverPreparation, HandoverType::ltetoutran) => {
            Some(HandoverToUtranCommand::read(received).map(Into::into))
        }
        (Initiating_HandoverResourceAllocation, HandoverType::utrantolte) => {
            Some(HandoverFromUtranRequest::read(received).map(Into::into))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
