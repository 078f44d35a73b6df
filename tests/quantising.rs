//! Weights of 8 bits against NumPy, and what `bert quantize` leaves behind.

use crate::support::{Copy, Desk, at, bert, read_tensors};
use bert_checkpoint::{LoadOptions, TensorFile, load, load_any};
use bert_kernels::{
    Epilogue, PackedInt8, Quantised, QuantisedInput, Real, linear_int8, naive, quantise_input,
    quantise_rows,
};
use bert_model::{Batch, Context, PackedModel, QuantisedModel};
use bert_testkit::fixture;
use ndarray::{Array1, Array2};
use safetensors::tensor::Dtype;
use std::fs;

fn file() -> TensorFile {
    TensorFile::open(&fixture("int8/int8.safetensors")).unwrap()
}

fn matrix(file: &TensorFile, name: &str) -> Array2<Real> {
    let (shape, values) = file.reals(name).unwrap();
    Array2::from_shape_vec((shape[0], shape[1]), values).unwrap()
}

fn weight_codes(file: &TensorFile) -> Quantised {
    let (shape, values) = file.integers("weight_codes").unwrap();
    let codes = values.iter().map(|&code| i8::try_from(code).unwrap()).collect();
    Quantised {
        codes: Array2::from_shape_vec((shape[0], shape[1]), codes).unwrap(),
        scales: Array1::from(file.reals("weight_scales").unwrap().1),
        balance: Array1::ones(shape[1]),
    }
}

fn input_codes(file: &TensorFile) -> QuantisedInput {
    let bytes = |name| {
        let (shape, values) = file.integers(name).unwrap();
        (shape, values.iter().map(|&code| u8::try_from(code).unwrap()).collect::<Vec<_>>())
    };
    let (shape, codes) = bytes("input_codes");
    QuantisedInput {
        codes: Array2::from_shape_vec((shape[0], shape[1]), codes).unwrap(),
        scales: Array1::from(file.reals("input_scales").unwrap().1),
        zero_points: Array1::from(bytes("input_zero_points").1),
    }
}

#[test]
#[cfg_attr(feature = "f64", ignore = "the reference rounds as f32 does")]
fn codes_scales_and_outputs_are_those_of_numpy() {
    let file = file();
    let (input, weight) = (matrix(&file, "input"), matrix(&file, "weight"));
    for quantise in [quantise_input, naive::quantise_input] {
        let balance = Array1::ones(input.ncols());
        assert_eq!(quantise(input.view(), balance.view()), input_codes(&file));
    }
    assert_eq!(quantise_rows(weight.view()), weight_codes(&file));
    let (bias, weight) = (Array1::from(file.reals("bias").unwrap().1), weight_codes(&file));
    let epilogue = || Epilogue { bias: Some(bias.view()), ..Epilogue::default() };
    let expected = matrix(&file, "output");
    let mut output = Array2::zeros(expected.dim());
    naive::linear_int8(input.view(), &weight, epilogue(), output.view_mut());
    assert_eq!(output, expected);
    output.fill(0.0);
    linear_int8(input.view(), &PackedInt8::new(&weight), epilogue(), output.view_mut());
    assert_eq!(output, expected);
}

fn quantized(desk: &Desk, model: &str) -> String {
    let output = desk.at("int8");
    bert(&["quantize", "--model", &at(model), "--output", &output]).ok();
    output
}

/// Both sides compute in f32 and round differently, so now and then a code is its neighbour, and the number moves by a step of some
/// hundredths in one of a layer's many inputs. In the mean it must be far nearer than 8 bits are to full width.
#[test]
fn a_quantised_model_computes_what_transformers_does_with_layers_of_8_bits() {
    let loaded = load(&fixture("toy-classify"), &LoadOptions::default()).unwrap();
    let model = PackedModel::quantised(QuantisedModel::new(loaded.model, |_, _, _| {}));
    let file = file();
    let integers = |name| file.integers(name).unwrap().1;
    let unsigned = |name| integers(name).into_iter().map(|id| id as u32).collect::<Vec<_>>();
    let (ids, types) = (unsigned("input_ids"), unsigned("token_type_ids"));
    let mut batch = Batch::new();
    for ends in integers("bounds").windows(2) {
        let tokens = ends[0] as usize..ends[1] as usize;
        batch.push(&ids[tokens.clone()], &types[tokens]);
    }
    let context = Context::eval(&loaded.config);
    let mean = |a: &Array2<Real>, b: &Array2<Real>| (a - b).mapv(Real::abs).mean().unwrap();
    let hidden = model.hidden(&batch, &context);
    let (near, far) = (matrix(&file, "hidden"), matrix(&file, "full_hidden"));
    let (error, of_8_bits) = (mean(&hidden, &near), mean(&far, &near));
    assert!(error < 0.1 * of_8_bits, "{error} from transformers, 8 bits are {of_8_bits}");
    let logits = model.infer(&batch, &context).logits.unwrap();
    let error = mean(&logits, &matrix(&file, "logits"));
    assert!(error < 1e-3, "logits are off by {error}");
    // What `bert quantize` writes is balanced, so its codes are others. It is as near to full width.
    let desk = Desk::new();
    let read = load_any(quantized(&desk, "toy-classify").as_ref(), &LoadOptions::default());
    let hidden = PackedModel::from(read.unwrap().model).hidden(&batch, &context);
    let error = mean(&hidden, &far);
    assert!(error < 1.5 * of_8_bits, "{error} from full width, without balance {of_8_bits}");
}

#[test]
fn quantize_says_what_it_costs_and_the_result_is_used_by_its_path() {
    let desk = Desk::new();
    let output = desk.at("int8");
    let texts = desk.file("texts.txt", "the dog is good\n\nthe film is bad\n");
    let args = ["quantize", "--model", &at("toy-classify"), "--output", &output, "--input", &texts];
    let run = bert(&args);
    assert_eq!(run.ok().trim(), output);
    for part in ["weights: 0.2 MB, before 0.5 MB", "rounding of ", "in 1 text: cosine 0.99"] {
        assert!(run.stderr.contains(part), "{part:?}: {}", run.stderr);
    }
    let answer =
        |model: &str| bert(&["classify", "--model", model, "the dog is good"]).ok().to_owned();
    assert_eq!(answer(&output), answer(&at("toy-classify")));
    let inspected = bert(&["inspect", &output]);
    let text = inspected.ok();
    assert!(text.contains("8-bit weights (bert quantize)") && !text.contains("does not load"));
    assert!(text.contains("attention.self.query.weight ") && text.contains("I8    ×2"), "{text}");
    // Of the weights nothing else was changed.
    let before = read_tensors(&fixture("toy-classify/model.safetensors"));
    let after = read_tensors(&desk.path("int8/model.int8.safetensors"));
    assert_eq!(after.values().filter(|(dtype, ..)| *dtype == Dtype::I8).count(), 2 * 6);
    let mut balances = 0;
    for (name, tensor) in after {
        match (before.get(&name), tensor.0) {
            (Some(_), Dtype::I8) => {}
            (Some(same), _) => assert_eq!(*same, tensor, "{name}"),
            (None, _) if name.ends_with(".weight_balance") => balances += 1,
            (None, _) => assert!(name.ends_with(".weight_scale"), "{name}"),
        }
    }
    assert_eq!(balances, 2 * 4, "query, key and value share one");
    bert(&args).refuses(&["there is something already"]);
}

#[test]
fn what_needs_weights_of_full_width_refuses_those_of_8_bits() {
    let desk = Desk::new();
    let model = quantized(&desk, "toy-classify");
    let data = desk.file(
        "train.csv",
        "text,label\na dog,positive\na cat,negative\na man,positive\na fox,negative\n",
    );
    let (new, again) = (desk.at("new"), desk.at("again"));
    for args in [
        vec!["finetune", "classify", "--model", &model, "--train", &data, "--output", &new],
        vec!["convert", "--model", &model, "--output", &new],
        vec!["quantize", "--model", &model, "--output", &again],
        vec!["trace", "--model", &model, "a dog"],
        vec!["explain", "--model", &model, "a dog"],
    ] {
        bert(&args).refuses(&["its weights have 8 bits (bert quantize)", "cannot be trained"]);
    }
    // Nothing that would be mistaken for a model.
    assert!(!desk.path("new/config.json").exists() && !desk.path("again").exists());
}

#[test]
fn damaged_weights_of_8_bits_are_refused_with_the_tensors_name() {
    let desk = Desk::new();
    let model = quantized(&desk, "toy-classify");
    let weights = desk.path("int8/model.int8.safetensors");
    let whole = fs::read(&weights).unwrap();
    let matrix = "bert.encoder.layer.1.output.dense.weight";
    type Damage = fn(&mut crate::support::Tensors, &str);
    let damages: [(Damage, &str); 6] = [
        (|tensors, name| tensors.get_mut(name).unwrap().2[7] = 0x80, "holds -128 at element 7"),
        (|tensors, name| drop(tensors.remove(&format!("{name}_scale"))), "1 tensor missing"),
        (
            |tensors, name| {
                let scale = tensors.get_mut(&format!("{name}_scale")).unwrap();
                scale.2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
            },
            "holds NaN at element 0",
        ),
        (
            |tensors, name| {
                let codes = tensors.get_mut(name).unwrap();
                codes.0 = Dtype::U8;
            },
            "is stored as U8, expected I8",
        ),
        (
            |tensors, name| {
                let balance = tensors.get_mut(&format!("{name}_balance")).unwrap();
                balance.2[4..8].copy_from_slice(&f32::INFINITY.to_le_bytes());
            },
            "holds inf at element 1",
        ),
        (
            |tensors, name| {
                let scale = tensors[&format!("{name}_scale")].clone();
                tensors.insert(format!("{name}_balance"), scale);
            },
            "_balance",
        ),
    ];
    for (damage, message) in damages {
        fs::write(&weights, &whole).unwrap();
        let mut tensors = read_tensors(&weights);
        damage(&mut tensors, matrix);
        crate::support::write_tensors(&weights, &tensors);
        let run = bert(&["classify", "--model", &model, "a dog"]);
        run.refuses(&[message, matrix]);
        assert!(bert(&["inspect", &model]).ok().contains(message) || !message.contains("stored"));
    }
    fs::remove_file(&weights).unwrap();
    fs::copy(fixture("toy-classify/model.safetensors"), desk.path("int8/model.safetensors"))
        .unwrap();
    bert(&["classify", "--model", &model, "a dog"]).refuses(&["F32", "expected I8"]);
}

#[test]
fn a_layer_too_wide_for_sums_of_32_bits_is_refused_before_it_is_read() {
    let desk = Desk::new();
    quantized(&desk, "toy-classify");
    let config = desk
        .read("int8/config.json")
        .replace(r#""intermediate_size": 256"#, r#""intermediate_size": 140000"#);
    fs::write(desk.path("int8/config.json"), config).unwrap();
    let run = bert(&["classify", "--model", &desk.at("int8"), "a dog"]);
    run.refuses(&["a layer of 140000 inputs cannot be computed in 8 bits; at most 66000"]);
    let wide = Copy::of("toy-classify").configured("intermediate_size", 140_000.into());
    wide.run("quantize", &["--output", &desk.at("new")]).refuses(&["intermediate.dense"]);
}
