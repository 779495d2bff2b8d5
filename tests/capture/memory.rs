//! What a capture can make a reader hold in memory.

use keyhop::capture::capture_reader;

use crate::foreign_support::Pcapng;

#[test]
fn of_the_bursts_of_one_frame_the_first_alone_has_the_comment() {
    // Else a frame of many bursts with a long comment would take as much memory as the product of the two.
    let bursts = [9, 1, 0xff].repeat(3);
    let mut file = Pcapng::new();
    file.interface(1, "m2m");
    let frame = [&[2; 12][..], &[0x08, 0xf0, 0, 1, 0, 3], &bursts].concat();
    file.packet(0, 0, &frame, None, &["said once"]);
    let frames = capture_reader::read(file.octets.as_slice()).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let comments: Vec<&str> = frames.iter().map(|frame| frame.comment.as_str()).collect();
    assert_eq!(comments, ["said once", "", ""]);
    assert!(frames.iter().all(|frame| frame.number == 1 && frame.octets == [0xff]));
}
