//! Ten steps of training against PyTorch, and against Google's Adam by its formula, in float64
//! (`tests/reference/make_training.py`).

use bert_checkpoint::{LoadOptions, TensorFile, load};
use bert_model::heads::{PaddedLabels, loss::total};
use bert_model::zero_gradients::zero_by_mathematics;
use bert_model::{Batch, Config, Context, HeadKind, Keep, Model};
use bert_nn::{Real, Tensors};
use bert_optim::{AdamW, AdamWSettings, Schedule, Update};
use bert_testkit::{fixture, norm, relative_error};
use bert_train::{Error, LabelledBatch, apply, gradients, reduce};
use ndarray::{Array2, ArrayD};
use serde_json::Value;

const STEPS: u64 = 10;

/// Of each step's loss, relative: what f32 leaves after up to nine steps. Under `f64`, the rounding of the reference.
const LOSS: f64 = if size_of::<Real>() == 8 { 2e-7 } else { 1e-5 };

/// Of each parameter tensor after ten steps.
const PARAMETERS: f64 = if size_of::<Real>() == 8 { 2e-7 } else { 1e-4 };

fn integers(file: &TensorFile, name: &str) -> ArrayD<i64> {
    let (shape, values) = file.integers(name).unwrap();
    ArrayD::from_shape_vec(shape, values).unwrap()
}

fn labelled(file: &TensorFile, step: u64, kind: HeadKind, config: &Config) -> LabelledBatch {
    let name = |part: &str| format!("step.{step}.{part}");
    let matrix =
        |part: &str| -> Array2<i64> { integers(file, &name(part)).into_dimensionality().unwrap() };
    let ids = matrix("input_ids");
    let (types, mask) = (matrix("token_type_ids"), matrix("attention_mask"));
    let batch = Batch::from_padded(ids.view(), types.view(), mask.view()).unwrap();
    let given = |part: &str| file.shape(&name(part)).map(|_| integers(file, &name(part)));
    let padded = PaddedLabels {
        labels: given("labels"),
        next_sentence_label: given("next_sentence_label"),
        ..PaddedLabels::default()
    };
    let labels = padded.pack(kind, config, &batch, ids.ncols()).unwrap();
    LabelledBatch { batch, labels }
}

/// Runs the ten steps of `name` and compares losses, norms and final parameters.
fn follow(name: &str) {
    let all: Value =
        serde_json::from_slice(&std::fs::read(fixture("training/training.json")).unwrap()).unwrap();
    let run = &all["runs"][name];
    let number = |field: &str| run[field].as_f64().unwrap();
    let file = TensorFile::open(&fixture(&format!("training/{name}.safetensors"))).unwrap();
    let directory = fixture(run["model"].as_str().unwrap());
    let loaded = load(&directory, &LoadOptions::default()).unwrap();
    let (config, mut model) = (loaded.config, loaded.model);
    let (warm_up, total_steps) = (number("warmup_steps") as u64, number("total_steps") as u64);
    let google = run["optimizer"] == "google_adam";
    let (defaults, schedule) = if google {
        (AdamWSettings::google(), Schedule::GoogleLinear { warm_up, total: total_steps })
    } else {
        (AdamWSettings::pytorch(), Schedule::Linear { warm_up, total: total_steps })
    };
    // Our defaults are the settings that the reference was made with.
    let betas = [0, 1].map(|i| run["betas"][i].as_f64().unwrap());
    let of_reference = AdamWSettings {
        beta1: betas[0],
        beta2: betas[1],
        eps: number("eps"),
        weight_decay: number("weight_decay"),
        ..defaults
    };
    assert_eq!(defaults, of_reference);
    let mut optimizer = AdamW::new(&model, defaults);
    let mut grads = model.absent_like();
    let context = Context::eval(&config); // no dropout
    let (losses, norms) = (file.reals("losses").unwrap().1, file.reals("norms").unwrap().1);
    for step in 0..STEPS {
        let batch = labelled(&file, step, model.head.kind(), &config);
        let mut parts = gradients(&model, &[batch], &context, Keep::All, &mut grads).unwrap();
        reduce(&mut grads, &mut parts);
        let expected = f64::from(losses[step as usize]);
        let apart = (total(&parts) - expected).abs() / expected;
        assert!(apart <= LOSS, "{name}: step {step}: the loss is off by {apart:e}");
        let update = Update::new(number("lr") * schedule.at(step).factor);
        let max_norm = Some(number("max_grad_norm"));
        let norm = apply(&mut model, &mut grads, &mut optimizer, update, max_norm, step).unwrap();
        let expected = f64::from(norms[step as usize]);
        let apart = (norm - expected).abs() / expected;
        assert!(apart <= 10.0 * LOSS, "{name}: step {step}: the norm is off by {apart:e}");
    }
    compare(name, &model, &context, &file);
}

fn compare(name: &str, model: &Model, context: &Context, file: &TensorFile) {
    let expected = |name: &str| file.reals(&format!("final.{name}")).unwrap().1;
    let tensors = model.tensors();
    let all = norm(tensors.iter().flat_map(|tensor| expected(&tensor.name)).map(f64::from));
    for tensor in tensors {
        // Its gradient is zero by mathematics; Adam turns the rounding noise into steps.
        if zero_by_mathematics(model.head.kind(), context, &tensor.name).is_some() {
            continue;
        }
        let error = relative_error(tensor.values, &expected(&tensor.name), all);
        assert!(error <= PARAMETERS, "{name}: {} is off by {error:e}", tensor.name);
    }
}

#[test]
fn ten_steps_of_adamw_follow_pytorch() {
    follow("adamw");
    follow("adamw-classify");
}

#[test]
fn ten_steps_of_googles_adam_follow_its_formula() {
    follow("google_adam");
}

/// A model, its gradients and an optimizer that has already taken one step.
fn after_one_step() -> (Model, Config, AdamW<Model>, LabelledBatch) {
    let path = fixture("parity/even-classify");
    let loaded = load(&path, &LoadOptions::default()).unwrap();
    let (config, mut model) = (loaded.config, loaded.model);
    let mut batch = Batch::new();
    batch.push(&[5, 6, 7], &[0, 0, 1]);
    let labels = bert_model::Labels::Sequences(vec![Some(1)]);
    let batch = LabelledBatch { batch, labels };
    let mut optimizer = AdamW::new(&model, AdamWSettings::pytorch());
    let mut grads = model.zeros_like();
    let step = std::slice::from_ref(&batch);
    gradients(&model, step, &Context::eval(&config), Keep::All, &mut grads).unwrap();
    apply(&mut model, &mut grads, &mut optimizer, Update::new(0.01), None, 0).unwrap();
    (model, config, optimizer, batch)
}

#[test]
fn a_gradient_that_is_not_finite_is_named_and_the_step_is_not_applied() {
    let (mut model, _, mut optimizer, _) = after_one_step();
    let (before, moments) = (model.clone(), optimizer.first.clone());
    for bad in [Real::NAN, Real::INFINITY] {
        let mut grads = model.zeros_like();
        grads.bert.encoder.layer[1].attention.key.weight[[2, 3]] = bad;
        let update = Update::new(0.01);
        let error =
            apply(&mut model, &mut grads, &mut optimizer, update, Some(1.0), 41).unwrap_err();
        assert_eq!(
            error.to_string(),
            "step 41: the gradient of bert.encoder.layer.1.attention.self.key.weight is not finite; \
             the step was not applied"
        );
        assert!(model == before && optimizer.first == moments && optimizer.steps == 1);
        assert!(grads == before.absent_like(), "the next step would begin with these gradients");
    }
}

#[test]
fn a_loss_that_is_not_finite_is_named() {
    let (mut model, config, _, batch) = after_one_step();
    model.bert.embeddings.layer_norm.bias.fill(Real::NAN);
    let context = Context::train(&config, 1, 12);
    let mut grads = model.zeros_like();
    let error = gradients(&model, &[batch], &context, Keep::All, &mut grads).unwrap_err();
    assert!(matches!(error, Error::Loss { step: Some(12), name: "labels", .. }), "{error}");
    assert!(error.to_string().starts_with("step 12: the loss of labels is NaN"), "{error}");
    assert!(grads == model.absent_like(), "the next step would begin with these gradients");
}

#[test]
fn labels_that_do_not_fit_are_refused_and_so_is_a_step_without_any() {
    let (model, config, _, batch) = after_one_step();
    let refused = |labels: bert_model::Labels| {
        let batch = LabelledBatch { labels, ..batch.clone() };
        let mut grads = model.absent_like();
        let context = Context::eval(&config);
        let error = gradients(&model, &[batch], &context, Keep::All, &mut grads).unwrap_err();
        assert!(grads == model.absent_like());
        error.to_string()
    };
    use bert_model::Labels::{Sequences, Tokens};
    assert_eq!(
        refused(Sequences(vec![Some(3)])),
        "labels [0] is 3: a label is 0 to 2, or -100 for none"
    );
    assert_eq!(refused(Sequences(vec![Some(0); 2])), "labels has shape [2], expected [1]");
    assert_eq!(
        refused(Tokens(vec![Some(0); 3])),
        "these are not the labels of a sequence_classification head"
    );
    assert!(refused(Sequences(vec![None])).starts_with("labels: every label is ignored"));

    let mut grads = model.absent_like();
    let context = Context::eval(&config);
    let nothing = gradients(&model, &[], &context, Keep::All, &mut grads).unwrap_err();
    assert_eq!(nothing.to_string(), "the step has no batch");
    for weights in [&[1.0, 2.0][..], &[1.0, Real::NAN, 1.0], &[1.0, -1.0, 1.0], &[0.0; 3]] {
        let context = Context { class_weights: Some(weights), ..context };
        let batch = std::slice::from_ref(&batch);
        let error = gradients(&model, batch, &context, Keep::All, &mut grads).unwrap_err();
        assert!(error.to_string().contains("3 numbers from 0 on"), "{error}");
    }
}
