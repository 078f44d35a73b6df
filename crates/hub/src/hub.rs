//! The cache, and the network.
//!
//! In Hugging Face's cache folder a model has a directory `models--owner--model`. `refs/main` there holds the commit that `main` was when
//! it was last looked up, and `snapshots/COMMIT` holds the files. Such a snapshot is a model directory like any other.

use crate::files::{USUAL, wanted};
use crate::{Error, Name};
use hf_hub::api::Progress;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const ENDPOINT: &str = "https://huggingface.co";

/// The Hub, and the folder in which its files are kept.
#[derive(Debug, Clone)]
pub struct Hub {
    cache: Cache,
    endpoint: String,
    token: Option<String>,
    offline: bool,
}

/// Hears how a download goes: the sizes are bytes.
pub trait Listener {
    /// A file begins.
    fn begin(&mut self, file: &str, size: usize);
    /// So much more of it is there.
    fn more(&mut self, size: usize);
    /// It is there.
    fn end(&mut self);
}

impl Listener for () {
    fn begin(&mut self, _: &str, _: usize) {}
    fn more(&mut self, _: usize) {}
    fn end(&mut self) {}
}

struct Told<'a>(&'a mut dyn Listener);

impl Progress for Told<'_> {
    fn init(&mut self, size: usize, file: &str) {
        self.0.begin(file, size);
    }

    fn update(&mut self, size: usize) {
        self.0.more(size);
    }

    fn finish(&mut self) {
        self.0.end();
    }
}

impl Hub {
    /// As Hugging Face's own programs. The folder: HF_HUB_CACHE, or HF_HOME/hub, or huggingface/hub in XDG_CACHE_HOME or ~/.cache.
    /// The Hub: HF_ENDPOINT. The token: HF_TOKEN, or the file HF_TOKEN_PATH, or HF_HOME/token. HF_HUB_OFFLINE keeps from the network.
    ///
    /// # Errors
    /// Nothing says where the folder is: no variable, and no home.
    pub fn from_env() -> Result<Self, Error> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let caches = || {
            let below_home = || env::home_dir().map(|home| home.join(".cache"));
            set("XDG_CACHE_HOME").map(PathBuf::from).or_else(below_home)
        };
        let own = || Some(caches()?.join("huggingface"));
        let home = set("HF_HOME").map(PathBuf::from).or_else(own);
        let named = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].into_iter().find_map(set);
        let folder = named.map(PathBuf::from).or_else(|| Some(home.clone()?.join("hub")));
        let token_file =
            set("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| Some(home?.join("token")));
        let from_file = || token_file.and_then(|path| fs::read_to_string(path).ok());
        let token = text("HF_TOKEN").or_else(from_file).map(|token| token.trim().to_owned());
        let yes = |value: String| !["0", "no", "off", "false"].contains(&&*value.to_lowercase());
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        Ok(Self {
            cache: Cache::new(folder.ok_or(Error::NoHome)?),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token.filter(|token| !token.is_empty()),
            offline: text("HF_HUB_OFFLINE").is_some_and(yes),
        })
    }

    /// With another folder and another Hub.
    pub fn new(cache: &Path, endpoint: &str, offline: bool) -> Self {
        let (cache, endpoint) = (Cache::new(cache.to_owned()), endpoint.to_owned());
        Self { cache, endpoint, token: None, offline }
    }

    /// The directory of a model: from the cache or, if it is not there, from the Hub.
    ///
    /// # Errors
    /// It is in neither, or the Hub cannot be reached.
    pub fn open(&self, name: &Name) -> Result<PathBuf, Error> {
        self.open_telling(name, &mut ())
    }

    /// The same, telling how a download goes.
    ///
    /// # Errors
    /// As [`Hub::open`].
    pub fn open_telling(&self, name: &Name, listener: &mut dyn Listener) -> Result<PathBuf, Error> {
        match self.cached(name) {
            Some(directory) => Ok(directory),
            None => self.download(name, listener),
        }
    }

    // ANCHOR: cached
    /// The snapshot in the cache, if it holds a whole model.
    pub fn cached(&self, name: &Name) -> Option<PathBuf> {
        let repo = repo(name);
        let own = self.cache.path().join(repo.folder_name());
        // A commit's snapshot needs no reference to it.
        let commit = fs::read_to_string(own.join("refs").join(&name.revision));
        let commit = commit.map_or_else(|_| name.revision.clone(), |text| text.trim().to_owned());
        let snapshot = own.join("snapshots").join(commit);
        let entries = fs::read_dir(&snapshot).ok()?;
        let files: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let wanted = wanted(&files).ok()?;
        // A link whose file is gone is no file.
        wanted.iter().all(|file| snapshot.join(file).is_file()).then_some(snapshot)
    }
    // ANCHOR_END: cached

    /// Fetches what is new or missing, whether the model is in the cache or not.
    ///
    /// # Errors
    /// There is no such model, it holds nothing that is read here, or the Hub cannot be reached.
    pub fn download(&self, name: &Name, listener: &mut dyn Listener) -> Result<PathBuf, Error> {
        if self.offline {
            return self.cached(name).ok_or_else(|| Error::Offline {
                name: name.clone(),
                cache: self.cache.path().clone(),
                by_hand: self.by_hand(name),
            });
        }
        let failed = |error: ApiError| match status(&error) {
            Some(401 | 403 | 404) => Error::NotFound { name: name.clone() },
            _ => {
                let (name, problem) = (name.clone(), error.to_string());
                Error::NoNetwork { by_hand: self.by_hand(&name), name, problem }
            }
        };
        let api = self.api().map_err(failed)?;
        let info = api.repo(repo(name)).info().map_err(failed)?;
        let files: Vec<&str> = info.siblings.iter().map(|file| file.rfilename.as_str()).collect();
        let wanted = wanted(&files).map_err(|missing| Error::NoModel {
            name: name.clone(),
            missing,
            there: files.join(", "),
        })?;
        // All files of one commit, whatever the branch becomes meanwhile.
        let commit = Name { revision: info.sha.clone(), ..name.clone() };
        for file in wanted {
            self.fetch(&api, &commit, file, listener).map_err(|problem| Error::Download {
                name: name.clone(),
                file: file.to_owned(),
                problem,
            })?;
        }
        // Last: until now, the revision is what it was before.
        let own = self.cache.repo(repo(name));
        own.create_ref(&info.sha).map_err(|error| Error::Download {
            name: name.clone(),
            file: "refs".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(own.pointer_path(&info.sha))
    }

    /// Puts one file into the snapshot of its commit, unless it is there. What another commit has already is not fetched again. `Err`
    /// says what went wrong.
    fn fetch(
        &self,
        api: &Api,
        commit: &Name,
        file: &str,
        listener: &mut dyn Listener,
    ) -> Result<(), String> {
        let own = self.cache.repo(repo(commit));
        let place = own.pointer_path(&commit.revision).join(file);
        if place.is_file() {
            return Ok(());
        }
        let remote = api.repo(repo(commit));
        let about = api.metadata(&remote.url(file)).map_err(|error| error.to_string())?;
        // It becomes the name of a file here.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if about.etag().is_empty() || !about.etag().chars().all(plain) {
            return Err(format!("the Hub calls it {:?}", about.etag()));
        }
        if own.blob_path(about.etag()).is_file() {
            link(about.etag(), &place).map_err(|error| error.to_string())?;
        } else {
            remote
                .download_with_progress(file, Told(listener))
                .map_err(|error| error.to_string())?;
            // A commit needs no reference to itself.
            let reference = self.cache.path().join(repo(commit).folder_name());
            let _ = fs::remove_file(reference.join("refs").join(&commit.revision));
        }
        check(&place)
    }

    fn api(&self) -> Result<Api, ApiError> {
        ApiBuilder::from_cache(self.cache.clone())
            .with_endpoint(self.endpoint.clone())
            .with_token(self.token.clone())
            .with_progress(false)
            .with_retries(3)
            .build()
    }

    /// What to fetch, and where to put it.
    fn by_hand(&self, name: &Name) -> String {
        let addresses = USUAL.map(|file| name.address(&self.endpoint, file)).join("\n  ");
        format!(
            "On a machine with a network, fetch these files, put them into one folder, and give that folder in place of the name:\n  \
             {addresses}"
        )
    }
}

/// A snapshot's file is a link to a blob, which several snapshots may share.
fn link(blob: &str, place: &Path) -> io::Result<()> {
    let snapshot = place.parent().expect("a file in a snapshot");
    fs::create_dir_all(snapshot)?;
    let _ = fs::remove_file(place); // a link whose file is gone
    let beside = Path::new("../../blobs").join(blob);
    #[cfg(unix)]
    return std::os::unix::fs::symlink(beside, place);
    #[cfg(not(unix))]
    return fs::copy(snapshot.join(beside), place).map(drop);
}

/// A large file's blob has its SHA-256 for a name. One that is something else is taken away: it would be found whole the next time.
fn check(path: &Path) -> Result<(), String> {
    let problem = |error: io::Error| error.to_string();
    let blob = path.canonicalize().map_err(problem)?;
    let name = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.len() != 64 {
        return Ok(()); // a small file, whose name is git's
    }
    let mut digest = Sha256::new();
    let mut file = fs::File::open(&blob).map_err(problem)?;
    io::copy(&mut file, &mut digest).map_err(problem)?;
    let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == name {
        return Ok(());
    }
    for wrong in [path, &blob] {
        fs::remove_file(wrong).map_err(problem)?;
    }
    Err(format!("what came is damaged: its SHA-256 is {found}, not {name}"))
}

fn repo(name: &Name) -> Repo {
    Repo::with_revision(name.model.clone(), RepoType::Model, name.revision.clone())
}

/// What the Hub answered, if it did.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(code) => Some(code),
            _ => None,
        },
        ApiError::TooManyRetries(error) => status(error),
        _ => None,
    }
}
