//! What a capture can make a reader hold in memory.

use keyhop::capture::capture_reader;

use crate::foreign_support::Pcapng;

#[test]
fn of_the_bursts_of_one_frame_the_first_of_the_air_alone_has_the_comment() {
    // Else a frame of many bursts with a long comment would take as much memory as the product of the two.
    let fch = [8, 3, 1, 2, 3];
    let bursts = [&fch[..], &[9, 1, 0xff].repeat(3)].concat();
    let mut file = Pcapng::new();
    file.interface(1, "m2m");
    let frame = [&[2; 12][..], &[0x08, 0xf0, 0, 1, 0, 4], &bursts].concat();
    file.packet(0, 0, &frame, None, &["said once"]);
    let frames = capture_reader::read(file.octets.as_slice()).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let comments: Vec<&str> = frames.iter().map(|frame| frame.comment.as_str()).collect();
    assert_eq!(comments, ["", "said once", "", ""]);
    assert!(frames.iter().skip(1).all(|frame| frame.number == 1 && frame.octets == [0xff]));
}
