//! The TLVs of the ASN control plane as typed values (`dot16-wire.md` 5.3), and how to find one in a list.
//!
//! A TLV is type (2 octets), length of the value (2), value, without padding, most significant octet first. Compounds
//! hold TLVs. A type that is not in the table, and a value that does not have the length the table gives, is kept
//! as [`AsnTlv::Other`] and survives a round trip.
//!
//! ```
//! use keyhop::dot16::backbone::Compound::{AkContext, MsInfo};
//! use keyhop::dot16::backbone::{AsnTlv, ControlMessage, MessageKind, TlvLookup};
//! use keyhop::dot16::identifiers::{CmacKeyCount, MsMac};
//!
//! let message = ControlMessage::new(
//!     MessageKind::CmacKeyCountUpdate,
//!     MsMac([0, 0x11, 0x22, 0x33, 0x44, 0x55]),
//!     5,
//!     vec![AsnTlv::MsInfo(vec![AsnTlv::AkContext(vec![AsnTlv::CmacKeyCount(CmacKeyCount(6))])])],
//! );
//! let count = message.tlvs.inside(MsInfo).inside(AkContext).cmac_key_count();
//! assert_eq!(count, Some(CmacKeyCount(6)));
//! assert_eq!(message.tlvs.cmac_key_count(), None); // a lookup does not descend by itself
//! ```

use std::fmt;

use super::private_tlv::PrivateTlv;
use super::tlv_value::{NodeIdentifier, TlvValue};
use crate::dot16::identifiers::{AkId, Cid, CmacKeyCount, Said, Sfid};

/// Type of the EAP Payload TLV.
const EAP_PAYLOAD: u16 = 62;
/// Type of the Vendor Specific TLV.
const VENDOR_SPECIFIC: u16 = 261;

macro_rules! asn_tlvs {
    (
        single { $( $(#[$single_doc:meta])* $single:ident, $getter:ident = $single_kind:literal, $single_name:literal, $type:ty; )* }
        compound { $( $(#[$compound_doc:meta])* $compound:ident = $compound_kind:literal, $compound_name:literal; )* }
    ) => {
        /// One TLV of an ASN control message.
        ///
        /// `Debug` never prints an AK or a TEK.
        #[derive(Clone, PartialEq, Eq)]
        pub enum AsnTlv {
            $(
                #[doc = concat!($single_name, ", type ", $single_kind, ".")]
                $(#[$single_doc])*
                $single($type),
            )*
            $(
                #[doc = concat!($compound_name, ", type ", $compound_kind, ", compound.")]
                $(#[$compound_doc])*
                $compound(Vec<AsnTlv>),
            )*
            /// EAP Payload, type 62: an EAP packet of any length.
            EapPayload(Vec<u8>),
            /// Vendor Specific TLV, type 261.
            VendorSpecific {
                /// Identifier of the vendor.
                vendor: [u8; 3],
                /// What the vendor puts there.
                octets: Vec<u8>,
            },
            /// Any other type, or a value of another length than the table gives.
            ///
            /// If the type is in the table and the value has the right length, the octets made of it parse as the
            /// typed variant.
            Other {
                /// Type of the TLV.
                kind: u16,
                /// The value as it stands.
                value: Vec<u8>,
            },
        }

        impl AsnTlv {
            /// The type of this TLV.
            #[must_use]
            pub const fn kind(&self) -> u16 {
                match self {
                    $( Self::$single(_) => $single_kind, )*
                    $( Self::$compound(_) => $compound_kind, )*
                    Self::EapPayload(_) => EAP_PAYLOAD,
                    Self::VendorSpecific { .. } => VENDOR_SPECIFIC,
                    Self::Other { kind, .. } => *kind,
                }
            }

            /// Its name as Wireshark prints it; `"other"` for [`Self::Other`].
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $( Self::$single(_) => $single_name, )*
                    $( Self::$compound(_) => $compound_name, )*
                    Self::EapPayload(_) => "EAP Payload",
                    Self::VendorSpecific { .. } => "Vendor Specific TLV",
                    Self::Other { .. } => "other",
                }
            }

            /// The TLV of type `kind`, which is not that of a compound (those are made by [`Compound::holding`]), with
            /// this value: typed if it has a length that its type has, else [`Other`](Self::Other).
            #[must_use]
            pub fn from_value(kind: u16, value: &[u8]) -> Self {
                let typed = match kind {
                    $( $single_kind => TlvValue::from_value(value).map(Self::$single), )*
                    EAP_PAYLOAD => Some(Self::EapPayload(value.to_vec())),
                    VENDOR_SPECIFIC => value
                        .split_first_chunk()
                        .map(|(vendor, octets)| Self::VendorSpecific { vendor: *vendor, octets: octets.to_vec() }),
                    _ => None,
                };
                typed.unwrap_or_else(|| Self::Other { kind, value: value.to_vec() })
            }

            /// Appends the octets of the value, or says which TLVs are in it if it is a compound.
            pub(super) fn append_value(&self, octets: &mut Vec<u8>) -> Option<&[AsnTlv]> {
                match self {
                    $( Self::$single(value) => value.append(octets), )*
                    $( Self::$compound(tlvs) => return Some(tlvs), )*
                    Self::EapPayload(value) => octets.extend_from_slice(value),
                    Self::VendorSpecific { vendor, octets: value } => {
                        octets.extend_from_slice(vendor);
                        octets.extend_from_slice(value);
                    }
                    Self::Other { value, .. } => octets.extend_from_slice(value),
                }
                None
            }

            /// The TLVs inside, if this is the given compound.
            fn inside(&self, compound: Compound) -> Option<&[AsnTlv]> {
                match (self, compound) {
                    $( (Self::$compound(tlvs), Compound::$compound) => Some(tlvs), )*
                    _ => None,
                }
            }
        }

        impl fmt::Debug for AsnTlv {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $( Self::$single(value) => f.debug_tuple(stringify!($single)).field(value.shown()).finish(), )*
                    $( Self::$compound(tlvs) => f.debug_tuple(stringify!($compound)).field(tlvs).finish(), )*
                    Self::EapPayload(octets) => f.debug_tuple("EapPayload").field(octets).finish(),
                    Self::VendorSpecific { vendor, octets } => {
                        f.debug_struct("VendorSpecific").field("vendor", vendor).field("octets", octets).finish()
                    }
                    Self::Other { kind, value } => {
                        // Only the length: it may be a key in a form that the table does not have.
                        f.debug_struct("Other").field("kind", kind).field("octets", &value.len()).finish()
                    }
                }
            }
        }

        /// The kinds of TLV that hold TLVs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Compound {
            $( #[doc = concat!($compound_name, ", type ", $compound_kind, ".")] $compound, )*
        }

        impl Compound {
            /// Every kind of compound.
            pub const ALL: &[Self] = &[ $( Self::$compound, )* ];

            /// The compound of this type, if it is one.
            #[must_use]
            pub const fn from_kind(kind: u16) -> Option<Self> {
                match kind {
                    $( $compound_kind => Some(Self::$compound), )*
                    _ => None,
                }
            }

            /// This compound with `tlvs` in it.
            #[must_use]
            pub const fn holding(self, tlvs: Vec<AsnTlv>) -> AsnTlv {
                match self {
                    $( Self::$compound => AsnTlv::$compound(tlvs), )*
                }
            }
        }

        /// Typed lookup in a list of TLVs: the first of its kind, in this list only, not in the compounds in it.
        pub trait TlvLookup {
            /// The list itself.
            fn list(&self) -> &[AsnTlv];

            /// The TLVs inside the first `compound` of this list; an empty list if there is none.
            fn inside(&self, compound: Compound) -> &[AsnTlv] {
                self.each(compound).next().unwrap_or_default()
            }

            /// The TLVs inside each `compound` of this list, in order: each SF Info, each SA Descriptor.
            fn each(&self, compound: Compound) -> impl Iterator<Item = &[AsnTlv]> {
                self.list().iter().filter_map(move |tlv| tlv.inside(compound))
            }

            /// Whether this list has a `compound`, be it empty.
            fn has(&self, compound: Compound) -> bool {
                self.each(compound).next().is_some()
            }

            $(
                #[doc = concat!("The value of the first ", $single_name, " (type ", $single_kind, ").")]
                fn $getter(&self) -> Option<$type> {
                    self.list().iter().find_map(|tlv| match tlv {
                        AsnTlv::$single(value) => Some(*value),
                        _ => None,
                    })
                }
            )*

            /// The EAP packet of the first EAP Payload (type 62).
            fn eap_payload(&self) -> Option<&[u8]> {
                self.list().iter().find_map(|tlv| match tlv {
                    AsnTlv::EapPayload(octets) => Some(octets.as_slice()),
                    _ => None,
                })
            }

            /// Whether the list says "issued before" (PROTOCOL R8).
            fn is_issued_before(&self) -> bool {
                self.list().iter().any(|tlv| matches!(tlv.private(), Some(PrivateTlv::IssuedBefore)))
            }

            /// The pre-allocated primary management CID, 2 octets (private TLV).
            fn primary_cid(&self) -> Option<Cid> {
                self.list().iter().find_map(|tlv| match tlv.private() {
                    Some(PrivateTlv::PrimaryCid(cid)) => Some(cid),
                    _ => None,
                })
            }

            /// Whether seamless handover is negotiated or promised; `false` where nothing is said (private TLV).
            fn is_seamless(&self) -> bool {
                self.list().iter().any(|tlv| matches!(tlv.private(), Some(PrivateTlv::Seamless(true))))
            }

            /// The bitmap of a receive window, as [`AsnTlv::receive_window`] describes it (private TLV).
            fn receive_window(&self) -> Option<&[u8]> {
                self.list().iter().find_map(|tlv| match tlv.private() {
                    Some(PrivateTlv::ReceiveWindow(bitmap)) => Some(bitmap),
                    _ => None,
                })
            }

            /// The ranging deadline in units of 10 ms (private TLV).
            fn ranging_deadline(&self) -> Option<u16> {
                self.list().iter().find_map(|tlv| match tlv.private() {
                    Some(PrivateTlv::RangingDeadline(deadline)) => Some(deadline),
                    _ => None,
                })
            }
        }

        impl TlvLookup for [AsnTlv] {
            fn list(&self) -> &[AsnTlv] {
                self
            }
        }

        /// Type and name of every TLV with one fixed set of lengths, in the order of their types.
        pub const SINGLE_KINDS: &[(u16, &str)] = &[ $( ($single_kind, $single_name), )* ];
    };
}

asn_tlvs! {
    single {
        /// 2 octets.
        ActionCode, action_code = 3, "Action Code", u16;
        /// 4 octets. Unit and origin are those of the message that carries it.
        ActionTime, action_time = 4, "Action Time", u32;
        /// The authorization key, 20 octets. It is on the wire in the clear (PROTOCOL R19).
        Ak, ak = 5, "AK", [u8; 20];
        /// 8 octets.
        AkId, ak_id = 7, "AK ID", AkId;
        /// Seconds, 4 octets.
        AkLifetime, ak_lifetime = 8, "AK Lifetime", u32;
        /// AK sequence number, 1 octet of which the low 4 bits count.
        AkSn, ak_sn = 9, "AK SN", u8;
        /// 4, 6 or 16 octets.
        AnchorAsnGwId, anchor_asn_gw_id = 10, "Anchor ASN GW ID / Anchor DPF Identifier", NodeIdentifier;
        /// 1 octet: 0 success, 1 failure.
        AuthenticationResult, authentication_result = 18, "Authentication Result", u8;
        /// 4, 6 or 16 octets.
        AuthenticatorIdentifier, authenticator_identifier = 19, "Authenticator Identifier", NodeIdentifier;
        /// 4, 6 or 16 octets.
        BsId, bs_id = 25, "BS ID", NodeIdentifier;
        /// 2 octets; in HO_Rsp the pre-allocated basic CID, inside SF Info that of the service flow.
        Cid, cid = 29, "CID", Cid;
        /// 2 octets.
        CmacKeyCount, cmac_key_count = 34, "CMAC_KEY_COUNT", CmacKeyCount;
        /// 4 octets of flags, [`asn_code::context_purpose`](super::asn_code::context_purpose).
        ContextPurpose, context_purpose = 36, "Context Purpose Indicator", u32;
        /// 4 octets, [`asn_code::cryptographic_suite`](super::asn_code::cryptographic_suite).
        CryptographicSuite, cryptographic_suite = 38, "Cryptographic Suite", u32;
        /// 1 octet: 1 GRE.
        DataPathEncapsulation, data_path_encapsulation = 42, "Data Path Encapsulation Type", u8;
        /// 4 octets: the GRE key.
        DataPathId, data_path_id = 44, "Data Path ID", u32;
        /// 1 octet, [`asn_code::failure`](super::asn_code::failure).
        FailureIndication, failure_indication = 69, "Failure Indication", u8;
        /// 1 octet, [`asn_code::ho_confirm`](super::asn_code::ho_confirm).
        HoConfirmType, ho_confirm_type = 76, "HO Confirm Type", u8;
        /// 1 octet: the low 8 of the 16 bits that the air interface has.
        HoProcessOptimization, ho_process_optimization = 78, "HO Process Optimization", u8;
        /// 4 octets: 0 hard handoff.
        HoType, ho_type = 79, "HO Type", u32;
        /// 1 octet: 0 success, 1 failure.
        KeyChangeIndicator, key_change_indicator = 86, "Key Change Indicator", u8;
        /// 1 octet.
        PmkSn, pmk_sn = 133, "PMK SN", u8;
        /// 1 octet: 18 EAP transfer.
        Pkm2MessageCode, pkm2_message_code = 134, "PKM2 Message Code", u8;
        /// 4 octets, sending side: CMAC_PN inside AK Context, the PN of data inside TEK parameters.
        PnCounter, pn_counter = 136, "PN Counter", u32;
        /// IPv4 protocol, 2 octets; one only, though the format allows a list.
        Protocol, protocol = 138, "Protocol", u16;
        /// 4 octets: lowest and highest port, one range only.
        ProtocolDestinationPortRange, protocol_destination_port_range = 139, "Protocol Destination Port Range", u32;
        /// 4 octets: lowest and highest port, one range only.
        ProtocolSourcePortRange, protocol_source_port_range = 140, "Protocol Source Port Range", u32;
        /// 4 octets, [`asn_code::registration`](super::asn_code::registration).
        RegistrationType, registration_type = 145, "Registration Type", u32;
        /// 1 octet: 0 success.
        ResultCode, result_code = 154, "Result Code", u8;
        /// 4 octets, receiving side: the highest PN accepted, of the same kind as the PN Counter beside it.
        RxPnCounter, rx_pn_counter = 166, "RxPN Counter", u32;
        /// 2 octets.
        Said, said = 169, "SAID", Said;
        /// 1 octet: 0 unicast.
        SaServiceType, sa_service_type = 172, "SA Service Type", u8;
        /// 1 octet: 0 primary, 1 static, 2 dynamic.
        SaType, sa_type = 173, "SA Type", u8;
        /// 1 octet.
        ServiceLevelPrediction, service_level_prediction = 180, "Service Level Prediction", u8;
        /// 1 octet: 0 serving, 1 target.
        ServingTargetIndicator, serving_target_indicator = 182, "Serving/Target Indicator", u8;
        /// 4 octets.
        Sfid, sfid = 184, "SFID", Sfid;
        /// The traffic encryption key, 16 octets, in the clear like the AK.
        Tek, tek = 187, "TEK", [u8; 16];
        /// Seconds, 4 octets.
        TekLifetime, tek_lifetime = 188, "TEK Lifetime", u32;
        /// 1 octet of which the low 2 bits are the EKS.
        TekSn, tek_sn = 189, "TEK SN", u8;
        /// 1 octet: 0 success, otherwise why the target refuses.
        BsHoRspCode, bs_ho_rsp_code = 203, "BS HO RSP Code", u8;
        /// 1 octet: the HO_ID that the MS repeats in RNG-REQ.
        HoId, ho_id = 205, "HO ID", u8;
        /// 4, 6 or 16 octets; the header's T flag says that it and the source are present.
        DestinationIdentifier, destination_identifier = 271, "Destination Identifier", NodeIdentifier;
        /// 4, 6 or 16 octets.
        SourceIdentifier, source_identifier = 272, "Source Identifier", NodeIdentifier;
    }
    compound {
        AkContext = 6, "AK Context";
        BsInfo = 26, "BS Info";
        DataPathInfo = 45, "Data Path Info";
        MsInfo = 103, "MS Info";
        MsSecurityContext = 107, "MS Security Context";
        MsSecurityHistory = 108, "MS Security History";
        NewerTekParameters = 110, "Newer TEK Parameters";
        OlderTekParameters = 112, "Older TEK Parameters";
        PacketClassificationRule = 114, "Packet Classification Rule / Media Flow Description";
        SaDescriptor = 170, "SA Descriptor";
        SfInfo = 185, "SF Info";
    }
}

#[cfg(test)]
mod tests;
