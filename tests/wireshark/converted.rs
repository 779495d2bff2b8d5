//! What `keyhop convert` makes of the captures of others opens in Wireshark without a complaint.

use keyhop::capture::capture_reader;
use keyhop::capture::gathering::{Strictness, gather};

use crate::foreign_support::{self, Framing, Style};
use crate::recipe::complaints_of;
use crate::worked_frames::goldens;

#[test]
fn what_was_converted_opens_without_a_complaint() {
    let golden = goldens().into_iter().find(|path| path.ends_with("seamless.pcapng")).unwrap();
    let capture = capture_reader::read_whole(capture_reader::open(&golden).unwrap()).unwrap();
    let fragments = Style { fragments: Some(60), fch: true, flags: false, ..Style::new(Framing::M2m(1)) };
    for style in [fragments, Style::new(Framing::Gsmtap { link_type: 113, ipv6: false })] {
        let file = foreign_support::pcapng(&capture, &style);
        let mut reader = capture_reader::read(&file[..]).unwrap();
        let clean = gather(&mut reader, None, Strictness::Lenient).unwrap().capture;
        assert_eq!(clean.frames.len(), capture.frames.len());
        assert_eq!(complaints_of(&clean), [""; 0], "{style:?}");
    }
}
