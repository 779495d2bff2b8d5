//! Behaviour of the format of EPS scripts.

use crate::scenario::bundled;
use crate::scenario::script::{ScriptError, ScriptFile, SetArgument, StatementId, System};

use super::{
    EpsScript, attacks, enterprise, expectations, handover, network, parlos, parlos_attacks, parlos_expectations,
    steps, times, transfer,
};

/// Two eNBs and a UE; everything else has a default.
const PAIR: &str = r#"name = "pair"
shows = "two of them"
system = "eps"

[[enb]]
name = "enb1"

[[enb]]
name = "enb2"

[[ue]]
name = "ue1"
imsi = "001010000000001"
ip = "192.0.2.10"
serving = "enb1"
"#;

fn with(rest: &str, sets: &[&str]) -> Result<Box<EpsScript>, ScriptError> {
    let sets: Vec<SetArgument> = sets.iter().map(|set| set.parse().unwrap()).collect();
    match ScriptFile::parse("test.toml", &format!("{PAIR}{rest}"), &sets)? {
        ScriptFile::Eps(script) => Ok(script),
        ScriptFile::Dot16(_) => panic!("it says eps"),
    }
}

#[test]
fn the_smallest_script_has_an_mme_cells_and_keys() {
    let script = with("", &[]).unwrap();
    assert_eq!((script.nodes.mmes.len(), script.nodes.mmes[0].name.as_str()), (1, "mme1"));
    assert_eq!(script.nodes.enbs.iter().map(|enb| enb.pci.get()).collect::<Vec<_>>(), [1, 2]);
    assert_ne!(script.nodes.ues[0].kasme, with("", &["seed=2"]).unwrap().nodes.ues[0].kasme);
    assert_eq!(script.handover.para_octets, 16);
}

#[test]
fn every_statement_of_a_bundled_script_is_of_this_system() {
    for bundled in bundled::EPS_SCRIPTS {
        let title = bundled.read(&[]).unwrap().title();
        let of_system = |id: &StatementId| match title.system {
            System::ContextTransfer => matches!(id, StatementId::ContextTransfer(_)),
            System::Parlos => matches!(id, StatementId::Parlos(_)),
            System::E2m => matches!(id, StatementId::E2m(_)),
            _ => matches!(id, StatementId::HandoverKeys(_)),
        };
        assert!(title.statements.iter().all(of_system), "{}", title.name);
        assert!(bundled.parse(&[]).unwrap_err().to_string().contains("802.16"), "{}", title.name);
    }
}

#[test]
fn a_value_is_set_by_its_path() {
    let sets =
        ["handover.scheme=nh-x2", "times.x2=7ms", "enb.enb2.most_ues=3", "ue.ue1.weaknesses=[\"ignores-nas-mac\"]"];
    let script = with("", &sets).unwrap();
    assert!(script.handover.schemes.is_standard());
    assert_eq!(script.times.x2.as_millis(), 7);
    assert_eq!((script.nodes.enbs[1].most_ues, script.nodes.ues[0].weaknesses.len()), (3, 1));
}

#[test]
fn what_does_not_fit_is_told_with_its_place_and_what_was_expected() {
    let attack = |rest: &str| format!("[[attack]]\nname = \"a\"\n{rest}\n");
    let cases: [(String, &str); 25] = [
        ("[handover]\nscheme = \"chianed\"\n".into(), "handover.scheme: expected \"chained\" or"),
        ("[handover]\nscheme = \"nh-x2\"\npara_octets = 8\n".into(), "no para_octets with a scheme of the standard"),
        ("[handover]\nc_rnti_bits = 20\n".into(), "handover.c_rnti_bits: expected 16 or 32"),
        ("[handover]\npara_octets = 65\n".into(), "a whole number from 1 to 64"),
        ("[times]\nx2 = 5\n".into(), "times.x2: expected a time with a unit"),
        ("[times]\nx3 = \"5ms\"\n".into(), "unknown key \"x3\" in times"),
        ("[[enb]]\nname = \"enb1\"\n".into(), "a name that no other node has"),
        ("[[enb]]\nname = \"sgw\"\n".into(), "a name that no other node has"),
        ("[[enb]]\nname = \"enb3\"\npci = 2\n".into(), "a cell identity that no other eNB has"),
        (
            "[[mme]]\nname = \"m\"\nweaknesses = [\"flips-indication\"]\n".into(),
            "\"constant-para\" or \"resets-counts\"",
        ),
        (
            "[[step]]\nat = \"9s\"\naction = \"handover\"\ntarget = \"enb2\"\n".into(),
            "step.at: expected a time from 0s to 3s",
        ),
        ("[[step]]\nat = \"1s\"\naction = \"handover\"\ntarget = \"enb3\"\n".into(), "the name of an eNB"),
        ("[[traffic]]\nkind = \"udp\"\nmobile_station = \"ue1\"\n".into(), "unknown key \"mobile_station\""),
        (attack("action = { steal = \"enb1\" }"), "attack.trigger: expected"),
        (attack("action = { knows = \"enb1\" }"), "the name of a UE"),
        (attack("action = { knows = \"ue1\" }\ntrigger = { time = \"1s\" }"), "beside knows"),
        (attack("action = { eavesdrop = true }"), "a link, such as"),
        (attack("tap = \"uu:ue1-enb1\"\naction = { eavesdrop = true }"), "the air is heard always"),
        (attack("tap = \"x2:enb1-enb2\"\nto = \"enb1\"\naction = { eavesdrop = true }"), "beside eavesdrop"),
        (
            "[[expect]]\npackets_read = { attack = \"a\", count = 1 }\n".to_owned(),
            "the name of an attack that has such a result",
        ),
        (attack("trigger = { time = \"1s\" }\naction = { compromise = \"ue1\" }"), "the name of a node of the network"),
        (
            attack("tap = \"s1:enb1-enb2\"\nto = \"enb1\"\ntrigger = { frame = \"any\" }\naction = { drop = true }"),
            "a link that there is",
        ),
        (
            attack(
                "tap = \"s1:enb1-mme1\"\nto = \"enb1\"\ntrigger = { frame = \"HandoverComand\" }\naction = { drop = true }",
            ),
            "did you mean \"HandoverCommand\"?",
        ),
        (
            attack("tap = \"s1:enb1-mme1\"\nto = \"enb1\"\ntrigger = { time = \"1s\" }\naction = { replay = \"b\" }"),
            "the name of a recording",
        ),
        ("[[expect]]\njudge = [\"nothing\"]\n".into(), "expect.judge: expected"),
    ];
    for (rest, expected) in cases {
        let error = with(&rest, &[]).unwrap_err();
        assert_eq!(error.source_name(), "test.toml");
        assert!(error.line() > 0);
        let advice = error.advice().unwrap_or_default();
        let told = format!("{} {advice}", error.message());
        assert!(told.contains(expected), "{rest}: {told}");
    }
}

/// One phone and one cell of PARLOS.
const PHONE: &str = r#"name = "phone"
shows = "one of them"
system = "parlos"

[[enb]]
name = "enb1"

[[ue]]
name = "ue1"
imsi = "001010000000001"
ip = "192.0.2.10"
"#;

fn phone(rest: &str, sets: &[&str]) -> Result<Box<EpsScript>, ScriptError> {
    let sets: Vec<SetArgument> = sets.iter().map(|set| set.parse().unwrap()).collect();
    match ScriptFile::parse("test.toml", &format!("{PHONE}{rest}"), &sets)? {
        ScriptFile::Eps(script) => Ok(script),
        ScriptFile::Dot16(_) => panic!("it says parlos"),
    }
}

#[test]
fn a_script_of_parlos_has_a_variant_and_what_does_not_belong_there_is_told_with_its_place() {
    let script = phone("", &["parlos.transport=ecies-b", "enb.enb1.plmn=310-260", "ue.ue1.allowed=[\"310\"]"]).unwrap();
    assert_eq!(script.parlos.unwrap().transport.map(|scheme| scheme.name()), Some("ecies-b"));
    assert_eq!(script.nodes.enbs[0].rlos.plmn.0, [0x13, 0x00, 0x62]);
    assert_eq!(script.nodes.ues[0].rlos.allowed, Some(vec![[3, 1, 0]]));
    assert_eq!(with("", &[]).unwrap().parlos, None);
    let attack = |rest: &str| format!("[[attack]]\nname = \"a\"\n{rest}\n");
    let cases: [(String, &str); 17] = [
        ("[handover]\nscheme = \"chained\"\n".into(), "no handover with system = \"parlos\""),
        ("[[upe]]\nname = \"upe1\"\n".into(), "no upe without system = \"context-transfer\""),
        ("[parlos]\ntransport = \"none\"\nhash = true\n".into(), "no hash with transport = \"none\""),
        ("[parlos]\ntransport = \"ecies\"\n".into(), "parlos.transport: expected \"none\""),
        ("[[enb]]\nname = \"e\"\nplmn = \"00101\"\n".into(), "a network, such as"),
        ("[[ue]]\nname = \"u\"\nimsi = \"001019\"\nallowed = [\"1\"]\n".into(), "a mobile country code"),
        ("[[ue]]\nname = \"u\"\nimsi = \"001019\"\nserving = \"enb1\"\n".into(), "the UE is off at the start"),
        ("[[mme]]\nname = \"m\"\nweaknesses = [\"constant-para\"]\n".into(), "\"ignores-certificates\""),
        ("[[step]]\nat = \"1s\"\naction = \"handover\"\n".into(), "\"attach\" or \"power-off\""),
        ("[[step]]\nat = \"1s\"\naction = \"attach\"\ntarget = \"enb1\"\n".into(), "beside actions of PARLOS"),
        (attack("action = { man_in_the_middle = true }"), "a link, such as"),
        (attack("tap = \"s1:enb1-mme1\"\naction = { false_network = true }"), "a link of the air"),
        (attack("tap = \"uu:ue1-enb1\"\naction = { attaches = 2 }"), "attack.trigger: expected"),
        (
            attack("tap = \"uu:ue1-enb1\"\ntrigger = { time = \"1s\" }\naction = { attaches = 2, recording = \"r\" }"),
            "the name of a recording",
        ),
        (attack("action = { listen = true, nth = 2 }"), "no nth without key_of"),
        (
            attack(
                "tap = \"uu:ue1-enb1\"\ndirection = \"uplink\"\ntrigger = { frame = \"any\" }\naction = { modify = { key = true } }",
            ),
            "false: it is taken out",
        ),
        ("[[expect]]\nattached = { outcome = \"accepted\", cause = 6 }\n".into(), "no cause beside another outcome"),
    ];
    for (rest, expected) in cases {
        let error = phone(&rest, &[]).unwrap_err();
        let told = format!("{} {}", error.message(), error.advice().unwrap_or_default());
        assert!(error.line() > 0 && told.contains(expected), "{rest}: {told}");
    }
    // And the other way round.
    for (rest, expected) in [
        ("[parlos]\nhash = true\n", "no parlos without system = \"parlos\""),
        ("[[enb]]\nname = \"e\"\nplmn = \"001-02\"\n", "no plmn without system = \"parlos\""),
        ("[[expect]]\nkasmes_drawn = 1\n", "unknown key \"kasmes_drawn\""),
        ("[[attack]]\nname = \"a\"\naction = { listen = true }\n", "no such action without system = \"parlos\""),
    ] {
        let error = with(rest, &[]).unwrap_err();
        let told = format!("{} {}", error.message(), error.advice().unwrap_or_default());
        assert!(told.contains(expected), "{rest}: {told}");
    }
}

/// A UE, an end point and a cell.
const METER: &str = r#"name = "meter"
shows = "one of them"
system = "e2m"

[[enb]]
name = "enb1"

[[ue]]
name = "ue1"
imsi = "001010000000001"
ip = "192.0.2.10"
serving = "enb1"
"#;

fn meter(rest: &str, sets: &[&str]) -> Result<Box<EpsScript>, ScriptError> {
    let sets: Vec<SetArgument> = sets.iter().map(|set| set.parse().unwrap()).collect();
    match ScriptFile::parse("test.toml", &format!("{METER}{rest}"), &sets)? {
        ScriptFile::Eps(script) => Ok(script),
        ScriptFile::Dot16(_) => panic!("it says e2m"),
    }
}

#[test]
fn a_script_of_e2m_has_an_end_point_and_what_does_not_belong_there_is_told_with_its_place() {
    let script = meter("", &["enterprise.depth=7", "ue.ue1.subscribed=false", "times.zn=3ms"]).unwrap();
    let settings = script.enterprise.unwrap();
    assert_eq!((settings.agreed.depth, settings.agreed.derivation.string.as_str()), (7, "e2m_ CIoT"));
    assert_eq!((script.nodes.end_points[0].id.as_str(), script.times.zn.as_millis()), ("emse1.enterprise.example", 3));
    let user = script.nodes.ues[0].enterprise.as_ref().unwrap();
    assert_eq!((user.application.as_str(), user.subscribed), ("ue1@enterprise.example", false));
    assert_eq!(with("", &[]).unwrap().enterprise, None);
    let cases = [
        ("[enterprise]\nidentifier_bits = 33\n", "a whole number from 1 to 32"),
        ("[enterprise]\nidentity = \"eks\"\n", "enterprise.identity: expected \"imsi\""),
        ("[enterprise]\nemks_weaknesses = [\"newest-only\"]\n", "\"trusts-emse-id\""),
        ("[enterprise]\ndepth = 0\n", "a whole number from 1 to 64"),
        ("[handover]\nscheme = \"chained\"\n", "no handover with system = \"e2m\""),
        ("[[upe]]\nname = \"upe1\"\n", "no upe without system = \"context-transfer\""),
        ("[[emse]]\nname = \"emks\"\n", "a name that no other node has"),
        ("[[emse]]\nname = \"a\"\nid = \"x;y\"\n", "other than space and semicolon"),
        ("[[emse]]\nname = \"a\"\nid = \"x\"\n[[emse]]\nname = \"b\"\nid = \"x\"\n", "no other end point has"),
        ("[[bss]]\nname = \"b\"\ncell = 1\n", "a number that no other cell has"),
        ("[[step]]\nat = \"1s\"\naction = \"handover\"\n", "\"attach\" or \"authenticate\" or \"open\""),
        ("[[step]]\nat = \"1s\"\naction = \"open\"\ntext = \"x\"\n", "no text beside this action"),
        ("[[step]]\nat = \"1s\"\naction = \"open\"\nemse = \"emse2\"\n", "the name of an EMSE"),
        ("[[expect]]\nsession = { outcome = \"opened\" }\n", "expect.session.outcome: expected"),
        ("[[expect]]\nint_keys = { at = \"emse1\", count = 1 }\n", "\"hss\", \"emks\" or the name of the UE"),
        ("[[expect]]\nsessions_read = { attack = \"a\", count = 1 }\n", "an attack that reads sessions"),
        ("[[expect]]\nlearns = { node = \"emks\" }\n", "imsi or application"),
        ("[[emse]]\nname = \"a\"\nweaknesses = [\"repeats\"]\n", "\"repeats-randoms\""),
        ("[[attack]]\nname = \"a\"\naction = { knows_session = \"ue9\" }\n", "the name of a UE"),
        ("[[attack]]\nname = \"a\"\naction = { attaches = 1 }\n", "imsi_of"),
        (
            "[[attack]]\nname = \"a\"\naction = { attaches = 1, imsi_of = \"ue1\", recording = \"r\" }\n",
            "no recording with system = \"e2m\"",
        ),
        ("[[attack]]\nname = \"a\"\naction = { listen = true }\n", "no such action without system = \"parlos\""),
    ];
    for (rest, expected) in cases {
        let error = meter(rest, &[]).unwrap_err();
        let told = format!("{} {}", error.message(), error.advice().unwrap_or_default());
        assert!(error.line() > 0 && told.contains(expected), "{rest}: {told}");
    }
    for (rest, expected) in [
        ("[enterprise]\ndepth = 1\n", "no enterprise without system = \"e2m\""),
        ("[[emse]]\nname = \"e\"\n", "no emse without system = \"e2m\""),
        ("[times]\nzn = \"1ms\"\n", "no zn without system = \"e2m\""),
        ("[[expect]]\nunequal_sessions = 0\n", "unequal_sessions"),
        ("[[attack]]\nname = \"a\"\naction = { knows_session = \"ue1\" }\n", "no such action without system = \"e2m\""),
    ] {
        let error = with(rest, &[]).unwrap_err();
        let told = format!("{} {}", error.message(), error.advice().unwrap_or_default());
        assert!(told.contains(expected), "{rest}: {told}");
    }
}

#[test]
fn the_documentation_names_every_key_of_every_section() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let [eps, transfers, rlos, e2m] = ["eps.md", "context-transfer.md", "parlos.md", "e2m.md"]
        .map(|file| std::fs::read_to_string(folder.join(file)).unwrap());
    let text = format!("{eps}\n{transfers}\n{rlos}\n{e2m}");
    let section = |heading: &str| {
        let rest = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading}")).1;
        rest.split("\n#").next().unwrap().to_owned()
    };
    let (of_mme, of_enb) = (network::OF_MME.map(|(word, _)| word), network::OF_ENB.map(|(word, _)| word));
    let of_ue = network::OF_UE.map(|(word, _)| word);
    let of_sgsn = transfer::OF_SGSN.map(|(word, _)| word);
    let of_upe = transfer::OF_UPE.map(|(word, _)| word);
    let of_rlos_mme = network::OF_RLOS_MME.map(|(word, _)| word);
    let of_rlos_ue = network::OF_RLOS_UE.map(|(word, _)| word);
    let certificates = parlos::CERTIFICATES.map(|(word, _)| word);
    let refusals = parlos_expectations::REFUSALS.map(|(word, _)| word);
    let transports = parlos::TRANSPORTS.map(|(word, _)| word);
    let credentials = parlos::CREDENTIALS.map(|(word, _)| word);
    let proofs = parlos::PROOFS.map(|(word, _)| word);
    let ends = parlos_expectations::AttachEnd::NAMED.map(|(word, _)| word);
    let sections: [(&str, Vec<&str>); 21] = [
        ("### `[parlos]`", [parlos::KEYS, &transports, &credentials, &proofs].concat()),
        ("### `[[mme]]` of PARLOS", [parlos::MME_KEYS, &of_rlos_mme].concat()),
        ("### `[[enb]]` of PARLOS", parlos::ENB_KEYS.to_vec()),
        ("### `[[ue]]` of PARLOS", [parlos::UE_KEYS, &of_rlos_ue, &certificates].concat()),
        ("### `[[step]]` of PARLOS", vec!["attach", "power-off"]),
        (
            "### `[[attack]]` of PARLOS",
            [parlos_attacks::ACTIONS, parlos_attacks::ACTION_OPTIONS, parlos_attacks::CHANGES].concat(),
        ),
        ("### `[[expect]]` of PARLOS", [parlos_expectations::KINDS, &refusals, &ends].concat()),
        ("### `[handover]`", handover::KEYS.to_vec()),
        ("### `[times]`", times::KEYS.to_vec()),
        ("### `[times]` of context transfer", times::TRANSFER_KEYS.to_vec()),
        ("### `[transfer]`", transfer::KEYS.to_vec()),
        ("### `[[upe]]`", [transfer::UPE_KEYS, &of_upe].concat()),
        ("### `[[sgsn]]`", [transfer::SGSN_KEYS, &of_sgsn].concat()),
        ("### `[[rnc]]`", transfer::RNC_KEYS.to_vec()),
        ("### `[[mme]]`", [network::MME_KEYS, &of_mme].concat()),
        ("### `[[enb]]`", [network::ENB_KEYS, &of_enb].concat()),
        ("### `[[ue]]`", [network::UE_KEYS, &of_ue].concat()),
        ("### `[[traffic]]` of EPS", super::TRAFFIC_KEYS.to_vec()),
        ("### `[[step]]` of EPS", steps::KEYS.to_vec()),
        ("### `[[attack]]` of EPS", attacks::every_key()),
        ("### `[[expect]]` of EPS", expectations::KINDS.to_vec()),
    ];
    let weaknesses = [enterprise::OF_EMKS[0].0, enterprise::OF_HSS[0].0];
    let (of_emse, of_user) = (enterprise::OF_EMSE.map(|(word, _)| word), enterprise::OF_USER.map(|(word, _)| word));
    let of_e2m: [(&str, Vec<&str>); 8] = [
        ("### `[enterprise]`", [enterprise::KEYS, &weaknesses].concat()),
        ("### `[times]` of e2m keys", times::E2M_KEYS.to_vec()),
        ("### `[[emse]]`", [enterprise::EMSE_KEYS, &of_emse].concat()),
        ("### `[[bss]]`", enterprise::BSS_KEYS.to_vec()),
        ("### `[[ue]]` of e2m keys", [enterprise::UE_KEYS, &of_user].concat()),
        ("### `[[attack]]` of e2m keys", [enterprise::ACTIONS, enterprise::ACTION_OPTIONS].concat()),
        ("### `[[step]]` of e2m keys", enterprise::STEP_KEYS.to_vec()),
        ("### `[[expect]]` of e2m keys", [enterprise::KINDS, &enterprise::FAILURES.map(|(word, _)| word)].concat()),
    ];
    for (heading, keys) in sections.into_iter().chain(of_e2m) {
        let text = section(heading);
        for key in keys {
            let named = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).any(|word| word == key);
            assert!(named, "{heading}: {key}");
        }
    }
}

#[test]
fn the_documentation_lists_every_bundled_script() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let [eps, transfers, rlos, e2m] = ["eps.md", "context-transfer.md", "parlos.md", "e2m.md"]
        .map(|file| std::fs::read_to_string(folder.join(file)).unwrap());
    let listed = |text: &str, row: &str| text.lines().filter(|line| line.starts_with(row)).count();
    let all = [(&eps, "| `eps-"), (&transfers, "| `transfer-"), (&rlos, "| `parlos-"), (&e2m, "| `e2m-")];
    let all: usize = all.into_iter().map(|(text, row)| listed(text, row)).sum();
    assert_eq!(all, bundled::EPS_SCRIPTS.len());
    for script in bundled::EPS_SCRIPTS {
        let text = match script.name.split_once('-') {
            Some(("eps", _)) => &eps,
            Some(("parlos", _)) => &rlos,
            Some(("e2m", _)) => &e2m,
            _ => &transfers,
        };
        assert!(text.contains(&format!("| `{}` |", script.file_name)), "{}", script.name);
    }
}
