//! Zip files and old files that are not what they say.

use super::assemble::*;
use super::*;

fn good() -> Zip {
    zip(&pickle(&[&dict(&[("x", tensor(storage("0", 6), 0, &[6], &[1]))])]))
}

#[test]
fn the_file_itself_is_good() {
    let file = open(&good().bytes).unwrap();
    assert_eq!(file.reals("x").unwrap(), (vec![6], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    // A comment at the end, which begins like another end.
    let mut bytes = good().bytes;
    let length = bytes.len();
    bytes[length - 2..].copy_from_slice(&30_u16.to_le_bytes());
    bytes.extend([b"PK\x05\x06".as_slice(), &[7; 26]].concat());
    assert!(open(&bytes).is_ok());
}

#[test]
fn a_zip_file_that_is_not_as_torch_writes_it_is_refused() {
    let zip = good();
    let (local, central, end) = (zip.local.clone(), zip.central.clone(), zip.end);
    let data = central[2]; // of x/data/0
    let size = |number: u32| number.to_le_bytes();
    for (what, at, bytes, expected) in [
        (
            "compressed",
            data + 10,
            &[8, 0][..],
            "the entry x/data/0 is compressed (method 8), which torch.save never does",
        ),
        ("a bomb", data + 24, &size(1 << 31), "the entry x/data/0 is compressed"),
        ("encrypted", data + 8, &[1], "the entry x/data/0 is encrypted"),
        (
            "local header compressed",
            local[2] + 8,
            &[8],
            "the entry x/data/0 is not where the central directory says",
        ),
        (
            "local header elsewhere",
            data + 42,
            &size(3),
            "the entry x/data/0 is not where the central directory says",
        ),
        (
            "outside",
            data + 42,
            &size(1 << 31),
            "the entry x/data/0 is not where the central directory says",
        ),
        (
            "all ones",
            data + 42,
            &size(u32::MAX),
            "the entry x/data/0 is not where the central directory says",
        ),
        (
            "another's header",
            data + 42,
            &size(0),
            "the entry x/data/0 is not where the central directory says",
        ),
        (
            "other local name",
            local[2] + 30,
            b"y",
            "the entry x/data/0 is not where the central directory says",
        ),
        (
            "long local extra",
            local[2] + 28,
            &[0xff, 0xff],
            "the entry x/data/0 lies outside of the file",
        ),
        ("directory damaged", data, b"PK\x01\x03", "the central directory is damaged"),
        ("name too long", data + 28, &[0xff, 0xff], "the zip file is cut off"),
        ("comment too long", data + 32, &[0xff, 0xff], "the central directory is cut off"),
        ("one entry more", end + 10, &[4, 0], "the central directory has 3 entries, expected 4"),
        ("one entry less", end + 10, &[2, 0], "the central directory has 3 entries, expected 2"),
        (
            "directory longer",
            end + 12,
            &size(1 << 20),
            "the central directory lies outside of the file",
        ),
        (
            "directory outside",
            end + 16,
            &size(1 << 31),
            "the central directory lies outside of the file",
        ),
        ("directory shorter", end + 12, &size(60), "cut off"),
        ("directory moved", end + 16, &size(1), "the central directory"),
        ("name not UTF-8", data + 46, &[0xff], "not UTF-8"),
        ("big-endian", local[1] + 30 + 11, b"big   ", "its numbers are big-endian"),
        ("no end", end, b"PK\x05\x07", "the end of the zip file is missing"),
    ] {
        let text = message(&zip.clone().put(at, bytes).bytes);
        assert!(text.contains(expected), "{what}: {text}");
    }
}

#[test]
fn entries_that_share_bytes_or_a_name_are_refused() {
    let object = pickle(&[b"}"]);
    let twice = Zip::new(&[("x/data.pkl", &object), ("x/data/0", b"abcd"), ("x/data/0", b"efgh")]);
    assert!(message(&twice.bytes).contains("there are two entries x/data/0"));
    // The second entry's header lies within the first one's bytes.
    let inner = Zip::new(&[("x/data/1", b"abcd")]).bytes[..42].to_vec();
    let around = Zip::new(&[("x/data.pkl", &object), ("x/data/0", &inner), ("x/data/1", b"abcd")]);
    let place = around.local[1] + 30 + "x/data/0".len();
    let at = around.central[2] + 42;
    let overlapping = around.put(at, &u32::try_from(place).unwrap().to_le_bytes());
    let text = message(&overlapping.bytes);
    assert!(text.contains("the entries x/data/0 and x/data/1 share bytes"), "{text}");
}

#[test]
fn names_that_lead_out_of_the_archive_are_refused() {
    let object = pickle(&[b"}"]);
    for name in ["../evil", "x/../../evil", "/etc/passwd", "x\\..\\evil", "x/data/0\0"] {
        let text = message(&Zip::new(&[("x/data.pkl", &object), (name, b"abcd")]).bytes);
        assert!(text.contains("points out of the archive"), "{name}: {text}");
    }
}

#[test]
fn a_zip_file_of_something_else_is_refused() {
    let object = pickle(&[b"}"]);
    let google = [("bert/bert_config.json", b"{}".as_slice()), ("bert/vocab.txt", b"a")];
    for (entries, expected) in [
        (
            &google[..],
            "there is no NAME/data.pkl, but bert/bert_config.json, bert/vocab.txt. If it is a model's directory, unpack it",
        ),
        (&[("data.pkl", &object)], "there is no NAME/data.pkl"),
        (&[("a/b/data.pkl", &object)], "there is no NAME/data.pkl"),
        (
            &[("a/data.pkl", &object), ("b/data.pkl", &object)],
            "both a/data.pkl and b/data.pkl are there",
        ),
    ] {
        let text = message(&Zip::new(entries).bytes);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

/// The good file with its sizes in 8 bytes, as in files over 4 GB.
fn zip64() -> (Vec<u8>, usize) {
    let zip = good();
    let (data, end) = (zip.central[2], zip.end);
    let (size, header) = (24_u64.to_le_bytes(), (zip.local[2] as u64).to_le_bytes());
    let extra = [[9, 0, 1, 0, 7, 1, 0, 24, 0].as_slice(), &size, &size, &header].concat();
    let all_ones = [0xff; 4];
    let zip = zip.put(data + 20, &all_ones).put(data + 24, &all_ones).put(data + 42, &all_ones);
    let zip = zip.put(data + 30, &u16::try_from(extra.len()).unwrap().to_le_bytes());
    let start = zip.central[0];
    let mut bytes = [&zip.bytes[..end], &extra].concat();
    let (record, length) = (bytes.len(), (bytes.len() - start) as u64);
    let numbers = [3, 3, length, start as u64].map(u64::to_le_bytes).concat();
    bytes.extend([b"PK\x06\x06\x2c\0\0\0\0\0\0\0".as_slice(), &[0; 12], &numbers].concat());
    bytes.extend(
        [b"PK\x06\x07\0\0\0\0".as_slice(), &(record as u64).to_le_bytes(), &[1, 0, 0, 0]].concat(),
    );
    bytes.extend([b"PK\x05\x06".as_slice(), &[0; 4], &[0xff; 12], &[0; 2]].concat());
    (bytes, record)
}

#[test]
fn sizes_and_places_in_eight_bytes_are_read_and_checked() {
    let (bytes, record) = zip64();
    let (read, numbers) =
        (open(&bytes).unwrap().reals("x").unwrap().1, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(read, numbers);
    let (end, extra) = (bytes.len() - 22, record - 24);
    for (what, at, value, expected) in [
        ("size", extra, u64::MAX, "the entry x/data/0 is compressed"),
        ("both sizes", extra, u64::MAX - 1, "the entry x/data/0 lies outside of the file"),
        (
            "header",
            extra + 16,
            u64::MAX,
            "the entry x/data/0 is not where the central directory says",
        ),
        (
            "count",
            record + 32,
            1 << 60,
            "the central directory has 3 entries, expected 1152921504606846976",
        ),
        ("length", record + 40, u64::MAX, "the central directory is endless"),
        ("start", record + 48, u64::MAX, "the central directory is endless"),
        ("start", record + 48, 1 << 40, "the central directory lies outside of the file"),
        ("locator", record + 56 + 8, u64::MAX, "the zip64 record is not where its locator says"),
        ("locator", record + 56 + 8, 0, "the zip64 record is not where its locator says"),
    ] {
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        if what == "both sizes" {
            bytes[at + 8..at + 16].copy_from_slice(&value.to_le_bytes());
        }
        let text = message(&bytes);
        assert!(text.contains(expected), "{what}: {text}");
    }
    let mut contradicting = bytes.clone();
    contradicting[end + 10] = 2;
    contradicting[end + 11] = 0;
    assert!(message(&contradicting).contains("contradict each other"));
}

#[test]
fn an_old_file_that_is_not_as_torch_writes_it_is_refused() {
    let object = pickle(&[&dict(&[("x", tensor(storage("0", 1), 0, &[1], &[1]))])]);
    let two_widths = pickle(&[&dict(&[
        ("x", storage("0", 1)),
        (
            "y",
            [
                tuple(&[
                    text("storage"),
                    global("torch", "HalfStorage"),
                    text("0"),
                    text("cpu"),
                    number(1),
                ])
                .as_slice(),
                b"Q",
            ]
            .concat(),
        ),
    ])]);
    let stored = |length: i64| [length.to_le_bytes().as_slice(), &1.5_f32.to_le_bytes()].concat();
    let one = stored(1);
    let whole = open(&legacy(&object, &keys(&["0"]), &one)).unwrap();
    assert_eq!(whole.reals("x").unwrap(), (vec![1], vec![1.5]));
    for (what, bytes, expected) in [
        ("no storages", legacy(&object, b"", b""), "cut off"),
        ("no list", legacy(&object, &pickle(&[b"}"]), &one), "the list of storages is missing"),
        (
            "a key that is a number",
            legacy(&object, &pickle(&[b"]K\x01a"]), &one),
            "the key of a storage is no string",
        ),
        ("an unknown key", legacy(&object, &keys(&["1"]), &one), "storage 1 belongs to no tensor"),
        ("a missing storage", legacy(&object, &keys(&[]), b""), "its storage 0 is not in the file"),
        (
            "twice",
            legacy(&object, &keys(&["0", "0"]), &[one.clone(), one.clone()].concat()),
            "there are two storages 0",
        ),
        ("too short", legacy(&object, &keys(&["0"]), &stored(2)), "storage 0 is cut off"),
        ("negative", legacy(&object, &keys(&["0"]), &stored(-1)), "storage 0 is cut off"),
        ("overflow", legacy(&object, &keys(&["0"]), &stored(i64::MAX)), "storage 0 is cut off"),
        ("no length", legacy(&object, &keys(&["0"]), b"\x01"), "storage 0 is cut off"),
        (
            "smaller",
            legacy(&object, &keys(&["0"]), &0_i64.to_le_bytes()),
            "its storage 0 has 0 bytes, expected 1 times 4",
        ),
        (
            "more bytes",
            legacy(&object, &keys(&["0"]), &[one.as_slice(), b"x"].concat()),
            "1 bytes follow the last storage",
        ),
        (
            "two widths",
            legacy(&two_widths, &keys(&["0"]), &one),
            "storage 0 has numbers of two widths",
        ),
        ("code", legacy(&pickle(&[b"cposix\nsystem\n"]), &keys(&[]), b""), "refuses posix.system"),
    ] {
        let text = message(&bytes);
        assert!(text.contains(expected), "{what}: {text}");
    }
    let mut other = legacy(&object, &keys(&["0"]), &one);
    let version = pickle(&[b"\x8a\x0a", &[0; 10]]).len() + 4;
    other[version] = 7;
    assert!(
        message(&other).contains("the version of the form is Int(775), expected 1001"),
        "{}",
        message(&other)
    );
}

#[test]
fn other_files_are_named() {
    let mut tar = vec![0; 600];
    tar[257..262].copy_from_slice(b"ustar");
    assert!(message(&tar).contains("it is a tar file, as torch wrote before version 0.1.10"));
    assert!(
        message(&pickle(&[b"}}}}"])).contains("it is a pickle, but not one that torch.save writes")
    );
    assert!(
        message(b"")
            .contains("not a whole PyTorch file: it begins like no file that torch.save writes")
    );
    assert!(
        message(b"version https://git-lfs.github.com/spec/v1\n")
            .contains("it is a Git LFS pointer")
    );
    // 640 bytes of header begin as a pickle of protocol 2 does.
    let safetensors = [640_u64.to_le_bytes().as_slice(), b"{}", &[b' '; 638]].concat();
    assert_eq!(message(&safetensors), "(it was read)");
}
