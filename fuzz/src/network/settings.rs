//! The networks that inputs choose from.

use std::sync::LazyLock;

use keyhop::scenario::script::{Script, SetArgument};

/// Three base stations, two mobiles, and nothing that happens by itself.
const SMALL: &str = r#"
name = "small"
shows = "a network to fuzz"
duration = "40s"

[authenticator]
name = "gw"
ip = "10.16.0.254"

[[base_station]]
name = "bs1"
bsid = "0a:00:00:00:00:01"
ip = "10.16.0.1"
[[base_station]]
name = "bs2"
bsid = "0a:00:00:00:00:02"
ip = "10.16.0.2"
[[base_station]]
name = "bs3"
bsid = "0a:00:00:00:00:03"
ip = "10.16.0.3"

[[mobile_station]]
name = "ms1"
mac = "02:00:00:00:00:01"
ip = "192.0.2.10"
serving = "bs1"
"#;

const SECOND_MOBILE: &str = r#"
[[mobile_station]]
name = "ms2"
mac = "02:00:00:00:00:02"
ip = "192.0.2.11"
serving = "bs2"
"#;

/// What makes a network out of the small one: whether it has a second mobile, and settings.
const NETWORKS: &[(bool, &[&str])] = &[
    (false, &[]),
    (true, &[]),
    (false, &["profile=std2009"]),
    (false, &["mode=legacy-rng-rsp"]),
    (false, &["mode=legacy-sa-tek"]),
    (false, &["mode=legacy-reuse"]),
    (false, &["mode=legacy-full"]),
    (false, &["radio.association=none", "radio.packing=true"]),
    (true, &["base_station.bs2.retained_contexts=1", "base_station.bs3.retained_contexts=0", "radio.max_pdu=100"]),
    (false, &["last_key_count=3", "mobile_station.ms1.last_pn=40", "base_station.bs1.last_pn=40"]),
    (false, &["authenticator.pmk_lifetime=160s", "radio.tek_linger=100ms"]),
    (false, &["base_station.bs2.seamless=false"]),
    (
        false,
        &["base_station.bs2.pn_window=4", "base_station.bs2.self_sync_window=1", "base_station.bs2.self_sync_budget=2"],
    ),
    (false, &["mobile_station.ms1.cmac_key_count=2", "mobile_station.ms1.network_key_count=5"]),
    (false, &["mobile_station.ms1.cmac_pn=4294967290"]),
    (false, &["entry=full"]),
];

/// How many networks there are.
#[must_use]
pub fn count() -> usize {
    NETWORKS.len()
}

static SCRIPTS: LazyLock<Vec<Script>> = LazyLock::new(|| {
    let script = |(second, settings): &(bool, &[&str])| {
        let text = if *second { format!("{SMALL}{SECOND_MOBILE}") } else { SMALL.to_owned() };
        let settings: Vec<SetArgument> = settings
            .iter()
            .map(|setting| setting.parse().unwrap_or_else(|error| panic!("{setting}: {error}")))
            .collect();
        Script::parse("small.toml", &text, &settings).unwrap_or_else(|error| panic!("{settings:?}: {error}"))
    };
    NETWORKS.iter().map(script).collect()
});

/// The script of a network by number.
#[must_use]
pub fn script(number: u8) -> &'static Script {
    &SCRIPTS[usize::from(number) % SCRIPTS.len()]
}
