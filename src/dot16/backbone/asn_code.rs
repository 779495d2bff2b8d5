//! The numbers that stand for words in the values of TLVs (`dot16-wire.md` 5.3, with the dictionary of NWG 1.2.1 that
//! Wireshark 4.0.17 carries).

/// Flags of Context Purpose Indicator (type 36); bit 0 is the most significant one.
pub mod context_purpose {
    /// Bit 0: MS AK context.
    pub const MS_AK_CONTEXT: u32 = 0x8000_0000;
    /// Bit 2: MS MAC context.
    pub const MS_MAC_CONTEXT: u32 = 0x2000_0000;
    /// Bit 3: MS authorization context.
    pub const MS_AUTHORIZATION_CONTEXT: u32 = 0x1000_0000;
    /// Bit 6: MS security history.
    pub const MS_SECURITY_HISTORY: u32 = 0x0200_0000;
    /// Bit 7: SA context.
    pub const SA_CONTEXT: u32 = 0x0100_0000;
    /// Bit 11: security context delivery.
    pub const SECURITY_CONTEXT_DELIVERY: u32 = 0x0010_0000;
}

/// Values of Failure Indication (type 69).
pub mod failure {
    /// Unknown MSID.
    pub const UNKNOWN_MSID: u8 = 4;
    /// Transaction failure.
    pub const TRANSACTION_FAILURE: u8 = 5;
    /// Mandatory TLV missing.
    pub const MANDATORY_TLV_MISSING: u8 = 17;
    /// Value of a TLV invalid.
    pub const TLV_VALUE_INVALID: u8 = 18;
    /// Timer expired without response.
    pub const TIMER_EXPIRED: u8 = 32;
    /// Requested context unavailable.
    pub const CONTEXT_UNAVAILABLE: u8 = 48;
    /// Authorization failure.
    pub const AUTHORIZATION_FAILURE: u8 = 49;
    /// No resources.
    pub const NO_RESOURCES: u8 = 51;
}

/// Values of HO Confirm Type (type 76).
pub mod ho_confirm {
    /// The MS goes to this target.
    pub const CONFIRM: u8 = 0;
    /// The MS goes to another target.
    pub const UNCONFIRM: u8 = 1;
    /// The MS stays at the serving BS.
    pub const CANCEL: u8 = 2;
    /// The MS rejects the offered targets.
    pub const REJECT: u8 = 3;
}

/// Values of Registration Type (type 145).
pub mod registration {
    /// Initial network entry.
    pub const INITIAL_NETWORK_ENTRY: u32 = 0;
    /// Handoff.
    pub const HANDOFF: u32 = 1;
    /// The MS leaves the network.
    pub const MS_NETWORK_EXIT: u32 = 3;
}

/// Values of Result Code (type 154).
pub mod result {
    /// Success.
    pub const SUCCESS: u8 = 0;
    /// Failure: no resources.
    pub const NO_RESOURCES: u8 = 1;
    /// Failure: not supported.
    pub const NOT_SUPPORTED: u8 = 2;
}

/// Values of Cryptographic Suite (type 38): encryption, authentication, key encryption in the three low octets.
pub mod cryptographic_suite {
    /// AES-CCM for data, AES-ECB for the TEK.
    pub const CCM_ECB: u32 = 0x0002_0103;
    /// AES-CCM for data, AES Key Wrap for the TEK.
    pub const CCM_KEY_WRAP: u32 = 0x0002_0104;
}

/// Values of BS HO RSP Code (type 203).
pub mod bs_ho_rsp {
    /// Success.
    pub const SUCCESS: u8 = 0;
    /// The target does not support this type of handover.
    pub const TYPE_NOT_SUPPORTED: u8 = 1;
    /// The air link resources of the target do not suffice.
    pub const NO_AIR_RESOURCES: u8 = 2;
    /// Another reason.
    pub const OTHER: u8 = 4;
}

/// Values of Serving/Target Indicator (type 182).
pub mod bs_role {
    /// Serving BS.
    pub const SERVING: u8 = 0;
    /// Target BS.
    pub const TARGET: u8 = 1;
}

/// GRE in Data Path Encapsulation Type (type 42).
pub const ENCAPSULATION_GRE: u8 = 1;
/// Hard handoff in HO Type (type 79).
pub const HARD_HANDOFF: u32 = 0;
/// EAP transfer in PKM2 Message Code (type 134).
pub const PKM2_EAP_TRANSFER: u8 = 18;
