//! An instance of pre-training for the eye.

use anstyle::{AnsiColor, Effects, Style};
use bert_data::{Instance, Pieces};
use bert_tokenizer::Tokenizer;

/// What a token is for the eye.
const SPECIAL: Style = Style::new().effects(Effects::DIMMED);
const SECOND: Style = AnsiColor::Cyan.on_default();
const MASKED: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);
const RANDOM: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const KEPT: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);

/// Draws instances, in colour or without.
pub struct View<'a> {
    /// Gives the tokens their names.
    pub tokenizer: &'a Tokenizer,
    /// Knows the tokens that are no text.
    pub pieces: Pieces,
    /// Whether to use colours.
    pub colour: bool,
}

impl View<'_> {
    /// How to read the others.
    pub fn legend(&self) -> String {
        let [mask, random, kept] = [
            self.paint(MASKED, "[MASK]⟨dog⟩"),
            self.paint(RANDOM, "cat⟨dog⟩"),
            self.paint(KEPT, "dog⟨dog⟩"),
        ];
        format!("⟨⟩ holds what is to be guessed: {mask} hidden, {random} replaced, {kept} kept")
    }

    /// A line about the instance, and a line for each of its texts.
    pub fn draw(&self, number: u64, instance: &Instance) -> String {
        let mut text = format!("{number}: {}", describe(instance));
        let labels = instance.labels();
        let mut line_type = None;
        for (place, (&id, &token_type)) in
            instance.token_ids.iter().zip(&instance.token_types).enumerate()
        {
            let start = if line_type == Some(token_type) { " " } else { "\n  " };
            line_type = Some(token_type);
            text.push_str(start);
            text.push_str(&self.token(id, labels[place], token_type));
        }
        text
    }

    fn token(&self, id: u32, hidden: Option<u32>, token_type: u32) -> String {
        let name = |id| self.tokenizer.vocab().token(id).unwrap_or_default();
        let Some(original) = hidden else {
            let style = match token_type {
                _ if !self.pieces.is_text(id) => SPECIAL,
                0 => Style::new(),
                _ => SECOND,
            };
            return self.paint(style, name(id));
        };
        let style = match id {
            _ if id == original => KEPT,
            _ if id == self.pieces.special.mask => MASKED,
            _ => RANDOM,
        };
        self.paint(style, &format!("{}⟨{}⟩", name(id), name(original)))
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn describe(instance: &Instance) -> String {
    let pair = match instance.is_random_next {
        Some(true) => "a random text follows; ",
        Some(false) => "the next text follows; ",
        None => "",
    };
    let (tokens, hidden) = (instance.token_ids.len(), instance.masked_positions.len());
    format!("{pair}{tokens} tokens, {hidden} to be guessed")
}
