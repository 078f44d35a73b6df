//! Against PyTorch, transformers and Google's formula: `tests/reference/make_optimizers.py` says how the numbers were made.

use std::{collections::BTreeSet, fs};

use bert_nn::{LayerNorm, Linear, Real, Tensors, tensors};
use bert_optim::{
    AdamW, AdamWSettings, Optimizer, Rate, Schedule, Sgd, Update, clip_factor, decays, global_norm,
};
use bert_testkit::fixture;
use ndarray::{Array1, Array2};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

const STEPS: u64 = 10;

/// ‖ours − theirs‖ / ‖theirs‖ of a tensor after up to ten steps: each rounds each number about four times, and the errors of
/// both signs partly cancel. In f64 the same count leaves room for PyTorch's own roundings.
const LIMIT: f64 = if size_of::<Real>() == 4 { 1e-6 } else { 1e-13 };

/// A few tensors under the names that a whole model gives them.
struct Small {
    words: Array2<Real>,
    embeddings_norm: LayerNorm,
    query: Linear,
    output_norm: LayerNorm,
    bias: Array1<Real>,
}

tensors!(Small {
    words => "bert.embeddings.word_embeddings.weight",
    embeddings_norm => "bert.embeddings.LayerNorm",
    query => "bert.encoder.layer.0.attention.self.query",
    output_norm => "bert.encoder.layer.0.attention.output.LayerNorm",
    bias => "cls.predictions.bias",
});

struct Fixture {
    tensors: Vec<u8>,
    json: Value,
}

impl Fixture {
    fn read() -> Self {
        let read = |name: &str| fs::read(fixture(&format!("optimizers/{name}"))).unwrap();
        let json = serde_json::from_slice(&read("optimizers.json")).unwrap();
        Self { tensors: read("optimizers.safetensors"), json }
    }

    /// A tensor, or the part of it that belongs to `step`.
    fn values(&self, name: &str, step: Option<u64>) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.tensors).unwrap();
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut values: Vec<f64> = match tensor.dtype() {
            Dtype::F32 => {
                tensor.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect()
            }
            Dtype::F64 => {
                tensor.data().as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect()
            }
            other => panic!("{name} is {other:?}"),
        };
        if let Some(step) = step {
            let len = values.len() / STEPS as usize;
            values = values[step as usize * len..][..len].to_vec();
        }
        values
    }

    fn small(&self, what: &str, step: Option<u64>) -> Small {
        let mut small = Small {
            words: Array2::zeros((11, 5)),
            embeddings_norm: LayerNorm::zeros(5),
            query: Linear::zeros(5, 7),
            output_norm: LayerNorm::zeros(5),
            bias: Array1::zeros(11),
        };
        for tensor in small.tensors_mut() {
            let values = self.values(&format!("{what}.{}", tensor.name), step);
            assert_eq!(values.len(), tensor.values.len(), "{}", tensor.name);
            // Exact: the script has made them in f32.
            tensor.values.iter_mut().zip(values).for_each(|(to, from)| *to = from as Real);
        }
        small
    }

    fn setting(&self, run: &str, name: &str) -> f64 {
        self.json["runs"][run][name].as_f64().unwrap_or_else(|| panic!("{run} has no {name}"))
    }

    #[track_caller]
    fn assert_close(&self, what: &str, step: Option<u64>, found: &Small) {
        for tensor in found.tensors() {
            let name = format!("{what}.{}", tensor.name);
            let expected = self.values(&name, step);
            let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>();
            let differences = &mut tensor.values.iter().zip(&expected).map(|(&a, b)| a as f64 - b);
            let error = (norm(differences) / norm(&mut expected.iter().copied())).sqrt();
            assert!(error <= LIMIT, "{name} after step {step:?}: error {error:e}, limit {LIMIT:e}");
        }
    }

    /// Ten steps of `run`: `step` changes the parameters; gradients must come back as zeros.
    fn follow(
        &self,
        run: &str,
        schedule: Schedule,
        scale: impl Fn(f64) -> f64,
        mut step: impl FnMut(&mut Small, &mut Small, &Update),
    ) {
        let mut parameters = self.small("parameters", None);
        let [norms, rates] = ["norms", "rates"].map(|x| self.values(&format!("{run}.{x}"), None));
        for s in 0..STEPS {
            let mut gradients = self.small("gradients", Some(s));
            let norm = global_norm(&gradients);
            assert!((norm / norms[s as usize] - 1.0).abs() < 1e-14, "{norm}, {norms:?}");
            let Rate { factor, momentum } = schedule.at(s);
            let learning_rate = self.setting(run, "learning_rate") * factor;
            assert!(
                (learning_rate - rates[s as usize]).abs() < 1e-16,
                "{learning_rate}, {rates:?}"
            );
            let update = Update { learning_rate, momentum, gradient_scale: scale(norm) };
            step(&mut parameters, &mut gradients, &update);
            assert_eq!(global_norm(&gradients), 0.0);
            self.assert_close(run, Some(s), &parameters);
        }
    }

    fn follow_adamw(
        &self,
        run: &str,
        settings: AdamWSettings,
        schedule: Schedule,
        scale: impl Fn(f64) -> f64,
    ) {
        let mut optimizer = AdamW::new(&self.small("parameters", None), settings);
        self.follow(run, schedule, scale, |parameters, gradients, update| {
            optimizer.step(parameters, gradients, update);
        });
        self.assert_close(&format!("{run}.first"), None, &optimizer.first);
        self.assert_close(&format!("{run}.second"), None, &optimizer.second);
        assert_eq!(optimizer.steps, STEPS);
    }
}

#[test]
fn sgd_with_momentum_takes_pytorchs_steps() {
    let fixture = Fixture::read();
    let start = fixture.small("parameters", None);
    let mut optimizer = Sgd::new(&start, fixture.setting("sgd", "momentum"));
    fixture.follow(
        "sgd",
        Schedule::Constant,
        |_| 1.0,
        |parameters, gradients, update| optimizer.step(parameters, gradients, update),
    );
    fixture.assert_close("sgd.first", None, &optimizer.velocity);
}

#[test]
fn adamw_with_warm_up_clipping_and_decay_takes_pytorchs_steps() {
    let fixture = Fixture::read();
    let get = |name| fixture.setting("adamw", name);
    let settings = AdamWSettings { weight_decay: get("weight_decay"), ..AdamWSettings::pytorch() };
    assert_eq!(
        [settings.beta1, settings.beta2, settings.eps],
        ["beta1", "beta2", "eps"].map(get),
        "PyTorch's defaults"
    );
    let schedule = Schedule::Linear { warm_up: get("warm_up") as u64, total: STEPS };
    fixture.follow_adamw("adamw", settings, schedule, |norm| clip_factor(norm, get("max_norm")));
}

#[test]
fn adamw_with_cycled_momentum_takes_pytorchs_steps() {
    let fixture = Fixture::read();
    let run = "adamw_one_cycle";
    let settings = AdamWSettings {
        beta1: f64::NAN, // every step brings its own
        beta2: fixture.setting(run, "beta2"),
        eps: fixture.setting(run, "eps"),
        weight_decay: fixture.setting(run, "weight_decay"),
        bias_correction: true,
    };
    fixture.follow_adamw(run, settings, Schedule::OneCycle { total: STEPS }, |_| 1.0);
}

#[test]
fn googles_adam_takes_the_steps_of_its_formula() {
    let fixture = Fixture::read();
    let get = |name| fixture.setting("google", name);
    let settings = AdamWSettings::google();
    assert_eq!(
        [settings.beta1, settings.beta2, settings.eps, settings.weight_decay],
        ["beta1", "beta2", "eps", "weight_decay"].map(get),
        "Google's defaults"
    );
    let schedule = Schedule::GoogleLinear { warm_up: get("warm_up") as u64, total: STEPS };
    // TensorFlow's factor has no 1e-6.
    fixture.follow_adamw("google", settings, schedule, |norm| (get("max_norm") / norm).min(1.0));
}

#[test]
fn schedules_are_those_of_transformers_and_of_the_formulas() {
    let fixture = Fixture::read();
    let tables = fixture.json["schedules"].as_array().unwrap();
    for table in tables {
        let count = |name: &str| table[name].as_u64().unwrap();
        let schedule = match table["schedule"].as_str().unwrap() {
            "constant" => Schedule::Constant,
            "linear" => Schedule::Linear { warm_up: count("warm_up"), total: count("total") },
            "google_linear" => {
                Schedule::GoogleLinear { warm_up: count("warm_up"), total: count("total") }
            }
            "cosine" => Schedule::Cosine { warm_up: count("warm_up"), total: count("total") },
            "one_cycle" => Schedule::OneCycle { total: count("total") },
            other => panic!("{other}"),
        };
        let close = |step: usize, found: f64, expected: &Value| {
            let expected = expected.as_f64().unwrap();
            let difference = (found - expected).abs();
            assert!(difference < 1e-14, "{schedule:?} at {step}: {found}, expected {expected}");
        };
        for (step, factor) in table["factors"].as_array().unwrap().iter().enumerate() {
            let rate = schedule.at(step as u64);
            close(step, rate.factor, factor);
            match (rate.momentum, &table["momentum"][step]) {
                (Some(found), expected) => close(step, found, expected),
                (None, expected) => assert!(expected.is_null(), "{schedule:?} has no momentum"),
            }
        }
    }
    assert_eq!(tables.len(), 18);
}

#[test]
fn decay_and_no_decay_cover_every_parameter_of_transformers_models_once() {
    let json = Fixture::read().json;
    let names = |list: &str| -> BTreeSet<String> {
        json[list].as_array().unwrap().iter().map(|name| name.as_str().unwrap().into()).collect()
    };
    let (decay, rest) = (names("decay"), names("no_decay"));
    assert!(decay.is_disjoint(&rest) && decay.len() > 10 && rest.len() > 10);
    let (ours, others): (BTreeSet<_>, BTreeSet<_>) =
        decay.union(&rest).cloned().partition(|name| decays(name));
    assert_eq!((ours, others), (decay, rest));
}

/// The state is walked and named as the model is: that is how a checkpoint stores it.
#[test]
fn moments_have_the_names_and_shapes_of_the_parameters() {
    let start = Fixture::read().small("parameters", None);
    let optimizer = AdamW::new(&start, AdamWSettings::google());
    for moment in [&optimizer.first, &optimizer.second] {
        for (ours, parameter) in moment.tensors().iter().zip(start.tensors()) {
            assert_eq!((&ours.name, &ours.shape), (&parameter.name, &parameter.shape));
        }
    }
}
