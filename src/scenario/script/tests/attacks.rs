//! The language of attacks: what is read, and what is refused, with the nearest name.

use std::time::Duration;

use miette::Diagnostic;

use super::super::*;
use super::{STATIONS, parse};
use crate::adversary::{CidRole, EventKind, Forgery, FrameField, Phase, Rounds, Source, Value as LiveValue};
use crate::dot16::identifiers::{Bsid, MsMac};
use crate::dot16::wire::{HoIndication, ManagementMessage};

/// Records uplink data on the air as `tape`.
const TAPE: &str = "[[attack]]\nname = \"tape\"\ntap = \"air\"\ndirection = \"uplink\"\n\
                    trigger = { frame = \"data\", count = 3 }\naction = { record = \"tape\" }\n";

/// An attack on the uplink of `tap`; on the backbone towards `gw`.
fn entry(tap: &str, trigger: &str, action: &str) -> String {
    let place = match tap {
        "air" => String::new(),
        tap if tap.starts_with("air:") => "direction = \"uplink\"\n".to_owned(),
        _ => "to = \"gw\"\ninsider = true\n".to_owned(),
    };
    format!("[[attack]]\nname = \"a\"\ntap = \"{tap}\"\n{place}trigger = {{ {trigger} }}\naction = {{ {action} }}\n")
}

fn attack(tap: &str, trigger: &str, action: &str) -> Attack {
    let text = format!("{STATIONS}{TAPE}{}", entry(tap, trigger, action));
    let mut script = parse(&text).unwrap_or_else(|error| panic!("{error}\n{trigger} {action}"));
    script.attacks.pop().unwrap()
}

/// The message for such an attack, with the advice if there is some.
fn refused(tap: &str, trigger: &str, action: &str) -> String {
    let text = format!("{STATIONS}{TAPE}{}", entry(tap, trigger, action));
    let error = parse(&text).map(|script| script.attacks).unwrap_err();
    let before = STATIONS.lines().count() + TAPE.lines().count();
    assert!(error.line() > before, "{error}");
    let advice = error.help().map_or_else(String::new, |help| format!(" ({help})"));
    format!("{}{advice}", error.message().strip_prefix("attack.").unwrap_or(error.message()))
}

const MS1: MsMac = MsMac([2, 0, 0, 0, 0, 1]);
const BS2: Bsid = Bsid([10, 0, 0, 0, 0, 2]);

#[test]
fn triggers_are_read() {
    let found = attack(
        "air",
        "frame = \"data\", phase = \"arriving\", sender = \"ms1\", cid = \"ms1@bs2.basic + 0x10\"",
        "drop = true",
    );
    assert_eq!(found.tap, Some(Tap::Air(None)));
    let Trigger::Frame(_, filter) = found.trigger else { panic!("{found:?}") };
    assert_eq!((filter.phase, filter.sender), (Some(Phase::Arriving), Some(Actor::MobileStation(MobileStationId(0)))));
    let cid = filter.cid.unwrap();
    assert_eq!((cid.source, cid.offset), (Source::Cid(MS1, BS2, CidRole::Basic), 16));
    let found = attack(
        "air:ms1-bs2",
        "event = \"left\", node = \"ms1\", base_station = \"bs1\", nth = 2, wait = \"5ms\"",
        "replay = \"tape\"",
    );
    assert_eq!(found.wait, Duration::from_millis(5));
    let Trigger::Event(event) = found.trigger else { panic!("{found:?}") };
    assert_eq!((event.kind, event.nth, event.base_station), (EventKind::Left, 2, Some(BaseStationId(0))));
}

#[test]
fn values_stand_for_fields_of_the_frame_of_a_recording_and_for_cids() {
    let change = |text: &str| {
        let found = attack("air", "time = \"1s\"", &format!("replay = \"tape\", change = {{ pn = {text} }}"));
        let AttackAction::Replay(replay) = found.action else { panic!("{found:?}") };
        let (field, value) = replay.change.fields[0].clone();
        assert_eq!(field, FrameField::Pn);
        (value.source, value.offset)
    };
    assert_eq!(change("7"), (Source::Given(7), 0));
    assert_eq!(change("\"pn + 1\""), (Source::Own(FrameField::Pn), 1));
    assert_eq!(change("\"tape.pn - 0x10\""), (Source::Recorded("tape".to_owned(), FrameField::Pn), -16));
    assert_eq!(change("\"ms1@bs2.uplink\""), (Source::Cid(MS1, BS2, CidRole::Uplink), 0));
}

#[test]
fn replays_and_injections_are_read_with_their_rounds() {
    let found =
        attack("air:ms2-bs1", "time = \"1s\"", "replay = \"tape\", times = 3, every = \"7ms\", first = 2, frames = 1");
    let AttackAction::Replay(replay) = found.action else { panic!("{found:?}") };
    assert_eq!(replay.rounds, Rounds { times: 3, every: Duration::from_millis(7) });
    assert_eq!((replay.first, replay.frames), (2, Some(1)));
    let inject = |tap, what: &str| {
        let found = attack(tap, "time = \"1s\"", &format!("inject = {{ {what} }}"));
        let AttackAction::Inject { forgery, .. } = found.action else { panic!("{found:?}") };
        forgery
    };
    let air = "air:ms1-bs2";
    assert_eq!(inject(air, "octets = \"00:11 22\""), Forgery::Octets(vec![0, 0x11, 0x22]));
    let data =
        Forgery::Data { cid: LiveValue::given(9), eks: LiveValue::given(0), pn: LiveValue::given(1), length: 60 };
    assert_eq!(inject(air, "data = { cid = 9 }"), data);
    let Forgery::Message { message, cmac_pn, .. } =
        inject(air, "message = \"MOB_HO-IND\", cid = 1, indication = \"release\", target = \"bs2\", tuple = true")
    else {
        panic!("a message")
    };
    let ManagementMessage::MobHoInd(message) = *message else { panic!("{message:?}") };
    assert_eq!((message.indication, cmac_pn), (HoIndication::Release { target: BS2 }, Some(LiveValue::given(1))));
    let Forgery::Message { message, .. } = inject(air, "message = \"DSA-REQ\", cid = 1, body = \"0102\"") else {
        panic!("a message")
    };
    assert_eq!(*message, ManagementMessage::Other { message_type: 11, body: vec![1, 2] });
    let control = "control = \"CMAC_Key_Count_Update\", mobile_station = \"ms1\", count = 65535";
    let Forgery::Control { from, to, ms, bsid, .. } = inject("r6:bs2-gw", control) else { panic!("a control message") };
    assert_eq!((from.mac, ms, bsid), (BS2.0, MS1, BS2));
    assert_eq!(to.ip.to_string(), "10.16.0.254");
}

#[test]
fn words_that_are_not_known_are_answered_with_the_nearest() {
    let air = "air:ms1-bs2";
    for (trigger, action, expected) in [
        ("event = \"lefd\"", "replay = \"tape\"", "did you mean \"left\"?"),
        ("event = \"left\", node = \"ms\"", "replay = \"tape\"", "did you mean \"ms1\"?"),
        ("frame = \"data\", phase = \"ariving\"", "drop = true", "did you mean \"arriving\"?"),
        ("frame = \"data\", sender = \"ms3\"", "drop = true", "did you mean \"ms"),
        ("frame = \"data\", cid = \"ms1@bs2.uplnk\"", "drop = true", "did you mean \"ms1@bs2.uplink\"?"),
        ("frame = \"data\", cid = \"tpe.cid\"", "drop = true", "did you mean \"tape.cid\"?"),
        ("frame = \"data\"", "modify = { pn = \"pm + 1\" }", "did you mean \"pn\"?"),
        ("frame = \"data\"", "modify = { pm = 1 }", "did you mean \"pn\"?"),
        ("frame = \"data\"", "modfy = { pn = 1 }", "did you mean \"modify\"?"),
        ("time = \"1s\"", "inject = { message = \"RNG-REK\", cid = 0 }", "did you mean \"RNG-REQ\"?"),
        ("time = \"1s\"", "inject = { data = { cd = 0 } }", "did you mean \"cid\"?"),
        (
            "time = \"1s\"",
            "inject = { message = \"RNG-RSP\", cid = 0, status = \"abbort\" }",
            "did you mean \"abort\"?",
        ),
    ] {
        let message = refused(air, trigger, action);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_can_never_happen_is_refused_when_the_script_is_checked() {
    let air = "air:ms1-bs2";
    for (tap, trigger, action, expected) in [
        (
            air,
            "frame = \"RNG-RSP\"",
            "drop = true",
            "trigger.frame: no \"RNG-RSP\" ever passes here: base stations send it, downlink",
        ),
        (
            air,
            "frame = \"data\", sender = \"bs2\"",
            "drop = true",
            "trigger.sender: expected \"ms1\", who alone sends what the tap hears, found the string \"bs2\"",
        ),
        (
            air,
            "frame = \"data\", cid = \"ms2@bs2.uplink\"",
            "drop = true",
            "trigger.cid: expected a CID of ms1@bs2, whose link the tap is on, found the string \"ms2@bs2.uplink\"",
        ),
        (
            air,
            "frame = \"data\", cid = \"ms1@bs2.downlink\"",
            "drop = true",
            "trigger.cid: expected a CID of the uplink, which the tap hears, found the string \"ms1@bs2.downlink\"",
        ),
        (
            air,
            "frame = \"RNG-REQ\", phase = \"arriving\"",
            "drop = true",
            "trigger.phase: expected \"ranging\", which an RNG-REQ begins, found the string \"arriving\"",
        ),
        (
            air,
            "frame = \"MOB_MSHO-REQ\", phase = \"ranging\"",
            "drop = true",
            "trigger.phase: expected \"preparing\", to which MOB_MSHO-REQ belongs, found the string \"ranging\"",
        ),
        (
            air,
            "frame = \"data\", after = \"9s\"",
            "drop = true",
            "trigger.after: expected a time from 0s to 3s, when the script ends, found the string \"9s\"",
        ),
        (
            air,
            "event = \"left\", node = \"gw\"",
            "replay = \"tape\"",
            "trigger.node: expected a mobile station: this node reports no such event, found the string \"gw\"",
        ),
        (
            air,
            "event = \"count-committed\", base_station = \"bs2\"",
            "replay = \"tape\"",
            "trigger.base_station: expected no base_station with an event that names none, found one",
        ),
        (
            air,
            "time = \"1s\"",
            "replay = \"tap\"",
            "action.replay: expected a recording that another attack makes of uplink frames, found the string \"tap\" (did you mean \"tape\"?)",
        ),
        (
            air,
            "time = \"1s\"",
            "replay = \"tape\", first = 4",
            "action.first: expected at most 3, as many frames as are recorded, found the integer 4",
        ),
        (
            "air",
            "time = \"1s\"",
            "inject = { octets = \"00\" }",
            "tap: expected a link such as \"air:ms1-bs2\", because no frame tells where to send, found the string \"air\"",
        ),
        (
            "r6:bs2-gw",
            "frame = \"data\", cid = 1",
            "drop = true",
            "trigger.cid: expected no cid with a tap on the backbone, found one",
        ),
        (
            "r6:bs2-gw",
            "time = \"1s\"",
            "replay = \"tape\"",
            "action.replay: expected a recording that another attack makes on the backbone, found the string \"tape\" (there is none in this script)",
        ),
    ] {
        assert_eq!(refused(tap, trigger, action), expected);
    }
}

#[test]
fn keys_stand_only_where_they_mean_something() {
    let air = "air:ms1-bs2";
    for (tap, trigger, action, expected) in [
        (
            air,
            "frame = \"data\", wait = \"1ms\"",
            "drop = true",
            "trigger.wait: expected no wait, because the action is to drop, found the string \"1ms\"",
        ),
        (
            air,
            "event = \"left\"",
            "drop = true",
            "trigger: expected a trigger on frames, because the action is to drop, found another",
        ),
        (air, "event = \"left\", cid = 1", "replay = \"tape\"", "trigger.cid: expected no cid beside event, found one"),
        (air, "frame = \"data\"", "drop = true, times = 2", "action.times: expected no times beside drop, found one"),
        (
            air,
            "time = \"1s\"",
            "replay = \"tape\", every = \"1ms\"",
            "action.every: expected no every where something is done once, found one",
        ),
        (
            air,
            "frame = \"data\"",
            "modify = { checksums = \"left\" }",
            "action.modify: expected at least one change (cid, pn, eks, cmac_pn, cmac_key_count, tlv, octets or bits), found a table",
        ),
        (
            air,
            "frame = \"data\"",
            "modify = { eks = 4 }",
            "action.modify.eks: expected a whole number from 0 to 3, found the integer 4",
        ),
        (
            air,
            "time = \"1s\"",
            "inject = { octets = \"0\" }",
            "action.inject.octets: expected 1 to 2047 octets in hex, found the string \"0\"",
        ),
        (
            air,
            "time = \"1s\"",
            "inject = { octets = \"00\", cid = 1 }",
            "action.inject.cid: expected no cid beside octets, found one",
        ),
        (
            air,
            "time = \"1s\"",
            "inject = { message = \"RNG-RSP\", cid = 1, status = \"abort\", purpose = \"seamless\" }",
            "action.inject.purpose: expected no purpose in a RNG-RSP, found one",
        ),
        (
            air,
            "time = \"1s\"",
            "inject = { message = \"DSA-REQ\", cid = 1 }",
            "action.inject.body: expected the body of a message whose fields have no keys, in hex, found nothing",
        ),
        (
            air,
            "time = \"1s\"",
            "inject = { control = \"Context_Req\", mobile_station = \"ms1\" }",
            "action.inject.control: expected a tap on the backbone beside a control message, such as \"r6:bs2-gw\", found the string \"Context_Req\"",
        ),
        (
            air,
            "time = \"1s\"",
            "inject = { data = { cid = \"pn\" } }",
            "action.inject.data.cid: expected a whole number from 0 to 65535 or a value such as \"ms1@bs2.basic\" or \"RECORDING.pn + 1\", found the string \"pn\"",
        ),
        (
            air,
            "time = \"1s\"",
            "play = \"x.pcapng\"",
            "action.frames: expected an array of numbers of frames, from 1, found nothing",
        ),
        (
            "r6:bs2-gw",
            "frame = \"data\"",
            "modify = { pn = 1 }",
            "action.modify.pn: expected no pn with a tap on the backbone, where frames have octets and bits only, found one",
        ),
        (
            "r6:bs2-gw",
            "time = \"1s\"",
            "inject = { data = { cid = 1 } }",
            "action.inject.data: expected a tap on the air beside what only stations on the air send, found a table",
        ),
    ] {
        let message = refused(tap, trigger, action);
        let message = message.split(" (").next().unwrap_or_default();
        let wanted = expected.split(" (").next().unwrap_or_default();
        assert!(message.starts_with(wanted), "{message}\nfor {expected}");
    }
    let both = entry(air, "frame = \"data\"", "drop = true").replace("uplink", "sideways");
    assert!(parse(&format!("{STATIONS}{both}")).is_err());
    assert_eq!(attack("air", "frame = \"any\"", "reorder = 3").tap, Some(Tap::Air(None)));
}
