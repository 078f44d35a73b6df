//! Texts that occur more than once.

use super::sample::{Sample, normal};
use std::hash::{DefaultHasher, Hasher};

/// A text that occurs more than once, by the places of its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// In the training data, in order.
    pub train: Vec<usize>,
    /// In the dev data, in order.
    pub dev: Vec<usize>,
    /// Whether two of its samples have different labels.
    pub conflicting: bool,
}

impl Repeated {
    /// How many samples it is the text of.
    pub fn count(&self) -> usize {
        self.train.len() + self.dev.len()
    }
}

/// All of them, in the order in which their first samples stand, the training data first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Of at least two samples each.
    pub texts: Vec<Repeated>,
}

impl Repeats {
    /// How many training samples say again what one before them said.
    pub fn surplus_in_train(&self) -> usize {
        self.texts.iter().map(|text| text.train.len().saturating_sub(1)).sum()
    }

    /// How many dev samples say again what one before them, in the dev data, said.
    pub fn surplus_in_dev(&self) -> usize {
        self.texts.iter().map(|text| text.dev.len().saturating_sub(1)).sum()
    }

    /// How many dev samples have a text that the model has been trained on.
    pub fn dev_in_train(&self) -> usize {
        self.shared().map(|text| text.dev.len()).sum()
    }

    /// The texts that are in both.
    pub fn shared(&self) -> impl Iterator<Item = &Repeated> {
        self.texts.iter().filter(|text| !text.train.is_empty() && !text.dev.is_empty())
    }

    /// The texts that have several labels.
    pub fn conflicts(&self) -> impl Iterator<Item = &Repeated> {
        self.texts.iter().filter(|text| text.conflicting)
    }
}

/// Finds them in training data and dev data (which may be empty).
pub fn repeats<S: Sample>(train: &[S], dev: &[S]) -> Repeats {
    repeats_by(train, dev, hash)
}

// ANCHOR: repeats
/// The same with any hash.
pub(super) fn repeats_by<S: Sample>(train: &[S], dev: &[S], hash: impl Fn(&S) -> u64) -> Repeats {
    let samples = || train.iter().chain(dev);
    // 16 bytes a sample, whatever the length of its text.
    let mut places: Vec<(u64, usize)> =
        samples().enumerate().map(|(place, sample)| (hash(sample), place)).collect();
    places.sort_unstable();
    let sample = |place: usize| train.get(place).unwrap_or_else(|| &dev[place - train.len()]);

    let mut texts = Vec::new();
    for agreeing in places.chunk_by(|a, b| a.0 == b.0).filter(|chunk| chunk.len() > 1) {
        // Nearly always one group. Two different texts may have the same hash.
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for &(_, place) in agreeing {
            let known = groups.iter_mut().find(|group| same(sample(group[0]), sample(place)));
            match known {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        texts.extend(groups.into_iter().filter(|group| group.len() > 1));
    }
    texts.sort_unstable(); // by the first place
    let repeated = |places: Vec<usize>| {
        let conflicting = contradict(places.iter().map(|&place| sample(place)));
        let first_of_dev = places.partition_point(|&place| place < train.len());
        let dev = places[first_of_dev..].iter().map(|place| place - train.len()).collect();
        Repeated { train: places[..first_of_dev].to_vec(), dev, conflicting }
    };
    Repeats { texts: texts.into_iter().map(repeated).collect() }
}
// ANCHOR_END: repeats

/// Of the normalised pieces, with a byte between two that is in no text.
fn hash<S: Sample>(sample: &S) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut bytes = [0; 4];
    for piece in sample.pieces() {
        normal(&piece).for_each(|c| hasher.write(c.encode_utf8(&mut bytes).as_bytes()));
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

fn same<S: Sample>(a: &S, b: &S) -> bool {
    let (a, b) = (a.pieces(), b.pieces());
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| normal(a).eq(normal(b)))
}

/// Whether two of those whose labels are known have different ones.
fn contradict<'a, S: Sample + 'a>(samples: impl Iterator<Item = &'a S>) -> bool {
    let mut known = samples.filter_map(Sample::labels);
    known.next().is_some_and(|first| known.any(|labels| labels != first))
}
