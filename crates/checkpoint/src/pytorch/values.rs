//! What a pickle is made into.
//!
//! Values are small and copied freely; containers lie in one list and are named by their place there. So nothing is owned
//! twice, a container may hold itself, and no depth of nesting can overflow our own stack.

use super::globals::{Global, Kind};

/// A value on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    None,
    Int(i64),
    Text(&'a str),
    Global(Global),
    /// The place of an [`Object`].
    Object(usize),
    /// Something that no tensor is made of.
    Other,
}

/// What is larger than a value.
#[derive(Debug)]
pub(super) enum Object<'a> {
    Tuple(Vec<Value<'a>>),
    List(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Storage(Storage<'a>),
    Tensor(Box<Tensor<'a>>),
}

/// Numbers end to end, outside of the pickle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage<'a> {
    pub key: &'a str,
    pub kind: &'static Kind,
    /// How many numbers.
    pub length: usize,
    /// Which of them are meant, from and to.
    pub part: (usize, usize),
}

/// A way through a storage.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    pub storage: Storage<'a>,
    pub kind: &'static Kind,
    /// Where its first number is.
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

impl<'a> Value<'a> {
    /// A number from 0 on.
    pub fn count(self) -> Option<usize> {
        match self {
            Self::Int(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }

    /// The object that it names.
    pub fn object<'b>(self, objects: &'b [Object<'a>]) -> Option<&'b Object<'a>> {
        match self {
            Self::Object(place) => objects.get(place),
            _ => None,
        }
    }
}

/// How much memory may still be used. A byte of a pickle can ask for many, so that what is made of a file is bounded by the
/// file's size.
// ANCHOR: budget
pub(super) struct Budget(usize);

impl Budget {
    /// For a file of so many bytes. A real file needs a tiny part of that.
    pub fn new(file: usize) -> Self {
        const TIMES: usize = 16;
        const LEAST: usize = 1 << 20;
        const MOST: usize = 1 << 28;
        Self(file.saturating_mul(TIMES).clamp(LEAST, MOST))
    }

    pub fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.0 = self
            .0
            .checked_sub(bytes)
            .ok_or("would fill the memory with things that are no weights")?;
        Ok(())
    }
}
// ANCHOR_END: budget
