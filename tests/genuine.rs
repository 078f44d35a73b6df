//! Genuine trained weights, which are not in the repository (see `bert_testkit::data`).

use bert_checkpoint::{LoadOptions, TensorFile};
use bert_model::{Config, Context, Flavour, HeadKind, Model};
use bert_nn::random::hash;
use bert_nn::view::rows;
use bert_nn::{Real, Tensors};
use bert_pipeline::{Embedder, Pipeline};
use bert_testkit::{assert_close, fixture, minilm, shared};
use bert_tokenizer::Input;
use ndarray::Array2;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Two layers in f32 against float64.
const TINY: f64 = 2e-5;
/// Six layers of genuine weights in f32 against float64.
const MINILM: f64 = 2e-4;

/// Google's BERT-Tiny, fine-tuned on SST-2, from its embedding output on. (The embedding tables are
/// missing from the published dump.)
#[test]
fn bert_tiny_classifies_as_published() {
    let Some(folder) = shared("weights/bert-tiny-sst2") else { return };
    let path = folder.join("config.json");
    let bytes = fs::read(&path).unwrap();
    let mut config = Config::from_bytes(&bytes, &path, Flavour::HuggingFace).unwrap();
    config.vocab_size = 1; // no table, so no row is ever looked up
    let mut model = Model::zeros(HeadKind::SequenceClassification, &config, true);
    let weights = TensorFile::open(&folder.join("encoder_pooler_classifier.safetensors")).unwrap();
    for tensor in model.tensors_mut() {
        if !tensor.name.starts_with("bert.embeddings.") {
            weights.read_into(&tensor.name, &tensor.shape, tensor.values).unwrap();
        }
    }
    let golden = TensorFile::open(&folder.join("golden.safetensors")).unwrap();
    for text in ["paradiso", "bleak", "tmp17"] {
        let expected = |name: &str| golden.reals(&format!("{text}.{name}")).unwrap();
        let (shape, values) = expected("embedding_output");
        let embedded = Array2::from_shape_vec((shape[0], shape[1]), values).unwrap(); // [T, 128]
        let context = Context::eval(&config);
        let bounds = [0, shape[0]];
        let hidden = model.bert.encoder.infer(embedded, &bounds, &context); // [T, 128]
        let pooled = model.head.pooler().unwrap().forward(hidden.view(), &[0]); // [1, 128]
        let bert_model::Head::SequenceClassification(head) = &model.head else { unreachable!() };
        let (logits, _) = head.forward(pooled.clone(), &context); // [1, 2]
        let check = |name: &str, found: &Array2<Real>| {
            let found = found.as_slice().unwrap();
            assert_close(&format!("{text}.{name}"), found, &expected(name).1, TINY);
        };
        check("last_hidden_state", &hidden);
        check("pooled", &pooled);
        check("logits", &logits);
    }
}

/// all-MiniLM-L6-v2 from text on: 64 real texts in one ragged batch, with identical tokens.
#[test]
fn minilm_agrees_with_transformers_on_real_texts() {
    let (Some(directory), Some(data)) = (minilm(), shared("data")) else { return };
    let pipeline = Pipeline::open(&directory, &LoadOptions::default()).unwrap();
    let listed = fs::read(fixture("minilm/texts.json")).unwrap();
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    let places = listed["texts"].as_array().unwrap();
    let texts: Vec<_> = places.iter().map(|place| text_at(&data, place)).collect();
    let inputs: Vec<Input> = texts.iter().map(Input::from).collect();
    let encodings = pipeline.prepare(&inputs, true).unwrap().encodings;
    for (encoding, place) in encodings.iter().zip(places) {
        let bytes: Vec<u8> = encoding.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        assert_eq!(encoding.len() as u64, place["tokens"].as_u64().unwrap(), "{place}");
        assert_eq!(format!("{:016x}", hash(&bytes)), place["fnv1a"].as_str().unwrap(), "{place}");
    }

    let batch = pipeline.batch(&encodings).unwrap();
    assert!(batch.sequences() >= 50);
    let hidden = pipeline.model.hidden(&batch, &pipeline.context()); // [T, 384]
    let reference = TensorFile::open(&fixture("minilm/reference.safetensors")).unwrap();
    let (_, bounds) = reference.integers("bounds").unwrap();
    let ours: Vec<i64> = batch.bounds.iter().map(|&bound| bound as i64).collect();
    assert_eq!(ours, bounds);
    let (shape, places) = reference.integers("dims").unwrap();
    let sampled: Vec<Real> = places
        .chunks(shape[1])
        .zip(hidden.outer_iter())
        .flat_map(|(places, row)| places.iter().map(move |&place| row[place as usize]))
        .collect();
    assert_close("hidden states", &sampled, &reference.reals("values").unwrap().1, MINILM);

    let vectors = Embedder::new(&pipeline).embed(&encodings).unwrap();
    let vectors: Vec<Real> = vectors.iter().flatten().copied().collect();
    assert_close("embeddings", &vectors, &reference.reals("embeddings").unwrap().1, MINILM);

    // The same sentence alone and among the others: packing changes nothing at all.
    let alone = pipeline.batch(&encodings[..1]).unwrap();
    let hidden_alone = pipeline.model.hidden(&alone, &pipeline.context());
    assert_eq!(hidden_alone, rows(hidden.view(), 0..alone.tokens()));
}

/// The text that a line of `texts.json` points to; `make_minilm.py` says how.
fn text_at(data: &Path, place: &Value) -> String {
    let file = fs::read_to_string(data.join(place["file"].as_str().unwrap())).unwrap();
    if let Some(line) = place["line"].as_u64() {
        let line = file.split('\n').nth(line as usize - 1).unwrap();
        return line.rsplit_once('\t').unwrap().0.to_owned();
    }
    let path: Vec<_> =
        place["path"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let json: Value = serde_json::from_str(&file).unwrap();
    let paragraph = &json["data"][path[0]]["paragraphs"][path[1]];
    let text = match path.get(2) {
        Some(&question) => &paragraph["qas"][question]["question"],
        None => &paragraph["context"],
    };
    text.as_str().unwrap().to_owned()
}
