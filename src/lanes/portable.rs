//! [`super::Path::Portable`].

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U13};
use cmac::{Cmac, Mac};

use super::{BLOCK, CcmJob, CmacJob, ICV};

pub(super) fn ccm<const OPEN: bool>(jobs: &mut [&mut CcmJob<'_>]) {
    for job in jobs {
        let cipher = Ccm::<Aes128, U8, U13>::new(&(*job.key).into());
        let nonce = job.nonce.into();
        if OPEN {
            job.verified = cipher.decrypt_inout_detached(&nonce, &[], (&mut *job.text).into(), &job.icv.into()).is_ok();
            if !job.verified {
                job.text.fill(0);
            }
        } else {
            let tag = cipher.encrypt_inout_detached(&nonce, &[], (&mut *job.text).into());
            job.icv = tag.expect("CCM with this nonce has room for 65,535 octets").into();
        }
    }
}

pub(super) fn cmac(jobs: &mut [&mut CmacJob<'_>]) {
    for job in jobs {
        let mut mac = <Cmac<Aes128> as cmac::KeyInit>::new(&(*job.key).into());
        mac.update(job.message);
        job.mac = mac.finalize().into_bytes().into();
    }
}

/// The tag of a ciphertext under each of `keys`: `icv` where that verifies, and what differs from it elsewhere.
pub(super) fn tags(keys: &[[u8; 16]], nonce: [u8; 13], ciphertext: &[u8], icv: [u8; ICV], tags: &mut [[u8; BLOCK]]) {
    for (key, tag) in keys.iter().zip(tags) {
        let cipher = Ccm::<Aes128, U8, U13>::new(&(*key).into());
        let verifies = cipher
            .decrypt_inout_detached(&nonce.into(), &[], ciphertext.to_vec().as_mut_slice().into(), &icv.into())
            .is_ok();
        let made = if verifies { icv } else { icv.map(|octet| !octet) };
        tag[..ICV].copy_from_slice(&made);
    }
}

pub(super) fn cmacs_of_one_key<const N: usize>(key: &[u8; 16], messages: &[[u8; N]], macs: &mut [[u8; BLOCK]]) {
    for (message, mac) in messages.iter().zip(macs) {
        let mut job = CmacJob { key, message, mac: [0; BLOCK] };
        cmac(&mut [&mut job]);
        *mac = job.mac;
    }
}
