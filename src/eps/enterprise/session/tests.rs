use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::eps::identifiers::e2m::KeyIdentifier;

fn key(octet: u8) -> E2mKey {
    E2mKey::from_octets([octet; 32])
}

fn identity() -> SessionIdentity {
    SessionIdentity { application: "meter-7@utility.example".parse().unwrap(), key: KeyIdentifier(0x0102_0304) }
}

fn generator(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Two ends, all datagrams between them, and what each end has said besides.
struct Pair {
    now: VirtualTime,
    ends: [Session; 2],
    wire: Vec<(SessionEnd, Vec<u8>)>,
    said: [Vec<SessionStep>; 2],
    /// What the key server answers.
    answer: Vec<E2mKey>,
    /// Datagrams from either end that are lost, by number.
    lost: Vec<usize>,
}

impl Pair {
    fn new(seed: u8, answer: &[E2mKey], lost: &[usize]) -> Self {
        let now = VirtualTime::from_nanos(5_000_000_000);
        let server = Session::asked(&mut generator(seed.wrapping_add(100)), now).unwrap();
        let (client, steps) = Session::open(&identity(), &key(1), &mut generator(seed), now).unwrap();
        let mut pair = Self {
            now,
            ends: [client, server],
            wire: Vec::new(),
            said: [Vec::new(), Vec::new()],
            answer: answer.to_vec(),
            lost: lost.to_vec(),
        };
        pair.settle(0, steps);
        pair
    }

    /// Follows the steps of one end until nobody has anything to say.
    fn settle(&mut self, end: usize, steps: Vec<SessionStep>) {
        let mut todo: Vec<(usize, SessionStep)> = steps.into_iter().map(|step| (end, step)).collect();
        let mut rounds = 0;
        while !todo.is_empty() {
            rounds += 1;
            assert!(rounds < 200, "they never end");
            let (end, step) = todo.remove(0);
            let (to, next) = match step {
                SessionStep::Send(datagram) => {
                    let sender = [SessionEnd::Client, SessionEnd::Server][end];
                    self.wire.push((sender, datagram.clone()));
                    if self.lost.contains(&(self.wire.len() - 1)) {
                        continue;
                    }
                    self.now += std::time::Duration::from_millis(5);
                    (1 - end, self.ends[1 - end].take(self.now, &datagram))
                }
                SessionStep::KeyWanted(ref wanted) => {
                    assert_eq!(SessionIdentity::parse(wanted), Some(identity()));
                    self.said[end].push(step);
                    self.now += std::time::Duration::from_millis(40);
                    (end, self.ends[end].key(self.now, &self.answer))
                }
                other => {
                    self.said[end].push(other);
                    continue;
                }
            };
            todo.extend(next.into_iter().map(|step| (to, step)));
        }
    }

    fn send(&mut self, end: usize, data: &[u8]) {
        let steps = self.ends[end].send(self.now, data);
        self.settle(end, steps);
    }

    /// Lets time pass until the next timer.
    fn wait(&mut self) -> bool {
        let next = self.ends.iter().enumerate().filter_map(|(end, session)| Some((session.next_timer()?, end))).min();
        let Some((at, end)) = next else { return false };
        self.now = self.now.max(at);
        let steps = self.ends[end].timer(self.now);
        self.settle(end, steps);
        true
    }

    fn endings(&self) -> [Option<Ending>; 2] {
        self.said.each_ref().map(|said| match said.last() {
            Some(SessionStep::Ended(ending)) => Some(ending.clone()),
            _ => None,
        })
    }

    fn master(&self, end: usize) -> MasterSecret {
        let secret = self.said[end].iter().find_map(|step| match step {
            SessionStep::Established { master, .. } => Some(master.clone()),
            _ => None,
        });
        secret.expect("a session")
    }
}

#[test]
fn two_ends_with_one_key_talk_and_close() {
    // E1, E8
    let mut pair = Pair::new(1, &[key(1)], &[]);
    pair.send(0, b"one");
    pair.send(1, b"one, echoed");
    assert!(pair.said[1].contains(&SessionStep::Received(b"one".to_vec())));
    assert!(pair.said[0].contains(&SessionStep::Received(b"one, echoed".to_vec())));
    assert_eq!(pair.master(0), pair.master(1));
    let closing = pair.ends[0].close(pair.now);
    pair.settle(0, closing);
    assert_eq!(pair.endings(), [Some(Ending::Closed), Some(Ending::Closed)]);
    assert!(pair.ends[0].send(pair.now, b"two").is_empty());
    assert!(!pair.wait(), "nothing is due any more");
}

#[test]
fn the_same_seed_gives_the_same_octets_and_another_seed_others() {
    let run = |seed| {
        let mut pair = Pair::new(seed, &[key(1)], &[]);
        pair.send(0, b"data");
        pair.wire
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    // And in another thread.
    assert_eq!(run(3), std::thread::spawn(move || run(3)).join().unwrap());
}

#[test]
fn what_is_on_the_wire_opens_with_the_keys_computed_from_it() {
    // E1
    let mut pair = Pair::new(4, &[key(1)], &[]);
    pair.send(0, b"from the meter");
    pair.send(1, b"from the server");
    let mut transcript = HandshakeTranscript::default();
    let mut opened = Vec::new();
    for (sender, datagram) in &pair.wire {
        for record in DtlsRecord::parse_all(datagram).unwrap() {
            transcript.take(*sender, &record).unwrap();
            if record.epoch == 1 {
                let keys = SessionKeys::of(&transcript, key(1).octets()).unwrap();
                assert_eq!(keys.master, pair.master(0));
                opened.push((*sender, record.content, keys.open(*sender, &record).expect("a record")));
                let wrong = SessionKeys::of(&transcript, &[0; 32]).unwrap();
                assert_eq!(wrong.open(*sender, &record), None);
            }
        }
    }
    assert!(transcript.server_hello().unwrap().extended_master_secret);
    assert_eq!(transcript.identity(), Some(&b"meter-7@utility.example;01020304"[..]));
    let contents: Vec<ContentType> = opened.iter().map(|(_, content, _)| *content).collect();
    let (handshake, data) = (ContentType::HANDSHAKE, ContentType::APPLICATION_DATA);
    assert_eq!(contents, [handshake, handshake, data, data]);
    assert_eq!(opened[2].2, b"from the meter");
    assert_eq!(opened[3].2, b"from the server");
}

#[test]
fn two_sessions_with_one_key_have_different_record_keys() {
    // E8
    let [one, other] = [7, 8].map(|seed| Pair::new(seed, &[key(1)], &[]).master(0));
    assert_ne!(one, other);
}

#[test]
fn an_identity_without_a_key_is_refused_with_an_alert() {
    // E3, E9
    let pair = Pair::new(5, &[], &[]);
    assert_eq!(pair.endings(), [Some(Ending::Alert(115)), Some(Ending::UnknownIdentity)]);
    let (_, last) = pair.wire.last().unwrap();
    assert_eq!(Alert::parse(&DtlsRecord::parse_all(last).unwrap()[0].fragment), Some(Alert::UNKNOWN_PSK_IDENTITY));
    assert!(!pair.ends.iter().any(Session::is_established));
}

#[test]
fn another_key_is_refused_with_an_alert() {
    // E5
    let pair = Pair::new(6, &[key(2)], &[]);
    assert_eq!(pair.endings(), [Some(Ending::Alert(51)), Some(Ending::WrongKey)]);
    assert!(!pair.ends.iter().any(Session::is_established));
}

#[test]
fn whatever_datagram_of_the_handshake_is_lost_there_is_a_session() {
    let datagrams = Pair::new(9, &[key(1)], &[]).wire.len();
    assert!(datagrams >= 6, "{datagrams} datagrams");
    for lost in 0..datagrams {
        let mut pair = Pair::new(9, &[key(1)], &[lost]);
        for _ in 0..8 {
            if pair.ends.iter().all(Session::is_established) || !pair.wait() {
                break;
            }
        }
        assert!(pair.ends.iter().all(Session::is_established), "without datagram {lost}");
        pair.send(0, b"data");
        assert!(pair.said[1].contains(&SessionStep::Received(b"data".to_vec())), "without datagram {lost}");
    }
}

#[test]
fn a_session_that_nobody_answers_ends() {
    // E9
    let lost: Vec<usize> = (0..100).collect();
    let mut pair = Pair::new(10, &[key(1)], &lost);
    for _ in 0..20 {
        if !pair.wait() {
            break;
        }
    }
    assert_eq!(pair.endings()[0], Some(Ending::TimedOut));
    assert_eq!(pair.wire.len(), 5, "a ClientHello, and four repeats");
}

#[test]
fn octets_that_are_no_dtls_or_damaged_end_nothing_that_runs() {
    let mut pair = Pair::new(11, &[key(1)], &[]);
    pair.send(0, b"data");
    let (_, data) = pair.wire.last().unwrap().clone();
    for place in 0..data.len() {
        let mut damaged = data.clone();
        damaged[place] ^= 0x55;
        let steps = pair.ends[1].take(pair.now, &damaged);
        assert_eq!(steps, [], "octet {place}");
    }
    assert_eq!(pair.ends[1].take(pair.now, &data), [], "a repeat");
    assert_eq!(pair.ends[1].take(pair.now, b"hello"), []);
    pair.send(0, b"more");
    assert!(pair.said[1].contains(&SessionStep::Received(b"more".to_vec())));
}

#[test]
fn no_datagram_of_a_handshake_that_is_damaged_makes_a_panic() {
    let wire = Pair::new(12, &[key(1)], &[]).wire;
    for (number, (sender, datagram)) in wire.iter().enumerate() {
        for place in (0..datagram.len()).step_by(3) {
            let now = VirtualTime::from_nanos(5_000_000_000);
            let (mut client, _) = Session::open(&identity(), &key(1), &mut generator(12), now).unwrap();
            let mut server = Session::asked(&mut generator(112), now).unwrap();
            for (before, datagram) in &wire[..number] {
                let end = if *before == SessionEnd::Client { &mut server } else { &mut client };
                end.take(now, datagram);
                end.key(now, &[key(1)]);
            }
            let mut damaged = datagram.clone();
            damaged[place] ^= 0xff;
            let end = if *sender == SessionEnd::Client { &mut server } else { &mut client };
            end.take(now, &damaged);
            end.key(now, &[key(1)]);
            assert!(!end.is_established() || number + 2 >= wire.len(), "no session before both have said Finished");
        }
    }
}

#[test]
fn of_several_keys_with_one_identifier_that_of_the_other_end_is_taken() {
    // E5
    let mut pair = Pair::new(13, &[key(3), key(2), key(1)], &[]);
    assert!(pair.ends.iter().all(Session::is_established));
    pair.send(0, b"data");
    assert!(pair.said[1].contains(&SessionStep::Received(b"data".to_vec())));
    // broken: E5
    let pair = Pair::new(13, &[key(3), key(2)], &[]);
    assert_eq!(pair.endings(), [Some(Ending::Alert(51)), Some(Ending::WrongKey)]);
}

#[test]
fn a_forged_message_of_a_handshake_ends_no_session() {
    let mut pair = Pair::new(14, &[key(1)], &[]);
    let (_, hello) = pair.wire[0].clone();
    for message in [0, 3, 200] {
        let mut forged = hello.clone();
        // The number of the message is behind the header of the record, its type and its length.
        forged[13 + 5] = message;
        for end in 0..2 {
            // A repeat is answered by one.
            let steps = pair.ends[end].take(pair.now, &forged);
            assert!(!steps.iter().any(|step| matches!(step, SessionStep::Ended(_))), "message {message} to end {end}");
            assert!(steps.is_empty() || message == 0, "message {message} to end {end}");
        }
    }
    pair.send(0, b"data");
    assert!(pair.said[1].contains(&SessionStep::Received(b"data".to_vec())));
}
