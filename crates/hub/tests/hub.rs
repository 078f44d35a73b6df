//! A small Hub on this machine: what is fetched, from where it is used, and what is said when it fails. The answers are shaped as those
//! of huggingface.co (addresses, headers, redirects); `tests/reference/check_hub.sh` has the cache read by transformers.

use bert_hub::hub::Listener;
use bert_hub::{Error, Hub, Name};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files by name, and the addresses that were asked for.
struct Server {
    endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `damaged`: this file comes with other bytes than its name says.
    fn start(files: &[(&str, &[u8])], damaged: Option<&'static str>) -> Self {
        Self::at(COMMIT, files, damaged)
    }

    /// The files of this commit.
    fn at(commit: &'static str, files: &[(&str, &[u8])], damaged: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.unwrap(), commit, &files, damaged, &seen);
            }
        });
        Self { endpoint, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn answer(
    mut stream: TcpStream,
    commit: &str,
    files: &BTreeMap<String, Vec<u8>>,
    damaged: Option<&str>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let mut range = 0..usize::MAX;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.to_lowercase().strip_prefix("range: bytes=") {
            let (first, last) = bytes.split_once('-').unwrap();
            range = first.parse().unwrap()..last.parse().map_or(usize::MAX, |last: usize| last + 1);
        }
    }
    let address = request.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().unwrap().push(address.clone());
    let (status, headers, body) = if address == "/api/models/owner/model/revision/main" {
        let siblings: Vec<_> =
            files.keys().map(|name| format!("{{\"rfilename\": \"{name}\"}}")).collect();
        let json = format!("{{\"sha\": \"{commit}\", \"siblings\": [{}]}}", siblings.join(", "));
        ("200 OK", String::new(), json.into_bytes())
    } else if let Some(bytes) =
        // Never by the branch, which may move.
        address
            .strip_prefix(&format!("/owner/model/resolve/{commit}/"))
            .and_then(|name| files.get(name))
    {
        let name = address.rsplit('/').next().unwrap();
        let etag: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut sent = bytes.clone();
        if damaged == Some(name) {
            sent[0] ^= 1;
        }
        let part = sent[range.start.min(sent.len())..range.end.min(sent.len())].to_vec();
        let headers = format!(
            "x-repo-commit: {commit}\r\nx-linked-etag: \"{etag}\"\r\nContent-Range: bytes 0-0/{}\r\n",
            bytes.len()
        );
        ("206 Partial Content", headers, part)
    } else {
        ("404 Not Found", String::new(), Vec::new())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

const FILES: [(&str, &[u8]); 5] = [
    ("README.md", b"read me"),
    ("config.json", b"{\"model_type\": \"bert\"}"),
    ("model.safetensors", b"weights"),
    ("pytorch_model.bin", b"the same weights"),
    ("vocab.txt", b"[PAD]\n[UNK]\n"),
];

fn name() -> Name {
    Name::parse("owner/model").unwrap()
}

#[derive(Default)]
struct Log(Vec<(String, usize, usize)>);

impl Listener for Log {
    fn begin(&mut self, file: &str, size: usize) {
        if self.0.last().is_none_or(|(last, ..)| last != file) {
            self.0.push((file.to_owned(), size, 0));
        }
    }
    fn more(&mut self, size: usize) {
        self.0.last_mut().unwrap().2 += size;
    }
    fn end(&mut self) {}
}

#[test]
fn a_model_is_fetched_once_and_then_used_from_the_cache() {
    let (server, folder) = (Server::start(&FILES, None), tempfile::tempdir().unwrap());
    let hub = Hub::new(folder.path(), &server.endpoint, false);
    assert_eq!(hub.cached(&name()), None);
    let mut log = Log::default();
    let directory = hub.open_telling(&name(), &mut log).unwrap();
    assert!(
        directory.ends_with(format!("models--owner--model/snapshots/{COMMIT}")),
        "{directory:?}"
    );
    // What is needed, and in one form.
    let mut there: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["config.json", "model.safetensors", "vocab.txt"]);
    assert_eq!(fs::read(directory.join("model.safetensors")).unwrap(), b"weights");
    let sizes: Vec<_> = log.0.iter().map(|(_, size, told)| (*size, *told)).collect();
    assert!(sizes.iter().all(|(size, told)| size == told), "{:?}", log.0);
    server.asked();
    // Again, and offline: nobody is asked.
    assert_eq!(hub.open(&name()).unwrap(), directory);
    let offline = Hub::new(folder.path(), &server.endpoint, true);
    assert_eq!(offline.open(&name()).unwrap(), directory);
    let commit = Name::parse(&format!("owner/model@{COMMIT}")).unwrap();
    assert_eq!(offline.open(&commit).unwrap(), directory);
    assert!(server.asked().is_empty());
    // A file that was taken away comes again; the others do not.
    fs::remove_file(directory.join("vocab.txt")).unwrap();
    assert_eq!(hub.open(&name()).unwrap(), directory);
    assert!(server.asked().iter().all(|address| !address.ends_with("model.safetensors")));
    let refs: Vec<_> = fs::read_dir(folder.path().join("models--owner--model/refs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(refs, ["main"]);
}

#[test]
fn of_a_new_commit_only_what_is_new_is_fetched_and_it_counts_when_it_is_whole() {
    const NEXT: &str = "fedcba9876543210fedcba9876543210fedcba98";
    let (server, folder) = (Server::start(&FILES, None), tempfile::tempdir().unwrap());
    let old = Hub::new(folder.path(), &server.endpoint, false).open(&name()).unwrap();
    let mut files = FILES;
    files[2].1 = b"better weights";
    let broken = Server::at(NEXT, &files, Some("model.safetensors"));
    let hub = Hub::new(folder.path(), &broken.endpoint, false);
    assert!(hub.download(&name(), &mut ()).is_err());
    // What was there is still there.
    assert_eq!(hub.cached(&name()), Some(old.clone()));
    let whole = Server::at(NEXT, &files, None);
    let mut log = Log::default();
    let new = Hub::new(folder.path(), &whole.endpoint, false).download(&name(), &mut log).unwrap();
    let fetched: Vec<_> = log.0.iter().map(|(file, ..)| file.as_str()).collect();
    assert_eq!(fetched, ["model.safetensors"]);
    assert_eq!(fs::read(new.join("model.safetensors")).unwrap(), b"better weights");
    assert_eq!(fs::read(new.join("vocab.txt")).unwrap(), FILES[4].1);
    assert_eq!(fs::read(old.join("model.safetensors")).unwrap(), b"weights");
    assert_eq!(hub.cached(&name()), Some(new));
}

#[test]
fn what_fails_says_what_to_do() {
    let (server, folder) = (Server::start(&FILES, None), tempfile::tempdir().unwrap());
    let hub = |offline| Hub::new(folder.path(), &server.endpoint, offline);
    let error = hub(true).open(&name()).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    let text = error.to_string();
    for part in [
        "owner/model is not in ",
        "HF_HUB_OFFLINE",
        "/owner/model/resolve/main/config.json",
        "one folder",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let other = Name::parse("owner/other").unwrap();
    assert!(matches!(hub(false).open(&other), Err(Error::NotFound { .. })));
    // Nobody listens there.
    let nobody = Hub::new(folder.path(), "http://127.0.0.1:9", false);
    let error = nobody.open(&name()).unwrap_err();
    assert!(matches!(error, Error::NoNetwork { .. }), "{error}");
    assert!(
        error.to_string().contains("http://127.0.0.1:9/owner/model/resolve/main/model.safetensors")
    );
    let server = Server::start(&FILES[..2], None);
    let error = Hub::new(folder.path(), &server.endpoint, false).open(&name()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("lacks a tokenizer.json or vocab.txt; it holds README.md, config.json"),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_not_kept() {
    let server = Server::start(&FILES, Some("model.safetensors"));
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(folder.path(), &server.endpoint, false);
    let error = hub.open(&name()).unwrap_err().to_string();
    assert!(error.contains("model.safetensors: what came is damaged"), "{error}");
    assert_eq!(hub.cached(&name()), None);
    let whole = Server::start(&FILES, None);
    assert!(Hub::new(folder.path(), &whole.endpoint, false).open(&name()).is_ok());
}
