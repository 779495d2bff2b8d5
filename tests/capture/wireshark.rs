//! What is written opens in Wireshark without any fault. Needs `tshark`.

use std::process::Command;

use keyhop::capture::capture_file::FileFormat;

use crate::samples;

fn tshark(file: &std::path::Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark").arg("-r").arg(file).args(arguments).output().expect("tshark is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Writes the sample capture to a file of that format.
fn written(format: FileFormat) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample");
    std::fs::write(&path, samples::file(&samples::capture(), format)).unwrap();
    (folder, path)
}

#[test]
fn both_formats_open_without_an_expert_warning() {
    for format in [FileFormat::Pcapng, FileFormat::Pcap] {
        let (_folder, file) = written(format);
        assert_eq!(tshark(&file, &["-q", "-z", "expert,note"]).trim(), "", "{format:?}");
        assert_eq!(tshark(&file, &["-Y", "_ws.malformed || _ws.expert.severity >= 4194304"]).trim(), "", "{format:?}");
        assert_eq!(tshark(&file, &["-Y", "wmx.genericCrc.status == 0"]).trim(), "", "{format:?}");
        let all = tshark(&file, &[]).to_lowercase();
        assert!(!["error", "invalid", "unknown"].iter().any(|word| all.contains(word)), "{all}");
    }
}

#[test]
fn interfaces_direction_comments_and_times_are_shown() {
    let (_folder, file) = written(FileFormat::Pcapng);
    let fields = ["frame.interface_name", "frame.p2p_dir", "frame.comment", "frame.time_epoch", "wmx.macmgtmsgtype"];
    let mut arguments = vec!["-T", "fields", "-E", "separator=|"];
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    let lines = tshark(&file, &arguments);
    assert!(lines.starts_with("air:ms1-bs2|0|ms1: RNG-REQ, accepted|946684800.000000000|4\n"), "{lines}");
    assert!(
        lines.contains("air:ms1-bs2|1|bs2: data,verdict: accepted|") && lines.contains("|946684801.234567891|"),
        "{lines}"
    );
}

#[test]
fn classic_pcap_shows_backbone_and_packets_too() {
    let (_folder, file) = written(FileFormat::Pcap);
    let protocols = tshark(&file, &["-T", "fields", "-e", "frame.protocols"]);
    let lines: Vec<&str> = protocols.lines().collect();
    assert!(lines[0].starts_with("exported_pdu:wmx.hdr:wmx.mgmt"), "{protocols}");
    assert!(lines[2].starts_with("exported_pdu:eth:ethertype:ip:udp"), "{protocols}");
    assert!(lines[3].starts_with("exported_pdu:ip:udp"), "{protocols}");
}
