//! A checksum: crc32c, which tells a damaged file from a whole one.
//!
//! Read the bytes' bits as the coefficients, 0 or 1, of one very long polynomial. Divide it by a
//! fixed polynomial of degree 32, where 1 + 1 = 0 and nothing is carried. The remainder has 32
//! coefficients: that is the checksum. A damaged file is another polynomial, and has the same
//! remainder only if the difference of the two is a multiple of the divisor. Up to 32 changed bits
//! in a row never are; of other damage, one in four thousand million goes unseen.
//!
//! The divisor is Castagnoli's ("Optimization of cyclic redundancy-check codes with 24 and 32
//! parity bits", 1993):
//!
//! ```text
//! x³² + x²⁸ + x²⁷ + x²⁶ + x²⁵ + x²³ + x²² + x²⁰ + x¹⁹ + x¹⁸ + x¹⁴ + x¹³ + x¹¹ + x¹⁰ + x⁹ + x⁸ + x⁶ + 1
//! ```
//!
//! Each byte counts from its lowest bit, so the divisor is written backwards as well: x³¹ is the
//! lowest bit of [`DIVISOR`], 1 the highest; x³² is understood. The remainder begins as all ones
//! and is inverted at the end (RFC 3720, appendix B.4): else zeros in front of a file would not
//! count.

/// The divisor without x³², the coefficient of x³¹ in the lowest bit.
const DIVISOR: u32 = 0x82f6_3b78;

// ANCHOR: bitwise
/// The remainder after one more byte of zeros: eight steps of the long division.
const fn divide(mut remainder: u32) -> u32 {
    let mut bit = 0;
    while bit < 8 {
        let leading = remainder & 1;
        remainder >>= 1;
        if leading == 1 {
            remainder ^= DIVISOR; // subtracting is adding is "exclusive or"
        }
        bit += 1;
    }
    remainder
}
// ANCHOR_END: bitwise

const WIDTH: usize = 16;

/// `TABLES[n][b]`: the remainder of the byte `b` with `n` bytes of zeros behind it.
static TABLES: [[u32; 256]; WIDTH] = tables();

const fn tables() -> [[u32; 256]; WIDTH] {
    let mut tables = [[0; 256]; WIDTH];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = divide(byte as u32);
        let mut zeros = 0;
        while zeros < WIDTH {
            tables[zeros][byte] = remainder;
            remainder = divide(remainder);
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

// ANCHOR: sliced
/// The checksum of `bytes`.
///
/// Division is linear: the remainder of a sum is the sum of the remainders. So sixteen bytes are
/// taken at once, as the sum of sixteen polynomials of a byte each, whose remainders are looked up
/// ("slicing": Kounavis and Berry, "A systematic approach to building high performance
/// software-based CRC generators", 2005). Byte by byte, each look-up would have to wait for the one
/// before.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    continued(0, bytes)
}

/// The checksum of some bytes with `checksum` and of `bytes` behind them.
pub(crate) fn continued(checksum: u32, bytes: &[u8]) -> u32 {
    let mut remainder = !checksum;
    let (chunks, rest) = bytes.as_chunks::<WIDTH>();
    for chunk in chunks {
        let (words, _) = chunk.as_chunks::<4>();
        let [first, second, third, fourth] = [0, 1, 2, 3].map(|i| u32::from_le_bytes(words[i]));
        // What does not wait for the chunk before stands first.
        let others = of_word(second, 8) ^ of_word(third, 4) ^ of_word(fourth, 0);
        remainder = of_word(first ^ remainder, 12) ^ others;
    }
    for &byte in rest {
        let [lowest, ..] = remainder.to_le_bytes();
        remainder = TABLES[0][usize::from(lowest ^ byte)] ^ (remainder >> 8);
    }
    !remainder
}

/// The remainder of four bytes with `zeros` bytes of zeros behind them.
fn of_word(word: u32, zeros: usize) -> u32 {
    let [a, b, c, d] = word.to_le_bytes().map(usize::from);
    TABLES[zeros + 3][a] ^ TABLES[zeros + 2][b] ^ TABLES[zeros + 1][c] ^ TABLES[zeros][d]
}
// ANCHOR_END: sliced

// ANCHOR: mask
/// A checksum as TensorFlow and LevelDB write it. A checksum over bytes that hold their own
/// checksum is weak: it is the same for all contents. So one that is written into a file is turned
/// by 15 bits, and a constant is added.
#[cfg(test)]
pub(crate) fn mask(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(MASK)
}

/// The checksum itself again.
pub(crate) fn unmask(masked: u32) -> u32 {
    masked.wrapping_sub(MASK).rotate_left(15)
}

const MASK: u32 = 0xa282_ead8;
// ANCHOR_END: mask

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the definition, a byte at a time.
    fn textbook(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |remainder, &byte| divide(remainder ^ u32::from(byte)))
    }

    #[test]
    fn published_checksums_are_reproduced() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        // RFC 3720, appendix B.4, and the check value of every catalogue of CRCs.
        for (bytes, expected) in [
            (&[0; 32][..], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
            (&descending, 0x113f_db5c),
            (b"123456789", 0xe306_9283),
            (b"", 0),
        ] {
            assert_eq!(crc32c(bytes), expected);
            assert_eq!(textbook(bytes), expected);
        }
    }

    #[test]
    fn the_divisor_is_castagnolis_polynomial() {
        let powers = [28, 27, 26, 25, 23, 22, 20, 19, 18, 14, 13, 11, 10, 9, 8, 6, 0];
        assert_eq!(powers.iter().fold(0, |sum, power| sum | 1 << (31 - power)), DIVISOR);
    }

    proptest! {
        #[test]
        fn sixteen_bytes_at_once_give_what_one_at_a_time_gives(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert_eq!(crc32c(&bytes), textbook(&bytes));
        }

        #[test]
        fn a_checksum_may_be_made_piece_by_piece(
            first in proptest::collection::vec(any::<u8>(), 0..50),
            second in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let whole = [first.as_slice(), second.as_slice()].concat();
            prop_assert_eq!(continued(crc32c(&first), &second), textbook(&whole));
        }

        #[test]
        fn masking_is_undone(checksum in any::<u32>()) {
            prop_assert_eq!(unmask(mask(checksum)), checksum);
            prop_assert_ne!(mask(checksum), checksum);
        }
    }

    /// `cargo test --release -p bert-checkpoint --lib crc32c::tests::speed -- --ignored
    /// --nocapture`
    #[test]
    #[ignore = "a measurement"]
    fn speed() {
        let bytes: Vec<u8> =
            (0..64 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for _ in 0..5 {
            let start = std::time::Instant::now();
            let checksum = crc32c(&bytes);
            let seconds = start.elapsed().as_secs_f64();
            println!("{checksum:08x}: {:.2} GB/s", bytes.len() as f64 / seconds / 1e9);
        }
    }
}
