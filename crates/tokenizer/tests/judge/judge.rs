//! The judge, set up as transformers sets it up for BERT, and the comparison.

use std::path::{Path, PathBuf};

use bert_tokenizer::{Encoding, Options, Tokenizer, Vocab};
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, EncodeInput};

pub(crate) type Judge = tokenizers::Tokenizer;

pub(crate) const SPECIALS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// `../shared` beside the workspace, or what `BERT_SHARED` says. `None`, and a word about it, if it is not there.
pub(crate) fn shared() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("BERT_SHARED").map_or(default, PathBuf::from);
    if path.join("data").is_dir() {
        return Some(path);
    }
    let required = std::env::var_os("BERT_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(!required, "{}: not there, but BERT_REQUIRE_SHARED=1", path.display());
    eprintln!("skipped: {} is not there (set BERT_SHARED)", path.display());
    None
}

/// The real vocabulary where it is, else a small one that has a bit of everything.
pub(crate) fn vocab_text() -> String {
    let real = shared().map(|path| path.join("data/vocab/bert-uncased.txt"));
    real.map_or_else(small_vocab, |path| std::fs::read_to_string(path).unwrap())
}

pub(crate) fn small_vocab() -> String {
    let words = "the dog man bites ##s un ##aff ##able hello ##lo he";
    let mut tokens: Vec<String> = SPECIALS.map(str::to_owned).to_vec();
    tokens.extend(words.split(' ').map(str::to_owned));
    let more = ['中', '한', 'ᄒ', 'ᅡ', 'ᆫ', 'ı', 'が', 'か'];
    let letters = ('!'..='~').chain('à'..='ÿ').chain('α'..='ω').chain(more);
    for token in letters.flat_map(|letter| [letter.to_string(), format!("##{letter}")]) {
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    tokens.join("\n") + "\n"
}

pub(crate) fn ours(vocab: &str, options: &Options) -> Tokenizer {
    let vocab = Vocab::from_bytes(vocab.as_bytes(), Path::new("vocab.txt")).unwrap();
    Tokenizer::new(vocab, options.clone()).unwrap()
}

pub(crate) fn judge(vocab: &str, options: &Options) -> Judge {
    let ids = WordPiece::read_bytes(vocab.as_bytes()).unwrap();
    let model = WordPiece::builder().vocab(ids).unk_token("[UNK]".to_owned()).build().unwrap();
    let id = |token: &str| vocab.lines().position(|line| line == token).unwrap() as u32;
    let mut judge = Judge::new(model);
    judge
        .with_normalizer(Some(BertNormalizer::new(
            options.clean_text,
            options.chinese_characters,
            options.strip_accents,
            options.lower_case,
        )))
        .unwrap();
    judge.with_pre_tokenizer(Some(BertPreTokenizer));
    judge.with_decoder(Some(WordPieceDecoder::new("##".to_owned(), true)));
    let template = TemplateProcessing::builder()
        .try_single("[CLS] $A [SEP]")
        .unwrap()
        .try_pair("[CLS] $A [SEP] $B:1 [SEP]:1")
        .unwrap()
        .special_tokens(vec![("[CLS]", id("[CLS]")), ("[SEP]", id("[SEP]"))])
        .build()
        .unwrap();
    judge.with_post_processor(Some(template));
    judge.add_special_tokens(SPECIALS.map(|token| AddedToken::from(token, true))).unwrap();
    judge
}

/// The options under which everything is compared.
pub(crate) fn all_options() -> Vec<Options> {
    let uncased = Options::default();
    vec![
        uncased.clone(),
        Options::cased(),
        Options { strip_accents: Some(false), ..uncased.clone() },
        Options { strip_accents: Some(true), ..Options::cased() },
        Options { clean_text: false, chinese_characters: false, ..uncased },
    ]
}

pub(crate) struct Pair {
    pub(crate) ours: Tokenizer,
    pub(crate) judge: Judge,
}

pub(crate) fn pairs() -> Vec<Pair> {
    let vocab = vocab_text();
    let pair =
        |options: &Options| Pair { ours: ours(&vocab, options), judge: judge(&vocab, options) };
    all_options().iter().map(pair).collect()
}

/// Fails unless every list of the two encodings is the same.
pub(crate) fn assert_same(
    ours: &Encoding,
    judge: &tokenizers::Encoding,
    what: &dyn std::fmt::Debug,
) {
    assert_eq!(ours.ids, judge.get_ids(), "ids of {what:?}");
    assert_eq!(ours.offsets, judge.get_offsets(), "offsets of {what:?}");
    assert_eq!(ours.token_types, judge.get_type_ids(), "types of {what:?}");
    assert_eq!(ours.word_ids, judge.get_word_ids(), "words of {what:?}");
    let mask: Vec<u32> =
        ours.special_tokens_mask.iter().map(|&special| u32::from(special)).collect();
    assert_eq!(mask, judge.get_special_tokens_mask(), "special tokens mask of {what:?}");
    let sequences: Vec<_> = ours.sequence_ids.iter().map(|id| id.map(usize::from)).collect();
    assert_eq!(sequences, judge.get_sequence_ids(), "sequences of {what:?}");
}

impl Pair {
    pub(crate) fn check(&self, text: &str) {
        let judge = self.judge.encode_char_offsets(text, true).unwrap();
        let fast = self.ours.encode(text);
        assert_same(&fast, &judge, &text);
        assert_eq!(fast, self.ours.encode_textbook(text, None), "textbook of {text:?}");
    }

    pub(crate) fn check_pair(&self, first: &str, second: &str) {
        let judge = self.judge.encode_char_offsets((first, second), true).unwrap();
        let fast = self.ours.encode((first, second));
        assert_same(&fast, &judge, &(first, second));
        assert_eq!(fast, self.ours.encode_textbook(first, Some(second)));
    }

    pub(crate) fn check_words(&self, words: &[&str]) {
        let input: EncodeInput = words.into();
        let judge = self.judge.encode_char_offsets(input, true).unwrap();
        assert_same(&self.ours.encode_words(words), &judge, &words);
    }

    pub(crate) fn check_decode(&self, ids: &[u32]) {
        for skip in [false, true] {
            let judge = self.judge.decode(ids, skip).unwrap();
            assert_eq!(self.ours.decode(ids, skip, false), judge, "{ids:?}");
        }
    }
}
