//! From instances to the batches of a step.

use crate::{Error, LabelledBatch};
use bert_data::{Instance, Position, Source};
use bert_model::{Batch, Labels};

// ANCHOR: feed
/// Gives the batches of one step after the other. `position` says where in the data the step begins
/// and is moved behind it; the same position gives the same step, in this run or in another.
pub trait Feed {
    /// The batches of the step that begins at `position`.
    ///
    /// # Errors
    /// The data cannot be read.
    fn next_step(&mut self, position: &mut Position) -> Result<Vec<LabelledBatch>, Error>;
}
// ANCHOR_END: feed

/// How large a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// This many sequences.
    Sequences(usize),
    /// As many sequences as have at most this many tokens together; at least one.
    Tokens(usize),
}

/// The steps of a pre-training.
pub struct InstanceFeed<'a> {
    source: &'a dyn Source,
    size: BatchSize,
    /// Batches in a step, whose gradients are added up.
    accumulate: usize,
    /// The block at hand, and its epoch and number.
    block: Option<(u64, u64, Vec<Instance>)>,
}

impl<'a> InstanceFeed<'a> {
    /// Steps of `accumulate` batches.
    pub fn new(source: &'a dyn Source, size: BatchSize, accumulate: usize) -> Self {
        Self { source, size, accumulate: accumulate.max(1), block: None }
    }

    /// How many steps the first pass over the data has; none if it never ends. The pass makes every
    /// instance once. Other passes may differ a little: lengths are drawn anew.
    ///
    /// # Errors
    /// The data cannot be read.
    pub fn steps_in_epoch(&mut self, mut seen: impl FnMut(u64)) -> Result<Option<u64>, Error> {
        if self.source.blocks(0).is_none() {
            return Ok(None);
        }
        let (mut position, mut steps) = (Position::default(), 0);
        loop {
            self.settle(&mut position)?;
            if position.epoch > 0 {
                return Ok(Some(steps));
            }
            for _ in 0..self.accumulate {
                self.next_batch(&mut position)?;
            }
            steps += 1;
            seen(steps);
        }
    }

    /// The instances of one batch.
    fn next_batch(&mut self, position: &mut Position) -> Result<Vec<Instance>, Error> {
        let (size, mut instances, mut tokens) = (self.size, Vec::new(), 0);
        loop {
            let next = self.settle(position)?;
            tokens += next.token_ids.len();
            let full = match size {
                BatchSize::Sequences(sequences) => instances.len() >= sequences,
                BatchSize::Tokens(limit) => tokens > limit,
            };
            if full && !instances.is_empty() {
                return Ok(instances);
            }
            instances.push(next.clone());
            position.instance += 1;
        }
    }

    // ANCHOR: settle
    /// Moves `position` past blocks that are used up, and returns the instance that stands there.
    fn settle(&mut self, position: &mut Position) -> Result<&Instance, Error> {
        let mut empty = 0;
        while position.instance >= self.load(position.epoch, position.block)?.len() as u64 {
            let blocks_in_epoch = self.source.blocks(position.epoch);
            (position.block, position.instance) = (position.block + 1, 0);
            if Some(position.block) == blocks_in_epoch {
                *position = Position { epoch: position.epoch + 1, ..Position::default() };
            }
            // A block may be empty, but not all of them.
            empty += 1;
            if blocks_in_epoch.is_some_and(|blocks| empty > 2 * blocks) {
                return Err(Error::NoInstance);
            }
        }
        Ok(&self.load(position.epoch, position.block)?[position.instance as usize])
    }
    // ANCHOR_END: settle

    fn load(&mut self, epoch: u64, block: u64) -> Result<&[Instance], Error> {
        if !matches!(&self.block, Some((e, b, _)) if (*e, *b) == (epoch, block)) {
            self.block = None; // before the next one is made: only one is in memory
            self.block = Some((epoch, block, self.source.block(epoch, block)?));
        }
        Ok(self.block.as_ref().map_or(&[], |(_, _, instances)| instances))
    }
}

impl Feed for InstanceFeed<'_> {
    fn next_step(&mut self, position: &mut Position) -> Result<Vec<LabelledBatch>, Error> {
        let mut step = Vec::new();
        for _ in 0..self.accumulate {
            step.push(self.next_batch(position)?);
        }
        // A few short sequences may all have been spared by chance. Their step goes on to the next one that
        // was not, and skips those before it: without a masked word there is no mean to take.
        let spared = |instance: &Instance| instance.masked_positions.is_empty();
        let epoch = position.epoch;
        while step.iter().flatten().all(spared) {
            let instance = self.settle(position)?.clone();
            position.instance += 1;
            // The rest of a pass, and the whole next one.
            if position.epoch > epoch + 1 {
                return Err(Error::NothingMasked);
            }
            if !spared(&instance) {
                step.last_mut().expect("at least one batch").push(instance);
            }
        }
        Ok(step.iter().map(|instances| labelled(instances)).collect())
    }
}

// ANCHOR: labelled
/// Lays instances end to end. With labels for both heads where the instances say whether their second
/// text is random, else for masked words only.
pub fn labelled(instances: &[Instance]) -> LabelledBatch {
    let mut batch = Batch::new();
    let (mut tokens, mut sequences) = (Vec::new(), Vec::new());
    for instance in instances {
        batch.push(&instance.token_ids, &instance.token_types);
        tokens.extend(instance.labels());
        sequences.push(instance.is_random_next.map(u32::from)); // 0: follows, 1: random
    }
    let labels = if sequences.iter().any(Option::is_some) {
        Labels::PreTraining { tokens, sequences }
    } else {
        Labels::Tokens(tokens)
    };
    LabelledBatch { batch, labels }
}
// ANCHOR_END: labelled

#[cfg(test)]
mod tests {
    use super::*;

    /// Each instance has as many tokens as its list says, the first of them masked if there are more
    /// than one; blocks may be empty.
    struct Lengths(Vec<Vec<usize>>);

    impl Source for Lengths {
        fn blocks(&self, _epoch: u64) -> Option<u64> {
            Some(self.0.len() as u64)
        }

        fn block(&self, epoch: u64, block: u64) -> Result<Vec<Instance>, bert_data::Error> {
            let instance = |&length: &usize| Instance {
                token_ids: vec![epoch as u32; length],
                token_types: vec![0; length],
                masked_positions: if length > 1 { vec![0] } else { vec![] },
                masked_ids: if length > 1 { vec![7] } else { vec![] },
                is_random_next: None,
            };
            Ok(self.0[block as usize].iter().map(instance).collect())
        }
    }

    fn lengths(step: &[LabelledBatch]) -> Vec<Vec<usize>> {
        let of = |b: &LabelledBatch| b.batch.ranges().map(|range| range.len()).collect();
        step.iter().map(of).collect()
    }

    #[test]
    fn steps_go_through_blocks_and_epochs_and_any_position_gives_its_step_again() {
        let source = Lengths(vec![vec![2, 3, 4], vec![], vec![5, 6]]);
        let mut feed = InstanceFeed::new(&source, BatchSize::Sequences(2), 1);
        let (mut position, mut steps, mut positions) = (Position::default(), vec![], vec![]);
        for _ in 0..5 {
            positions.push(position);
            steps.push(feed.next_step(&mut position).unwrap());
        }
        let found: Vec<_> = steps.iter().map(|step| lengths(step)).collect();
        assert_eq!(found, [[[2, 3]], [[4, 5]], [[6, 2]], [[3, 4]], [[5, 6]]]);
        for (mut position, step) in positions.into_iter().zip(&steps).rev() {
            let mut again = InstanceFeed::new(&source, BatchSize::Sequences(2), 1);
            assert_eq!(&again.next_step(&mut position).unwrap(), step);
        }
        // Five instances, two in a step: the third step ends in the second pass.
        assert_eq!(feed.steps_in_epoch(|_| ()).unwrap(), Some(3));
        let even = Lengths(vec![vec![2, 3], vec![4, 5], vec![]]);
        let mut feed = InstanceFeed::new(&even, BatchSize::Sequences(2), 1);
        assert_eq!(feed.steps_in_epoch(|_| ()).unwrap(), Some(2));
    }

    #[test]
    fn a_batch_of_tokens_is_as_full_as_it_can_be() {
        let source = Lengths(vec![vec![4, 4, 3, 12, 2]]);
        let mut feed = InstanceFeed::new(&source, BatchSize::Tokens(10), 2);
        let mut position = Position::default();
        assert_eq!(lengths(&feed.next_step(&mut position).unwrap()), [vec![4, 4], vec![3]]);
        // One that is too long stands alone.
        assert_eq!(lengths(&feed.next_step(&mut position).unwrap()), [vec![12], vec![2, 4, 4]]);
    }

    #[test]
    fn a_step_without_a_masked_word_waits_for_one() {
        let source = Lengths(vec![vec![1, 1, 1, 2, 1]]);
        let mut feed = InstanceFeed::new(&source, BatchSize::Sequences(1), 2);
        let mut position = Position::default();
        assert_eq!(lengths(&feed.next_step(&mut position).unwrap()), [vec![1], vec![1, 2]]);
    }

    #[test]
    fn a_source_without_any_instance_is_an_error_and_no_endless_loop() {
        let source = Lengths(vec![vec![], vec![]]);
        let mut feed = InstanceFeed::new(&source, BatchSize::Sequences(1), 1);
        let error = feed.next_step(&mut Position::default()).unwrap_err();
        assert!(matches!(error, Error::NoInstance), "{error}");
    }

    #[test]
    fn a_source_without_any_masked_word_is_an_error_and_no_endless_loop() {
        let source = Lengths(vec![vec![1, 1], vec![1]]);
        let mut feed = InstanceFeed::new(&source, BatchSize::Sequences(1), 1);
        let error = feed.next_step(&mut Position::default()).unwrap_err();
        assert!(matches!(error, Error::NothingMasked), "{error}");
    }
}
