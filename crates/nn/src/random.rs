//! Random numbers by name, not by order.
//!
//! A generator that is shared hands out its numbers in the order in which they are asked for; with
//! threads, or after a restart, that order changes and so does every result. Here each use names
//! itself: (seed, purpose, step, place). The name is hashed into a key, and the key is all that
//! the use depends on.

pub use bert_kernels::mix;
use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

/// A key that belongs to this use alone: `purpose` says what for ("dropout", "init", …), `step`
/// when, `place` where (a layer's number, say).
pub fn key(seed: u64, purpose: &str, step: u64, place: u64) -> u64 {
    let purpose = hash(purpose.as_bytes());
    [purpose, step, place].iter().fold(mix(seed), |key, &part| mix(key ^ mix(part)))
}

/// A generator for this use alone.
pub fn generator(seed: u64, purpose: &str, step: u64, place: u64) -> StdRng {
    StdRng::seed_from_u64(key(seed, purpose, step, place))
}

/// FNV-1a, 64 bits: a hash that does not change between versions of Rust.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mix_is_splitmix64() {
        // The first outputs of Java's SplittableRandom(0), as published with SplitMix64.
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(1), 0x6E78_9E6A_A1B9_65F4);
        assert_eq!(mix(2), 0x06C4_5D18_8009_454F);
    }

    #[test]
    fn hash_is_fnv_1a() {
        // Test vectors from the FNV page of Landon Curt Noll.
        assert_eq!(hash(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn each_part_of_the_name_matters() {
        let keys = [
            key(1, "dropout", 0, 0),
            key(2, "dropout", 0, 0),
            key(1, "init", 0, 0),
            key(1, "dropout", 1, 0),
            key(1, "dropout", 0, 1),
        ];
        for (i, a) in keys.iter().enumerate() {
            for b in &keys[..i] {
                assert_ne!(a, b);
            }
        }
    }
}
