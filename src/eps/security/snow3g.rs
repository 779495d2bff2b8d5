//! SNOW 3G and what UTRAN makes of it: UEA2, the ciphering function f8, and UIA2, the integrity function f9 (TS 35.215, TS 35.216).
//!
//! 128-EEA1 and 128-EIA1 of LTE are the same functions. The tables are computed when this is compiled, from the polynomials that
//! define them.

use zeroize::Zeroize;

use crate::eps::parameters::LinkDirection;

/// Multiplication by x in GF(2^8) whose polynomial's low octet is `c` (TS 35.216 clause 3.1.1).
const fn mulx(v: u8, c: u8) -> u8 {
    if v & 0x80 == 0 { v << 1 } else { v << 1 ^ c }
}

/// `v` times the `times`th power of x (clause 3.1.2).
const fn mulx_pow(mut v: u8, mut times: u8, c: u8) -> u8 {
    while times > 0 {
        v = mulx(v, c);
        times -= 1;
    }
    v
}

/// A product in GF(2^8) whose polynomial's low octet is `c`.
const fn product(a: u8, b: u8, c: u8) -> u8 {
    let (mut sum, mut place, mut shifted) = (0, 0, a);
    while place < 8 {
        if b >> place & 1 == 1 {
            sum ^= shifted;
        }
        shifted = mulx(shifted, c);
        place += 1;
    }
    sum
}

/// `x` to a power in GF(2^8) whose polynomial's low octet is `c`.
const fn power(x: u8, mut exponent: u8, c: u8) -> u8 {
    let mut result = 1;
    while exponent > 0 {
        result = product(result, x, c);
        exponent -= 1;
    }
    result
}

/// The low octets of the polynomials of the two S-boxes.
const RIJNDAEL: u8 = 0x1b;
const DICKSON: u8 = 0x69;
/// That of the multiplications by alpha.
const ALPHA: u8 = 0xa9;

/// The S-box of Rijndael, S_R (clause 3.3.1): the inverse, then an affine map.
const fn s_r() -> [u8; 256] {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        let inverse = power(x as u8, 254, RIJNDAEL);
        let turned = inverse.rotate_left(1) ^ inverse.rotate_left(2) ^ inverse.rotate_left(3) ^ inverse.rotate_left(4);
        table[x] = inverse ^ turned ^ 0x63;
        x += 1;
    }
    table
}

/// The S-box S_Q (clause 3.3.2): a Dickson polynomial.
const fn s_q() -> [u8; 256] {
    const EXPONENTS: [u8; 9] = [1, 9, 13, 15, 33, 41, 45, 47, 49];
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        let (mut sum, mut term) = (0x25, 0);
        while term < EXPONENTS.len() {
            sum ^= power(x as u8, EXPONENTS[term], DICKSON);
            term += 1;
        }
        table[x] = sum;
        x += 1;
    }
    table
}

/// What the octets shifted out at one end of the register become (clauses 3.4.2 and 3.4.3).
const fn alpha(powers: [u8; 4]) -> [u32; 256] {
    let mut table = [0; 256];
    let mut c = 0;
    while c < 256 {
        let mut word = [0; 4];
        let mut place = 0;
        while place < 4 {
            word[place] = mulx_pow(c as u8, powers[place], ALPHA);
            place += 1;
        }
        table[c] = u32::from_be_bytes(word);
        c += 1;
    }
    table
}

static S_R: [u8; 256] = s_r();
static S_Q: [u8; 256] = s_q();
static MUL_ALPHA: [u32; 256] = alpha([23, 245, 48, 239]);
static DIV_ALPHA: [u32; 256] = alpha([16, 39, 6, 64]);

/// S1 with [`S_R`], S2 with [`S_Q`]: an S-box on each octet, then a matrix (clauses 3.3.1 and 3.3.2).
fn substitute(table: &[u8; 256], c: u8, word: u32) -> u32 {
    let [a, b, d, e] = word.to_be_bytes().map(|octet| table[usize::from(octet)]);
    let twice = |octet| mulx(octet, c);
    u32::from_be_bytes([
        twice(a) ^ b ^ d ^ twice(e) ^ e,
        twice(a) ^ a ^ twice(b) ^ d ^ e,
        a ^ twice(b) ^ b ^ twice(d) ^ e,
        a ^ b ^ twice(d) ^ d ^ twice(e),
    ])
}

/// The state: a register of 16 words, a machine of 3.
#[derive(Zeroize)]
#[zeroize(drop)]
struct Snow3g {
    s: [u32; 16],
    r: [u32; 3],
}

impl Snow3g {
    /// Ready to give key stream (clause 4.1). The words of the key are in the order in which they stand in it, IV is IV3 to IV0.
    fn new(key: &[u8; 16], [iv3, iv2, iv1, iv0]: [u32; 4]) -> Self {
        let word = |place: usize| {
            let octets = key.as_chunks::<4>().0.get(place).copied().unwrap_or_default();
            u32::from_be_bytes(octets)
        };
        let [k3, k2, k1, k0] = [word(0), word(1), word(2), word(3)];
        let s = [!k0, !k1, !k2, !k3, k0, k1, k2, k3, !k0, !k1 ^ iv3, !k2 ^ iv2, !k3, k0 ^ iv1, k1, k2, k3 ^ iv0];
        let mut state = Self { s, r: [0; 3] };
        for _ in 0..32 {
            let f = state.machine();
            state.register(f);
        }
        state.machine();
        state.register(0);
        state
    }

    /// Clocks the machine (clause 3.4.6).
    const fn machine_output(&self) -> u32 {
        self.s[15].wrapping_add(self.r[0]) ^ self.r[1]
    }

    fn machine(&mut self) -> u32 {
        let f = self.machine_output();
        let next = self.r[1].wrapping_add(self.r[2] ^ self.s[5]);
        self.r[2] = substitute(&S_Q, DICKSON, self.r[1]);
        self.r[1] = substitute(&S_R, RIJNDAEL, self.r[0]);
        self.r[0] = next;
        f
    }

    /// Clocks the register, with `f` of the machine while it is being initialised (clauses 3.4.4 and 3.4.5).
    fn register(&mut self, f: u32) {
        let (first, eleventh) = (self.s[0], self.s[11]);
        let out = MUL_ALPHA[(first >> 24) as usize] ^ DIV_ALPHA[(eleventh & 0xff) as usize];
        let v = first << 8 ^ self.s[2] ^ eleventh >> 8 ^ out ^ f;
        self.s.copy_within(1.., 0);
        self.s[15] = v;
    }

    /// The next word of key stream (clause 4.2).
    fn word(&mut self) -> u32 {
        let z = self.machine() ^ self.s[0];
        self.register(0);
        z
    }
}

/// UEA2 over `message`, in place: ciphering and deciphering are the same (TS 35.215 clause 3). `bearer` has 5 bits. Of a message that
/// ends within an octet, the bits behind its end are no part of the result.
pub fn uea2(ck: &[u8; 16], count: u32, bearer: u8, direction: LinkDirection, message: &mut [u8]) {
    let which = u32::from(bearer & 0x1f) << 27 | (direction as u32) << 26;
    let mut stream = Snow3g::new(ck, [count, which, count, which]);
    for chunk in message.chunks_mut(4) {
        chunk.iter_mut().zip(stream.word().to_be_bytes()).for_each(|(octet, key)| *octet ^= key);
    }
}

/// A product in GF(2^64) with the polynomial of UIA2 (TS 35.215 clause 4.3).
fn product_64(v: u64, p: u64) -> u64 {
    let (mut sum, mut shifted) = (0, v);
    for place in 0..64 {
        if p >> place & 1 == 1 {
            sum ^= shifted;
        }
        shifted = shifted << 1 ^ if shifted >> 63 == 1 { 0x1b } else { 0 };
    }
    sum
}

/// The MAC of UIA2 over a message of whole octets, 4 octets (TS 35.215 clause 4).
#[must_use]
pub fn uia2(ik: &[u8; 16], count: u32, fresh: u32, direction: LinkDirection, message: &[u8]) -> [u8; 4] {
    uia2_bits(ik, count, fresh, direction, message, message.len().saturating_mul(8))
}

/// The same over the first `bits` bits of `message`, most significant bit first; over all of it if it has fewer.
fn uia2_bits(ik: &[u8; 16], count: u32, fresh: u32, direction: LinkDirection, message: &[u8], bits: usize) -> [u8; 4] {
    let bits = bits.min(message.len().saturating_mul(8));
    let down = direction as u32;
    let mut stream = Snow3g::new(ik, [count, fresh, count ^ down << 31, fresh ^ down << 15]);
    let mut pair = || u64::from(stream.word()) << 32 | u64::from(stream.word());
    let (p, q, last) = (pair(), pair(), (pair() >> 32) as u32);
    let mut octets = message.get(..bits.div_ceil(8)).unwrap_or_default().to_vec();
    if let (Some(end), 1..) = (octets.last_mut(), bits % 8) {
        *end &= !(0xff >> (bits % 8));
    }
    octets.resize(octets.len().next_multiple_of(8), 0);
    let evaluated = octets.as_chunks().0.iter().fold(0, |sum, block| product_64(sum ^ u64::from_be_bytes(*block), p));
    let evaluated = product_64(evaluated ^ bits as u64, q);
    ((evaluated >> 32) as u32 ^ last).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_published_vector_comes_out() {
        let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/eps-snow3g.json")).unwrap();
        let octets = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let (mut uea2_ran, mut uia2_ran) = (0, 0);
        for vector in vectors["vectors"].as_array().unwrap() {
            let word = |name: &str| u32::from_str_radix(vector[name].as_str().unwrap(), 16).unwrap();
            let key: [u8; 16] = octets(&vector["key"]).try_into().unwrap();
            let direction = if vector["direction"] == 1 { LinkDirection::Downlink } else { LinkDirection::Uplink };
            let bits = usize::try_from(vector["bit_length"].as_u64().unwrap()).unwrap();
            let (mut message, mut expected) = (octets(&vector["message"]), octets(&vector["expect"]));
            if vector["kind"] == "UIA2" {
                let mac = uia2_bits(&key, word("count"), word("fresh"), direction, &message, bits);
                assert_eq!(mac.as_slice(), expected, "{vector}");
                if bits % 8 == 0 {
                    let whole = uia2(&key, word("count"), word("fresh"), direction, &message[..bits / 8]);
                    assert_eq!(whole.as_slice(), expected, "{vector}");
                }
                uia2_ran += 1;
            } else {
                let bearer = u8::try_from(vector["bearer"].as_u64().unwrap()).unwrap();
                uea2(&key, word("count"), bearer, direction, &mut message);
                for result in [&mut message, &mut expected] {
                    result.truncate(bits.div_ceil(8));
                    if bits % 8 != 0 {
                        *result.last_mut().unwrap() &= !(0xff >> (bits % 8));
                    }
                }
                assert_eq!(message, expected, "{vector}");
                uea2_ran += 1;
            }
        }
        assert_eq!((uea2_ran, uia2_ran), (5, 5));
    }

    #[test]
    fn the_tables_begin_as_those_that_are_printed() {
        assert_eq!(S_R[..4], [0x63, 0x7c, 0x77, 0x7b]);
        assert_eq!(S_Q[..4], [0x25, 0x24, 0x73, 0x67]);
    }
}
