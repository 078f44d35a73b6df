//! The examples of a task, and the steps that they are shuffled into.
//!
//! The data of a task fits into memory, so a pass over it is an order of the examples: another one
//! for each epoch, which depends on nothing but the seed and the epoch's number.

use crate::{BatchSize, Error, Feed, LabelledBatch};
use bert_data::Position;
use bert_model::{Batch, Labels};
use bert_nn::Real;
use bert_nn::random::Draws;
use ndarray::Array2;

// ANCHOR: example
/// A text (or pair) as the model takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Special tokens included.
    pub token_ids: Vec<u32>,
    /// As many.
    pub token_types: Vec<u32>,
}

/// What is right for one example, with what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub enum Example {
    /// One of several classes.
    Class(Sequence, u32),
    /// C numbers, each from 0 (no) to 1 (yes).
    MultiLabel(Sequence, Vec<Real>),
    /// A number.
    Number(Sequence, Real),
    /// A class for each token; none where it counts for nothing.
    Tags(Sequence, Vec<Option<u32>>),
    /// The first and the last token of an answer.
    Span(Sequence, u32, u32),
    /// The number of the right one of several sequences.
    Choice(Vec<Sequence>, u32),
}
// ANCHOR_END: example

impl Example {
    /// Those of a multiple choice; else one.
    pub fn sequences(&self) -> &[Sequence] {
        match self {
            Self::Class(sequence, _)
            | Self::MultiLabel(sequence, _)
            | Self::Number(sequence, _)
            | Self::Tags(sequence, _)
            | Self::Span(sequence, ..) => std::slice::from_ref(sequence),
            Self::Choice(sequences, _) => sequences,
        }
    }

    /// How many tokens it has in all.
    pub fn tokens(&self) -> usize {
        self.sequences().iter().map(|sequence| sequence.token_ids.len()).sum()
    }
}

// ANCHOR: labelled
/// Lays examples of one kind end to end.
///
/// # Panics
/// They are of different kinds, or there is none.
pub fn labelled_examples(examples: &[&Example]) -> LabelledBatch {
    let mut batch = Batch::new();
    for sequence in examples.iter().flat_map(|example| example.sequences()) {
        batch.push(&sequence.token_ids, &sequence.token_types);
    }
    let mut labels = empty_labels(examples[0]);
    for example in examples {
        match (&mut labels, example) {
            (Labels::Sequences(all), Example::Class(_, class)) => all.push(Some(*class)),
            (Labels::MultiLabel(all), Example::MultiLabel(_, row)) => {
                push_row(all, row);
            }
            (Labels::Numbers(all), Example::Number(_, number)) => push_row(all, &[*number]),
            (Labels::Tokens(all), Example::Tags(_, tags)) => all.extend(tags),
            (Labels::Spans { start, end }, Example::Span(_, first, last)) => {
                start.push(Some(*first));
                end.push(Some(*last));
            }
            (Labels::Choices { bounds, right }, Example::Choice(sequences, choice)) => {
                bounds.push(bounds[right.len()] + sequences.len());
                right.push(Some(*choice));
            }
            _ => panic!("examples of two kinds in one batch"),
        }
    }
    LabelledBatch { batch, labels }
}
// ANCHOR_END: labelled

fn empty_labels(example: &Example) -> Labels {
    match example {
        Example::Class(..) => Labels::Sequences(Vec::new()),
        Example::MultiLabel(_, row) => Labels::MultiLabel(Array2::zeros((0, row.len()))),
        Example::Number(..) => Labels::Numbers(Array2::zeros((0, 1))),
        Example::Tags(..) => Labels::Tokens(Vec::new()),
        Example::Span(..) => Labels::Spans { start: Vec::new(), end: Vec::new() },
        Example::Choice(..) => Labels::Choices { bounds: vec![0], right: Vec::new() },
    }
}

fn push_row(all: &mut Array2<Real>, row: &[Real]) {
    all.push_row(row.into()).expect("all rows have the same length");
}

/// The steps of a fine-tuning.
pub struct ExampleFeed<'a> {
    examples: &'a [Example],
    size: BatchSize,
    /// Batches in a step, whose gradients are added up.
    accumulate: usize,
    seed: u64,
    /// The epoch at hand, and the batches that it consists of.
    epoch: Option<(u64, Vec<Vec<usize>>)>,
}

impl<'a> ExampleFeed<'a> {
    /// Steps of `accumulate` batches (at least one).
    ///
    /// # Errors
    /// There is no example.
    pub fn new(
        examples: &'a [Example],
        size: BatchSize,
        accumulate: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        if examples.is_empty() {
            return Err(Error::NoInstance);
        }
        Ok(Self { examples, size, accumulate: accumulate.max(1), seed, epoch: None })
    }

    /// How many steps an epoch has. With batches of so many tokens, some have a few more than others.
    pub fn steps_in_epoch(&self, epoch: u64) -> u64 {
        let batches = match self.size {
            BatchSize::Sequences(count) => self.examples.len().div_ceil(count.max(1)),
            BatchSize::Tokens(_) => self.batches(epoch).len(),
        };
        batches.div_ceil(self.accumulate) as u64
    }

    // ANCHOR: batches
    /// The examples in this epoch's order, cut into batches. The last one may be smaller.
    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.examples.len()).collect();
        Draws::new(self.seed, "order of examples", epoch, 0).shuffle(&mut order);
        let (mut batches, mut tokens): (Vec<Vec<usize>>, _) = (Vec::new(), 0);
        for example in order {
            let more = self.examples[example].tokens();
            let full = batches.last().is_none_or(|batch| match self.size {
                BatchSize::Sequences(count) => batch.len() >= count,
                BatchSize::Tokens(limit) => tokens + more > limit,
            });
            if full {
                batches.push(Vec::new());
                tokens = 0;
            }
            batches.last_mut().expect("there is one now").push(example);
            tokens += more;
        }
        batches
    }
    // ANCHOR_END: batches
}

impl Feed for ExampleFeed<'_> {
    /// `position.block` counts the steps of its epoch.
    fn next_step(&mut self, position: &mut Position) -> Result<Vec<LabelledBatch>, Error> {
        if self.epoch.as_ref().is_none_or(|(epoch, _)| *epoch != position.epoch) {
            self.epoch = Some((position.epoch, self.batches(position.epoch)));
        }
        let (_, batches) = self.epoch.as_ref().expect("just made");
        let first = position.block as usize * self.accumulate;
        let step = &batches[first..batches.len().min(first + self.accumulate)];
        position.block += 1;
        if first + step.len() == batches.len() {
            *position = Position { epoch: position.epoch + 1, ..Position::default() };
        }
        let of_batch = |batch: &Vec<usize>| -> Vec<&Example> {
            batch.iter().map(|&example| &self.examples[example]).collect()
        };
        Ok(step.iter().map(|batch| labelled_examples(&of_batch(batch))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_model::{Config, HeadKind};

    fn sequence(length: usize, id: u32) -> Sequence {
        Sequence { token_ids: vec![id; length], token_types: vec![0; length] }
    }

    /// Example i has i + 1 tokens and class i.
    fn numbered(count: u32) -> Vec<Example> {
        (0..count).map(|i| Example::Class(sequence(i as usize + 1, i), i)).collect()
    }

    /// The classes of a step, batch by batch.
    fn classes(step: &[LabelledBatch]) -> Vec<Vec<u32>> {
        let of = |batch: &LabelledBatch| match &batch.labels {
            Labels::Sequences(labels) => labels.iter().flatten().copied().collect(),
            other => panic!("{other:?}"),
        };
        step.iter().map(of).collect()
    }

    #[test]
    fn an_epoch_shows_every_example_once_and_each_epoch_in_its_own_order() {
        let examples = numbered(11);
        for (size, accumulate, seed) in [
            (BatchSize::Sequences(2), 2, 1),
            (BatchSize::Tokens(13), 1, 1),
            (BatchSize::Sequences(32), 1, 2),
        ] {
            let mut feed = ExampleFeed::new(&examples, size, accumulate, seed).unwrap();
            let (mut position, mut orders) = (Position::default(), Vec::new());
            for epoch in 0..3 {
                let mut seen = Vec::new();
                let steps = feed.steps_in_epoch(epoch);
                for step in 0..steps {
                    assert_eq!((position.epoch, position.block), (epoch, step));
                    let found = feed.next_step(&mut position).unwrap();
                    assert!(found.len() <= accumulate);
                    let within = |batch: &LabelledBatch| match size {
                        BatchSize::Sequences(count) => batch.batch.sequences() <= count,
                        BatchSize::Tokens(limit) => batch.batch.tokens() <= limit,
                    };
                    assert!(found.iter().all(within), "{found:?}");
                    seen.extend(classes(&found).concat());
                }
                orders.push(seen.clone());
                seen.sort_unstable();
                assert_eq!(seen, (0..11).collect::<Vec<_>>());
            }
            assert!(orders[0] != orders[1] && orders[1] != orders[2]);
        }
    }

    #[test]
    fn any_position_gives_its_step_again() {
        let examples = numbered(7);
        let feed = || ExampleFeed::new(&examples, BatchSize::Sequences(2), 1, 5).unwrap();
        let (mut one, mut position) = (feed(), Position::default());
        for _ in 0..9 {
            let mut again = position;
            let step = one.next_step(&mut position).unwrap();
            assert_eq!(feed().next_step(&mut again).unwrap(), step);
            assert_eq!(again, position);
        }
    }

    #[test]
    fn batches_of_every_kind_are_what_the_heads_expect() {
        let two = || sequence(2, 1);
        let cases: [(&str, HeadKind, [Example; 2]); 6] = [
            (
                "",
                HeadKind::SequenceClassification,
                [Example::Class(two(), 1), Example::Class(two(), 0)],
            ),
            (
                "multi_label_classification",
                HeadKind::SequenceClassification,
                [vec![1.0, 0.0], vec![0.0, 0.0]].map(|row| Example::MultiLabel(two(), row)),
            ),
            (
                "regression",
                HeadKind::SequenceClassification,
                [0.5, -3.0].map(|number| Example::Number(two(), number)),
            ),
            (
                "",
                HeadKind::TokenClassification,
                [Example::Tags(two(), vec![None, Some(1)]), Example::Tags(two(), vec![Some(0); 2])],
            ),
            (
                "",
                HeadKind::QuestionAnswering,
                [Example::Span(two(), 0, 1), Example::Span(two(), 1, 1)],
            ),
            (
                "",
                HeadKind::MultipleChoice,
                [Example::Choice(vec![two(), two()], 1), Example::Choice(vec![two(); 3], 2)],
            ),
        ];
        for (problem, kind, examples) in cases {
            let classes = if problem == "regression" { 1 } else { 2 };
            let config = Config {
                problem_type: Some(problem.to_owned()).filter(|problem| !problem.is_empty()),
                num_labels: Some(classes),
                ..Config::default()
            };
            let LabelledBatch { batch, labels } = labelled_examples(&examples.each_ref());
            labels.check(kind, &batch, &config).unwrap();
            if let Labels::Choices { bounds, .. } = labels {
                assert_eq!(bounds, [0, 2, 5]);
            }
        }
        assert!(ExampleFeed::new(&[], BatchSize::Sequences(1), 1, 0).is_err());
    }
}
