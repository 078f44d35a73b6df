//! The cache, and the network.
//!
//! In Hugging Face's cache folder a model has a directory `models--owner--model`. `refs/main` there holds the commit that `main` was when
//! it was last looked up, and `snapshots/COMMIT` holds the files. Such a snapshot is a model directory like any other.

use crate::files::{USUAL, wanted};
use crate::{Error, Name};
use hf_hub::api::Progress;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
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
    /// As Hugging Face's own programs: HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub; HF_ENDPOINT; HF_TOKEN, or the token
    /// file; HF_HUB_OFFLINE.
    pub fn from_env() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let cache =
            set("HF_HUB_CACHE").map_or_else(Cache::from_env, |path| Cache::new(path.into()));
        let token = set("HF_TOKEN").or_else(|| Cache::from_env().token());
        let yes = |value: String| !["0", "no", "off", "false"].contains(&&*value.to_lowercase());
        let offline = set("HF_HUB_OFFLINE").is_some_and(yes);
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        Self { cache, endpoint: endpoint.trim_end_matches('/').to_owned(), token, offline }
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
        let by_hand = || self.by_hand(name);
        if self.offline {
            let (name, cache) = (name.clone(), self.cache.path().clone());
            let by_hand = self.by_hand(&name);
            return Err(Error::Offline { name, cache, by_hand });
        }
        let failed = |error: ApiError| match status(&error) {
            Some(401 | 403 | 404) => Error::NotFound { name: name.clone() },
            _ => {
                let (name, problem) = (name.clone(), error.to_string());
                Error::NoNetwork { name, problem, by_hand: by_hand() }
            }
        };
        let api = self.api().map_err(failed)?.repo(repo(name));
        let info = api.info().map_err(failed)?;
        let files: Vec<&str> = info.siblings.iter().map(|file| file.rfilename.as_str()).collect();
        let wanted = wanted(&files).map_err(|missing| Error::NoModel {
            name: name.clone(),
            missing,
            there: files.join(", "),
        })?;
        let mut directory = None;
        for file in wanted {
            let path = self.file(&api, &info.sha, file, name, listener)?;
            directory = path.parent().map(Path::to_owned);
        }
        Ok(directory.expect("at least a configuration is wanted"))
    }

    /// One file of a commit: that of the cache, if it is there.
    fn file(
        &self,
        api: &ApiRepo,
        commit: &str,
        file: &str,
        name: &Name,
        listener: &mut dyn Listener,
    ) -> Result<PathBuf, Error> {
        let there = self.cache.repo(repo(name)).pointer_path(commit).join(file);
        if there.is_file() {
            return Ok(there);
        }
        let failed = |problem: String| Error::Download {
            name: name.clone(),
            file: file.to_owned(),
            problem,
        };
        let path = api
            .download_with_progress(file, Told(listener))
            .map_err(|error| failed(error.to_string()))?;
        check(&path).map_err(failed)?;
        Ok(path)
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
