//! What the judge says, as text for a reader at a terminal.

use super::table::tabulated;
use super::{WIDTH, wrapped};
use crate::judge::Judgement;
use crate::judge::findings::Remark;
use crate::judge::report::{Verified, frames_text};

/// The whole judgement: what was verified, the findings, the notes.
#[must_use]
pub fn text(judgement: &Judgement) -> String {
    let figure = |name: &str, count: u64| vec![name.to_owned(), count.to_string()];
    let Verified { icv, cmac, mac_i, nas_mac, packets, esp, e2m, records, mapped } = judgement.verified;
    let mut rows = vec![figure("frames", judgement.frames)];
    if [mac_i, nas_mac, packets] == [0; 3] {
        rows.push(figure("data PDUs whose ICV verifies", icv));
        rows.push(figure("messages whose CMAC verifies", cmac));
    } else {
        rows.push(figure("RRC messages whose MAC-I verifies", mac_i));
        rows.push(figure("NAS messages whose NAS-MAC verifies", nas_mac));
        rows.push(figure("user packets deciphered", packets));
    }
    if e2m > 0 {
        rows.push(figure("keys of enterprises that follow from CK and IK", e2m));
    }
    if mapped > 0 {
        rows.push(figure("messages whose key follows from one of another system", mapped));
    }
    if records > 0 {
        rows.push(figure("records of sessions opened", records));
    }
    if esp > 0 {
        rows.push(figure("packets of protected links whose ICV verifies", esp));
    }
    rows.push(figure("keys used that the log has", judgement.keys.logged));
    rows.push(figure("keys used that were received, wrapped or from BS to BS", judgement.keys.received));
    rows.push(figure("keys used that were derived", judgement.keys.derived));
    let mut text = tabulated(&["judge", "count"], rows);
    text.push('\n');
    text.push_str(&findings(judgement));
    if !judgement.notes.is_empty() {
        text.push_str("notes:\n");
        judgement.notes.iter().for_each(|note| text.push_str(&remark(note.kind.as_str(), note)));
    }
    text
}

/// The findings, or that there are none.
#[must_use]
pub fn findings(judgement: &Judgement) -> String {
    if judgement.findings.is_empty() {
        return "judge: nothing found\n".to_owned();
    }
    let mut text = "judge: findings\n".to_owned();
    judgement.findings.iter().for_each(|finding| text.push_str(&remark(finding.kind.as_str(), finding)));
    text
}

fn remark<K>(kind: &str, remark: &Remark<K>) -> String {
    let frames = frames_text(&remark.frames);
    let frames = if frames.is_empty() { String::new() } else { format!("{frames}: ") };
    let lines = wrapped(&format!("{kind}: {frames}{}", remark.detail), WIDTH - 4);
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text.push_str(if number == 0 { "  " } else { "    " });
        text.push_str(line);
        text.push('\n');
    }
    text
}
