//! Links of the core network that are protected: nobody reads them, and what is changed or played again on them is dropped.

use keyhop::emulation::{Fate, NodeIndex, Transmission};
use keyhop::eps::node::{GtpTimers, Outcome, Scheme};
use keyhop::eps::wire::{CoreFrame, CorePayload, EspPacket};
use keyhop::time::VirtualTime;

use crate::eps_network::{Plan, Seen, kasme, link_key, mme_place};

/// Cells 1 and 2 belong to the first MME, 3 and 4 to the second.
fn plan(protects_s10: bool) -> Plan {
    Plan { mmes: 2, protects_s10, ..Plan::always(Scheme::NextHopS1) }.walk(&[1, 2, 0])
}

/// The frames between the MMEs.
fn between_mmes(seen: &Seen) -> Vec<(&Transmission, CoreFrame)> {
    let of_mmes =
        |frame: &CoreFrame| [frame.from, frame.to].iter().all(|end| [mme_place(0), mme_place(1)].contains(end));
    let frames = seen.transmissions.iter().filter_map(|sent| Some((sent, CoreFrame::parse(&sent.octets).ok()?)));
    frames.filter(|(_, frame)| of_mmes(frame)).collect()
}

fn has_kasme(frames: &[(&Transmission, CoreFrame)]) -> bool {
    frames.iter().any(|(sent, _)| sent.octets.windows(32).any(|octets| octets == kasme(0).octets()))
}

#[test]
fn a_protected_link_carries_the_same_messages_and_shows_no_key() {
    // T7
    // broken: T7
    let (clear, protected) = (plan(false).run(), plan(true).run());
    assert_eq!((clear.outcomes(0), protected.outcomes(0)), (vec![Outcome::Completed; 3], vec![Outcome::Completed; 3]));
    assert_eq!(protected.rejected(), Vec::<&Transmission>::new());
    let (clear, protected) = (between_mmes(&clear), between_mmes(&protected));
    assert!(has_kasme(&clear) && !has_kasme(&protected));
    assert_eq!(clear.len(), protected.len());
    for ((clear, frame), (sent, sealed)) in clear.iter().zip(&protected) {
        assert_eq!((&clear.note, clear.time), (&sent.note, sent.time));
        assert!(matches!(sealed.payload, CorePayload::Esp(_)), "{}", sent.note);
        let [from, to] = [sealed.from, sealed.to].map(|end| usize::from(end == mme_place(1)));
        assert_eq!(link_key(from, to).open(sealed).as_ref(), Ok(frame));
    }
}

/// What becomes of the first frame from MME to MME if `strike` decides on it, or on those after it.
fn struck(mut strike: impl FnMut(usize, &[u8], EspPacket) -> Fate + Send + 'static) -> Seen {
    let mut number = 0;
    // Requests are sent once: what is dropped is lost.
    let gtp = GtpTimers { n3_requests: 1, ..GtpTimers::default() };
    Plan { gtp, ..plan(true) }.run_with(move |_: VirtualTime, _: NodeIndex, octets: &[u8]| {
        let Ok(CoreFrame { payload: CorePayload::Esp(packet), .. }) = CoreFrame::parse(octets) else {
            return Fate::pass();
        };
        number += 1;
        strike(number, octets, packet)
    })
}

fn with(octets: &[u8], packet: EspPacket) -> Fate {
    let frame = CoreFrame { payload: CorePayload::Esp(packet), ..CoreFrame::parse(octets).unwrap() };
    Fate::replaced(frame.octets(1).unwrap())
}

fn verdicts(seen: &Seen) -> Vec<&str> {
    seen.rejected().into_iter().flat_map(|sent| &sent.verdicts).map(|verdict| verdict.text.as_str()).collect()
}

#[test]
fn a_packet_that_was_changed_is_dropped_and_the_ue_stays() {
    // T7
    let seen = struck(|number, octets, mut packet| {
        if number > 1 {
            return Fate::pass();
        }
        packet.sealed[0] ^= 1;
        with(octets, packet)
    });
    assert_eq!(verdicts(&seen)[0], "dropped: ESP: the ICV is wrong");
    assert_eq!(seen.outcomes(0)[1], Outcome::Cancelled);
    let of_other = struck(|number, octets, mut packet| {
        packet.spi = if number == 1 { 7_000 } else { packet.spi };
        with(octets, packet)
    });
    assert_eq!(verdicts(&of_other)[0], "dropped: ESP: expected SPI 0x00001002, found 0x00001b58");
}

#[test]
fn a_packet_that_is_played_again_is_dropped_and_so_is_one_in_the_clear() {
    // T7
    let mut first: Option<EspPacket> = None;
    let again = struck(move |_, octets, packet| match &first {
        None => {
            first = Some(packet);
            Fate::pass()
        }
        // The next one that goes the same way.
        Some(first) if first.spi == packet.spi && packet.sequence == 2 => with(octets, first.clone()),
        Some(_) => Fate::pass(),
    });
    assert_eq!(verdicts(&again)[0], "dropped: ESP: sequence number 1 was received before, or is too old");
    let clear = struck(|number, octets, _| {
        let frame = link_key(0, 1).open(&CoreFrame::parse(octets).unwrap());
        if number == 1 { Fate::replaced(frame.unwrap().octets(1).unwrap()) } else { Fate::pass() }
    });
    assert_eq!(verdicts(&clear)[0], "dropped: ESP: expected a protected packet, found one in the clear");
}
