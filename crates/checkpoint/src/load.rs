//! A directory becomes a model.
//!
//! The set of names in the file and the set that the model asks for must match. What is missing is
//! an error (or, for a head that is wanted new, initialised and listed); what is unused is listed.
//! Nothing is passed over in silence.

use crate::bundled;
use crate::heads::{Verdict, decide, fitting};
use crate::names::{DECODER_BIAS, DECODER_WEIGHT, PREDICTIONS_BIAS, WORD_EMBEDDINGS};
use crate::quantised::{SCALE, balance_of};
use crate::source::{Source, Stored, tiny};
use crate::{Error, Loaded, ModelDirectory, is_quantised};
use bert_kernels::Quantised;
use bert_model::{AnyModel, Config, Flavour, Head, HeadKind, Model, QuantisedModel};
use bert_nn::init::{Initializer, initialize_tensor};
use bert_nn::{Real, TensorMut, Tensors};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the caller wants otherwise than the directory says.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// This head, whatever `architectures` says.
    pub head: Option<HeadKind>,
    /// Where the head is missing, make a fresh one, drawn from this seed.
    pub new_head: Option<u64>,
    /// With `new_head`: do not use a head that is there. The pooler is kept.
    pub replace_head: bool,
    /// This activation, by one of transformers' names.
    pub activation: Option<String>,
    /// These names for the classes. A classifier that is in the file must have as many; a new one
    /// will.
    pub labels: Option<Vec<String>>,
}

/// Reads a model directory whose weights have full width.
///
/// # Errors
/// There is none, it does not fit together, or its weights have 8 bits ([`load_any`] reads those, too).
pub fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, Error> {
    let loaded = load_form(path, options, false)?;
    Ok(loaded.map(|model| match model {
        AnyModel::Plain(model) => *model,
        AnyModel::Quantised(_) => unreachable!("refused before it was read"),
    }))
}

/// Reads a model directory, whatever the width of its weights.
///
/// # Errors
/// There is none, or it does not fit together.
pub fn load_any(path: &Path, options: &LoadOptions) -> Result<Loaded<AnyModel>, Error> {
    load_form(path, options, true)
}

fn load_form(
    path: &Path,
    options: &LoadOptions,
    quantised: bool,
) -> Result<Loaded<AnyModel>, Error> {
    let directory = ModelDirectory::open(path)?;
    let activation = options.activation.as_deref();
    if let Some(name) = activation.filter(|name| !Config::default().set_activation(name)) {
        return Err(Error::Activation(name.to_owned()));
    }
    let mut config = directory.config(activation)?;
    if let Some(labels) = &options.labels {
        config.set_labels(labels);
    }
    if is_quantised(&config) && !quantised {
        return Err(Error::Quantised { path: path.to_owned() });
    }
    let source = Source::of_config(directory.weights()?, &config)?;
    let google = config.flavour == Some(Flavour::Google) && !options.replace_head;
    if let Some(classes) = source.classes().filter(|_| google) {
        // Google's configuration never says how many there are.
        config.num_labels.get_or_insert(classes);
    }
    let kind = choose_head(&source, &config, options)?;
    let mut loaded = source.fill(kind, config, options)?;
    loaded.hides_directory = bundled::find(path).is_some() && path.exists();
    Ok(loaded)
}

impl Source {
    /// Compares the tensors that fix all sizes before memory is asked for: a configuration may
    /// claim any size, and any number of layers.
    fn check_sizes(
        &self,
        kind: HeadKind,
        config: &Config,
        options: &LoadOptions,
    ) -> Result<(), Error> {
        let embeddings = [
            (WORD_EMBEDDINGS.to_owned(), config.vocab_size),
            (
                "bert.embeddings.position_embeddings.weight".to_owned(),
                config.max_position_embeddings,
            ),
            ("bert.embeddings.token_type_embeddings.weight".to_owned(), config.type_vocab_size),
        ];
        // The square one bounds the width: a file that holds it has hidden_size² numbers.
        let layers = (0..config.num_hidden_layers).flat_map(|layer| {
            let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}.weight");
            [
                (name("intermediate.dense"), config.intermediate_size),
                (name("attention.self.query"), config.hidden_size),
            ]
        });
        let name = "classifier.weight".to_owned();
        let classes =
            matches!(kind, HeadKind::SequenceClassification | HeadKind::TokenClassification)
                && self.names.contains_key(&name)
                && !options.replace_head;
        let classes = classes.then(|| (name, config.classes()));
        for (name, rows) in embeddings.into_iter().chain(layers).chain(classes) {
            let Some(stored) = self.names.get(&name) else {
                let (path, names) = (self.file.path().to_owned(), vec![self.absent(name, config)]);
                return Err(Error::Missing { path, names });
            };
            self.expect(&name, stored, &[rows, config.hidden_size])?;
        }
        self.expect_room(config)
    }

    /// Compares a tensor's shape and type with what the model has, without its numbers.
    fn expect(&self, name: &str, stored: &Stored, shape: &[usize]) -> Result<(), Error> {
        let found = self.file.shape(&stored.name).expect("the name is from the file").to_vec();
        let mut expected = shape.to_vec();
        if stored.transposed {
            expected.reverse();
        }
        if found != expected {
            let (path, tensor) = (self.file.path().to_owned(), stored.name.clone());
            return Err(Error::Shape { path, tensor, found, expected });
        }
        match self.has_codes(name) {
            true => self.file.expect_codes(&stored.name),
            false => self.file.expect_reals(&stored.name),
        }
    }

    /// Any number of tensors may name the same bytes. A model that has more numbers than the files have bytes was never written, and
    /// would fill the memory.
    fn expect_room(&self, config: &Config) -> Result<(), Error> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let rows = [config.vocab_size, config.max_position_embeddings, config.type_vocab_size];
        let layer =
            hidden.saturating_mul(hidden.saturating_mul(4).saturating_add(wide.saturating_mul(2)));
        let tables = rows.iter().fold(0_usize, |sum, &rows| sum.saturating_add(rows));
        let numbers = config
            .num_hidden_layers
            .saturating_mul(layer)
            .saturating_add(tables.saturating_mul(hidden));
        let size = self.file.size();
        if numbers <= size {
            return Ok(());
        }
        Err(Error::Corrupt {
            path: self.file.path().to_owned(),
            format: self.file.format(),
            problem: format!("a model of {numbers} numbers does not come from {size} bytes"),
        })
    }

    /// A missing tensor's name, or its whole layer's where nothing of that is there.
    fn absent(&self, name: String, config: &Config) -> String {
        let Some(layer) = name.strip_suffix("intermediate.dense.weight") else { return name };
        if self.names.keys().any(|known| known.starts_with(layer)) {
            return name;
        }
        format!("{layer}* (num_hidden_layers is {})", config.num_hidden_layers)
    }

    fn fill(
        &self,
        kind: HeadKind,
        config: Config,
        options: &LoadOptions,
    ) -> Result<Loaded<AnyModel>, Error> {
        self.check_sizes(kind, &config, options)?;
        let pooler = self.names.contains_key("bert.pooler.dense.weight");
        let mut model = Model::zeros(kind, &config, pooler);
        let initializer = Initializer::Normal { std: config.initializer_range };
        let mut codes = Vec::new();
        // ANCHOR: match
        let (mut found, mut missing, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
        for tensor in model.tensors_mut() {
            let in_head = kind.owns(&tensor.name) || tensor.name.starts_with("bert.pooler.");
            let replaced = options.replace_head && kind.owns(&tensor.name);
            let stored = self.names.get(&tensor.name).filter(|_| !replaced);
            match (stored, options.new_head) {
                (Some(stored), _) if self.has_codes(&tensor.name) => {
                    missing.extend(self.absent_scale(&tensor.name));
                    codes.push((stored, tensor.name, [tensor.shape[0], tensor.shape[1]]));
                }
                (Some(stored), _) => found.push((stored, tensor)),
                (None, Some(seed)) if in_head => {
                    fresh.push(tensor.name.clone());
                    initialize_tensor(tensor, initializer, seed);
                }
                (None, _) => missing.push(tensor.name),
            }
        }
        // ANCHOR_END: match
        if !missing.is_empty() {
            return Err(Error::Missing { path: self.file.path().to_owned(), names: missing });
        }
        let mut used = self.read_all(found)?;
        let matrices = self.read_matrices(codes)?;
        used.extend(
            matrices
                .keys()
                .flat_map(|name| [name.clone(), format!("{name}{SCALE}"), balance_of(name)]),
        );
        if model.head.masked_lm().is_some() {
            used.extend(self.check_ties(&model)?);
        }
        let unused = self.names.iter().filter(|(canonical, _)| !used.contains(*canonical));
        Ok(Loaded {
            unused: unused.map(|(_, stored)| stored.name.clone()).collect(),
            of_optimizer: self.of_optimizer,
            passed_over: self.file.notes().to_vec(),
            fresh,
            activation_in_doubt: config.activation_in_doubt(),
            hides_directory: false,
            model: match self.quantised {
                true => AnyModel::Quantised(Box::new(QuantisedModel::from_parts(model, matrices))),
                false => AnyModel::Plain(Box::new(model)),
            },
            config,
        })
    }

    /// Reads tensors, several at a time, and returns their names. If several are faulty, the first is told.
    fn read_all(&self, found: Vec<(&Stored, TensorMut)>) -> Result<BTreeSet<String>, Error> {
        let read = |(stored, tensor): (&Stored, TensorMut)| {
            self.read(stored, &tensor.shape, tensor.values)?;
            self.check_finite(&stored.name, tensor.values)?;
            Ok(tensor.name)
        };
        let names: Vec<_> = found.into_par_iter().with_max_len(1).map(read).collect();
        names.into_iter().collect()
    }

    /// Reads matrices of codes, several at a time, by their names.
    fn read_matrices(
        &self,
        found: Vec<(&Stored, String, [usize; 2])>,
    ) -> Result<BTreeMap<String, Quantised>, Error> {
        let read = |(stored, name, shape): (_, String, _)| {
            let codes = self.read_codes(stored, &name, shape)?;
            Ok((name, codes))
        };
        let matrices: Vec<_> = found.into_par_iter().with_max_len(1).map(read).collect();
        matrices.into_iter().collect()
    }

    /// The name of a matrix's scales, where they should be and are not.
    fn absent_scale(&self, name: &str) -> Option<String> {
        let scale = format!("{name}{SCALE}");
        (self.has_codes(name) && !self.names.contains_key(&scale)).then_some(scale)
    }

    /// Whether the file has what a model of this configuration with this head asks for.
    pub(crate) fn check(
        &self,
        kind: HeadKind,
        config: &Config,
        options: &LoadOptions,
    ) -> Result<(), Error> {
        self.check_sizes(kind, config, options)?;
        let pooler = self.names.contains_key("bert.pooler.dense.weight");
        // Zeros, which take no memory until they are touched.
        let model = Model::zeros(kind, config, pooler);
        let mut missing = Vec::new();
        for tensor in model.tensors() {
            match self.names.get(&tensor.name) {
                Some(stored) => self.expect(&tensor.name, stored, &tensor.shape)?,
                None => missing.push(tensor.name.clone()),
            }
            missing.extend(self.absent_scale(&tensor.name));
        }
        match missing.is_empty() {
            true => Ok(()),
            false => Err(Error::Missing { path: self.file.path().to_owned(), names: missing }),
        }
    }

    /// One NaN spreads over every result: better to name it here.
    pub(crate) fn check_finite(&self, name: &str, values: &[Real]) -> Result<(), Error> {
        // Many at a time, without a branch for each; which one it is is asked only if there is one.
        if values
            .chunks(1024)
            .all(|some| some.iter().fold(true, |all, value| all & value.is_finite()))
        {
            return Ok(());
        }
        let place = values.iter().position(|value| !value.is_finite()).expect("one is not");
        Err(Error::NotFinite {
            path: self.file.path().to_owned(),
            tensor: name.to_owned(),
            place,
            found: values[place],
        })
    }

    /// The decoder repeats the word embeddings, and its bias has two names: where the file holds
    /// the copies, they must be copies. Returns the names of those it holds.
    fn check_ties(&self, model: &Model) -> Result<Vec<String>, Error> {
        let head = model.head.masked_lm().expect("asked only where there is one");
        let words = &model.bert.embeddings.word_embeddings.weight;
        let ties = [
            (DECODER_WEIGHT, WORD_EMBEDDINGS, words.shape(), words.as_slice()),
            (DECODER_BIAS, PREDICTIONS_BIAS, head.bias.shape(), head.bias.as_slice()),
        ];
        let mut held = Vec::new();
        for (tensor, original, shape, values) in ties {
            let Some(stored) = self.names.get(tensor) else { continue };
            held.push(tensor.to_owned());
            let first = self.names.get(original).expect("it was read");
            if self.file.are_same(&first.name, &stored.name) {
                continue; // without another copy of the largest table
            }
            let values: &[Real] = values.expect("parameters are contiguous");
            let mut copy = vec![0.0; values.len()];
            self.read(stored, shape, &mut copy)?;
            if let Some(place) = values.iter().zip(&copy).position(|(a, b)| a != b) {
                let path = self.file.path().to_owned();
                return Err(Error::Untied { path, tensor, original, place });
            }
        }
        Ok(held)
    }
}

/// The head asked for, else the one that the file holds.
fn choose_head(source: &Source, config: &Config, options: &LoadOptions) -> Result<HeadKind, Error> {
    let names = source.canonical_names();
    let path = || source.file.path().to_owned();
    let kind = match (options.head, decide(&names, config)) {
        (Some(kind), _) | (None, Verdict::Head(kind)) => kind,
        (None, Verdict::Ambiguous(candidates)) => {
            return Err(Error::AmbiguousHead { path: path(), candidates });
        }
    };
    let lacking: Vec<_> = Head::zeros(kind, &tiny(), false)
        .tensors()
        .into_iter()
        .map(|tensor| tensor.name)
        .filter(|name| kind.owns(name) && !names.contains(name.as_str()))
        .collect();
    if lacking.is_empty() || options.new_head.is_some() {
        return Ok(kind);
    }
    let mut others = fitting(&names);
    others.retain(|&other| other != kind);
    let found = match others.as_slice() {
        [] => "The file holds no other head.".to_owned(),
        [one] => format!("It holds a {one} head (--head {one})."),
        several => {
            let names: Vec<_> = several.iter().map(|kind| kind.name()).collect();
            format!("Its tensors fit {}.", names.join(" or "))
        }
    };
    Err(Error::MissingHead { path: path(), wanted: kind, names: lacking, found })
}
