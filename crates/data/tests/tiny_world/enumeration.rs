//! What can be known of a masked pair, by going through all sentences: each is held against what is seen.

use crate::sentences::{self, Sentence};
use bert_data::tiny_world::TinyWorld;
use bert_data::tiny_world::documents::RANDOM_NEXT;
use bert_data::tiny_world::instances::MASKED;
use bert_data::{Instance, Replacement};
use std::collections::HashMap;

/// Everything that tiny world can say.
pub struct Enumeration {
    pub sentences: Vec<Sentence>,
    /// `[next or random][first][second]`, each with its share of one half: these add up to 1.
    pub beginnings: [Vec<Vec<f64>>; 2],
    pub starts: usize,
    pub tokens: usize,
    pub mask: u32,
}

/// For each beginning of a sentence the weight of what is seen of it; and for each of certain places, beginning and word.
pub struct Weights {
    pub all: Vec<f64>,
    pub words: Vec<Vec<Vec<f64>>>,
}

impl Enumeration {
    pub fn new(world: &TinyWorld) -> Self {
        let ids: HashMap<&str, u16> =
            world.vocabulary().iter().map(String::as_str).zip(0..).collect();
        let sentences = sentences::all(&ids);
        let starts = sentences.iter().map(|it| it.start).max().unwrap() + 1;
        let mut beginnings = sentences::beginnings(starts);
        for (table, share) in beginnings.iter_mut().zip([1.0 - RANDOM_NEXT, RANDOM_NEXT]) {
            table.iter_mut().flatten().for_each(|p| *p *= share);
        }
        let mask = ids["[MASK]"].into();
        Self { sentences, beginnings, starts, tokens: ids.len(), mask }
    }

    /// `likelihood(sentence)`: of what is seen; `masked(sentence)`: for each masked place its weight and word.
    pub fn weights(
        &self,
        places: usize,
        likelihood: impl Fn(&[u16]) -> f64,
        masked: impl Fn(&[u16], f64) -> Vec<Vec<(u16, f64)>>,
    ) -> Weights {
        let mut all = vec![0.0; self.starts];
        let mut words = vec![vec![vec![0.0; self.tokens]; self.starts]; places];
        for it in &self.sentences {
            let weight = likelihood(&it.words);
            if weight == 0.0 {
                continue;
            }
            all[it.start] += it.probability * weight;
            for (words, masked) in words.iter_mut().zip(masked(&it.words, weight)) {
                for (word, weight) in masked {
                    words[it.start][word as usize] += it.probability * weight;
                }
            }
        }
        Weights { all, words }
    }

    /// Σ over all pairs of beginnings, of the weights of a first and a second sentence.
    pub fn pairs(&self, table: &[Vec<f64>], first: &[f64], second: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (row, first) in table.iter().zip(first) {
            for (together, second) in row.iter().zip(second) {
                sum += together * first * second;
            }
        }
        sum
    }

    /// The probabilities of the words of a masked place in one sentence, given the other.
    pub fn share(&self, sentence: usize, words: &[Vec<f64>], other: &[f64]) -> Vec<f64> {
        let column =
            |word: usize| words.iter().map(|of_start| of_start[word]).collect::<Vec<f64>>();
        let weight = |word| {
            let here = column(word);
            if here.iter().all(|&weight| weight == 0.0) {
                return 0.0;
            }
            let (first, second) =
                if sentence == 0 { (&here[..], other) } else { (other, &here[..]) };
            self.beginnings.iter().map(|table| self.pairs(table, first, second)).sum()
        };
        let weights: Vec<f64> = (0..self.tokens).map(weight).collect();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }

    pub fn random_next(&self, sentences: &[Weights; 2]) -> f64 {
        let [next, random] =
            [0, 1].map(|i| self.pairs(&self.beginnings[i], &sentences[0].all, &sentences[1].all));
        random / (next + random)
    }
}

/// An instance, sentence by sentence.
pub struct Parts {
    pub tokens: [Vec<u32>; 2],
    /// Per sentence, the masked places in it and the words that stood there.
    pub masked: [Vec<(usize, u32)>; 2],
}

impl Parts {
    pub fn new(instance: &Instance) -> Self {
        let (mut tokens, mut masked) = ([vec![], vec![]], [vec![], vec![]]);
        let mut labels = instance.labels().into_iter();
        let separators = |kind| instance.token_types.iter().filter(|&&it| it == kind).count();
        let lengths = [separators(0) - 2, separators(1) - 1];
        let mut ids = instance.token_ids.iter();
        ids.next(); // [CLS]
        labels.next();
        for sentence in [0, 1] {
            for place in 0..lengths[sentence] {
                tokens[sentence].push(*ids.next().unwrap());
                let label = labels.next().unwrap();
                masked[sentence].extend(label.map(|word| (place, word)));
            }
            ids.next(); // [SEP]
            labels.next();
        }
        Self { tokens, masked }
    }
}

/// How likely a place is to show `token` where `word` stands: from the description of masking, case by case.
fn shows(token: u32, word: u16, chosen: Option<bool>, with: Replacement, all: &Enumeration) -> f64 {
    let same = if token == u32::from(word) { 1.0 } else { 0.0 };
    let masked = if token == all.mask { 1.0 } else { 0.0 };
    let kept = 1.0 - with.mask - with.random;
    let if_chosen = with.mask * masked + with.random / all.tokens as f64 + kept * same;
    match chosen {
        Some(true) => if_chosen,
        Some(false) => same,
        None => MASKED * if_chosen + (1.0 - MASKED) * same,
    }
}

impl Enumeration {
    /// The optimum: for each masked place the distribution of its word; and P(random next).
    pub fn optimum(&self, parts: &Parts, with: Replacement) -> (Vec<Vec<f64>>, f64) {
        let weights = [0, 1].map(|sentence| {
            let (tokens, masked) = (&parts.tokens[sentence], &parts.masked[sentence]);
            let of = |words: &[u16], chosen: Option<usize>| -> f64 {
                let place = |(place, (&token, &word)): (usize, (&u32, &u16))| {
                    let chosen = (chosen == Some(place)).then_some(true);
                    shows(token, word, chosen, with, self)
                };
                tokens.iter().zip(words).enumerate().map(place).product()
            };
            self.weights(
                masked.len(),
                |words| if words.len() == tokens.len() { of(words, None) } else { 0.0 },
                |words, _| {
                    let at =
                        |&(place, _): &(usize, u32)| vec![(words[place], of(words, Some(place)))];
                    masked.iter().map(at).collect()
                },
            )
        });
        (self.shares(&weights), self.random_next(&weights))
    }

    fn shares(&self, weights: &[Weights; 2]) -> Vec<Vec<f64>> {
        let share = |sentence: usize| {
            let other = &weights[1 - sentence].all;
            weights[sentence].words.iter().map(move |words| self.share(sentence, words, other))
        };
        share(0).chain(share(1)).collect()
    }

    /// Left context only, every masked place showing [MASK].
    pub fn left_context(&self, parts: &Parts) -> Vec<Vec<f64>> {
        let fits = |sentence: usize, words: &[u16], places: usize| {
            let hidden = |place| parts.masked[sentence].iter().any(|&(at, _)| at == place);
            let same = |place| parts.tokens[sentence][place] == u32::from(words[place]);
            (0..places).all(|place| hidden(place) || same(place))
        };
        let first = self.weights(
            0,
            |words| {
                let length = parts.tokens[0].len();
                if words.len() == length && fits(0, words, length) { 1.0 } else { 0.0 }
            },
            |_, _| vec![],
        );
        let mut shares = vec![];
        for sentence in [0, 1] {
            for &(place, _) in &parts.masked[sentence] {
                let seen = |words: &[u16]| words.len() > place && fits(sentence, words, place);
                let here = self.weights(
                    1,
                    |words| if seen(words) { 1.0 } else { 0.0 },
                    |words, weight| vec![vec![(words[place], weight)]],
                );
                let nothing = vec![1.0; self.starts];
                let other = if sentence == 0 { &nothing } else { &first.all };
                shares.push(self.share(sentence, &here.words[0], other));
            }
        }
        shares
    }

    /// Order ignored: every way to hide as many words of a sentence as are masked, held against the bag of the others.
    pub fn order_ignored(&self, parts: &Parts) -> (Vec<Vec<f64>>, f64) {
        let weights = [0, 1].map(|sentence| {
            let tokens = &parts.tokens[sentence];
            let mut bag: Vec<u32> =
                tokens.iter().copied().filter(|&token| token != self.mask).collect();
            bag.sort_unstable();
            let masks = tokens.len() - bag.len();
            let ways = |words: &[u16]| -> Vec<Vec<u16>> {
                let has = |token: &u32| words.iter().any(|&word| u32::from(word) == *token);
                if words.len() != tokens.len() || !bag.iter().all(has) {
                    return vec![];
                }
                let choices =
                    (0..1_u32 << words.len()).filter(|it| it.count_ones() == masks as u32);
                let hidden = choices.filter_map(|choice| {
                    let (mut hidden, mut left) = (vec![], Vec::<u32>::new());
                    for (place, &word) in words.iter().enumerate() {
                        if choice >> place & 1 == 1 {
                            hidden.push(word)
                        } else {
                            left.push(word.into())
                        }
                    }
                    left.sort_unstable();
                    (left == bag).then_some(hidden)
                });
                hidden.collect()
            };
            self.weights(
                usize::from(masks > 0),
                |words| ways(words).len() as f64,
                |words, _| vec![ways(words).concat().iter().map(|&word| (word, 1.0)).collect()],
            )
        });
        let of_sentence = self.shares(&weights);
        let with_masks = [0, 1].map(|sentence| !parts.masked[sentence].is_empty());
        let mut shares = vec![];
        for sentence in [0, 1] {
            let row = if sentence == 1 && with_masks[0] { 1 } else { 0 };
            for _ in &parts.masked[sentence] {
                shares.push(of_sentence[row].clone());
            }
        }
        (shares, self.random_next(&weights))
    }

    /// How often each word stands at each position of a sequence, `[sentence][position][word]`: not divided by anything.
    pub fn positions(&self) -> [Vec<Vec<f64>>; 2] {
        let longest = self.sentences.iter().map(|it| it.words.len()).max().unwrap();
        let ones = vec![1.0; self.starts];
        let mut counts = [0, 1].map(|_| vec![vec![0.0; self.tokens]; 2 * longest + 2]);
        let of_length = |length: usize| {
            let mut weights = vec![0.0; self.starts];
            let fitting = self.sentences.iter().filter(|it| it.words.len() == length);
            fitting.for_each(|it| weights[it.start] += it.probability);
            weights
        };
        let lengths: Vec<Vec<f64>> = (0..=longest).map(of_length).collect();
        let both: Vec<Vec<f64>> = (0..self.starts)
            .map(|a| {
                (0..self.starts).map(|b| self.beginnings.iter().map(|t| t[a][b]).sum()).collect()
            })
            .collect();
        let first: Vec<f64> = both.iter().map(|row| row.iter().sum()).collect();
        // How likely a first sentence of each length and a second of each beginning are together.
        let mut second = vec![vec![0.0; self.starts]; longest + 1];
        for (length, of_length) in lengths.iter().enumerate() {
            for (row, share) in both.iter().zip(of_length) {
                for (sum, together) in second[length].iter_mut().zip(row) {
                    *sum += share * together;
                }
            }
        }
        for it in &self.sentences {
            for (place, &word) in it.words.iter().enumerate() {
                counts[0][1 + place][word as usize] += it.probability * first[it.start];
                for (length, second) in second.iter().enumerate() {
                    let position = 1 + length + 1 + place;
                    counts[1][position][word as usize] += it.probability * second[it.start];
                }
            }
        }
        let total = self.pairs(&both, &ones, &ones);
        assert!((total - 1.0).abs() < 1e-12, "{total}");
        counts
    }
}
