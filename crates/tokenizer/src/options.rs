//! [`Options`]: what models differ in.

/// What happens to a text before it is cut into pieces. The default is that of BERT's uncased models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Make everything lower-case. `false` for cased models.
    pub lower_case: bool,
    /// Remove accents. `None`: if `lower_case` is set, as Google's code does.
    pub strip_accents: Option<bool>,
    /// Make each Chinese character a word.
    pub chinese_characters: bool,
    /// Remove control characters and turn all white space into spaces.
    pub clean_text: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            lower_case: true,
            strip_accents: None,
            chinese_characters: true,
            clean_text: true,
        }
    }
}

impl Options {
    /// For cased models: letters and accents stay as they are.
    pub fn cased() -> Self {
        Options { lower_case: false, ..Options::default() }
    }

    /// Whether accents are removed.
    pub fn strips_accents(&self) -> bool {
        self.strip_accents.unwrap_or(self.lower_case)
    }
}
