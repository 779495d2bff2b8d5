#!/usr/bin/env python3
"""A judge that shares nothing with keyhop: it recomputes every ICV and every CMAC of captures with their key logs.

It reads pcapng, key logs, MAC PDUs and management messages by itself, from the layouts of the reference pages
(`dot16-wire.md` 1.2, 2, 3, 6 and `dot16-security.md` 3, 4), and has AES-CCM and AES-CMAC from the package `cryptography`,
which is OpenSSL. Nothing of it is translated from keyhop.

    foreign_judge.py [--inspect FOLDER] CAPTURE.pcapng ...

The key log of X.pcapng is X.keys beside it. For each capture it prints a line of counts. It ends with status 1, and says
which frame of which capture it is, when a PDU or message does not verify that ought to: frames of the adversary
(interface `adv:...`) and those whose comment begins with `deliberate:` need not. With --inspect, FOLDER holds X.json as
`keyhop inspect X.pcapng --keylog X.keys --json` prints it, and every single verdict has to be the same as there.
Status 2: wrong usage, or a file that cannot be read.
"""

import json
import struct
import sys
import zlib
from collections import Counter, defaultdict
from pathlib import Path

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.cmac import CMAC
except ImportError:
    print("foreign_judge: the Python package 'cryptography' is missing (Debian: python3-cryptography)", file=sys.stderr)
    sys.exit(2)

EPOCH = 946_684_800 * 10**9  # instant 0 of a run: 2000-01-01, in nanoseconds of the capture's clock
EXPORTED_PDU = 252


class Bad(Exception):
    """The octets of a file are not what they should be."""


# --- pcapng (dot16-wire.md 6) -------------------------------------------------------------------------------------------


class Frame:
    def __init__(self, number, time, interface, link_type, octets, comments):
        self.number, self.time, self.interface = number, time, interface
        self.link_type, self.octets, self.comments = link_type, octets, comments

    def need_not_verify(self):
        return self.interface.startswith("adv:") or any(c.startswith("deliberate:") for c in self.comments)


def options(body, order):
    at = 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def frames(data):
    """Every packet of a pcapng file, numbered from 1."""
    order, interfaces, number, at = "<", [], 0, 0
    while at < len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12 or length % 4 or at + length > len(data):
            raise Bad(f"block at octet {at}: length {length}")
        body = data[at + 8 : at + length - 4]
        at += length
        if kind == 1:
            given = dict(options(body[8:], order))
            resolution = given.get(9, b"\x06")[0]
            if resolution & 0x80:
                raise Bad("a time resolution that is a power of 2")
            name = given.get(2, b"").decode()
            interfaces.append((struct.unpack_from(order + "H", body)[0], name, 10 ** (9 - resolution)))
        elif kind == 6:
            number += 1
            which, high, low, size, _ = struct.unpack_from(order + "IIIII", body)
            link_type, name, unit = interfaces[which]
            rest = list(options(body[20 + (size + 3) // 4 * 4 :], order))
            comments = [line for code, text in rest if code == 1 for line in text.decode().split("\n")]
            yield Frame(number, (high << 32 | low) * unit - EPOCH, name, link_type, body[20 : 20 + size], comments)


def exported_pdu(octets):
    """Direction and burst of an exported PDU (dot16-wire.md 1.2)."""
    at, direction, dissector = 0, None, None
    while True:
        tag, length = struct.unpack_from(">HH", octets, at)
        value = octets[at + 4 : at + 4 + length]
        at += 4 + length
        if tag == 0:
            return dissector, direction, octets[at:]
        if tag == 12:
            dissector = value
        elif tag == 35:
            direction = {0: "U", 1: "D"}[struct.unpack(">I", value)[0]]


# --- MAC PDUs (dot16-wire.md 2, dot16-security.md 4.1) ------------------------------------------------------------------

MIRROR = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def crc_fits(pdu):
    """CRC-32 at the end of a PDU: not reflected and big-endian, or that of OFDMA, reflected and little-endian."""
    covered, sent = pdu[:-4], pdu[-4:]
    forward = zlib.crc32(covered.translate(MIRROR))
    msb_first = int(f"{forward:032b}"[::-1], 2)
    return sent in (msb_first.to_bytes(4, "big"), zlib.crc32(covered).to_bytes(4, "little"))


def hcs(octets):
    value = 0
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value


def pdus(burst):
    """The PDUs of a burst, as (whole PDU, header as a number, CID, body without header and CRC)."""
    at = 0
    while at < len(burst) and burst[at] != 0xFF:
        header = burst[at : at + 6]
        if len(header) < 6 or header[0] & 0x80 or hcs(header[:5]) != header[5]:
            raise Bad(f"no generic MAC header at octet {at} of the burst: {header.hex()}")
        flags = int.from_bytes(header[:3], "big")
        length = flags & 0x7FF
        pdu = burst[at : at + length]
        crc = 4 if flags & 0x4000 else 0
        if length < 6 + crc or len(pdu) < length:
            raise Bad(f"PDU at octet {at} of the burst: length {length}, {len(pdu)} octets are there")
        if crc and not crc_fits(pdu):
            raise Bad(f"PDU at octet {at} of the burst: wrong CRC-32")
        yield pdu, flags, int.from_bytes(header[3:5], "big"), pdu[6 : length - crc]
        at += length


def is_management(cid):
    """Initial ranging, basic and primary CIDs, and those at the top (dot16-wire.md 1.5)."""
    return cid <= 640 or cid == 0xFEFF or 0xFFFA <= cid <= 0xFFFD or cid == 0xFFFF


# --- Management messages (dot16-wire.md 2.7, 3; dot16-security.md 3.2) --------------------------------------------------

# Type of the message: octets before its TLVs.
TLVS_FROM = {4: 2, 5: 2, 6: 1, 7: 2, 9: 3, 10: 3, 26: 1, 27: 1}
# MOB_MSHO-REQ, MOB_BSHO-RSP, MOB_HO-IND: fields of many widths, and the CMAC tuple last.
ENDS_WITH_TUPLE = {57, 58, 59}


def tlvs(octets, at):
    """(offset, type, value) of every TLV from `at` on; a length of 128 or more has a first octet that says its width."""
    while at < len(octets):
        start, kind, length = at, octets[at], octets[at + 1]
        at += 2
        if length & 0x80:
            width = length & 0x7F
            length = int.from_bytes(octets[at : at + width], "big")
            at += width
        if at + length > len(octets):
            raise Bad(f"TLV {kind} at octet {start} of the message: length {length}")
        yield start, kind, octets[at : at + length]
        at += length


def authentication(message):
    """(octets covered, CMAC_PN, value) of a message, None without; Bad if it must have one and has not."""
    kind = message[0]
    if kind in ENDS_WITH_TUPLE:
        if len(message) < 17 or message[-15:-13] != b"\x8d\x0d":
            raise Bad(f"message of type {kind} without CMAC tuple")
        return message[:-15], int.from_bytes(message[-12:-8], "big"), message[-8:]
    if kind not in TLVS_FROM:
        return None
    found = list(tlvs(message, TLVS_FROM[kind]))
    if not found:
        return None
    start, last, value = found[-1]
    if kind in (9, 10):
        # CMAC digest: packet number and value.
        return (message[:start], int.from_bytes(value[:4], "big"), value[4:]) if (last, len(value)) == (40, 12) else None
    if last == 141 and len(value) in (13, 19):
        # Sequence number of the AK, in the longer form the BSID, packet number, value.
        return message[:start], int.from_bytes(value[-12:-8], "big"), value[-8:]
    if kind == 4 and any(of == 13 for _, of, _ in found):
        raise Bad("RNG-REQ with CMAC_KEY_COUNT and without CMAC tuple")
    return None


# --- The key log (README.md, "Captures and key logs") -------------------------------------------------------------------


class Keys:
    def __init__(self, text):
        self.ids, self.connections, self.teks, self.cmac_keys = {}, defaultdict(list), [], []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            kind, *fields, secret = line.split(" ")
            record = dict(field.split("=", 1) for field in fields)
            if kind == "NODE":
                self.ids[record["name"]] = record["id"]
                continue
            record["from"] = float("-inf") if record["from"] == "-" else int(record["from"])
            record["until"] = float("inf") if record["until"] == "-" else int(record["until"])
            if kind == "CONN" and record["type"] == "transport":
                self.connections[int(record["cid"], 16)].append(record)
            elif kind == "TEK":
                record["eks"], record["cipher"] = int(record["eks"]), AESCCM(bytes.fromhex(secret), tag_length=8)
                self.teks.append(record)
            elif kind in ("CMAC_KEY_U", "CMAC_KEY_D"):
                record["direction"], record["key"] = kind[-1], AES(bytes.fromhex(secret))
                record["akid"] = bytes.fromhex(record["akid"])
                self.cmac_keys.append(record)


def in_use(record, time):
    return record["from"] <= time <= record["until"]


def best(candidates, verifies):
    """How well the key fits that verifies: `in_use`, `out_of_use`, `elsewhere`; `bad` if none does."""
    words = ["in_use", "out_of_use", "elsewhere"]
    for fit, record in sorted(candidates, key=lambda candidate: candidate[0]):
        if verifies(record):
            return words[fit]
    return "bad"


def judge_data(keys, frame, ends, pdu, flags, cid, body):
    """Opens an encrypted PDU with the TEKs of its connection and EKS, or any other of that EKS."""
    if len(body) < 4 + 8:
        return "bad"
    nonce, sealed, eks = pdu[:5] + bytes(4) + body[:4], body[4:], flags >> 12 & 3

    def fit(tek):
        of = [c for c in keys.connections[cid] if all(c[key] == tek[key] for key in ("ms", "bs", "said"))]
        if (tek["ms"], tek["bs"]) != ends or not of:
            return 2
        return 0 if in_use(tek, frame.time) and any(in_use(c, frame.time) for c in of) else 1

    def opens(tek):
        try:
            tek["cipher"].decrypt(nonce, sealed, None)
            return True
        except InvalidTag:
            return False

    return best([(fit(tek), tek) for tek in keys.teks if tek["eks"] == eks], opens)


def judge_message(keys, frame, ends, direction, cid, protected):
    """Recomputes the CMAC over AKID, CMAC_PN, CID, two zero octets and the message (dot16-security.md 3.1)."""
    covered, pn, value = protected

    def verifies(record):
        cmac = CMAC(record["key"])
        cmac.update(record["akid"] + pn.to_bytes(4, "big") + cid.to_bytes(2, "big") + bytes(2) + covered)
        return cmac.finalize()[8:] == value

    def fit(record):
        return 2 if (record["ms"], record["bs"]) != ends else 0 if in_use(record, frame.time) else 1

    return best([(fit(key), key) for key in keys.cmac_keys if key["direction"] == direction], verifies)


# --- Verdicts -----------------------------------------------------------------------------------------------------------

# The words of `keyhop inspect` for each of ours. What a receiver makes of a PDU that verifies is not judged here.
SAME = {
    "in_use": {"accept", "dropped", "pn_duplicate", "pn_old", "wrong_direction"},
    "out_of_use": {"key_out_of_use", "pn_duplicate", "pn_old", "wrong_direction"},
    "elsewhere": {"key_of_other_link"},
    "bad": {"icv_invalid", "cmac_invalid", "no_key", "malformed"},
    "unprotected": {"unprotected"},
}


def verdicts(keys, frame):
    """(kind, verdict) of every PDU of a frame on the air."""
    ends = tuple(keys.ids[name] for name in frame.interface.split(":", 1)[1].split("-"))
    dissector, direction, burst = exported_pdu(frame.octets)
    if dissector != b"wimax_pdu_burst_handler":
        # A CDMA ranging code: three octets, and nothing protects it.
        return [("code", "unprotected")]
    found = []
    for pdu, flags, cid, body in pdus(burst):
        if flags & 0x400000:
            found.append(("ICV", judge_data(keys, frame, ends, pdu, flags, cid, body)))
        elif not is_management(cid):
            found.append(("data", "unprotected"))
        else:
            protected = authentication(body)
            verdict = "unprotected" if protected is None else judge_message(keys, frame, ends, direction, cid, protected)
            found.append(("CMAC" if protected else "message", verdict))
    return found


def judge(path, inspected):
    keys = Keys(path.with_suffix(".keys").read_text())
    counts = Counter()
    for frame in frames(path.read_bytes()):
        if frame.link_type != EXPORTED_PDU:
            continue
        where = f"{path.name}: frame {frame.number} ({frame.interface})"
        try:
            found = verdicts(keys, frame)
        except (Bad, IndexError, struct.error) as error:
            if frame.need_not_verify():
                counts["malformed on purpose"] += 1
                continue
            raise SystemExit(f"{where}: {error}")
        for kind, verdict in found:
            good = verdict in ("in_use", "out_of_use", "unprotected")
            if not good and not frame.need_not_verify():
                raise SystemExit(f"{where}: {kind} {verdict}")
            counts["unprotected" if verdict == "unprotected" else f"{kind} good" if good else f"{kind} {verdict}"] += 1
        if inspected is not None:
            line = inspected[frame.number]
            theirs = [view["verdict"] for view in line.get("pdus", [line])]
            if len(theirs) != len(found):
                raise SystemExit(f"{where}: {len(found)} PDUs here, {len(theirs)} in keyhop inspect")
            for (kind, verdict), word in zip(found, theirs):
                if word not in SAME[verdict]:
                    raise SystemExit(f"{where}: {kind} {verdict} here, {word} in keyhop inspect")
    print(f"{path.stem}: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return counts


def main(arguments):
    folder = None
    if arguments[:1] == ["--inspect"] and len(arguments) > 2:
        folder, arguments = Path(arguments[1]), arguments[2:]
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    total = Counter()
    for path in map(Path, arguments):
        try:
            inspected = None
            if folder is not None:
                lines = (folder / f"{path.stem}.json").read_text().splitlines()
                inspected = {line["frame"]: line for line in map(json.loads, lines)}
            total += judge(path, inspected)
        except (OSError, UnicodeDecodeError, ValueError, KeyError) as error:
            print(f"{path.name}: {error!r}", file=sys.stderr)
            return 2
    print(f"{len(arguments)} captures: {total['ICV good']} ICVs and {total['CMAC good']} CMACs verify")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
