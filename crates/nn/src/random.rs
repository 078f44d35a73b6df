//! Random numbers by name, not by order.
//!
//! A generator that is shared hands out its numbers in the order in which they are asked for; with
//! threads, or after a restart, that order changes and so does every result. Here each use names
//! itself: (seed, purpose, step, place). The name is hashed into a key, and the key is all that
//! the use depends on.

pub use bert_kernels::mix;
use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

// ANCHOR: key
/// A key that belongs to this use alone: `purpose` says what for ("dropout", "init", …), `step`
/// when, `place` where (a layer's number, say).
pub fn key(seed: u64, purpose: &str, step: u64, place: u64) -> u64 {
    let purpose = hash(purpose.as_bytes());
    [purpose, step, place].iter().fold(mix(seed), |key, &part| mix(key ^ mix(part)))
}
// ANCHOR_END: key

/// A generator for this use alone.
pub fn generator(seed: u64, purpose: &str, step: u64, place: u64) -> StdRng {
    StdRng::seed_from_u64(key(seed, purpose, step, place))
}

// ANCHOR: draws
/// A stream of random numbers that belongs to one use alone: SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014), counted on from the use's [`key`].
///
/// It is a few lines in any language, so a reference in Python can be fed the same numbers; and its
/// values do not change with the version of a library, as those of [`generator`] may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draws {
    count: u64,
}

impl Draws {
    /// The stream of this use; the names are those of [`key`].
    pub fn new(seed: u64, purpose: &str, step: u64, place: u64) -> Self {
        Self { count: key(seed, purpose, step, place) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let bits = mix(self.count);
        self.count = self.count.wrapping_add(1);
        bits
    }

    /// A number from 0 to 1, 1 excluded: the upper 53 bits, as many as an `f64` holds.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number from 0 to `end`, `end` excluded: ⌊bits · end / 2⁶⁴⌋. Uneven by less than end
    /// in 2⁶⁴. `end` is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        assert!(end > 0, "there is no whole number from 0 to 0, 0 excluded");
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// Brings a list into random order: from the last place to the second, each is exchanged with one
    /// that is not behind it (Fisher and Yates; Durstenfeld's form).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }

    /// A place in a list of weights, each as likely as its weight is large: the first whose running
    /// sum passes uniform · Σ weights. There is a weight above 0, and none below.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        assert!(total > 0.0, "no weight is above 0: {weights:?}");
        let mut left = self.uniform() * total;
        for (place, &weight) in weights.iter().enumerate() {
            if left < weight {
                return place;
            }
            left -= weight;
        }
        // Rounding has used up the last weight.
        weights.iter().rposition(|&weight| weight > 0.0).expect("the sum is above 0")
    }
}
// ANCHOR_END: draws

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
    fn a_stream_of_draws_is_splitmix64() {
        let mut draws = Draws { count: 0 };
        // The outputs of Java's SplittableRandom(0), as published with SplitMix64.
        let bits = [(); 3].map(|()| draws.bits());
        assert_eq!(bits, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }

    #[test]
    fn whole_numbers_orders_and_weights_come_up_as_often_as_they_should() {
        let mut draws = Draws::new(1, "test", 0, 0);
        let (mut numbers, mut orders, mut weighted) = ([0; 3], [0; 6], [0; 4]);
        for _ in 0..60_000 {
            numbers[draws.below(3)] += 1;
            let mut list = [0, 1, 2];
            draws.shuffle(&mut list);
            orders[list[0] * 2 + usize::from(list[1] > list[2])] += 1;
            weighted[draws.weighted(&[1.0, 0.0, 3.0, 2.0])] += 1;
            assert!((0.0..1.0).contains(&draws.uniform()));
        }
        // Five standard deviations, at most 5·√(60,000 / 4).
        let near = |found: i32, expected: i32| (found - expected).abs() < 612;
        assert!(numbers.iter().all(|&count| near(count, 20_000)), "{numbers:?}");
        assert!(orders.iter().all(|&count| near(count, 10_000)), "{orders:?}");
        assert!(near(weighted[0], 10_000) && near(weighted[2], 30_000), "{weighted:?}");
        assert_eq!(weighted[1], 0);
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
