//! Pickles and zip files, put together by hand.

/// A pickle of protocol 2.
pub fn pickle(parts: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x02", parts.concat().as_slice(), b"."].concat()
}

pub fn text(text: &str) -> Vec<u8> {
    [b"X", u32::try_from(text.len()).unwrap().to_le_bytes().as_slice(), text.as_bytes()].concat()
}

pub fn number(number: i64) -> Vec<u8> {
    [b"\x8a\x08", number.to_le_bytes().as_slice()].concat()
}

pub fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", items.concat().as_slice(), b"t"].concat()
}

pub fn numbers(items: &[i64]) -> Vec<u8> {
    tuple(&items.iter().map(|&item| number(item)).collect::<Vec<_>>())
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A dictionary that `_rebuild_tensor_v2` gets as hooks, or an empty state dict.
pub fn ordered_dict() -> Vec<u8> {
    [global("collections", "OrderedDict").as_slice(), b")R"].concat()
}

/// A storage of f32.
pub fn storage(key: &str, length: i64) -> Vec<u8> {
    let id =
        [text("storage"), global("torch", "FloatStorage"), text(key), text("cpu"), number(length)];
    [tuple(&id).as_slice(), b"Q"].concat()
}

pub fn call(module: &str, name: &str, arguments: &[Vec<u8>]) -> Vec<u8> {
    [global(module, name), tuple(arguments), b"R".to_vec()].concat()
}

pub fn tensor(storage: Vec<u8>, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let arguments = [
        storage,
        number(offset),
        numbers(shape),
        numbers(strides),
        b"\x89".to_vec(),
        ordered_dict(),
    ];
    call("torch._utils", "_rebuild_tensor_v2", &arguments)
}

/// A state dict.
pub fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<_> =
        items.iter().map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [b"}(", items.concat().as_slice(), b"u"].concat()
}

/// A zip file, and where its parts are.
#[derive(Clone)]
pub struct Zip {
    pub bytes: Vec<u8>,
    /// The local header of each entry.
    pub local: Vec<usize>,
    /// Its entry in the central directory.
    pub central: Vec<usize>,
    pub end: usize,
}

impl Zip {
    pub fn new(entries: &[(&str, &[u8])]) -> Self {
        let (mut bytes, mut directory, mut local, mut central) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (name, data) in entries {
            local.push(bytes.len());
            central.push(directory.len());
            let size = u32::try_from(data.len()).unwrap().to_le_bytes();
            let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
            let place = u32::try_from(bytes.len()).unwrap().to_le_bytes();
            // Version, flags, method, time, date, checksum: all 0.
            bytes.extend(
                [b"PK\x03\x04".as_slice(), &[0; 14], &size, &size, &name_length, &[0; 2]].concat(),
            );
            bytes.extend([name.as_bytes(), data].concat());
            directory.extend(
                [b"PK\x01\x02".as_slice(), &[0; 16], &size, &size, &name_length, &[0; 12], &place]
                    .concat(),
            );
            directory.extend(name.as_bytes());
        }
        let start = bytes.len();
        central.iter_mut().for_each(|place| *place += start);
        bytes.extend(&directory);
        let end = bytes.len();
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        let length = u32::try_from(directory.len()).unwrap().to_le_bytes();
        let start = u32::try_from(start).unwrap().to_le_bytes();
        bytes.extend(
            [b"PK\x05\x06".as_slice(), &[0; 4], &count, &count, &length, &start, &[0; 2]].concat(),
        );
        Self { bytes, local, central, end }
    }

    /// Overwrites bytes.
    pub fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }
}

/// A file of the zip form with one storage, `0`, of the six numbers 0 to 5.
pub fn zip(pickle: &[u8]) -> Zip {
    let numbers: Vec<u8> = (0..6_u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
    Zip::new(&[("x/data.pkl", pickle), ("x/byteorder", b"little"), ("x/data/0", &numbers)])
}

/// A file of the old form: the pickled object, the keys, and what follows.
pub fn legacy(object: &[u8], keys: &[u8], storages: &[u8]) -> Vec<u8> {
    let magic = pickle(&[b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"]);
    [
        magic,
        pickle(&[&number(1001)]),
        pickle(&[b"}"]),
        object.to_vec(),
        keys.to_vec(),
        storages.to_vec(),
    ]
    .concat()
}

/// The list of storage keys.
pub fn keys(keys: &[&str]) -> Vec<u8> {
    let keys: Vec<_> = keys.iter().flat_map(|key| text(key)).collect();
    pickle(&[b"](", &keys, b"e"])
}
