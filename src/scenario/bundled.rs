//! temporary
pub fn script(name: &str) -> Option<&'static str> {
    Some(match name {
        "seamless" => include_str!("../../captures/seamless.toml"),
        "cancel-retry" => include_str!("../../captures/cancel-retry.toml"),
        "replay-data" => include_str!("../../captures/replay-data.toml"),
        "replay-data-no-cache" => include_str!("../../captures/replay-data-no-cache.toml"),
        _ => return None,
    })
}
pub fn names() -> impl Iterator<Item = &'static str> {
    ["seamless"].into_iter()
}
pub fn traffic_file(_name: &str) -> Option<&'static [u8]> {
    None
}
