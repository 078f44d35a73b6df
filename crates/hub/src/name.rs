//! A model's name on the Hub.

use std::fmt;
use std::path::Path;

/// `owner/model`, or `owner/model@revision`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `owner/model`.
    pub model: String,
    /// A branch, a tag or a commit; `main` if none is said.
    pub revision: String,
}

impl Name {
    // ANCHOR: parse
    /// Reads a name: one slash, and on both sides what the Hub allows (letters, digits, `-`, `_` and `.`). Anything else is none: a
    /// path such as `./models/bert`, `models/` or `a/b/c`.
    pub fn parse(text: &str) -> Option<Self> {
        let (model, revision) = text.split_once('@').unwrap_or((text, "main"));
        let (owner, name) = model.split_once('/')?;
        let good = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
        };
        // A revision may be `refs/pr/3`. It becomes part of a path and of an address.
        let revision_is_good = revision.split('/').all(good);
        let all = good(owner) && good(name) && revision_is_good;
        all.then(|| Self { model: model.to_owned(), revision: revision.to_owned() })
    }
    // ANCHOR_END: parse

    /// The name that a path may be: what is there on the disk is a path, and so is what would be in a directory that is there. (Of
    /// TensorFlow's x.ckpt there is only an x.ckpt.index.)
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.to_str().and_then(Self::parse)?;
        let first = path.parent().is_some_and(Path::is_dir);
        if path.exists() || first { None } else { Some(name) }
    }

    /// Where a file of it is on the Hub.
    pub fn address(&self, endpoint: &str, file: &str) -> String {
        let revision = self.revision.replace('/', "%2F");
        format!("{endpoint}/{}/resolve/{revision}/{file}", self.model)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.model)?;
        if self.revision == "main" { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        for good in [
            "google-bert/bert-base-uncased",
            "a/b",
            "sentence-transformers/all-MiniLM-L6-v2",
            "a_b/c.d",
        ] {
            assert_eq!(Name::parse(good).unwrap().to_string(), good);
        }
        let name = Name::parse("a/b@refs/pr/3").unwrap();
        assert_eq!(
            (&*name.model, &*name.revision, &*name.to_string()),
            ("a/b", "refs/pr/3", "a/b@refs/pr/3")
        );
        assert_eq!(
            name.address("https://hub", "c.json"),
            "https://hub/a/b/resolve/refs%2Fpr%2F3/c.json"
        );
        for bad in [
            "",
            "bert",
            "./bert",
            "../b",
            "/a/b",
            "a/b/c",
            "a/",
            "/b",
            "~/b",
            "a/..",
            "a b/c",
            "a/b@",
            "a/b@..",
            "a/b@../../x",
            "a\\b/c",
            "a/b@main/",
            "ä/b",
        ] {
            assert_eq!(Name::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_there_on_the_disk_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("there");
        assert_eq!(Name::of_path(&path), None); // an absolute path is no name
        assert!(Name::of_path(Path::new("surely/not-there")).is_some());
        assert_eq!(Name::of_path(Path::new("src/lib.rs")), None);
        assert_eq!(Name::of_path(Path::new("src/not-there")), None); // src is a directory here
    }
}
