//! Files of tagged words: real ones by their published counts, and every quirk by itself.

use super::*;
use bert_testkit::shared;
use proptest::prelude::*;

fn parse(text: &str, options: &TaggedOptions) -> Result<TaggedFile, Error> {
    TaggedFile::parse(text.as_bytes(), Path::new("f.conll"), options)
}

fn read(text: &str) -> TaggedFile {
    parse(text, &TaggedOptions::default()).unwrap()
}

fn refused(text: &str, options: &TaggedOptions) -> String {
    parse(text, options).unwrap_err().to_string()
}

/// Each sentence as `line: word/tag word/tag`.
fn shown(file: &TaggedFile) -> Vec<String> {
    let of = |sentence: &TaggedSentence| {
        let tags = sentence.tags.clone().unwrap_or(vec![String::new(); sentence.words.len()]);
        let words: Vec<_> =
            sentence.words.iter().zip(tags).map(|(word, tag)| format!("{word}/{tag}")).collect();
        format!("{}: {}", sentence.line, words.join(" "))
    };
    file.sentences.iter().map(of).collect()
}

fn written(file: &TaggedFile, tag: &str, place: Predicted) -> String {
    let tags: Vec<_> =
        file.sentences.iter().map(|sentence| vec![tag.to_owned(); sentence.words.len()]).collect();
    let mut out = Vec::new();
    write_conll(&mut out, file, &tags, place).unwrap();
    String::from_utf8(out).unwrap()
}

fn words(file: &TaggedFile) -> usize {
    file.sentences.iter().map(|sentence| sentence.words.len()).sum()
}

/// How many entities there are, each of which begins with `B` in IOB2.
fn entities(file: &TaggedFile) -> usize {
    file.tags().filter(|tag| tag.starts_with("B-")).count()
}

#[test]
fn wnut17_has_the_sentences_and_words_of_its_publication() {
    let Some(folder) = shared("data/wnut17") else { return };
    let open = |name: &str, mend| {
        let options = TaggedOptions { mend, ..Default::default() };
        TaggedFile::read(&folder.join(name), &options).unwrap()
    };
    // Lines that are not blank, and tags that begin with B, counted with awk.
    for (name, sentences, tokens, begun) in
        [("wnut17train.conll", 3_394, 62_730, 1_975), ("emerging.dev.conll", 1_009, 15_733, 836)]
    {
        let file = open(name, false);
        assert_eq!((file.sentences.len(), words(&file)), (sentences, tokens), "{name}");
        assert_eq!((file.scheme, entities(&file)), (Some(Scheme::Iob2), begun), "{name}");
        assert!(file.notes.is_empty(), "{name}: {:?}", file.notes);
        assert_eq!(file.labels().len(), 13, "O, and B and I of six types");
    }
    let test = open("emerging.test.conll", true);
    assert_eq!((test.sentences.len(), words(&test)), (1_287, 23_394));
    // 978 first tags begin with B, and 17 with I where nothing of their type goes before.
    assert_eq!((test.scheme, entities(&test)), (Some(Scheme::Iob2), 978 + 17));
    let notes = test.notes.join("\n");
    assert!(notes.starts_with("297 words with several tags"), "{notes}");
    assert!(notes.contains("line 213: I-location after B-corporation breaks"), "{notes}");
    assert!(notes.contains("right would be B-location. 17 tags of this kind"), "{notes}");
}

#[test]
fn wikigold_goes_from_iob1_to_iob2_and_back_without_loss() {
    let Some(path) = shared("data/wikigold/wikigold.conll.txt") else { return };
    let file = TaggedFile::read(&path, &TaggedOptions::default()).unwrap();
    // Counted with awk: lines with two fields less the 145 of -DOCSTART-; runs of one tag but O.
    assert_eq!((words(&file), entities(&file)), (39_152 - 145, 3_558));
    assert_eq!((file.scheme, file.notes.len()), (Some(Scheme::Iob1), 0));
    let tags: Vec<_> =
        file.sentences.iter().map(|sentence| sentence.tags.as_ref().unwrap()).collect();
    let back: Vec<_> = tags.iter().map(|tags| file.in_its_scheme(tags)).collect();
    let mut out = Vec::new();
    write_conll(&mut out, &file, &back, Predicted::Replacing).unwrap();
    let original = std::fs::read(&path).unwrap();
    assert!(out == original, "the same file, byte by byte");
}

#[test]
fn blank_lines_documents_and_line_breaks_of_every_kind_part_sentences() {
    let unix = "\n\na B-X\nb I-X\n\n \t\nc O\n -DOCSTART- O\nd O\n\n\u{3000}\ne O";
    let expected = ["3: a/B-X b/I-X", "7: c/O", "9: d/O", "12: e/O"];
    assert_eq!(shown(&read(unix)), expected);
    assert_eq!(shown(&read(&unix.replace('\n', "\r\n"))), expected);
    assert_eq!(shown(&read(&unix.replace('\n', "\r"))), expected);
    assert_eq!(shown(&read(&format!("\u{feff}{unix}\n\n\n"))), expected);
    assert_eq!(shown(&read("a\rB-X\nb O\r\n")), ["1: a/B-X b/O"]);
}

#[test]
fn columns_are_parted_by_tabs_or_else_by_spaces() {
    assert_eq!(
        shown(&read("New York\tB-X\n # \tO \t\nb\u{a0}c \t O\n")),
        ["1: New York/B-X #/O b\u{a0}c/O"]
    );
    assert_eq!(shown(&read("a  NNP   B-X\n b\u{a0}c   VB O  \n")), ["1: a/B-X b\u{a0}c/O"]);
    let options = TaggedOptions { word_column: Some(1), tag_column: Some(0), ..Default::default() };
    assert_eq!(shown(&parse("B-X a 1\nO b 2\n", &options).unwrap()), ["1: a/B-X b/O"]);
}

#[test]
fn words_alone_are_no_tags() {
    let file = read("a\n#\n");
    assert_eq!((shown(&file), file.scheme), (vec!["1: a/ #/".to_owned()], None));
    let options = TaggedOptions { words_only: true, ..Default::default() };
    let file = parse("a I-X\nb E-X\nc nonsense\n", &options).unwrap();
    assert_eq!(file.sentences[0].tags, None);
}

#[test]
fn tags_that_mark_words_by_themselves_stay_as_they_are() {
    let file = read("a NN\nb I\nc O\nd -LRB-\ne X,Y\n\nf NN\n");
    assert_eq!(
        (file.scheme, file.labels()),
        (None, ["-LRB-", "I", "NN", "O", "X,Y"].map(str::to_owned).to_vec())
    );
    assert_eq!(shown(&file)[0], "1: a/NN b/I c/O d/-LRB- e/X,Y");
    // Bare letters are of one type, which has no name.
    let file = read("a I\nb B\nc O\n");
    assert_eq!(
        (file.scheme, file.labels()),
        (Some(Scheme::Iob1), ["O", "B", "I"].map(str::to_owned).to_vec())
    );
    assert_eq!(shown(&file), ["1: a/B b/B c/O"]);
}

#[test]
fn labels_are_those_of_iob2_whatever_the_file_has() {
    let file = read("a S-per\nb B-LOC\nc E-LOC\nd O\n");
    assert_eq!(file.scheme, Some(Scheme::Iobes));
    assert_eq!(file.labels(), ["O", "B-LOC", "I-LOC", "B-per", "I-per"]);
    assert_eq!(shown(&file), ["1: a/B-per b/B-LOC c/I-LOC d/O"]);
    let tags = ["O", "I-LOC", "I-LOC", "B-LOC"].map(str::to_owned);
    assert_eq!(file.in_its_scheme(&tags), ["O", "B-LOC", "E-LOC", "S-LOC"]);
}

#[test]
fn of_several_tags_the_first_is_taken_and_the_word_is_counted() {
    let file = read("a B-x,B-y\nb I-x,B-z-1\nc O\nd B-x,\n");
    assert_eq!(shown(&file), ["1: a/B-x b/I-x c/O d/B-x,"]);
    assert_eq!(file.notes, ["2 words with several tags, joined by commas: the first is taken"]);
}

#[test]
fn predictions_stand_on_the_lines_of_their_words() {
    let text = "-DOCSTART- -X- O\n\nAnn  NNP B-X \r\nLee\tNNP\tI-X\n \t\n\n# NN O";
    let file = read(text);
    let appended = "-DOCSTART- -X- O O\n\nAnn  NNP B-X Q\r\nLee\tNNP\tI-X\tQ\n\n\n# NN O Q";
    assert_eq!(written(&file, "Q", Predicted::Appended), appended);
    let replaced = "-DOCSTART- -X- O\n\nAnn NNP Q\r\nLee\tNNP\tQ\n\n\n# NN Q";
    assert_eq!(written(&file, "Q", Predicted::Replacing), replaced);
    let file = read("\u{feff}-DOCSTART-\n\na\nb\n");
    for place in [Predicted::Appended, Predicted::Replacing] {
        assert_eq!(written(&file, "Q", place), "-DOCSTART- O\n\na Q\nb Q\n");
    }
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    let of = |text| refused(text, &TaggedOptions::default());
    assert_eq!(of("\n\n \n-DOCSTART- O\n"), "f.conll: there is no word in it");
    assert_eq!(
        of("\na O\nb\n"),
        "f.conll: line 3: expected 2 columns as in line 2, found 1 column"
    );
    assert_eq!(
        of("a O\n\nb X O\n"),
        "f.conll: line 3: expected 2 columns as in line 1, found 3 columns"
    );
    assert_eq!(of("a\tO\n\tO\n"), "f.conll: line 2: expected a word in column 0, found nothing");
    assert_eq!(
        of("a O\n\na B-X\nb B_X\n"),
        "f.conll: line 4: expected a tag: O, or B-, I-, E- or S- and a type, found B_X"
    );
    assert_eq!(
        of("a B-X\n\nb O\nc I-X\n"),
        "f.conll: line 4: I-X after O breaks the tagging scheme IOB2; right would be B-X"
    );
    let iobes = TaggedOptions { scheme: Some(Scheme::Iobes), ..Default::default() };
    assert_eq!(
        refused("a O\nb B-X\n\nc O\n", &iobes),
        "f.conll: line 2: B-X at the end of a sentence breaks the tagging scheme IOBES; right would be S-X"
    );
    let column =
        |word_column, tag_column| TaggedOptions { word_column, tag_column, ..Default::default() };
    assert_eq!(
        refused("\na O\n", &column(None, Some(2))),
        "f.conll: line 2: expected a column 2 (they are counted from 0), found 2 columns"
    );
    assert_eq!(
        refused("a O\n", &column(Some(1), Some(1))),
        "tag_column: expected another column than that of the words, found 1"
    );
    let error =
        TaggedFile::parse(b"a O\nb\xff O\n", Path::new("f.conll"), &TaggedOptions::default());
    assert_eq!(error.unwrap_err().to_string(), "f.conll: line 2 is not valid UTF-8 text");
}

#[test]
fn broken_tags_are_mended_only_if_that_is_wished() {
    let options = TaggedOptions { mend: true, ..Default::default() };
    let file = parse("a B-X\nb I-Y\nc O\nd I-X\ne B-Y\nf I-Y\n", &options).unwrap();
    assert_eq!(shown(&file), ["1: a/B-X b/B-Y c/O d/B-X e/B-Y f/I-Y"]);
    assert_eq!(
        file.notes,
        ["line 2: I-Y after B-X breaks the tagging scheme IOB2; right would be B-Y. \
          2 tags of this kind: read as conlleval does"]
    );
}

/// Text that looks like such a file now and then.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "é",
        "O",
        "B-X",
        "I-X",
        "E-Y",
        "S-",
        ",",
        "-DOCSTART-",
        " ",
        "  ",
        "\t",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\u{a0}",
        "\u{3000}",
        "#",
        "\0",
    ]);
    // The mark of the byte order at the beginning only: elsewhere it is a letter of a word.
    (prop::sample::select(vec!["", "\u{feff}"]), prop::collection::vec(piece, 0..40))
        .prop_map(|(mark, pieces)| mark.to_owned() + &pieces.concat())
}

fn options() -> impl Strategy<Value = TaggedOptions> {
    let column = || prop::option::of(0..3_usize);
    let scheme = prop::option::of(prop::sample::select(Scheme::ALL.to_vec()));
    (column(), column(), any::<bool>(), scheme, any::<bool>()).prop_map(
        |(word_column, tag_column, words_only, scheme, mend)| TaggedOptions {
            word_column,
            tag_column,
            words_only,
            scheme,
            mend,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), options in options()) {
        let _ = TaggedFile::parse(&bytes, Path::new("f"), &options);
    }

    #[test]
    fn what_is_read_is_whole_and_written_line_by_line(text in text(), options in options()) {
        let Ok(file) = parse(&text, &options) else { return Ok(()) };
        for sentence in &file.sentences {
            prop_assert!(sentence.tags.as_ref().is_none_or(|tags| tags.len() == sentence.words.len()));
        }
        let lines = |text: &str| text.matches(if text.contains('\n') { '\n' } else { '\r' }).count();
        for place in [Predicted::Appended, Predicted::Replacing] {
            let written = written(&file, "Q", place);
            prop_assert_eq!(lines(&text), lines(&written), "{:?}", written);
            // What was written is read again: the same words, now with these tags.
            let columns = file.layout.columns + usize::from(place == Predicted::Appended || file.layout.tag.is_none());
            let tag_column = Some(if place == Predicted::Appended { columns - 1 } else { file.layout.tag.unwrap_or(columns - 1) });
            let again = parse(&written, &TaggedOptions { word_column: Some(file.layout.word), tag_column, ..Default::default() }).unwrap();
            prop_assert_eq!(again.sentences.len(), file.sentences.len());
            for (new, old) in again.sentences.iter().zip(&file.sentences) {
                prop_assert_eq!((new.line, &new.words), (old.line, &old.words));
                prop_assert!(new.tags.iter().flatten().all(|tag| tag == "Q"));
            }
        }
    }
}
