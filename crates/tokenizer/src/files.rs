//! The files of a model directory that concern the tokenizer: `tokenizer.json`, `vocab.txt`, `tokenizer_config.json`.

use std::path::Path;

use crate::added::AddedToken;
use crate::json::{Field, parse};
use crate::tokenizer::Parts;
use crate::vocab::CONTINUATION;
use crate::{Error, Options, Vocab};

/// A `model_max_length` above this means "no limit": transformers writes 1e30 for that.
const NO_LIMIT: f64 = 1e9;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The files that say how texts are cut.
const NAMES: [&str; 3] = ["tokenizer.json", "vocab.txt", "tokenizer_config.json"];

pub(crate) fn from_dir(dir: &Path) -> Result<Parts, Error> {
    let mut files = Vec::new();
    for name in NAMES.into_iter().filter(|name| dir.join(name).exists()) {
        files.push((name, read(&dir.join(name))?));
    }
    let files: Vec<_> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    from_files(&files, dir)
}

/// Names and contents of the files of `dir`; others than a tokenizer's are passed over.
pub(crate) fn from_files(files: &[(&str, &[u8])], dir: &Path) -> Result<Parts, Error> {
    let [json, vocab, config] = NAMES.map(|name| {
        let found = files.iter().find(|(found, _)| *found == name);
        found.map(|(_, bytes)| (*bytes, dir.join(name)))
    });
    let mut parts = match (json, vocab) {
        (Some((bytes, path)), _) => from_tokenizer_json(bytes, &path)?,
        (None, Some((bytes, path))) => {
            let vocab = Vocab::from_bytes(bytes, &path)?;
            // Google's zip files have nothing else: the user of their programs has to know.
            let options = Options { lower_case: !vocab.is_cased(), ..Options::default() };
            Parts { case_guessed: true, ..Parts::new(vocab, options) }
        }
        (None, None) => return Err(Error::NoTokenizer { dir: dir.to_owned() }),
    };
    if let Some((bytes, path)) = config {
        let value = parse(bytes, &path)?;
        apply_config(&mut parts, &Field::root(&value, &path))?;
    }
    Ok(parts)
}

/// What `tokenizer_config.json` states wins; what it leaves out stays.
fn apply_config(parts: &mut Parts, config: &Field) -> Result<(), Error> {
    if !config.value.is_object() {
        return Err(config.wrong("an object"));
    }
    let flag = |key: &str| config.some(key).map(|field| field.flag()).transpose();
    if let Some(lower_case) = flag("do_lower_case")? {
        (parts.options.lower_case, parts.case_guessed) = (lower_case, false);
    } else if parts.case_guessed && config.some("tokenizer_class").is_some() {
        // transformers' default for a class that it knows.
        (parts.options.lower_case, parts.case_guessed) = (true, false);
    }
    if let Some(chinese_characters) = flag("tokenize_chinese_chars")? {
        parts.options.chinese_characters = chinese_characters;
    }
    if config.get("strip_accents").is_some() {
        parts.options.strip_accents = flag("strip_accents")?;
    }
    for (role, name) in &mut parts.names {
        if let Some(field) = config.some(role) {
            let content = if field.value.is_object() { field.need("content")? } else { field };
            *name = content.text()?.to_owned();
        }
    }
    if let Some(field) = config.some("model_max_length") {
        let length = field.value.as_f64().filter(|length| *length >= 1.0);
        let length = length.ok_or_else(|| field.wrong("a positive number"))?;
        parts.model_max_length = (length < NO_LIMIT).then_some(length as usize);
    }
    if let Some(field) = config.some("added_tokens_decoder") {
        let tokens = field.value.as_object().ok_or_else(|| field.wrong("an object"))?;
        for id in tokens.keys() {
            let id_number = id.parse().map_err(|_| field.wrong("ids as keys"))?;
            let token = added_token(&field.need(id)?, id_number)?;
            parts.added.retain(|other| other.content != token.content);
            parts.added.push(token);
        }
    }
    Ok(())
}

/// The fields of a `tokenizer.json` that decide about tokens; its sections on truncation and padding are ignored, as
/// transformers ignores them.
pub(crate) fn from_tokenizer_json(bytes: &[u8], path: &Path) -> Result<Parts, Error> {
    let value = parse(bytes, path)?;
    let root = Field::root(&value, path);
    let model = root.need("model")?;
    let vocab = word_piece_vocab(&model)?;
    let options = normalizer(&root)?;
    if let Some(field) =
        root.some("pre_tokenizer").filter(|field| field.kind() != "BertPreTokenizer")
    {
        return Err(field.wrong("a BertPreTokenizer"));
    }
    let mut parts = Parts::new(vocab, options);
    if let Some(field) = model.some("unk_token") {
        parts.names[0].1 = field.text()?.to_owned();
    }
    if let Some(field) = model.some("max_input_chars_per_word") {
        parts.longest_word = field.id()? as usize;
    }
    if let Some(field) = root.some("added_tokens") {
        for token in field.list()? {
            parts.added.push(added_token(&token, token.need("id")?.id()?)?);
        }
    }
    if let Some(field) = root.some("post_processor") {
        let [cls, sep] = post_processor(&field, &parts.vocab)?;
        parts.names[1].1 = cls;
        parts.names[2].1 = sep;
    }
    if let Some(field) = root.some("decoder") {
        if field.kind() != "WordPiece" {
            return Err(field.wrong("a WordPiece decoder"));
        }
        parts.clean_up_pieces = field.some("cleanup").map_or(Ok(true), |field| field.flag())?;
    }
    Ok(parts)
}

fn word_piece_vocab(model: &Field) -> Result<Vocab, Error> {
    // Files of old versions state no type: only WordPiece has a prefix for pieces and no list of merges.
    let untyped = model.value.get("type").is_none();
    let looks_right =
        model.get("continuing_subword_prefix").is_some() && model.get("merges").is_none();
    if model.kind() != "WordPiece" && !(untyped && looks_right) {
        let kind = if untyped { "untyped" } else { model.kind() }.to_owned();
        return Err(Error::NotWordPiece { path: model.path.to_owned(), kind });
    }
    if let Some(prefix) = model.some("continuing_subword_prefix")
        && prefix.text()? != CONTINUATION
    {
        return Err(prefix.wrong("\"##\""));
    }
    let field = model.need("vocab")?;
    let tokens =
        field.value.as_object().ok_or_else(|| field.wrong("an object of tokens and ids"))?;
    let mut pairs = Vec::with_capacity(tokens.len());
    for (token, id) in tokens {
        let name = format!("{}[{token:?}]", field.name);
        let id = Field { path: field.path, name, value: id }.id()?;
        if !token.is_empty() {
            pairs.push((token.as_str(), id));
        }
    }
    Vocab::from_pairs(&pairs, field.path)
}

fn normalizer(root: &Field) -> Result<Options, Error> {
    let Some(field) = root.some("normalizer") else {
        // The text is taken as it is.
        let strip_accents = Some(false);
        return Ok(Options {
            lower_case: false,
            strip_accents,
            chinese_characters: false,
            clean_text: false,
        });
    };
    if field.kind() != "BertNormalizer" {
        return Err(field.wrong("a BertNormalizer"));
    }
    let flag = |key: &str| field.need(key)?.flag();
    Ok(Options {
        lower_case: flag("lowercase")?,
        strip_accents: field.some("strip_accents").map(|field| field.flag()).transpose()?,
        chinese_characters: flag("handle_chinese_chars")?,
        clean_text: flag("clean_text")?,
    })
}

fn added_token(field: &Field, id: u32) -> Result<AddedToken, Error> {
    let flag = |key: &str| field.some(key).map_or(Ok(false), |field| field.flag());
    let special = flag("special")?;
    let normalized = field.some("normalized").map_or(Ok(!special), |field| field.flag())?;
    Ok(AddedToken {
        content: field.need("content")?.text()?.to_owned(),
        id,
        single_word: flag("single_word")?,
        left_strip: flag("lstrip")?,
        right_strip: flag("rstrip")?,
        normalized,
        special,
    })
}

/// The spellings of `[CLS]` and `[SEP]`, after a check that the template is BERT's and the ids fit.
fn post_processor(field: &Field, vocab: &Vocab) -> Result<[String; 2], Error> {
    let names = match field.kind() {
        "BertProcessing" => [bert_token(field, "cls", vocab)?, bert_token(field, "sep", vocab)?],
        "TemplateProcessing" => template(field)?,
        _ => return Err(field.wrong("a TemplateProcessing or BertProcessing")),
    };
    if let Some(tokens) = field.some("special_tokens") {
        for name in &names {
            for id in tokens.need(name)?.need("ids")?.list()? {
                check_id(&id, name, vocab)?;
            }
        }
    }
    Ok(names)
}

/// `["[CLS]", 101]`
fn bert_token(field: &Field, key: &str, vocab: &Vocab) -> Result<String, Error> {
    let field = field.need(key)?;
    let [name, id] = &field.list()?[..] else {
        return Err(field.wrong("a token and its id"));
    };
    check_id(id, name.text()?, vocab)?;
    Ok(name.text()?.to_owned())
}

fn check_id(id: &Field, name: &str, vocab: &Vocab) -> Result<(), Error> {
    match vocab.id(name) {
        Some(known) if known != id.id()? => {
            Err(id.wrong(&format!("{known}, the vocabulary's id of {name}")))
        }
        _ => Ok(()),
    }
}

fn template(field: &Field) -> Result<[String; 2], Error> {
    let single = steps(&field.need("single")?)?;
    let pair = steps(&field.need("pair")?)?;
    let [cls, _, sep] = &single[..] else {
        return Err(field.need("single")?.wrong("[CLS] A [SEP]"));
    };
    let step = |name: &str, token_type| (name.to_owned(), token_type);
    let (cls, sep) = (cls.0.clone(), sep.0.clone());
    if single != [step(&cls, 0), step("A", 0), step(&sep, 0)] {
        return Err(field.need("single")?.wrong("[CLS] A [SEP], all of type 0"));
    }
    if pair != [step(&cls, 0), step("A", 0), step(&sep, 0), step("B", 1), step(&sep, 1)] {
        return Err(field.need("pair")?.wrong("[CLS] A [SEP] of type 0, B [SEP] of type 1"));
    }
    Ok([cls, sep])
}

/// The steps of a template: the special token's or the text's name, and the token type.
fn steps(template: &Field) -> Result<Vec<(String, u32)>, Error> {
    let step = |field: Field| {
        let inner = field.some("SpecialToken").or(field.some("Sequence"));
        let inner = inner.ok_or_else(|| field.wrong("a SpecialToken or a Sequence"))?;
        Ok((inner.need("id")?.text()?.to_owned(), inner.need("type_id")?.id()?))
    };
    template.list()?.into_iter().map(step).collect()
}
