//! What protects a link of the core network: ESP with AES-128-GCM (RFC 4303, RFC 4106), one key for each direction.
//!
//! The keys are agreed on beforehand; there is no IKE \[choice\]. The IV is the sequence number, so that a nonce never comes twice.
//! A packet that verifies is taken once: the receiver keeps a window of the last [`WINDOW`] sequence numbers (RFC 4303 clause 3.4.3).

use crate::eps::keys::LinkSecret;
use crate::eps::security::{gcm_open, gcm_seal};
use crate::eps::wire::esp::{padded, unpadded};
use crate::eps::wire::{CoreFrame, CorePayload, EspPacket, WireError};

/// Sequence numbers that a receiver tells apart behind the highest that it has taken.
pub const WINDOW: u32 = u64::BITS;
/// The key of one direction of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkKey {
    /// Security parameters index by which packets name it, above 255.
    pub spi: u32,
    /// Key and salt.
    pub secret: LinkSecret,
}

/// Why a protected packet was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Another SPI than that of the key.
    #[error("ESP: expected SPI {expected:#010x}, found {found:#010x}")]
    Spi {
        /// That of the key.
        expected: u32,
        /// That of the packet.
        found: u32,
    },
    /// The ICV is not that of the packet under the key.
    #[error("ESP: the ICV is wrong")]
    Icv,
    /// The sequence number was taken before, or is older than what is told apart.
    #[error("ESP: sequence number {0} was received before, or is too old")]
    Replay(u32),
    /// What stands in a link that is protected, and is not.
    #[error("ESP: expected a protected packet, found one in the clear")]
    Clear,
    /// Every sequence number was used.
    #[error("ESP: every sequence number was used")]
    Exhausted,
    /// What was inside is no packet.
    #[error(transparent)]
    Malformed(#[from] WireError),
}

impl LinkKey {
    /// A frame as it goes over the link, as the packet with this sequence number.
    ///
    /// # Errors
    /// What the frame carries does not encode.
    pub fn seal(&self, frame: &CoreFrame, sequence: u32) -> Result<CoreFrame, LinkError> {
        let (protocol, payload) = frame.carried()?;
        let iv = u64::from(sequence).to_be_bytes();
        let mut packet = EspPacket { spi: self.spi, sequence, iv, sealed: padded(&payload, protocol) };
        let plain = std::mem::take(&mut packet.sealed);
        packet.sealed = gcm_seal(&self.secret, iv, &packet.associated_data(), plain).ok_or(LinkError::Icv)?;
        Ok(CoreFrame { payload: CorePayload::Esp(packet), ..*frame })
    }

    /// The frame in a protected one. Whether it came before is not looked at.
    ///
    /// # Errors
    /// It is not protected, or under another SPI; the ICV is wrong; what is inside is malformed.
    pub fn open(&self, frame: &CoreFrame) -> Result<CoreFrame, LinkError> {
        let CorePayload::Esp(packet) = &frame.payload else { return Err(LinkError::Clear) };
        if packet.spi != self.spi {
            return Err(LinkError::Spi { expected: self.spi, found: packet.spi });
        }
        let plain = gcm_open(&self.secret, packet.iv, &packet.associated_data(), packet.sealed.clone());
        let plain = plain.ok_or(LinkError::Icv)?;
        let (protocol, payload) = unpadded(&plain)?;
        let payload = CorePayload::parse(protocol, payload, frame.from.ip, frame.to.ip)?;
        // One protection in another is nobody's.
        if matches!(payload, CorePayload::Esp(_)) {
            return Err(LinkError::Malformed(WireError {
                layer: "ESP",
                offset: 0,
                expected: "SCTP or UDP inside".into(),
                found: "ESP".to_owned(),
            }));
        }
        Ok(CoreFrame { payload, ..*frame })
    }
}

/// The protection of a link as one of its ends sees it.
#[derive(Clone, Debug)]
pub struct LinkProtection {
    /// For what it sends.
    outgoing: LinkKey,
    /// For what it receives.
    incoming: LinkKey,
    /// The sequence number sent last.
    sequence: u32,
    /// The highest that was received; 0: none.
    highest: u32,
    /// Bit n: the highest less n was received.
    received: u64,
}

impl LinkProtection {
    /// Protection by these keys, one of each direction.
    #[must_use]
    pub const fn new(outgoing: LinkKey, incoming: LinkKey) -> Self {
        Self { outgoing, incoming, sequence: 0, highest: 0, received: 0 }
    }

    /// A frame as it goes over the link.
    ///
    /// # Errors
    /// Those of [`LinkKey::seal`]; every sequence number was used.
    pub fn seal(&mut self, frame: &CoreFrame) -> Result<CoreFrame, LinkError> {
        self.sequence = self.sequence.checked_add(1).ok_or(LinkError::Exhausted)?;
        self.outgoing.seal(frame, self.sequence)
    }

    /// The frame in one that has come over the link.
    ///
    /// # Errors
    /// Those of [`LinkKey::open`]; its sequence number was received before, or is too old.
    pub fn open(&mut self, frame: &CoreFrame) -> Result<CoreFrame, LinkError> {
        let opened = self.incoming.open(frame)?;
        let CorePayload::Esp(EspPacket { sequence, .. }) = frame.payload else { return Err(LinkError::Clear) };
        if !self.take(sequence) {
            return Err(LinkError::Replay(sequence));
        }
        Ok(opened)
    }

    /// Whether a sequence number is new; it is taken then.
    fn take(&mut self, sequence: u32) -> bool {
        if sequence > self.highest {
            let ahead = sequence.saturating_sub(self.highest);
            self.received = self.received.checked_shl(ahead).unwrap_or_default() | 1;
            self.highest = sequence;
            return true;
        }
        let behind = self.highest.saturating_sub(sequence);
        let bit = 1_u64.checked_shl(behind).unwrap_or_default();
        // The first number is 1.
        let new = sequence > 0 && bit != 0 && self.received & bit == 0;
        self.received |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot16::backbone::BackboneEndpoint;
    use crate::eps::wire::UdpDatagram;

    fn key(spi: u32) -> LinkKey {
        LinkKey { spi, secret: LinkSecret::from_octets([7; 20]) }
    }

    fn frame(payload: Vec<u8>) -> CoreFrame {
        let place = |last| BackboneEndpoint { mac: [2, 0, 0, 0, 0, last], ip: [10, 20, 0, last].into() };
        let payload = CorePayload::Udp(UdpDatagram { source: 2123, destination: 2123, payload });
        CoreFrame { from: place(1), to: place(2), payload }
    }

    #[test]
    fn what_was_sealed_opens_under_its_key_and_no_change_of_it_does() {
        // T7
        let (clear, sealed) = (frame(vec![1, 2, 3]), key(300).seal(&frame(vec![1, 2, 3]), 5).unwrap());
        assert_eq!(key(300).open(&sealed), Ok(clear.clone()));
        assert_eq!(key(301).open(&sealed), Err(LinkError::Spi { expected: 301, found: 300 }));
        let other = LinkKey { spi: 300, secret: LinkSecret::from_octets([8; 20]) };
        assert_eq!(other.open(&sealed), Err(LinkError::Icv));
        assert_eq!(key(300).open(&clear), Err(LinkError::Clear));
        let CorePayload::Esp(packet) = &sealed.payload else { panic!("{sealed:?}") };
        let octets = packet.octets().unwrap();
        assert!(!octets.windows(3).any(|three| three == [1, 2, 3]));
        for place in 4..octets.len() {
            let mut changed = octets.clone();
            changed[place] ^= 1;
            let payload = CorePayload::Esp(EspPacket::parse(&changed).unwrap());
            assert_eq!(key(300).open(&CoreFrame { payload, ..sealed.clone() }), Err(LinkError::Icv), "octet {place}");
        }
        // ESP in ESP.
        let twice = key(300).seal(&sealed, 6).unwrap();
        assert!(matches!(key(300).open(&twice), Err(LinkError::Malformed(_))));
    }

    #[test]
    fn every_sequence_number_is_taken_once_and_an_old_one_not_at_all() {
        let mut end = LinkProtection::new(key(256), key(257));
        let taken: Vec<bool> =
            [1, 1, 3, 2, 2, 0, 66, 3, 4, 65, 200, 136, 137].map(|number| end.take(number)).into_iter().collect();
        let expected = [true, false, true, true, false, false, true, false, true, true, true, false, true];
        assert_eq!(taken, expected);
        assert!(end.take(u32::MAX) && !end.take(u32::MAX));
        end.sequence = u32::MAX;
        assert_eq!(end.seal(&frame(Vec::new())), Err(LinkError::Exhausted));
    }
}
