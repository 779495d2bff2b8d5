//! Values of the generators: messages with more in them than those of the goldens, and octets that stand for values.

use std::error::Error;

use keyhop::dot16::wire::ManagementMessage;
use keyhop_generators::{asn_control, eap, mac_pdu, mobility, pkm, radius, ranging, registration, sample, transport};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::corpus::Corpora;

/// Values of each kind that are tried; the shortest and the longest of them become seeds.
const TRIED: u64 = 8;
/// Formats of the target `generated_values`.
const FORMATS: u8 = 24;

/// Generated messages and packets.
pub fn offer_values(corpora: &mut Corpora) -> Result<(), Box<dyn Error>> {
    for seed in 0..TRIED {
        let messages = [
            ("ranging_messages", ManagementMessage::RngReq(sample(&ranging::rng_req(), seed))),
            ("ranging_messages", ManagementMessage::RngRsp(sample(&ranging::rng_rsp(), seed))),
            ("registration_messages", ManagementMessage::RegReq(sample(&registration::reg_req(), seed))),
            ("registration_messages", ManagementMessage::RegRsp(sample(&registration::reg_rsp(), seed))),
            ("registration_messages", ManagementMessage::SbcReq(sample(&registration::sbc(), seed))),
            ("registration_messages", ManagementMessage::DregCmd(sample(&registration::dreg(), seed))),
            ("registration_messages", ManagementMessage::DregReq(sample(&registration::dreg(), seed))),
            ("mobility_messages", ManagementMessage::MobNbrAdv(sample(&mobility::mob_nbr_adv(), seed))),
            ("mobility_messages", ManagementMessage::MobMshoReq(sample(&mobility::mob_msho_req(), seed))),
            ("mobility_messages", ManagementMessage::MobBshoRsp(sample(&mobility::mob_bsho_rsp(), seed))),
            ("mobility_messages", ManagementMessage::MobHoInd(sample(&mobility::mob_ho_ind(), seed))),
            ("pkm_messages", ManagementMessage::PkmReq(sample(&pkm::pkm_message(), seed))),
        ];
        for (target, message) in messages {
            corpora.offer(target, &format!("generated-{}", message.name()), &message.octets()?);
        }
        corpora.offer("mac_burst", "generated", &sample(&mac_pdu::burst(), seed));
        corpora.offer("eap_packets", "generated", &sample(&eap::eap_packet(), seed).octets()?);
        corpora.offer("eap_packets", "generated-data", &sample(&eap::eap_tls_data(), seed).octets()?);
        corpora.offer("asn_control_plane", "generated", &sample(&asn_control::control_message(), seed).octets()?);
        corpora.offer("radius_packets", "generated", &sample(&radius::radius_packet(), seed).octets()?);
        corpora.offer("backbone_frames", "generated", &sample(&transport::frame(), seed));
    }
    Ok(())
}

/// Octets that stand for values: any do.
pub fn offer_inputs(corpora: &mut Corpora) {
    let mut random = ChaCha20Rng::from_seed([6; 32]);
    for format in 0..FORMATS {
        for length in [60, 400] {
            let mut input = vec![format; length];
            random.fill_bytes(&mut input[1..]);
            corpora.offer("generated_values", &format!("format-{format:02}"), &input);
        }
    }
}
