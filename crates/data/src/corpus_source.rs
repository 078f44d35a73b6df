//! Instances from texts: the blocks of a pass are read, cut into tokens, and made into instances.

use crate::blocks::Blocks;
use crate::full_sentences;
use crate::next_sentence::Pairs;
use crate::settings::{Form, Settings};
use crate::{Document, Documents, Error, Instance, Pieces, Source};
use bert_nn::random::Draws;
use bert_tokenizer::Tokenizer;
use rayon::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// Makes the instances of pre-training from documents.
///
/// Each random choice is named by the seed, the pass and the document or block that it is made for. So
/// any block can be made by itself, on any number of threads, and is always the same.
pub struct CorpusSource<D> {
    documents: D,
    tokenizer: Tokenizer,
    pieces: Pieces,
    settings: Settings,
    /// The blocks of the pass that was asked for last.
    blocks: Mutex<Option<Arc<Blocks>>>,
}

impl<D: Documents> CorpusSource<D> {
    /// # Errors
    /// Settings with which nothing can be made, no document, or only one where pairs need two.
    pub fn new(documents: D, tokenizer: Tokenizer, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        match documents.documents() {
            0 => return Err(Error::NoDocument),
            1 if settings.form == Form::Pairs => return Err(Error::OneDocument),
            _ => {}
        }
        let pieces = Pieces::of(&tokenizer);
        Ok(Self { documents, tokenizer, pieces, settings, blocks: Mutex::new(None) })
    }

    /// What the instances are made from.
    pub fn documents(&self) -> &D {
        &self.documents
    }

    /// What cuts the texts into tokens.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How the instances are made. No sequence is longer than `max_length` there: a model must have
    /// as many positions.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn blocks_of(&self, pass: u64) -> Arc<Blocks> {
        let mut kept = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(blocks) if blocks.pass == pass => Arc::clone(blocks),
            _ => {
                let Settings { block_bytes, seed, .. } = self.settings;
                let blocks = Blocks::new(&self.documents, pass, block_bytes.get(), 2, seed);
                Arc::clone(kept.insert(Arc::new(blocks)))
            }
        }
    }

    /// The tokens of a document. A sentence without any is left out.
    fn tokens(&self, document: usize) -> Result<Document, Error> {
        let sentences = self.documents.sentences(document)?;
        let tokens = |sentence: &String| {
            let ids = self.tokenizer.encode(sentence).ids;
            ids[1..ids.len() - 1].to_vec() // without [CLS] and [SEP]
        };
        let tokens = sentences.par_iter().map(tokens);
        Ok(tokens.filter(|sentence| !sentence.is_empty()).collect())
    }

    // ANCHOR: pairs
    /// The pairs of the document at `place`, with tokens hidden.
    fn pairs(&self, documents: &[Document], place: usize, draws: &mut Draws) -> Vec<Instance> {
        let Settings { max_length, short_sequence_probability, masking, .. } = self.settings;
        let mut pairs = Pairs::new(documents, place, max_length, short_sequence_probability, draws);
        let mut instances = Vec::new();
        while let Some(pair) = pairs.next_pair(draws) {
            let mut instance = pair.instance(&self.pieces);
            masking.mask(&mut instance, &self.pieces, draws);
            instances.push(instance);
        }
        instances
    }
    // ANCHOR_END: pairs

    /// The sequences of these documents, filled with full sentences, with tokens hidden.
    fn full_sentences(&self, documents: &[Document], draws: &mut Draws) -> Vec<Instance> {
        let mut instances = full_sentences::pack(documents, self.settings.max_length, &self.pieces);
        for instance in &mut instances {
            self.settings.masking.mask(instance, &self.pieces, draws);
        }
        instances
    }
}

// ANCHOR: source
impl<D: Documents> Source for CorpusSource<D> {
    fn blocks(&self, epoch: u64) -> Option<u64> {
        Some(self.blocks_of(self.settings.pass(epoch)).len() as u64)
    }

    fn block(&self, epoch: u64, block: u64) -> Result<Vec<Instance>, Error> {
        let (seed, pass) = (self.settings.seed, self.settings.pass(epoch));
        let blocks = self.blocks_of(pass);
        let numbers = blocks.documents(block as usize);
        let documents: Result<Vec<Document>, Error> =
            numbers.par_iter().map(|&number| self.tokens(number)).collect();
        let (numbers, documents): (Vec<usize>, Vec<Document>) =
            numbers.iter().zip(documents?).filter(|(_, document)| !document.is_empty()).unzip();

        let mut instances = match self.settings.form {
            Form::Pairs => (0..documents.len())
                .into_par_iter()
                .flat_map_iter(|place| {
                    let mut draws = Draws::new(seed, "pairs", pass, numbers[place] as u64);
                    self.pairs(&documents, place, &mut draws)
                })
                .collect(),
            Form::FullSentences => {
                let mut draws = Draws::new(seed, "full sentences", pass, block);
                self.full_sentences(&documents, &mut draws)
            }
        };
        Draws::new(seed, "instances", epoch, block).shuffle(&mut instances);
        Ok(instances)
    }
}
// ANCHOR_END: source
