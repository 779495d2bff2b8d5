//! temporary
pub fn text(o: &crate::scenario::outcome::RunOutcome) -> String {
    let mut s = String::new();
    for step in &o.ladder {
        s.push_str(&format!("{:?}\n", step));
    }
    s.push_str(&serde_json::to_string_pretty(o).unwrap());
    s
}
