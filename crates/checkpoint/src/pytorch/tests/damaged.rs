//! Whatever happens to a file, nothing panics.

use super::assemble::*;
use super::*;
use proptest::prelude::*;

#[test]
fn a_file_cut_anywhere_is_refused() {
    for (name, bytes) in GENUINE.iter() {
        for length in
            (0..bytes.len()).step_by(37).chain(bytes.len().saturating_sub(60)..bytes.len())
        {
            assert!(open(&bytes[..length]).is_err(), "{name} cut after {length} bytes");
        }
    }
}

/// Instructions with what they need, so that random programs get far.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    let constants = [
        "N", "\u{1}", "(", ")", "t", "]", "}", "a", "e", "s", "u", "b", "R", "Q", "K\u{1}",
        "K\u{2}", "q\u{0}", "q\u{1}", "h\u{0}", "h\u{1}", "0", "2",
    ];
    let constants: Vec<Vec<u8>> = constants.iter().map(|text| text.as_bytes().to_vec()).collect();
    let others: Vec<Vec<u8>> = vec![
        b"\x85".to_vec(),
        b"\x86".to_vec(),
        b"\x87".to_vec(),
        b"\x88".to_vec(),
        b"\x94".to_vec(),
        b"\x93".to_vec(),
        text("a"),
        text("storage"),
        text("0"),
        number(-1),
        number(i64::MAX),
        numbers(&[2, 3]),
        numbers(&[3, 1]),
        numbers(&[]),
        ordered_dict(),
        storage("0", 6),
        tensor(storage("0", 6), 0, &[2, 3], &[1, 2]),
        dict(&[("x", storage("0", 6))]),
        global("collections", "OrderedDict"),
        global("torch", "FloatStorage"),
        global("torch", "float16"),
        global("torch._utils", "_rebuild_tensor"),
        global("torch._utils", "_rebuild_tensor_v2"),
        global("torch._utils", "_rebuild_tensor_v3"),
        global("torch._utils", "_rebuild_parameter"),
        global("os", "system"),
    ];
    proptest::sample::select([constants, others].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_changed_byte_never_panics(file in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (_, bytes) = &GENUINE[file.index(GENUINE.len())];
        let mut bytes = bytes.clone();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(file) = open(&bytes) {
            read_all(&file);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(start in 0..4_usize, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let magic = legacy(b"", b"", b"");
        let start = [b"".as_slice(), b"PK\x03\x04", b"\x80\x02", &magic][start];
        let _ = open(&[start, &bytes].concat());
    }

    #[test]
    fn arbitrary_programs_never_panic(program in proptest::collection::vec(instruction(), 0..30), whole in any::<bool>()) {
        let program = program.concat();
        let object = if whole { pickle(&[&dict(&[("x", program)])]) } else { pickle(&[&program]) };
        for bytes in [zip(&object).bytes, legacy(&object, &keys(&["0"]), &[[6, 0, 0, 0, 0, 0, 0, 0].as_slice(), &[1; 24]].concat())] {
            if let Ok(file) = open(&bytes) {
                read_all(&file);
            }
        }
    }
}
