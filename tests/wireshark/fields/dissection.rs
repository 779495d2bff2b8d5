//! What tshark's `-T json` says of a frame, as a sequence of fields in the order of Wireshark's tree.
//!
//! The JSON repeats a key for each field of that name in one place, so it is read entry by entry and never as a map. Of the
//! nesting one thing is kept: where a TLV or an attribute begins and ends.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::tshark::read;

/// Layers whose fields tshark is asked for. Any other layer of a frame shows up as [`Token::Field`] with the name
/// `filtered`, and is then a field that nobody expects.
const LAYERS: &str =
    "exported_pdu eth ip udp gre icmp data wmx wmx.hdr wmx.cdma wimaxasncp radius eap tls _ws.malformed";
/// Layers about the file and not about what is on the wire.
const ABOUT_THE_FILE: [&str; 2] = ["frame", "pkt_comment"];
/// The field with which the subtree of a TLV begins.
const FIRST_OF_A_TLV: [&str; 3] = ["wmx.tlv_type", "wimaxasncp.tlv.type", "radius.avp.type"];
/// The layer that stands where a dissector ran out of octets.
const MALFORMED: &str = "_ws.malformed";

/// A step of the walk through Wireshark's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A field and its value as tshark prints it.
    Field { name: Cow<'a, str>, value: Cow<'a, str> },
    /// The subtree of a TLV begins.
    Begin,
    /// It ends.
    End,
    /// Here the dissector ran out of octets.
    Malformed,
}

/// One frame.
pub struct Dissection<'a>(pub Vec<Token<'a>>);

/// tshark's JSON of every frame of `capture`, for [`frames`].
pub fn json(capture: &Path) -> String {
    read(capture, &["-T", "json", "-J", LAYERS])
}

/// The frames in `json`.
pub fn frames(json: &str) -> Vec<Dissection<'_>> {
    serde_json::from_str(json).expect("tshark writes JSON")
}

impl<'de> Deserialize<'de> for Dissection<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tokens = Vec::new();
        deserializer.deserialize_map(Packet(&mut tokens))?;
        Ok(Self(tokens))
    }
}

/// The object of a packet: what is below `_source` and `layers` in it.
struct Packet<'t, 'de>(&'t mut Vec<Token<'de>>);

impl<'de> Visitor<'de> for Packet<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a packet")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "_source" => map.next_value_seed(Seed(Packet(self.0)))?,
                "layers" => map.next_value_seed(Seed(Layers(self.0)))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The layers of a packet, one after the other.
struct Layers<'t, 'de>(&'t mut Vec<Token<'de>>);

impl<'de> Visitor<'de> for Layers<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("layers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if ABOUT_THE_FILE.contains(&name.as_ref()) {
                map.next_value::<IgnoredAny>()?;
            } else if name == MALFORMED {
                map.next_value::<IgnoredAny>()?;
                self.0.push(Token::Malformed);
            } else {
                map.next_value_seed(Seed(Node { name, tokens: self.0 }))?;
            }
        }
        Ok(())
    }
}

/// A field with its value, or a subtree.
struct Node<'t, 'de> {
    name: Cow<'de, str>,
    tokens: &'t mut Vec<Token<'de>>,
}

impl<'de> Node<'_, 'de> {
    fn field(self, value: Cow<'de, str>) {
        if self.name == MALFORMED {
            self.tokens.push(Token::Malformed);
        } else if !self.name.contains(' ') {
            // A line of text without a field has the text for a name.
            self.tokens.push(Token::Field { name: self.name, value });
        }
    }
}

impl<'de> Visitor<'de> for Node<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field, several of them, or a subtree")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<(), E> {
        self.field(Cow::Borrowed(value));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.field(Cow::Owned(value.to_owned()));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_str("")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Seed(Node { name: self.name.clone(), tokens: &mut *self.tokens }))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(first) = map.next_key::<Cow<'de, str>>()? else { return Ok(()) };
        let tlv = FIRST_OF_A_TLV.contains(&first.as_ref());
        if tlv {
            self.tokens.push(Token::Begin);
        }
        map.next_value_seed(Seed(Node { name: first, tokens: &mut *self.tokens }))?;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            map.next_value_seed(Seed(Node { name, tokens: &mut *self.tokens }))?;
        }
        if tlv {
            self.tokens.push(Token::End);
        }
        Ok(())
    }
}

/// Hands whatever comes next to a visitor.
struct Seed<V>(V);

impl<'de, V: Visitor<'de>> serde::de::DeserializeSeed<'de> for Seed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_any(self.0)
    }
}
