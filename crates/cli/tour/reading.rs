//! The first stations: tokens, vectors, gradients.

use super::Tour;
use anyhow::Result;
use bert_model::trace::{Traced, trace};
use bert_model::{Context, Model};
use bert_nn::gradient_check::{Point, check_layer, jitter, random};
use bert_nn::init::{Initializer, initialize};
use bert_nn::{LayerNorm, Real};
use bert_pipeline::Pipeline;
use ndarray::ArrayView2;

const SENTENCE: &str = "The dog bites the postman. Woof!";

/// A sentence becomes tokens.
pub fn tokens(tour: &mut Tour, bundled: &Pipeline<Model>) -> Result<()> {
    tour.station(
        "A sentence becomes tokens",
        "Lower-cased, cut into words and signs; a word that the vocabulary does not hold falls into \
         pieces that it does (`##` continues a word). Each token has a number. `[CLS]` and `[SEP]` frame \
         the text.",
    )?;
    let encoding = bundled.tokenizer.encode(SENTENCE);
    let tokens = encoding.tokens(&bundled.tokenizer);
    let pairs = tokens.iter().zip(&encoding.ids);
    let [mut first, mut second] = [String::new(), String::new()];
    for (token, id) in pairs {
        let width = token.len().max(id.to_string().len()) + 2;
        first.push_str(&format!("{token:<width$}"));
        second.push_str(&format!("{id:<width$}"));
    }
    tour.lines(&[SENTENCE.to_owned(), first.trim_end().into(), second.trim_end().into()])
}

/// The tokens become vectors, layer after layer.
pub fn vectors(tour: &mut Tour, bundled: &Pipeline<Model>) -> Result<()> {
    let config = &bundled.config;
    tour.station(
        "Tokens become vectors",
        &format!(
            "Each token is looked up in a table: {} numbers for the word, plus those for its position and \
             its segment. {} layers then let the tokens look at each other (attention) and think for \
             themselves (feed-forward). Here are the first numbers of each token's vector at the bottom \
             and at the top, from the model that is built in.",
            config.hidden_size, config.num_hidden_layers
        ),
    )?;
    let encoding = bundled.tokenizer.encode("the dog bites the postman .");
    let tokens = encoding.tokens(&bundled.tokenizer);
    let batch = bundled.batch(std::slice::from_ref(&encoding))?;
    let top = format!("hidden_states.{}", config.num_hidden_layers);
    let mut lines = Vec::new();
    trace(&bundled.model, &batch, &Context::eval(config), |(name, tensor)| {
        if let Traced::Tokens(rows) = &tensor
            && (name == "hidden_states.0" || name == top)
        {
            let [tokens_in_all, width] = [rows.nrows(), rows.ncols()];
            lines.push(format!("{name}  [{tokens_in_all}, {width}]"));
            lines.extend(shown(&tokens, rows.view()));
        }
    });
    tour.lines(&lines)
}

fn shown(tokens: &[&str], rows: ArrayView2<Real>) -> Vec<String> {
    let line = |(token, row): (&&str, ndarray::ArrayView1<Real>)| {
        let numbers: Vec<_> = row.iter().take(6).map(|x| format!("{x:7.3}")).collect();
        format!("  {token:<8} {} …", numbers.join(" "))
    };
    tokens.iter().zip(rows.rows()).map(line).collect()
}

/// A gradient by mathematics beside one by trying.
pub fn gradients(tour: &mut Tour) -> Result<()> {
    tour.station(
        "Gradients, checked",
        "Training needs to know how the loss changes with each number of the model. The backward pass is \
         written by hand, line by line from the formulas. Here LayerNorm's is checked: each number is moved \
         a little to both sides, and the loss itself says how it changes. (`bert gradcheck` does this for \
         every parameter of whole models.)",
    )?;
    let mut layer = LayerNorm::zeros(8);
    initialize(&mut layer, Initializer::Normal { std: 0.02 }, 1);
    jitter(&mut layer);
    let report = check_layer(
        &Point::new(layer, [random(5, 8, 2)]),
        |at| at.layer.forward(at.inputs[0].view(), 1e-12),
        |at, d_output, grads| {
            let input = at.inputs[0].view();
            grads.inputs[0] += &at.layer.backward(input, d_output, 1e-12, &mut grads.layer);
        },
    );
    anyhow::ensure!(report.passed(), "the gradients of LayerNorm are wrong:\n{report}");
    let mut lines =
        vec![format!("{:<10} {:<8} {:>9} {:>10}", "gradient", "shape", "length", "error")];
    lines.extend(report.rows.iter().map(|row| {
        let shape = format!("{:?}", row.shape);
        format!("{:<10} {shape:<8} {:>9.3} {:>10.1e}", row.name, row.norm, row.error)
    }));
    tour.lines(&lines)
}
