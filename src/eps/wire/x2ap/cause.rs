//! Why, in X2AP: the cause and its four groups of values (TS 36.423 clause 9.2.6).

use rasn::prelude::*;

/// A group of causes: an extensible enumeration of ASN.1, its root and what was added to it.
macro_rules! causes {
    ($(#[$doc:meta])* $name:ident { $($root:ident = $root_name:literal,)* } { $($more:ident = $more_name:literal,)* }) => {
        $(#[$doc])*
        #[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[rasn(enumerated)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $root_name, "`")] $root,)*
            $(#[doc = concat!("`", $more_name, "`")] #[rasn(extension_addition)] $more,)*
        }
    };
}

causes! {
    /// Causes in the radio network layer.
    RadioNetworkCause {
        HandoverDesirableForRadioReasons = "handover-desirable-for-radio-reasons",
        TimeCriticalHandover = "time-critical-handover",
        ResourceOptimisationHandover = "resource-optimisation-handover",
        ReduceLoadInServingCell = "reduce-load-in-serving-cell",
        PartialHandover = "partial-handover",
        UnknownNewEnbUeX2apId = "unknown-new-eNB-UE-X2AP-ID",
        UnknownOldEnbUeX2apId = "unknown-old-eNB-UE-X2AP-ID",
        UnknownPairOfUeX2apId = "unknown-pair-of-UE-X2AP-ID",
        HoTargetNotAllowed = "ho-target-not-allowed",
        Tx2RelocOverallExpiry = "tx2relocoverall-expiry",
        TrelocPrepExpiry = "trelocprep-expiry",
        CellNotAvailable = "cell-not-available",
        NoRadioResourcesAvailableInTargetCell = "no-radio-resources-available-in-target-cell",
        InvalidMmeGroupId = "invalid-MME-GroupID",
        UnknownMmeCode = "unknown-MME-Code",
        EncryptionAndOrIntegrityProtectionAlgorithmsNotSupported = "encryption-and-or-integrity-protection-algorithms-not-supported",
        ReportCharacteristicsEmpty = "reportCharacteristicsEmpty",
        NoReportPeriodicity = "noReportPeriodicity",
        ExistingMeasurementId = "existingMeasurementID",
        UnknownEnbMeasurementId = "unknown-eNB-Measurement-ID",
        MeasurementTemporarilyNotAvailable = "measurement-temporarily-not-available",
        Unspecified = "unspecified",
    } {
        LoadBalancing = "load-balancing",
        HandoverOptimisation = "handover-optimisation",
        ValueOutOfAllowedRange = "value-out-of-allowed-range",
        MultipleERabIdInstances = "multiple-E-RAB-ID-instances",
        SwitchOffOngoing = "switch-off-ongoing",
        NotSupportedQciValue = "not-supported-QCI-value",
        MeasurementNotSupportedForTheObject = "measurement-not-supported-for-the-object",
        TdcOverallExpiry = "tDCoverall-expiry",
        TdcPrepExpiry = "tDCprep-expiry",
        ActionDesirableForRadioReasons = "action-desirable-for-radio-reasons",
        ReduceLoad = "reduce-load",
        ResourceOptimisation = "resource-optimisation",
        TimeCriticalAction = "time-critical-action",
        TargetNotAllowed = "target-not-allowed",
        NoRadioResourcesAvailable = "no-radio-resources-available",
        InvalidQosCombination = "invalid-QoS-combination",
        EncryptionAlgorithmsNotSupported = "encryption-algorithms-not-supported",
        ProcedureCancelled = "procedure-cancelled",
        RrmPurpose = "rRM-purpose",
        ImproveUserBitRate = "improve-user-bit-rate",
        UserInactivity = "user-inactivity",
        RadioConnectionWithUeLost = "radio-connection-with-UE-lost",
        FailureInTheRadioInterfaceProcedure = "failure-in-the-radio-interface-procedure",
        BearerOptionNotSupported = "bearer-option-not-supported",
        McgMobility = "mCG-Mobility",
        ScgMobility = "sCG-Mobility",
        CountReachesMaxValue = "count-reaches-max-value",
        UnknownOldEnGnbUeX2apId = "unknown-old-en-gNB-UE-X2AP-ID",
        PdcpOverload = "pDCP-Overload",
        ChoCpcResourcesToBeChanged = "cho-cpc-resources-tobechanged",
        UePowerSaving = "ue-power-saving",
        InsufficientUeCapabilities = "insufficient-ue-capabilities",
        NormalRelease = "normal-release",
        UnknownEUtranNodeMeasurementId = "unknown-E-UTRAN-Node-Measurement-ID",
        ScgActivationDeactivationFailure = "sCG-activation-deactivation-failure",
        ScgDeactivationFailureDueToDataTransmission = "sCG-deactivation-failure-due-to-data-transmission",
        UpIntegrityProtectionNotPossible = "up-integrity-protection-not-possible",
        IabNotAuthorized = "iAB-not-Authorized",
    }
}

causes! {
    /// Causes in the transport layer.
    TransportCause {
        TransportResourceUnavailable = "transport-resource-unavailable",
        Unspecified = "unspecified",
    } {}
}

causes! {
    /// Causes in the protocol.
    ProtocolCause {
        TransferSyntaxError = "transfer-syntax-error",
        AbstractSyntaxErrorReject = "abstract-syntax-error-reject",
        AbstractSyntaxErrorIgnoreAndNotify = "abstract-syntax-error-ignore-and-notify",
        MessageNotCompatibleWithReceiverState = "message-not-compatible-with-receiver-state",
        SemanticError = "semantic-error",
        Unspecified = "unspecified",
        AbstractSyntaxErrorFalselyConstructedMessage = "abstract-syntax-error-falsely-constructed-message",
    } {}
}

causes! {
    /// Other causes.
    MiscCause {
        ControlProcessingOverload = "control-processing-overload",
        HardwareFailure = "hardware-failure",
        OmIntervention = "om-intervention",
        NotEnoughUserPlaneProcessingResources = "not-enough-user-plane-processing-resources",
        Unspecified = "unspecified",
    } {}
}

/// Why.
#[derive(AsnType, Clone, Copy, Debug, Decode, Encode, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[rasn(choice, automatic_tags)]
#[non_exhaustive]
pub enum X2apCause {
    /// In the radio network layer.
    RadioNetwork(RadioNetworkCause),
    /// In the transport layer.
    Transport(TransportCause),
    /// In the protocol.
    Protocol(ProtocolCause),
    /// Something else.
    Misc(MiscCause),
}
