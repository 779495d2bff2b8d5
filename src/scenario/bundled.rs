//! The scripts and traffic files of `captures/` that are in the program: `keyhop list` shows them, `keyhop run NAME`
//! runs one, wherever the program stands.

use super::script::{Script, ScriptError, ScriptFile, SetArgument};

/// A script that is in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundledScript {
    /// Name of the scenario, which its script gives too.
    pub name: &'static str,
    /// File name of the script, for messages.
    pub file_name: &'static str,
    /// The script, as it stands in `captures/`.
    pub text: &'static str,
    /// Whether its capture and key log stand there too: not those of a run that takes minutes.
    pub golden: bool,
}

impl BundledScript {
    /// Reads the script; `sets` are applied in their order.
    ///
    /// # Errors
    /// What [`Script::parse`] refuses. Without `sets` nothing is, of which a test makes sure.
    pub fn parse(&self, sets: &[SetArgument]) -> Result<Script, ScriptError> {
        Script::parse(self.file_name, self.text, sets)
    }

    /// Reads the script, of whatever system.
    ///
    /// # Errors
    /// What [`ScriptFile::parse`] refuses. Without `sets` nothing is, of which a test makes sure.
    pub fn read(&self, sets: &[SetArgument]) -> Result<ScriptFile, ScriptError> {
        ScriptFile::parse(self.file_name, self.text, sets)
    }
}

/// The entry of `captures/$name.toml`.
macro_rules! bundled {
    ($name:literal) => {
        bundled!($name, true)
    };
    ($name:literal, $golden:literal) => {
        BundledScript {
            name: $name,
            file_name: concat!($name, ".toml"),
            text: include_str!(concat!("../../captures/", $name, ".toml")),
            golden: $golden,
        }
    };
}

/// The bundled scripts of 802.16, in the order in which they are listed.
pub const SCRIPTS: &[BundledScript] = &[
    bundled!("seamless"),
    bundled!("cancel-retry"),
    bundled!("replay-data"),
    bundled!("replay-data-no-cache"),
    bundled!("stale-count"),
    bundled!("stale-count-no-self-sync"),
    bundled!("count-beyond-window"),
    bundled!("three-candidates"),
    bundled!("ping-pong"),
    bundled!("lost-rng-rsp"),
    bundled!("lost-count-update"),
    bundled!("target-restart"),
    bundled!("count-exhausted"),
    bundled!("lossy"),
    bundled!("tek-refresh"),
    bundled!("network-entry"),
    bundled!("capability-mismatch"),
    bundled!("reauthentication"),
    bundled!("reuse-compromised"),
    bundled!("preparation-flood"),
    bundled!("preparation-flood-no-limit"),
    bundled!("legacy-full"),
    bundled!("legacy-sa-tek"),
    bundled!("legacy-rng-rsp"),
    bundled!("legacy-reuse"),
    // Attacks 1, 2, 12 to 17 and R7.
    bundled!("rng-req-replay"),
    bundled!("rng-req-replay-smaller-count-releases"),
    bundled!("rng-req-replay-believes-count-first"),
    bundled!("rng-req-elsewhere"),
    bundled!("rng-req-elsewhere-fetches-context-again"),
    bundled!("count-update-dropped"),
    bundled!("count-update-dropped-no-self-sync"),
    bundled!("old-backup"),
    bundled!("old-backup-no-cache"),
    bundled!("lost-counter"),
    bundled!("lost-counter-std2009"),
    bundled!("lost-counter-no-authentication"),
    bundled!("seamless-compromised"),
    bundled!("target-compromised"),
    bundled!("target-compromised-same-pmk"),
    bundled!("count-end"),
    bundled!("count-end-wraps"),
    bundled!("rng-rsp-jammed"),
    bundled!("rng-rsp-jammed-answers-once"),
    bundled!("stale-holder"),
    bundled!("stale-holder-switches-path-at-ranging"),
    bundled!("stale-holder-accepts-old-report"),
    bundled!("early-release"),
    bundled!("early-release-smaller-count-releases"),
    // Attack 6.
    bundled!("nonce-reuse"),
    bundled!("nonce-reuse-target-flush"),
    bundled!("nonce-reuse-mobile-flush"),
    bundled!("nonce-reuse-forced"),
    bundled!("nonce-reuse-forced-flush"),
    // Attack 7.
    bundled!("rogue-base-station"),
    bundled!("rogue-base-station-believed"),
    bundled!("forged-count"),
    bundled!("forged-count-believes-count-first"),
    bundled!("count-jump"),
    bundled!("count-jump-takes-any-count"),
    bundled!("self-sync-flood"),
    bundled!("self-sync-flood-no-budget"),
    bundled!("forged-neighbours"),
    bundled!("forged-neighbours-followed"),
    bundled!("forged-rng-rsp"),
    bundled!("forged-rng-rsp-believed"),
    bundled!("forged-ho-ind"),
    bundled!("forged-ho-ind-unprotected"),
    bundled!("dropped-ho-ind"),
    // Many mobiles.
    bundled!("mobiles-200"),
    bundled!("mobiles-100k", false),
];

/// The bundled scripts of EPS, of context transfer and of PARLOS, in the order in which they are listed.
pub const EPS_SCRIPTS: &[BundledScript] = &[
    bundled!("eps-chained"),
    bundled!("eps-mme"),
    bundled!("eps-mme-relocation"),
    bundled!("eps-grouped"),
    bundled!("eps-nh-x2"),
    bundled!("eps-nh-s1"),
    bundled!("eps-chained-stolen"),
    bundled!("eps-mme-stolen"),
    bundled!("eps-mme-compromised"),
    bundled!("eps-nh-x2-withheld"),
    bundled!("eps-c-rnti-search"),
    bundled!("eps-c-rnti-search-mme"),
    bundled!("eps-para-random"),
    bundled!("eps-constant-para"),
    bundled!("eps-flipped-indication"),
    bundled!("eps-para-modified"),
    bundled!("eps-para-modified-unchecked"),
    bundled!("eps-para-replayed"),
    bundled!("eps-para-replayed-unchecked"),
    bundled!("eps-mme-relocation-resets-counts"),
    bundled!("eps-x2-across-groups"),
    bundled!("eps-x2-across-groups-allowed"),
    bundled!("eps-tampered"),
    // Context transfer.
    bundled!("transfer-mme"),
    bundled!("transfer-mme-update"),
    bundled!("transfer-mme-restarted-count"),
    bundled!("transfer-authentication"),
    bundled!("transfer-context-request"),
    bundled!("transfer-upe-bi-casting"),
    bundled!("transfer-upe-forwarding"),
    bundled!("transfer-upe-both"),
    bundled!("transfer-upe-nothing"),
    bundled!("transfer-utran-to-eutran"),
    bundled!("transfer-utran-to-eutran-nonce"),
    bundled!("transfer-eutran-to-utran"),
    bundled!("transfer-idle"),
    bundled!("transfer-idle-twice"),
    bundled!("transfer-idle-twice-constant"),
    bundled!("transfer-idle-unknown"),
    bundled!("transfer-round-trip"),
    bundled!("transfer-round-trip-not-fresh"),
    bundled!("transfer-mme-compromised"),
    bundled!("transfer-mme-renewed"),
    bundled!("transfer-mme-compromised-protected"),
    bundled!("transfer-link-heard"),
    bundled!("transfer-link-protected"),
    bundled!("transfer-link-renewed"),
    bundled!("transfer-target-refuses"),
    bundled!("transfer-upe-full"),
    bundled!("transfer-algorithm-not-supported"),
    bundled!("transfer-returned"),
    bundled!("transfer-returned-given-away"),
    bundled!("transfer-gsm-origin"),
    bundled!("transfer-gsm-origin-kept"),
    bundled!("transfer-gsm-carried"),
    bundled!("transfer-gsm-laundered"),
    bundled!("transfer-utran-incomplete"),
    bundled!("transfer-utran-no-algorithm"),
    bundled!("transfer-update-tampered"),
    bundled!("transfer-update-withheld"),
    // Temporary keys for PARLOS.
    bundled!("parlos-self-made"),
    bundled!("parlos-certificate"),
    bundled!("parlos-rsa"),
    bundled!("parlos-x25519"),
    bundled!("parlos-annex-j"),
    bundled!("parlos-listener"),
    bundled!("parlos-key-later"),
    bundled!("parlos-key-later-static"),
    bundled!("parlos-key-later-mme-key"),
    bundled!("parlos-mme-key"),
    bundled!("parlos-middle"),
    bundled!("parlos-middle-mme-key"),
    bundled!("parlos-middle-certified"),
    bundled!("parlos-middle-unchecked"),
    bundled!("parlos-false-network"),
    bundled!("parlos-false-net-signed"),
    bundled!("parlos-false-net-pinned"),
    bundled!("parlos-false-net-unchecked"),
    bundled!("parlos-signed"),
    bundled!("parlos-key-stripped"),
    bundled!("parlos-key-stripped-refused"),
    bundled!("parlos-key-stripped-taken"),
    bundled!("parlos-algorithms"),
    bundled!("parlos-algorithms-unchecked"),
    bundled!("parlos-algorithms-hash"),
    bundled!("parlos-rlos-stripped"),
    bundled!("parlos-old-request"),
    bundled!("parlos-old-request-constant"),
    bundled!("parlos-old-command"),
    bundled!("parlos-old-command-static"),
    bundled!("parlos-old-command-hash"),
    bundled!("parlos-certificates"),
    bundled!("parlos-certificates-unchecked"),
    bundled!("parlos-mme-expired"),
    bundled!("parlos-tampered"),
    bundled!("parlos-tampered-untagged"),
    bundled!("parlos-flood"),
    bundled!("parlos-flood-limit"),
    bundled!("parlos-plmn"),
    bundled!("parlos-plmn-preferred"),
    bundled!("parlos-plmn-anywhere"),
    bundled!("parlos-plmn-none"),
    bundled!("e2m-eps"),
    bundled!("e2m-umts"),
    bundled!("e2m-gprs"),
    bundled!("e2m-hostile-sgsn"),
    bundled!("e2m-hostile-sgsn-naive"),
    bundled!("e2m-failed-auths"),
    bundled!("e2m-failed-past-depth"),
    bundled!("e2m-race"),
    bundled!("e2m-race-depth-one"),
    bundled!("e2m-hash-identifier"),
    bundled!("e2m-collision"),
    bundled!("e2m-collision-newest"),
    bundled!("e2m-collision-rejected"),
    bundled!("e2m-emse-impostor"),
    bundled!("e2m-emse-believed"),
    bundled!("e2m-links-heard"),
    bundled!("e2m-identity-emks"),
    bundled!("e2m-identity-emse"),
    bundled!("e2m-identity-imsi"),
    bundled!("e2m-refresh"),
    bundled!("e2m-unsubscribed"),
    bundled!("e2m-unsubscribed-pushed"),
    bundled!("e2m-emks-unreachable"),
    bundled!("e2m-store-age"),
    bundled!("e2m-registered-once"),
    bundled!("e2m-string-once"),
];

/// All bundled scripts, in the order in which they are listed.
pub fn all() -> impl Iterator<Item = &'static BundledScript> {
    SCRIPTS.iter().chain(EPS_SCRIPTS)
}

/// The traffic files that bundled scripts name with `file`: file name and octets.
const TRAFFIC_FILES: &[(&str, &[u8])] = &[("user-traffic.pcap", include_bytes!("../../captures/user-traffic.pcap"))];

/// The bundled scripts of 802.16 whose captures and key logs lie beside them; of EPS all do.
pub fn goldens() -> impl Iterator<Item = &'static BundledScript> {
    SCRIPTS.iter().filter(|script| script.golden)
}

/// The bundled script of this name.
#[must_use]
pub fn script(name: &str) -> Option<&'static BundledScript> {
    all().find(|script| script.name == name)
}

/// The octets of the bundled traffic file, a capture, of this file name without folders.
#[must_use]
pub fn traffic_file(file_name: &str) -> Option<&'static [u8]> {
    TRAFFIC_FILES.iter().find(|(name, _)| *name == file_name).map(|(_, octets)| *octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::script::Traffic;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_script_of_captures_is_bundled() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".toml"))
            .collect();
        let bundled: BTreeSet<String> = all().map(|script| script.file_name.to_owned()).collect();
        assert_eq!(bundled, files);
        assert_eq!(bundled.len(), SCRIPTS.len() + EPS_SCRIPTS.len());
    }

    #[test]
    fn every_bundled_script_is_a_script_of_its_name() {
        for bundled in all() {
            assert_eq!(bundled.read(&[]).unwrap().title().name, bundled.name);
        }
    }

    #[test]
    fn every_traffic_file_that_a_bundled_script_names_is_bundled() {
        for bundled in SCRIPTS {
            for traffic in bundled.parse(&[]).unwrap().traffic {
                if let Traffic::Capture(capture) = traffic {
                    assert!(traffic_file(&capture.file).is_some(), "{}", capture.file);
                }
            }
        }
        assert_eq!(traffic_file("no-such-file.pcapng"), None);
    }

    #[test]
    fn scripts_are_found_by_their_whole_name() {
        assert_eq!(script("replay-data").unwrap().file_name, "replay-data.toml");
        assert_eq!(script("replay"), None);
        assert_eq!(script("replay-data.toml"), None);
    }
}
