//! A tree of all tokens, one byte per step: the longest token at some place of a text is found in one walk, without
//! trying every length.
//!
//! It is stored as a "double array" (Aoe 1989): the child of `node` by `byte` is the slot `base[node] ^ byte`,
//! provided that this slot names `node` as its parent. So a step costs one look into memory.

/// The node of the empty prefix.
pub(crate) const ROOT: u32 = 0;

const NONE: u32 = u32::MAX;

// ANCHOR: trie
#[derive(Clone, Copy)]
struct Node {
    base: u32,
    parent: u32,
    /// The token that ends here, or `NONE`.
    token: u32,
}

/// All tokens of a vocabulary as a tree of bytes.
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

impl Trie {
    fn step(&self, node: u32, byte: u8) -> Option<u32> {
        let child = self.nodes[node as usize].base ^ u32::from(byte);
        (self.nodes[child as usize].parent == node).then_some(child)
    }

    /// The longest token that `bytes` begins with, read on from `start`: the token and how many bytes it takes.
    pub(crate) fn longest(&self, start: u32, bytes: &[u8]) -> Option<(u32, usize)> {
        let mut node = start;
        let mut longest = None;
        for (index, &byte) in bytes.iter().enumerate() {
            let Some(child) = self.step(node, byte) else {
                break;
            };
            node = child;
            let token = self.nodes[node as usize].token;
            if token != NONE {
                longest = Some((token, index + 1));
            }
        }
        longest
    }
}
// ANCHOR_END: trie

impl Trie {
    /// Builds the tree. Empty strings are left out; of two equal strings one is kept.
    pub(crate) fn new<'a>(tokens: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut sorted: Vec<(&[u8], u32)> = tokens
            .into_iter()
            .map(|(text, id)| (text.as_bytes(), id))
            .filter(|(text, _)| !text.is_empty())
            .collect();
        sorted.sort_unstable();
        sorted.dedup_by_key(|(text, _)| *text);
        Builder::default().build(&sorted)
    }

    /// The node that is reached by `prefix`, if any token begins with it.
    pub(crate) fn node(&self, prefix: &str) -> Option<u32> {
        prefix.bytes().try_fold(ROOT, |node, byte| self.step(node, byte))
    }

    /// The token that is exactly `text`.
    pub(crate) fn get(&self, text: &str) -> Option<u32> {
        let token = self.nodes[self.node(text)? as usize].token;
        (token != NONE).then_some(token)
    }
}

/// Fills the slots, level by level, so that the nodes near the root (which every word visits) lie together.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    taken: Vec<bool>,
    /// No slot before this one is free.
    first_free: usize,
}

/// How many slots are tried for a node's children before a new block is begun.
const TRIES: usize = 512;

impl Builder {
    fn build(mut self, sorted: &[(&[u8], u32)]) -> Trie {
        self.grow();
        self.taken[ROOT as usize] = true;
        let mut queue = std::collections::VecDeque::from([(ROOT, 0, sorted)]);
        while let Some((node, depth, mut below)) = queue.pop_front() {
            if below.first().is_some_and(|(text, _)| text.len() == depth) {
                self.nodes[node as usize].token = below[0].1;
                below = &below[1..];
            }
            let groups: Vec<_> =
                below.chunk_by(|(left, _), (right, _)| left[depth] == right[depth]).collect();
            let bytes: Vec<u8> = groups.iter().map(|group| group[0].0[depth]).collect();
            let Some(base) = self.place(node, &bytes) else {
                continue;
            };
            for (byte, group) in bytes.into_iter().zip(groups) {
                queue.push_back((base ^ u32::from(byte), depth + 1, group));
            }
        }
        Trie { nodes: self.nodes }
    }

    /// Finds a base under which all children of `node` fall on free slots, and takes the slots.
    fn place(&mut self, node: u32, bytes: &[u8]) -> Option<u32> {
        let first = usize::from(*bytes.first()?);
        while self.taken.get(self.first_free) == Some(&true) {
            self.first_free += 1;
        }
        let fits = |base: &usize| bytes.iter().all(|&byte| !self.taken[base ^ usize::from(byte)]);
        let found =
            (self.first_free..self.taken.len()).take(TRIES).map(|slot| slot ^ first).find(fits);
        let base = found.unwrap_or_else(|| self.grow());
        self.nodes[node as usize].base = base as u32;
        for &byte in bytes {
            let slot = base ^ usize::from(byte);
            self.taken[slot] = true;
            self.nodes[slot].parent = node;
        }
        Some(base as u32)
    }

    /// Adds a block of 256 free slots; says where it begins.
    fn grow(&mut self) -> usize {
        let start = self.nodes.len();
        let free = Node { base: 0, parent: NONE, token: NONE };
        self.nodes.resize(start + 256, free);
        self.taken.resize(start + 256, false);
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn the_longest_of_several_prefixes_is_found() {
        let trie = Trie::new([("un", 1), ("una", 2), ("unaff", 3), ("##able", 4), ("é", 5)]);
        assert_eq!(trie.longest(ROOT, b"unaffable"), Some((3, 5)));
        assert_eq!(trie.longest(ROOT, b"unable"), Some((2, 3)));
        assert_eq!(trie.longest(trie.node("##").unwrap(), b"able"), Some((4, 4)));
        assert_eq!(trie.longest(ROOT, "é".as_bytes()), Some((5, 2)));
        assert_eq!(trie.longest(ROOT, b"x"), None);
        assert_eq!(trie.get("unaf"), None);
    }

    #[test]
    fn an_empty_tree_finds_nothing() {
        let trie = Trie::new([("", 7)]);
        assert_eq!(trie.longest(ROOT, b"a"), None);
        assert_eq!(trie.get(""), None);
    }

    #[test]
    fn thousands_of_strings_of_all_bytes_are_found_again() {
        let mut tokens = HashMap::new();
        for number in 0..20_000_u32 {
            let code = number.wrapping_mul(2_654_435_761);
            let text: String = (0..code % 5 + 1)
                .filter_map(|place| char::from_u32(code.rotate_left(place * 7) % 0x2000))
                .collect();
            tokens.insert(text, number);
        }
        let trie = Trie::new(tokens.iter().map(|(text, id)| (text.as_str(), *id)));
        for (text, id) in &tokens {
            assert_eq!(trie.get(text), Some(*id).filter(|_| !text.is_empty()), "{text:?}");
        }
    }
}
