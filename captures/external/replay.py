#!/usr/bin/env python3
"""An adversary for `keyhop run --external`: records the first data PDUs that ms1 sends to bs2 and plays them at 1.7 s.

Every line on standard input is told by keyhop, and is answered by one line on standard output. captures/README.md has the
table of lines. Nothing here may depend on the real time or on chance: the same answers give the same capture.
"""

import json
import sys

LINK, RECEIVER = "air:ms1-bs2", "bs2"
COUNT = 3
AT_NS = 1_700_000_000


def is_data(octets):
    """EC, bit 6 of the first octet of the generic MAC header, is set in encrypted PDUs only."""
    return len(octets) > 6 and octets[0] & 0x40


def main():
    recorded = []
    for line in sys.stdin:
        told = json.loads(line)
        if "end" in told:
            return
        if "hello" in told:
            answer = {"subscribe": [LINK], "timer_ns": AT_NS}
        else:
            answer = {"seq": told["seq"]}
        frame = told.get("frame")
        if frame and frame["to"] == RECEIVER and len(recorded) < COUNT and is_data(bytes.fromhex(frame["octets"])):
            recorded.append(frame["octets"])
        if told.get("timer"):
            play = [{"inject": {"link": LINK, "to": RECEIVER, "octets": octets}} for octets in recorded]
            answer["actions"] = play
        print(json.dumps(answer), flush=True)


main()
