use super::bundle::{BundleEntry, Dim, Header, Shape, Slice, Version};
use super::table::writing::{closed, entry, sealed, table, varint, with_index};
use super::*;
use crate::crc32c::{crc32c, mask};
use crate::{Dtype, TensorFile};
use bert_testkit::fixture;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value;
use std::fs;

fn checkpoint(name: &str) -> PathBuf {
    fixture("weights/tensorflow").join(name)
}

/// TensorFlow's name for a type that is read here.
fn known(dtype: &str) -> Option<Dtype> {
    Some(match dtype {
        "float32" => Dtype::F32,
        "float64" => Dtype::F64,
        "float16" => Dtype::F16,
        "bfloat16" => Dtype::BF16,
        "int64" => Dtype::I64,
        "int32" => Dtype::I32,
        "int16" => Dtype::I16,
        "int8" => Dtype::I8,
        "uint8" => Dtype::U8,
        "bool" => Dtype::Bool,
        _ => return None,
    })
}

fn unhexed(text: &str) -> Vec<u8> {
    let byte = |start| u8::from_str_radix(&text[start..start + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[test]
fn every_tensor_is_bit_for_bit_what_tensorflow_wrote() {
    let text = fs::read_to_string(checkpoint("numbers/expected.json")).unwrap();
    let expected: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    for (folder, files) in [("numbers", 1), ("shards", 3)] {
        let index = index(&checkpoint(folder).join("numbers.ckpt.index")).unwrap();
        assert_eq!(index.files.len(), files);
        assert!(index.entries.keys().eq(expected.keys()), "{folder}: other names");
        for (name, expected) in &expected {
            let entry = &index.entries[name];
            let shape: Vec<usize> = serde_json::from_value(expected["shape"].clone()).unwrap();
            assert_eq!(entry.shape, shape, "{folder}: {name}");
            let dtype = known(expected["dtype"].as_str().unwrap());
            match &entry.dtype {
                Dtype::Other(_) => assert_eq!(dtype, None, "{folder}: {name}"),
                found => assert_eq!(Some(found), dtype.as_ref(), "{folder}: {name}"),
            }
            let Some(bytes) = expected["bytes"].as_str() else { continue };
            let found = &index.files[entry.file][entry.place.clone()];
            assert_eq!(found, unhexed(bytes), "{folder}: {name}");
            assert_eq!(entry.checksum, Some(crc32c(found)), "{folder}: {name}");
        }
    }
}

#[test]
fn numbers_are_widened_and_other_types_are_listed_but_not_read() {
    let file = TensorFile::open(&checkpoint("shards/numbers.ckpt")).unwrap();
    assert_eq!(file.format(), FORMAT);
    assert_eq!(file.integers("limits/int8").unwrap(), (vec![4], vec![-128, 0, 1, 127]));
    assert_eq!(file.integers("limits/uint8").unwrap(), (vec![4], vec![0, 0, 1, 255]));
    assert_eq!(file.integers("limits/int16").unwrap().1, [-32768, 0, 1, 32767]);
    assert_eq!(file.integers("limits/int64").unwrap().1, [i64::MIN, 0, 1, i64::MAX]);
    assert_eq!(file.integers("flags").unwrap(), (vec![1, 3], vec![1, 0, 1]));
    assert_eq!(file.integers("step").unwrap(), (vec![], vec![1 << 40]));
    assert_eq!(file.reals("scalar").unwrap(), (vec![], vec![-7.25]));
    assert_eq!(file.reals("empty/matrix").unwrap(), (vec![3, 0, 5], vec![]));
    for name in ["special/float32", "special/float64", "special/float16", "special/bfloat16"] {
        assert_eq!(file.reals(name).unwrap().1[2..4], [1.5, -2.0], "{name}");
    }
    for (name, dtype) in [("text", "DT_STRING"), ("complex", "DT_COMPLEX64")] {
        let expected = format!("tensor {name} is stored as {dtype}, expected F32");
        let message = file.reals(name).unwrap_err().to_string();
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_transposed_tensor_is_read_column_by_column() {
    let file = TensorFile::open(&checkpoint("numbers/numbers.ckpt.index")).unwrap();
    let (_, values) = file.reals("matrix/float32").unwrap();
    let mut transposed = [0.0; 21];
    file.read_transposed_into("matrix/float32", [7, 3], &mut transposed).unwrap();
    for (place, value) in transposed.into_iter().enumerate() {
        assert_eq!(value, values[place % 3 * 7 + place / 3]);
    }
    let message = file.read_transposed_into("matrix/float32", [3, 7], &mut transposed).unwrap_err();
    let expected = "has shape [3, 7], the configuration asks for [7, 3]";
    assert!(message.to_string().contains(expected), "{message}");
}

#[test]
fn the_books_layer_is_what_the_book_says() {
    let file = TensorFile::open(&checkpoint("worked/worked.ckpt")).unwrap();
    assert_eq!(file.reals("dense/bias").unwrap().1, [1.5, -2.0]);
    let mut weight = [0.0; 6];
    file.read_transposed_into("dense/kernel", [2, 3], &mut weight).unwrap();
    assert_eq!(weight, [1.0, 0.0, 0.5, -2.0, 0.0, 3.0]);
}

/// An index beside a data file of 16 bytes, opened; every tensor that it names is read.
fn open(index: &[u8]) -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.ckpt.index");
    fs::write(&path, index).unwrap();
    fs::write(folder.path().join("x.ckpt.data-00000-of-00001"), [1; 16]).unwrap();
    let file = TensorFile::open(&path)?;
    for name in file.names() {
        match file.dtype(name).unwrap() {
            Dtype::F32 => drop(file.reals(name)?),
            _ => drop(file.integers(name)),
        }
    }
    Ok(())
}

fn header() -> Header {
    Header { num_shards: 1, ..Header::default() }
}

fn tensor(shape: &[i64], offset: i64, size: i64) -> BundleEntry {
    let dim = shape.iter().map(|&size| Dim { size }).collect();
    let shape = Some(Shape { dim, unknown_rank: false });
    let crc32c = mask(crc32c(&vec![1; usize::try_from(size).unwrap_or(0).min(16)]));
    BundleEntry { dtype: 1, shape, offset, size, crc32c, ..BundleEntry::default() }
}

fn block(entries: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    closed(entries.iter().flat_map(|(key, value)| entry(0, key, value)).collect())
}

fn one(tensor: BundleEntry) -> Vec<u8> {
    table(&[block(&[(b"", header().encode_to_vec()), (b"x", tensor.encode_to_vec())])])
}

fn with_header(header: Header) -> Vec<u8> {
    table(&[block(&[(b"", header.encode_to_vec())])])
}

#[test]
fn a_whole_file_made_by_hand_is_read() {
    open(&one(tensor(&[2, 2], 0, 16))).unwrap();
    open(&one(tensor(&[3], 4, 12))).unwrap();
    open(&with_header(header())).unwrap();
}

fn assert_refused(cases: Vec<(&str, Vec<u8>, &str)>) {
    for (broken, index, expected) in cases {
        let message = open(&index).expect_err(broken).to_string();
        assert!(message.contains(expected), "{broken}: {message}");
    }
}

#[test]
fn broken_tables_are_refused_by_what_is_wrong() {
    let whole = one(tensor(&[4], 0, 16));
    let contents = block(&[(b"", header().encode_to_vec())]);
    let handle = |offset, size| entry(0, b"k", &[varint(offset), varint(size)].concat());
    // The file's first block, sealed like this, and an index block of these entries.
    let tabled = |first: Vec<u8>, index: Vec<u8>| with_index(first, &closed(index));
    let first = || handle(0, contents.len());
    let footer = |handles: &[u8]| {
        let mut file = whole[..whole.len() - 48].to_vec();
        file.extend([handles, &vec![0; 40 - handles.len()], &whole[whole.len() - 8..]].concat());
        file
    };
    let damaged = |place: usize| {
        let mut file = whole.clone();
        file[place] ^= 0x10;
        file
    };
    let raw = |entries: Vec<u8>| table(&[closed(entries)]);
    let far = usize::MAX >> 1; // the largest that nine digits hold
    assert_refused(vec![
        ("nothing", vec![], "it has 0 bytes, and its footer alone has 48"),
        ("a byte missing at the end", whole[..whole.len() - 1].to_vec(), "its last eight bytes"),
        ("another magic number", damaged(whole.len() - 1), "its last eight bytes"),
        ("handles without an end", footer(&[0xff; 40]), "the handles in its footer are no numbers"),
        (
            "an index block that is not there",
            footer(&[varint(0), varint(0), varint(whole.len()), varint(1)].concat()),
            "reaches beyond the end",
        ),
        (
            "places that overflow",
            footer(&[varint(0), varint(0), varint(far), varint(far)].concat()),
            "reaches beyond the end",
        ),
        (
            "a block as long as the file",
            footer(&[varint(0), varint(0), varint(0), varint(whole.len())].concat()),
            "reaches beyond the end",
        ),
        ("a changed bit", damaged(3), "the block at 0 is damaged: its checksum does not match"),
        ("snappy", tabled(sealed(&contents, 1), first()), "is compressed (snappy)"),
        ("another compression", tabled(sealed(&contents, 7), first()), "the unknown type 7"),
        (
            "a block again and again",
            tabled(sealed(&contents, 0), [first(), first()].concat()),
            "the block at 0 overlaps the one before",
        ),
        (
            "half a handle",
            tabled(sealed(&contents, 0), entry(0, b"k", &[0x80])),
            "a block's handle is cut off",
        ),
        ("a block without an end", table(&[vec![]]), "the restart points do not fit"),
        ("too many restart points", table(&[vec![0xff; 8]]), "the restart points do not fit"),
        ("a key of nothing", raw(entry(1, b"", b"")), "shares 1 bytes with one of 0 bytes"),
        ("half an entry", raw(vec![0, 1]), "an entry's lengths are cut off"),
        ("half a key", raw(vec![0, 9, 0, b'x']), "a key is cut off"),
        ("half a value", raw(vec![0, 0, 9, b'x']), "a value is cut off"),
        (
            "a key beyond counting",
            raw([vec![0], varint(far), vec![0]].concat()),
            "a key is cut off",
        ),
    ]);
}

#[test]
fn impossible_checkpoints_are_refused_by_what_is_wrong() {
    let four = || tensor(&[4], 0, 16);
    let unknown_rank = Some(Shape { dim: vec![], unknown_rank: true });
    let after_header =
        |key: &[u8], value| table(&[block(&[(b"", header().encode_to_vec()), (key, value)])]);
    let twice = [(&b""[..], header().encode_to_vec()), (b"x", four().encode_to_vec())];
    let newer = Some(Version { min_consumer: 2 });
    let negative = "a shape, offset or size that is unknown or negative";
    assert_refused(vec![
        ("no entry", table(&[block(&[])]), "it is empty"),
        ("no block", table(&[]), "it is empty"),
        ("no header", table(&[block(&[(b"x", vec![])])]), "it does not begin with the header"),
        ("a header of noise", table(&[block(&[(b"", vec![0xff; 9])])]), "its header: "),
        ("big-endian", with_header(Header { endianness: 1, ..header() }), "big-endian"),
        ("newer", with_header(Header { version: newer, ..header() }), "a reader of version 2"),
        ("no shards", with_header(Header::default()), "its header says 0 data files"),
        ("−1 shards", with_header(Header { num_shards: -1, ..header() }), "says -1 data files"),
        (
            "another shard",
            one(BundleEntry { shard_id: 1, ..four() }),
            "tensor x is in data file 1, and there are 1",
        ),
        ("shard −1", one(BundleEntry { shard_id: -1, ..four() }), "is in data file -1"),
        ("an entry of noise", after_header(b"x", vec![0xff; 9]), "tensor x: "),
        ("a negative size", one(tensor(&[4], 0, -16)), negative),
        ("a negative place", one(tensor(&[4], -4, 16)), negative),
        ("a negative shape", one(tensor(&[-4], 0, 16)), negative),
        ("an unknown shape", one(BundleEntry { shape: unknown_rank, ..four() }), negative),
        ("beyond the end", one(tensor(&[4], 1, 16)), "-00000-of-00001: not a whole TensorFlow"),
        ("a place that overflows", one(tensor(&[4], i64::MAX, i64::MAX)), "it has 16 bytes"),
        ("more numbers than bytes", one(tensor(&[5], 0, 16)), "does not fit its 16 bytes"),
        ("billions of numbers", one(tensor(&[1 << 40], 0, 16)), "does not fit its 16 bytes"),
        ("beyond counting", one(tensor(&[1 << 62, 1 << 62, 0], 0, 0)), "the impossible shape"),
        (
            "slices",
            one(BundleEntry { slices: vec![Slice {}], ..four() }),
            "tensor x is stored in slices (a partitioned variable)",
        ),
        ("a name twice", table(&[block(&twice), block(&twice[1..])]), "there are two tensors x"),
        ("a name of noise", after_header(b"\xff", four().encode_to_vec()), "is not UTF-8"),
        (
            "another checksum",
            one(BundleEntry { crc32c: 7, ..four() }),
            "-00000-of-00001: tensor x is damaged: the crc32c of its bytes is",
        ),
    ]);
}

#[test]
fn tensors_in_slices_are_refused_by_name() {
    let message = TensorFile::open(&checkpoint("sliced/sliced.ckpt.index")).err().unwrap();
    assert!(message.to_string().contains("tensor table is stored in slices"), "{message}");
}

#[test]
fn a_data_file_that_is_not_there_is_named_however_many_are_promised() {
    let entries = [
        (&b""[..], Header { num_shards: i32::MAX, ..header() }.encode_to_vec()),
        (b"x", BundleEntry { shard_id: i32::MAX - 1, ..tensor(&[4], 0, 16) }.encode_to_vec()),
    ];
    let message = open(&table(&[block(&entries)])).unwrap_err().to_string();
    assert!(message.contains("x.ckpt.data-2147483646-of-2147483647: "), "{message}");
}

fn genuine() -> Vec<u8> {
    fs::read(checkpoint("numbers/numbers.ckpt.index")).unwrap()
}

/// The contents of its first block.
fn genuine_block() -> Vec<u8> {
    let file = genuine();
    let mut size = 0;
    table::read(&file, |_, _| Ok(())).unwrap();
    // The block ends where its checksum fits.
    while crc32c(&file[..=size])
        != crate::crc32c::unmask(u32::from_le_bytes(file[size + 1..size + 5].try_into().unwrap()))
    {
        size += 1;
    }
    file[..size].to_vec()
}

#[test]
fn an_index_cut_anywhere_is_refused() {
    let whole = genuine();
    for length in 0..whole.len() {
        assert!(bundle::read(&whole[..length]).is_err(), "cut after {length} bytes");
    }
    assert!(bundle::read(&whole).is_ok());
}

#[test]
fn a_changed_byte_in_a_block_is_noticed() {
    let whole = genuine();
    for place in 0..genuine_block().len() + 5 {
        let mut file = whole.clone();
        file[place] ^= 1;
        assert!(bundle::read(&file).is_err(), "byte {place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // The checksum is made anew, so that what is behind it is reached.
    #[test]
    fn a_changed_byte_behind_its_checksum_never_panics(place in any::<usize>(), byte in any::<u8>()) {
        let mut block = genuine_block();
        let place = place % block.len();
        block[place] = byte;
        let _ = open(&table(&[block]));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = open(&bytes);
        let _ = open(&table(std::slice::from_ref(&bytes)));
        let value = [(&b""[..], header().encode_to_vec()), (b"x", bytes)];
        let _ = open(&table(&[block(&value)]));
    }
}

/// Any number of tensors may name the same bytes. Before memory is asked for, the model's size is compared with the files'.
#[test]
fn a_model_that_is_larger_than_its_files_is_refused() {
    let mut tensors: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (table, rows) in [("word", 17), ("position", 9), ("token_type", 2)] {
        tensors.insert(format!("bert/embeddings/{table}_embeddings"), vec![rows, 8]);
    }
    for layer in 0..10 {
        let name = |part: &str| format!("bert/encoder/layer_{layer}/{part}/kernel");
        tensors.insert(name("attention/self/query"), vec![8, 8]);
        tensors.insert(name("intermediate/dense"), vec![8, 12]);
    }
    let size = |shape: &[i64]| 4 * shape.iter().product::<i64>();
    let mut entries = vec![(String::new(), header().encode_to_vec())];
    for (name, shape) in &tensors {
        entries.push((name.clone(), tensor(shape, 0, size(shape)).encode_to_vec()));
    }
    let entries: Vec<(&[u8], Vec<u8>)> =
        entries.iter().map(|(name, value)| (name.as_bytes(), value.clone())).collect();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(checkpoint("pretrain/bert_config.json"), folder.path().join("bert_config.json"))
        .unwrap();
    let config = fs::read_to_string(folder.path().join("bert_config.json")).unwrap();
    let config = config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 10");
    fs::write(folder.path().join("bert_config.json"), config).unwrap();
    fs::write(folder.path().join("bert_model.ckpt.index"), table(&[block(&entries)])).unwrap();
    let data = vec![1; 17 * 8 * 4];
    fs::write(folder.path().join("bert_model.ckpt.data-00000-of-00001"), data).unwrap();
    let message = crate::load(folder.path(), &crate::LoadOptions::default()).unwrap_err();
    let expected = "a model of 4704 numbers does not come from 544 bytes";
    assert!(message.to_string().contains(expected), "{message}");
    let problem = crate::inspect(folder.path()).unwrap().problem.unwrap();
    assert!(problem.contains(expected), "{problem}");
}
