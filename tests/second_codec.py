#!/usr/bin/env python3
"""Another codec reads and writes what keyhop wrote: pycrate (https://pypi.org/project/pycrate), whose S1AP and X2AP come from
the ASN.1 of TS 36.413 and TS 36.423. `tests/run` installs it.

Every line of standard input is a kind and octets in hex: `s1ap`, `x2ap`, or one of the transparent containers, `source` and `target`.
Every line of standard output is the name of what the octets are. The octets must decode whole, down to every information element,
and encode again to the same; the first that do not end the program with status 1 and a message.
"""

import sys

from pycrate_asn1dir import S1AP, X2AP

TYPES = {
    "s1ap": S1AP.S1AP_PDU_Descriptions.S1AP_PDU,
    "x2ap": X2AP.X2AP_PDU_Descriptions.X2AP_PDU,
    "source": S1AP.S1AP_IEs.SourceeNB_ToTargeteNB_TransparentContainer,
    "target": S1AP.S1AP_IEs.TargeteNB_ToSourceeNB_TransparentContainer,
}


def name(kind, value):
    """The name of the message in a PDU, of the type of a container."""
    if kind in ("s1ap", "x2ap"):
        _, body = value
        return body["value"][0]
    return TYPES[kind]._name


def unread(value):
    """Whether an open type somewhere in the value was left as octets."""
    if isinstance(value, dict):
        return any(unread(member) for member in value.values())
    if isinstance(value, (list, tuple)):
        return any(unread(member) for member in value)
    return isinstance(value, str) and value.startswith("_unk_")


def main():
    for number, line in enumerate(sys.stdin, 1):
        kind, text = line.split()
        octets = bytes.fromhex(text)
        codec = TYPES[kind]
        try:
            codec.from_aper(octets)
        except Exception as error:
            sys.exit(f"line {number}: {kind} {text}: {error!r}")
        value = codec.get_val()
        if unread(value):
            sys.exit(f"line {number}: {kind} {text}: an information element was not read: {value}")
        again = codec.to_aper()
        if again != octets:
            sys.exit(f"line {number}: {kind} {text}: written again as {again.hex()}")
        print(name(kind, value))


if __name__ == "__main__":
    main()
