//! Every gradient against PyTorch's autograd in float64, computed from the same weights, batches and labels by
//! `tests/reference/make_gradients.py`, `make_ablations.py` and `make_minilm_gradients.py`.

use bert_checkpoint::{LoadOptions, Loaded, Stored, TensorFile, load};
use bert_model::{Ablation, Batch, Config, Context, HeadKind, Keep, Labels, Model};
use bert_nn::init::{Initializer, initialize};
use bert_nn::{Real, Tensors};
use bert_optim::{AdamW, AdamWSettings, Update};
use bert_pipeline::backward::{Backward, backward, dropout_masks};
use bert_pipeline::reference::Reference;
use bert_testkit::{fixture, minilm, norm, relative_error};
use bert_train::{LabelledBatch, apply, gradients};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What an f32 backward pass may differ from a float64 one. With the `f64` feature only the rounding
/// of the stored references to f32 is left.
const TOLERANCE: f64 = if size_of::<Real>() == 8 { 2e-7 } else { 1e-4 };

/// The same under dropout. With the `f64` feature the factors 1/(1 − rate) of the reference are left too, which the program hands
/// over as f32, one after the other in up to ten places.
const UNDER_DROPOUT: f64 = if size_of::<Real>() == 8 { 1e-6 } else { 1e-4 };

/// Of the loss.
const LOSS: f64 = if size_of::<Real>() == 8 { 2e-7 } else { 1e-5 };

/// Of the seed in `make_gradients.py`, with which the committed masks were drawn.
const SEED: u64 = 7;

/// Every file of this name beside a fixture model.
fn cases(file: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixture("parity")).expect("the fixtures are committed");
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path().join(file)).collect();
    cases.retain(|path| path.exists());
    cases.sort();
    cases
}

fn model_of(path: &Path) -> Loaded {
    load(path.parent().unwrap(), &LoadOptions::default()).unwrap()
}

/// Compares loss and gradients with those in `file`; the sets of names must match.
fn compare(found: &Backward, reference: &Reference, file: &TensorFile, limit: f64) {
    let path = file.path().display();
    let loss = f64::from(file.reals("loss").unwrap().1[0]);
    let apart = (found.loss - loss).abs();
    assert!(apart <= LOSS * loss, "{path}: the loss is {}, expected {loss}", found.loss);

    let ours = found.to_tensors(&reference.batch, reference.width);
    let is_gradient = |name: &&str| name.starts_with("grad.");
    let names: BTreeSet<_> = file.names().filter(is_gradient).collect();
    let our_names: BTreeSet<_> = ours.iter().map(|(name, _)| &**name).filter(is_gradient).collect();
    assert_eq!(our_names, names, "{path}");

    let parameters = names.iter().filter(|name| !name.starts_with("grad.hidden_states."));
    let values = parameters.flat_map(|name| file.reals(name).unwrap().1);
    let all = norm(values.map(f64::from));
    for (name, tensor) in &ours {
        let Stored::Reals { shape, values, .. } = tensor else { continue };
        if name == "loss" {
            continue;
        }
        let (expected_shape, expected) = file.reals(name).unwrap();
        assert_eq!(*shape, expected_shape, "{path}: {name}");
        let error = relative_error(values, &expected, all);
        assert!(error <= limit, "{path}: {name} is off by {error:e}; the limit is {limit:e}");
    }
}

fn with_a_loss() -> BTreeSet<&'static str> {
    HeadKind::ALL.map(HeadKind::name).into_iter().filter(|name| *name != "none").collect()
}

#[test]
fn every_gradient_of_every_head_agrees_with_pytorch() {
    let mut heads = BTreeSet::new();
    for path in cases("gradients.safetensors") {
        let loaded = model_of(&path);
        let reference = Reference::open(&path).unwrap();
        let context = Context::eval(&loaded.config);
        let found = backward(&loaded.model, &reference, &context).unwrap();
        compare(&found, &reference, &TensorFile::open(&path).unwrap(), TOLERANCE);
        heads.insert(loaded.model.head.kind().name());
    }
    assert_eq!(heads, with_a_loss(), "a head is without reference gradients");
}

#[test]
fn every_gradient_under_dropout_agrees_with_pytorch_under_the_same_masks() {
    let mut heads = BTreeSet::new();
    for path in cases("gradients-dropout.safetensors") {
        let loaded = model_of(&path);
        heads.insert(loaded.model.head.kind().name());
        let (reference, file) = (Reference::open(&path).unwrap(), TensorFile::open(&path).unwrap());
        let context = Context::train(&loaded.config, SEED, 0);
        let kind = loaded.model.head.kind();
        for (name, mask) in dropout_masks(kind, &reference.batch, reference.width, &context) {
            let Stored::Reals { values, .. } = mask else { unreachable!() };
            // Rounded to f32 in the file.
            let same = |(a, b): (&Real, &Real)| (a - b).abs() < 1e-6;
            let expected = file.reals(&name).unwrap().1;
            let equal = values.len() == expected.len() && values.iter().zip(&expected).all(same);
            assert!(equal, "{}: {name} is drawn otherwise: make the fixture anew", path.display());
        }
        let found = backward(&loaded.model, &reference, &context).unwrap();
        compare(&found, &reference, &file, UNDER_DROPOUT);
    }
    assert_eq!(heads, with_a_loss(), "a head is without reference gradients under dropout");
}

#[test]
fn every_gradient_of_a_model_without_a_part_agrees_with_pytorch() {
    for part in Ablation::ALL {
        let path = fixture(&format!("ablations/{}.safetensors", part.name));
        let (loaded, reference) = (model_of(&path), Reference::open(&path).unwrap());
        let context = Context { ablation: part.ablation, ..Context::eval(&loaded.config) };
        let found = backward(&loaded.model, &reference, &context).unwrap();
        compare(&found, &reference, &TensorFile::open(&path).unwrap(), TOLERANCE);
    }
}

/// The batch of a fixture, cut into as many pieces as are asked for.
fn in_pieces(reference: &Reference, labels: &Labels, pieces: usize) -> Vec<LabelledBatch> {
    let Labels::PreTraining { tokens, sequences } = labels else { panic!("pre-training") };
    let batch = &reference.batch;
    let ends: Vec<_> = (0..=pieces).map(|piece| piece * batch.sequences() / pieces).collect();
    let piece = |ends: &[usize]| {
        let (first, last) = (batch.bounds[ends[0]], batch.bounds[ends[1]]);
        let bounds = &batch.bounds[ends[0]..=ends[1]];
        let batch = Batch {
            token_ids: batch.token_ids[first..last].to_vec(),
            token_types: batch.token_types[first..last].to_vec(),
            positions: batch.positions[first..last].to_vec(),
            bounds: bounds.iter().map(|bound| bound - first).collect(),
        };
        let labels = Labels::PreTraining {
            tokens: tokens[first..last].to_vec(),
            sequences: sequences[ends[0]..ends[1]].to_vec(),
        };
        LabelledBatch { batch, labels }
    };
    ends.windows(2).map(piece).collect()
}

#[test]
fn a_step_has_the_same_gradients_in_one_batch_or_in_several_with_dropout_too() {
    // Each rounds its sums in another order.
    let limit = if size_of::<Real>() == 8 { 1e-13 } else { 5e-6 };
    let path = fixture("parity/even-pretraining/gradients.safetensors");
    let (loaded, reference) = (model_of(&path), Reference::open(&path).unwrap());
    let labels = reference.labels(HeadKind::PreTraining, &loaded.config).unwrap();
    // Eight sequences: the file's six, and two of them again.
    let mut reference = reference;
    let mut labels = labels;
    let Labels::PreTraining { tokens, sequences } = &mut labels else { panic!() };
    for sequence in [0, 3] {
        let rows = reference.batch.bounds[sequence]..reference.batch.bounds[sequence + 1];
        let (ids, types) = (
            reference.batch.token_ids[rows.clone()].to_vec(),
            reference.batch.token_types[rows.clone()].to_vec(),
        );
        reference.batch.push(&ids, &types);
        tokens.extend_from_within(rows);
        sequences.push(Some(1));
    }
    // In eight batches, one of them has no masked word.
    let [first, last] = [reference.batch.bounds[4], reference.batch.bounds[5]];
    tokens[first..last].fill(None);
    for context in [Context::eval(&loaded.config), Context::train(&loaded.config, 1, 2)] {
        let of = |pieces| {
            let mut grads = loaded.model.zeros_like();
            let step = in_pieces(&reference, &labels, pieces);
            gradients(&loaded.model, &step, &context, Keep::All, &mut grads).unwrap();
            grads
        };
        let whole = of(1);
        let values = whole.tensors().into_iter().flat_map(|tensor| tensor.values);
        let all = norm(values.map(|&g| f64::from(g)));
        for pieces in [2, 8] {
            for (part, whole) in of(pieces).tensors().iter().zip(whole.tensors()) {
                let error = relative_error(part.values, whole.values, all);
                assert!(error <= limit, "{pieces} batches: {} is off by {error:e}", whole.name);
            }
        }
    }
}

/// A model and a step that are large enough for every kernel to share its work out: from 2¹⁸
/// multiplications, or 2¹⁵ numbers, on.
fn large() -> (Config, Model, LabelledBatch) {
    let config = Config {
        vocab_size: 600,
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 256,
        ..Config::default()
    };
    let mut model = Model::zeros(HeadKind::PreTraining, &config, true);
    initialize(&mut model, Initializer::Normal { std: 0.2 }, 1);
    let mut batch = Batch::new();
    for length in [200, 190, 210] {
        let ids: Vec<_> = (0..length).map(|i| i * 7 % 600).collect();
        batch.push(&ids, &vec![0; ids.len()]);
    }
    let tokens = batch.token_ids.iter().map(|&id| (id % 2 == 0).then_some(id)).collect();
    let labels = Labels::PreTraining { tokens, sequences: vec![Some(0), None, Some(1)] };
    (config, model, LabelledBatch { batch, labels })
}

#[test]
fn keeping_the_inputs_only_gives_the_same_bits_and_so_does_any_number_of_threads() {
    let (config, model, batch) = large();
    let context = Context::train(&config, 1, 2);
    let of = |threads, keep| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut model, mut grads) = (model.clone(), model.zeros_like());
            let mut optimizer = AdamW::new(&model, AdamWSettings::pytorch());
            let step = std::slice::from_ref(&batch);
            let parts = gradients(&model, step, &context, keep, &mut grads).unwrap();
            let found = grads.clone();
            let update = Update::new(0.01);
            let norm = apply(&mut model, &mut grads, &mut optimizer, update, Some(1.0), 2).unwrap();
            (parts, found, norm, model)
        })
    };
    let expected = of(1, Keep::All);
    for (threads, keep) in
        [(1, Keep::InputOnly), (2, Keep::All), (3, Keep::InputOnly), (8, Keep::All)]
    {
        assert!(of(threads, keep) == expected, "{threads} threads, {keep:?}");
    }
}

#[test]
fn class_weights_reach_the_heads_that_tell_classes_apart_and_no_others() {
    let path = fixture("parity/odd-next-sentence/gradients.safetensors");
    let (loaded, reference) = (model_of(&path), Reference::open(&path).unwrap());
    let labels = reference.labels(HeadKind::NextSentence, &loaded.config).unwrap();
    let step = [LabelledBatch { batch: reference.batch, labels }];
    let of = |class_weights| {
        let mut grads = loaded.model.zeros_like();
        let context = Context { class_weights, ..Context::eval(&loaded.config) };
        let parts = gradients(&loaded.model, &step, &context, Keep::All, &mut grads).unwrap();
        (parts, grads)
    };
    assert!(of(Some(&[5.0, 3.0])) == of(None));
}

#[test]
fn gradients_of_genuine_weights_agree_with_pytorch() {
    // Six layers of 384 numbers, 22 million parameters.
    const GENUINE: f64 = 1e-3;
    let Some(directory) = minilm() else { return };
    let path = fixture("minilm/gradients.safetensors");
    let file = TensorFile::open(&path).unwrap();
    let options = LoadOptions {
        head: Some(HeadKind::SequenceClassification),
        new_head: Some(1),
        labels: Some(["a", "b", "c"].map(str::to_owned).into()),
        ..LoadOptions::default()
    };
    let mut loaded = load(&directory, &options).unwrap();
    assert_eq!(loaded.fresh, ["classifier.weight", "classifier.bias"]);
    for tensor in loaded.model.tensors_mut() {
        if loaded.fresh.contains(&tensor.name) {
            let (_, values) = file.reals(&format!("init.{}", tensor.name)).unwrap();
            tensor.values.copy_from_slice(&values);
        }
    }
    let reference = Reference::open(&path).unwrap();
    let context = Context::eval(&loaded.config);
    let found = backward(&loaded.model, &reference, &context).unwrap();
    let loss = f64::from(file.reals("loss").unwrap().1[0]);
    assert!((found.loss - loss).abs() <= LOSS * loss, "{} against {loss}", found.loss);
    compare_samples(&found.grads, &file, GENUINE);
}

/// Compares norms and samples: whole gradients would be as large as the model.
fn compare_samples(grads: &Model, file: &TensorFile, limit: f64) {
    let tensors = grads.tensors();
    let norms = |name: &str| f64::from(file.reals(&format!("norm.{name}")).unwrap().1[0]);
    let listed: BTreeSet<_> = file.names().filter_map(|name| name.strip_prefix("norm.")).collect();
    assert_eq!(tensors.iter().map(|tensor| &*tensor.name).collect::<BTreeSet<_>>(), listed);
    let all = norm(tensors.iter().map(|tensor| norms(&tensor.name)));
    for tensor in &tensors {
        let name = &tensor.name;
        let (expected, found) = (norms(name), norm(tensor.values.iter().map(|&g| f64::from(g))));
        let error = (found - expected).abs() / expected.max(1e-3 * all);
        assert!(error <= limit, "the norm of {name} is {found}, expected {expected}");
        let places = file.integers(&format!("index.{name}")).unwrap().1;
        let found: Vec<_> = places.iter().map(|&place| tensor.values[place as usize]).collect();
        // The samples of a gradient are to it as their number is to its.
        let share = (places.len() as f64 / tensor.values.len() as f64).sqrt();
        let samples = file.reals(&format!("sample.{name}")).unwrap().1;
        let error = relative_error(&found, &samples, all * share);
        assert!(error <= limit, "{name} is off by {error:e} where it was sampled");
    }
}
