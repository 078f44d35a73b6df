//! Pickles that would run code, fill the memory or read where nothing is.

use super::assemble::*;
use super::*;

fn refused(object: &[u8]) -> String {
    message(&zip(object).bytes)
}

#[test]
fn nothing_is_called_that_is_not_on_the_list() {
    let echo = tuple(&[text("echo")]);
    let evil = |module: &str, name: &str| pickle(&[&global(module, name), &echo, b"R"]);
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("operator", "attrgetter"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch.serialization", "load"),
        ("torch.hub", "load"),
        ("torch._utils", "_rebuild_wrapper_subclass"),
        ("torch._tensor", "_rebuild_from_type_v2"),
        ("torch.jit", "load"),
        ("torch.storage", "TypedStorage"),
        ("torch", "Storage"),
        ("torch", ""),
        ("collections", "OrderedDict.clear"),
        ("collections.OrderedDict", "clear"),
        ("torch._utils._rebuild_tensor_v2", "__globals__"),
        ("torch", "_utils._rebuild_tensor_v2"),
        ("numpy.core.multiarray", "scalar"),
        ("_codecs", "encode"),
        ("copyreg", "_reconstructor"),
        ("pickle", "loads"),
        ("", ""),
        ("COLLECTIONS", "OrderedDict"),
        (" collections", "OrderedDict"),
        ("collections\r", "OrderedDict"),
        ("collections", "OrderedDict\0"),
    ] {
        let text = refused(&evil(module, name));
        let shown = format!("{module}.{name}").escape_debug().to_string();
        assert!(
            text.contains(&format!("refuses {shown}: a file of weights needs no such thing")),
            "{module}.{name}: {text}"
        );
    }
}

#[test]
fn no_other_way_leads_to_a_call() {
    let os_system = b"cos\nsystem\n".as_slice();
    let float = b"ctorch\nFloatStorage\n".as_slice();
    for (program, expected) in [
        // STACK_GLOBAL, its names from the memo.
        (
            [text("os").as_slice(), b"q\x00", &text("system"), b"q\x01h\x00h\x01\x93)R"].concat(),
            "refuses os.system",
        ),
        (
            [b"\x8c\x05posix\x94\x8c\x06system\x94\x93".as_slice(), b")R"].concat(),
            "refuses posix.system",
        ),
        (b"K\x01K\x02\x93".to_vec(), "STACK_GLOBAL finds no names"),
        (b"\x93".to_vec(), "an empty stack"),
        // A name may not run into the next line, nor past the end.
        (b"ctorch\nFloatStorage".to_vec(), "a name has no end"),
        (b"ctorch".to_vec(), "a name has no end"),
        (b"ctorch\n\nFloatStorage\n".to_vec(), "refuses torch.:"),
        (b"c\ntorch\n".to_vec(), "refuses .torch:"),
        (b"ctorch\nFloat\xffStorage\n".to_vec(), "is not UTF-8"),
        (b"ctorch\nFloatStorage\r\n".to_vec(), r"refuses torch.FloatStorage\r:"),
        // Calls in other clothes.
        (b"(S'echo'\nios\nsystem\n".to_vec(), "refuses the opcode STRING"),
        (b"(ios\nsystem\n".to_vec(), "refuses the opcode INST"),
        ([b"(".as_slice(), float, b"o"].concat(), "refuses the opcode OBJ"),
        ([float, b")\x81"].concat(), "refuses the opcode NEWOBJ:"),
        ([float, b")}\x92"].concat(), "refuses the opcode NEWOBJ_EX"),
        (b"\x82\x01".to_vec(), "refuses the opcode EXT1"),
        (b"\x83\x01\x00".to_vec(), "refuses the opcode EXT2"),
        (b"\x84\x01\x00\x00\x00".to_vec(), "refuses the opcode EXT4"),
        (b"P1\n".to_vec(), "refuses the opcode PERSID"),
        (b"\x97".to_vec(), "refuses the opcode NEXT_BUFFER"),
        (b"\x96\x01\0\0\0\0\0\0\0x".to_vec(), "refuses the opcode BYTEARRAY8"),
        (b"\x8f(K\x01\x90".to_vec(), "refuses the opcode EMPTY_SET"),
        (b"\x80\x02".to_vec(), "refuses the opcode PROTO"),
        (b"\xff".to_vec(), "there is no opcode 0xff"),
        // Known names, called as they are not meant.
        ([float, b")R"].concat(), "with 0 arguments"),
        ([float, b"K\x01R"].concat(), "calls a function without a tuple of arguments"),
        (b"K\x01)R".to_vec(), "calls something that is no function"),
        ([text("os.system").as_slice(), b")R"].concat(), "calls something that is no function"),
        ([b"ctorch\nfloat32\n".as_slice(), b")R"].concat(), "with 0 arguments"),
        (call("torch._utils", "_rebuild_tensor_v2", &[]), "with 0 arguments"),
        (
            call(
                "torch._utils",
                "_rebuild_parameter",
                &[b"N".to_vec(), b"N".to_vec(), b"N".to_vec()],
            ),
            "no tensor",
        ),
        (call("collections", "OrderedDict", &[b"]K\x01a".to_vec()]), "something else than pairs"),
        ([tensor(storage("0", 6), 0, &[6], &[1]).as_slice(), b"}b"].concat(), "refuses BUILD"),
        ([b"K\x01}b".as_slice()].concat(), "changes Int(1)"),
        (os_system.to_vec(), "refuses os.system"),
    ] {
        let text = refused(&pickle(&[&program]));
        assert!(text.contains(expected), "{}: {text}", program.escape_ascii());
    }
}

#[test]
fn programs_that_break_off_or_take_what_is_not_there_are_refused() {
    for (program, expected) in [
        (b"".as_slice(), "cut off"),
        (b"\x80", "cut off"),
        (b"\x80\x01}.", "no pickle of protocol 2, 3, 4 or 5"),
        (b"\x80\x06}.", "no pickle of protocol 2, 3, 4 or 5"),
        (b"}.", "no pickle of protocol 2, 3, 4 or 5"),
        (b"\x80\x02}", "cut off"),
        (b"\x80\x02.", "more or less than one value"),
        (b"\x80\x02}}.", "more or less than one value"),
        (b"\x80\x02(}.", "more or less than one value"),
        (b"\x80\x02}.x", "1 bytes follow the pickle"),
        (b"\x80\x02t.", "there is no mark"),
        (b"\x80\x02}u.", "there is no mark"),
        (b"\x80\x02]e.", "there is no mark"),
        (b"\x80\x02K\x01(\x85.", "empty stack"),
        (b"\x80\x02K\x01(q\x00.", "empty stack"),
        (b"\x80\x02(K\x01u.", "empty stack"),
        (b"\x80\x02}(K\x01u.", "a key without a value"),
        (b"\x80\x02]K\x01K\x02s.", "no dictionary"),
        (b"\x80\x02}K\x01a.", "no list"),
        (b"\x80\x02)K\x01a.", "no list"),
        (b"\x80\x02NK\x01a.", "changes None"),
        (b"\x80\x02h\x07.", "nothing was kept as number 7"),
        (b"\x80\x02}q\x02.", "keeps number 2 after number 0"),
        (b"\x80\x02}r\xff\xff\xff\xff.", "keeps number 4294967295 after number 0"),
        (b"\x80\x02}q\x01h\x00.", "nothing was kept as number 0"),
        (b"\x80\x02j\xff\xff\xff\xff.", "nothing was kept as number 4294967295"),
        (b"\x80\x02J\x01\x02.", "cut off"),
        (b"\x80\x02X\xff\xff\xff\xffabc.", "cut off: 4294967295 bytes are wanted"),
        (b"\x80\x02T\xff\xff\xff\xffabc.", "cut off: 4294967295 bytes are wanted"),
        (b"\x80\x02B\xff\xff\xff\xffabc.", "cut off: 4294967295 bytes are wanted"),
        (b"\x80\x02X\x01\0\0\0\xff.", "not UTF-8"),
        (b"\x80\x02\x8a\xff\x01.", "cut off: 255 bytes are wanted"),
        (b"\x80\x02\x8b\xff\xff\xff\xff\x01.", "refuses the opcode LONG4"),
        (b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.", "refuses the opcode BINUNICODE8"),
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff}.", "longer than the pickle"),
        (b"\x80\x02S'abc", "refuses the opcode STRING"),
        (b"\x80\x02N.", "something else than a dictionary"),
        (b"\x80\x02].", "something else than a dictionary"),
    ] {
        let text = refused(program);
        assert!(text.contains(expected), "{}: {text}", program.escape_ascii());
    }
    // Both instructions are there, and the name comes right.
    assert_eq!(message(&zip(b"\x80\x04\x95\x02\0\0\0\0\0\0\0}\x94.").bytes), "(it was read)");
}

#[test]
fn a_tensor_that_is_not_in_its_storage_is_refused() {
    let whole =
        |shape: &[i64], strides: &[i64], offset| tensor(storage("0", 6), offset, shape, strides);
    let id = |items: &[Vec<u8>]| [tuple(items).as_slice(), b"Q"].concat();
    let float = global("torch", "FloatStorage");
    let flat = |storage: Vec<u8>| tensor(storage, 0, &[6], &[1]);
    for (value, expected) in [
        (whole(&[7], &[1], 0), "shape [7] from number 0 on leaves its storage 0"),
        (whole(&[6], &[1], 1), "shape [6] from number 1 on leaves its storage 0"),
        (whole(&[1], &[1], 6), "leaves its storage"),
        (whole(&[1], &[1], 7), "leaves its storage"),
        (whole(&[1], &[1], i64::MAX), "leaves its storage"),
        (whole(&[2, 3], &[1, 3], 0), "does not fit its 24 bytes"),
        (whole(&[2, 2], &[1, 5], 0), "does not fit its 24 bytes"),
        (whole(&[2, 2], &[1, i64::MAX], 0), "does not fit its 24 bytes"),
        (whole(&[2, 2, 2], &[i64::MAX, i64::MAX, i64::MAX], 0), "(expanded, or overlapping)"),
        (whole(&[100], &[0], 0), "its 400 bytes are made of 24 (expanded, or overlapping)"),
        (whole(&[3, 2], &[1, 1], 3), "its 24 bytes are made of 12 (expanded, or overlapping)"),
        (
            whole(&[1 << 40, 1 << 40], &[1, 1], 0),
            "the impossible shape [1099511627776, 1099511627776]",
        ),
        (whole(&[1 << 61], &[1], 0), "leaves its storage"),
        (whole(&[i64::MAX, i64::MAX, 0], &[1, 1, 1], 0), "impossible shape"),
        (whole(&[-1], &[1], 0), "the size of a tensor holds Int(-1)"),
        (whole(&[1], &[-1], 0), "the stride of a tensor holds Int(-1)"),
        (whole(&[1], &[1], -1), "the offset of a tensor is no whole number from 0 on"),
        (whole(&[6], &[], 0), "a tensor has 1 sizes and 0 strides"),
        (flat(storage("1", 6)), "its storage 1 is not in the file"),
        (flat(storage("../data.pkl", 6)), "its storage ../data.pkl is not in the file"),
        (flat(storage("0", 5)), "its storage 0 has 24 bytes, expected 5 times 4"),
        (flat(storage("0", 7)), "its storage 0 has 24 bytes, expected 7 times 4"),
        (flat(storage("0", i64::MAX)), "expected 9223372036854775807 times 4"),
        (flat(storage("0", -1)), "storage 0 has an impossible length"),
        (flat(b"N".to_vec()), "something that is no storage"),
        (flat(ordered_dict()), "something that is no storage"),
        (flat(id(&[])), "a persistent id is no storage"),
        (flat(b"K\x07Q".to_vec()), "a persistent id is no storage"),
        (flat([text("storage").as_slice(), b"Q"].concat()), "a persistent id is no storage"),
        (
            flat(id(&[text("module"), float.clone(), text("0"), text("cpu"), number(6)])),
            "a persistent id is no storage",
        ),
        (
            flat(id(&[text("storage"), text("FloatStorage"), text("0"), text("cpu"), number(6)])),
            "a persistent id is no storage",
        ),
        (
            flat(id(&[
                text("storage"),
                global("torch", "float32"),
                text("0"),
                text("cpu"),
                number(6),
            ])),
            "a persistent id is no storage",
        ),
        (
            flat(id(&[text("storage"), float.clone(), number(0), text("cpu"), number(6)])),
            "a persistent id is no storage",
        ),
        (
            flat(id(&[
                text("storage"),
                float.clone(),
                text("0"),
                text("cpu"),
                number(6),
                b"N".to_vec(),
                b"N".to_vec(),
            ])),
            "a persistent id is no storage",
        ),
        (
            flat(id(&[
                text("storage"),
                float.clone(),
                text("0"),
                text("cpu"),
                number(6),
                numbers(&[0, 5, 2]),
            ])),
            "lies outside of it",
        ),
        (
            flat(id(&[
                text("storage"),
                float,
                text("0"),
                text("cpu"),
                number(6),
                numbers(&[0, i64::MAX, 2]),
            ])),
            "lies outside of it",
        ),
        (tensor(storage("0", 6), 0, &[6], &[1])[..10].to_vec(), ""),
    ] {
        let text = refused(&pickle(&[&dict(&[("x", value)])]));
        assert!(text.contains(expected) && text != "(it was read)", "{expected}: {text}");
    }
}

#[test]
fn the_same_tensors_whole_are_read() {
    let part = [
        text("storage"),
        global("torch", "FloatStorage"),
        text("0"),
        text("cpu"),
        number(6),
        numbers(&[1, 2, 3]),
    ];
    let items = [
        ("all", tensor(storage("0", 6), 0, &[2, 3], &[3, 1])),
        ("turned", tensor(storage("0", 6), 0, &[3, 2], &[1, 3])),
        ("late", tensor(storage("0", 6), 4, &[2], &[1])),
        ("none", tensor(storage("0", 6), 9, &[0, 7], &[1, 1])),
        ("part", tensor([tuple(&part).as_slice(), b"Q"].concat(), 1, &[2], &[1])),
        (
            "old",
            call(
                "torch._utils",
                "_rebuild_tensor",
                &[storage("0", 6), number(1), numbers(&[]), numbers(&[])],
            ),
        ),
    ];
    let object = pickle(&[&dict(&items)]);
    let numbers: Vec<u8> = (0..6_u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
    let old =
        legacy(&object, &keys(&["0"]), &[[6, 0, 0, 0, 0, 0, 0, 0].as_slice(), &numbers].concat());
    for bytes in [zip(&object).bytes, old] {
        let file = open(&bytes).unwrap();
        let values = |name: &str| file.reals(name).unwrap().1;
        assert_eq!(values("all"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(values("turned"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(values("late"), [4.0, 5.0]);
        assert_eq!(file.shape("none"), Some(&[0, 7][..]));
        assert_eq!(values("part"), [3.0, 4.0]);
        assert_eq!(values("old"), [1.0]);
    }
}

#[test]
fn two_tensors_of_one_name_are_refused() {
    let tensor = || tensor(storage("0", 6), 0, &[6], &[1]);
    let text = refused(&pickle(&[&dict(&[("x", tensor()), ("x", tensor())])]));
    assert!(text.contains("there are two tensors x"), "{text}");
    let nested = dict(&[("b", tensor())]);
    let text = refused(&pickle(&[&dict(&[("a", nested), ("a.b", tensor())])]));
    assert!(text.contains("there are two tensors a.b"), "{text}");
}

#[test]
fn memory_is_not_filled_by_what_is_no_weight() {
    const MILLION: usize = 1 << 20;
    let bomb = "would fill the memory";
    assert!(refused(&pickle(&[&b"}".repeat(MILLION)])).contains(bomb));
    assert!(refused(&pickle(&[&b"(".repeat(MILLION)])).contains(bomb));
    assert!(refused(&pickle(&[b"}", &b"\x94".repeat(MILLION)])).contains(bomb));
    // A shape of many sizes, written once and used often.
    let shape = [b"(".as_slice(), &b"K\x01".repeat(10_000), b"tq\x00"].concat();
    let storage = [storage("0", 6).as_slice(), b"q\x01"].concat();
    let once = b"ctorch._utils\n_rebuild_tensor\n(h\x01K\x00h\x00h\x00tR".repeat(1_000);
    assert!(refused(&pickle(&[&shape, &storage, &once])).contains(bomb));
    // A name of many letters, written once and used often.
    let name = [text(&"a".repeat(100_000)).as_slice(), b"q\x01"].concat();
    let x = tensor(storage.clone(), 0, &[6], &[1]);
    let inner = [dict(&[("x", x)]).as_slice(), b"q\x00"].concat();
    let item = |key| [number(key).as_slice(), b"}h\x01h\x00s"].concat();
    let many: Vec<u8> = (0..1_000).flat_map(item).collect();
    let outer = [b"}(N".as_slice(), &inner, b"N", &name, &many, b"u"].concat();
    assert!(refused(&pickle(&[&outer])).contains(bomb));
}

#[test]
fn a_long_key_is_not_copied_for_each_use() {
    // 100 GB, if it were.
    let key = [text(&"k".repeat(1 << 20)).as_slice(), b"q\x00"].concat();
    let others = pickle(&[b"}(", &key, b"N", &b"h\x00N".repeat(100_000), b"u"]);
    let file = open(&zip(&others).bytes).unwrap();
    assert_eq!(file.notes(), ["passed over: 100001 values of the file that are no tensors"]);
    let beside = pickle(&[b"}(", &key, b"N", &b"h\x00N".repeat(100_000), &text("model"), b"}u"]);
    let file = open(&zip(&beside).bytes).unwrap();
    assert!(file.notes()[0].ends_with("… and 99993 more"), "{:?}", file.notes());
}

#[test]
fn a_billion_laughs_are_not_laughed() {
    // Each dictionary holds the one before under a hundred names.
    let x = tensor(storage("0", 6), 0, &[6], &[1]);
    let mut program = [b"}(K\x00".as_slice(), &dict(&[("x", x)]), b"q\x00"].concat();
    for level in 1..7 {
        program.extend([number(level).as_slice(), b"}("].concat());
        (0..100).for_each(|key| program.extend([number(key).as_slice(), b"h\x00"].concat()));
        program.extend(b"uq\x00");
    }
    let text = refused(&pickle(&[&program, b"u"]));
    assert!(text.contains("would fill the memory"), "{text}");
}

#[test]
fn depth_and_cycles_do_no_harm() {
    const DEEP: usize = 200_000;
    let tuples = [b")".as_slice(), &b"\x85".repeat(DEEP)].concat();
    let message = large(&pickle(&[&tuples]));
    assert!(message.contains("something else than a dictionary"), "{message}");
    let dicts = [b"}".as_slice(), &b"K\x01}".repeat(DEEP), &b"s".repeat(DEEP)].concat();
    assert_eq!(large(&pickle(&[&dicts])), "(it was read)");
    let cycle = [b"}q\x00".as_slice(), &text("self"), b"h\x00s"].concat();
    assert_eq!(refused(&pickle(&[&cycle])), "(it was read)");
}

/// In a file of 4 MB: how much is made of a pickle depends on the file's size.
fn large(object: &[u8]) -> String {
    message(&Zip::new(&[("x/data.pkl", object), ("x/data/0", &vec![0; 4 << 20])]).bytes)
}
