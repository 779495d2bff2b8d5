//! `keyhop wireshark install`: what it puts in place is what Wireshark then uses.

use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// A home without anything, for keyhop and tshark.
struct Home(TempDir);

impl Home {
    fn run(&self, mut command: Command, arguments: &[&str]) -> (bool, String, String) {
        let output = command
            .args(arguments)
            .env("HOME", self.0.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("WIRESHARK_CONFIG_DIR")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    fn keyhop(&self, arguments: &[&str]) -> (bool, String, String) {
        self.run(Command::cargo_bin("keyhop").unwrap(), arguments)
    }

    fn tshark(&self, arguments: &[&str]) -> String {
        let (success, printed, messages) = self.run(Command::new("tshark"), arguments);
        assert!(success, "{messages}");
        assert!(!messages.contains("Lua:") && !messages.contains("arse error"), "{messages}");
        printed
    }
}

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name).with_extension("pcapng");
    path.to_str().unwrap().to_owned()
}

#[test]
fn tshark_has_the_fields_and_the_profile_its_columns() {
    let home = Home(tempfile::tempdir().unwrap());
    let (success, _, messages) = home.keyhop(&["wireshark", "install"]);
    assert!(success, "{messages}");
    assert!(messages.contains("/.local/lib/wireshark/plugins/keyhop.lua: written"), "{messages}");
    assert!(messages.contains("tshark    -C keyhop -r"), "{messages}");

    let fields = home.tshark(&["-G", "fields"]);
    assert!(fields.contains("\tdot16.cmac_key_count\t"), "the plugin is loaded without -X");

    let golden = golden("seamless");
    let rows = home.tshark(&["-C", "keyhop", "-r", &golden, "-c", "300"]);
    let row = |number: &str| {
        let row = rows.lines().find(|line| line.split_whitespace().next() == Some(number)).unwrap();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        row("2"),
        "2 0.002922517 ms1 → bs1 air:ms1-bs1 0x0300 1 1 1 accepted: ICV good, PN 1 new \
         Encrypted PDU CID=0x0300 EKS=1 uplink PN=1 length=84"
    );
    let handover = row("249");
    assert!(
        handover.contains("ms1 → bs1 air:ms1-bs1 0x0001 0 2 accepted: CMAC good, ms1 leaves for bs2"),
        "{handover}"
    );
    assert!(handover.ends_with("MOB_HO-IND CID=1 serving BS release target=0a:00:00:00:00:02 CMAC_PN=2"), "{handover}");
}

/// The filters of the buttons and colours are filters, and each finds what it is for.
#[test]
fn every_filter_of_the_profile_finds_frames() {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/wireshark/profile/keyhop");
    let read = |name: &str| fs::read_to_string(profile.join(name)).unwrap();
    let buttons = read("dfilter_buttons");
    let buttons = buttons.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split("\",\"").collect();
        columns[2].replace("\\x22", "\"")
    });
    let colours = read("colorfilters");
    let colours = colours.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('@').collect();
        columns[2].to_owned()
    });
    let filters: Vec<String> = buttons.chain(colours).collect();
    assert!(filters.len() > 15, "{filters:?}");

    let home = Home(tempfile::tempdir().unwrap());
    assert!(home.keyhop(&["wireshark", "install"]).0);
    let goldens = ["rogue-base-station", "network-entry"].map(golden);
    let found = crate::tshark::in_pairs(&filters, |filter| {
        goldens.iter().any(|golden| !home.tshark(&["-r", golden, "-Y", filter, "-c", "400"]).trim().is_empty())
    });
    for (filter, found) in filters.iter().zip(found) {
        assert!(found, "{filter}");
    }
}

#[test]
fn a_folder_of_ones_choice_gets_both_and_a_changed_profile_is_kept() {
    let home = Home(tempfile::tempdir().unwrap());
    let folder = home.0.path().join("elsewhere");
    let folder_name = folder.to_str().unwrap();
    let install = ["wireshark", "install", "--folder", folder_name];
    assert!(home.keyhop(&install).0);
    assert!(folder.join("plugins/keyhop/fields.lua").is_file());
    let preferences = folder.join("profiles/keyhop/preferences");
    fs::write(&preferences, "# mine\n").unwrap();
    let (success, _, messages) = home.keyhop(&install);
    assert!(success && messages.contains("preferences: kept"), "{messages}");
    assert!(messages.contains("keyhop.lua: is there already"), "{messages}");
    assert_eq!(fs::read_to_string(&preferences).unwrap(), "# mine\n");
    let (_, _, messages) = home.keyhop(&["wireshark", "install", "--folder", folder_name, "--replace"]);
    assert!(messages.contains("preferences: replaced"), "{messages}");
    assert!(!home.0.path().join(".local").exists() && !home.0.path().join(".config").exists());
}
