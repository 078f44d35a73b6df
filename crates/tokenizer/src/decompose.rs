//! Canonical decomposition (Unicode's NFD): `é` becomes `e` and a combining acute accent, so that accents can be
//! dropped. Each character remembers which character of the original text it came from.
//!
//! Two steps (Unicode Standard Annex 15): take each character apart, then put the marks that follow a letter in
//! the order of their combining classes. The judge (the `tokenizers` crate) decomposes by the tables of Unicode 9;
//! what later versions added is left whole here, too.

use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

/// A character of a changed text, and the index of the original text's character that it came from.
pub(crate) type Sourced = (char, u32);

/// Characters that got a decomposition after Unicode 9.
const LATER_DECOMPOSITIONS: [(u32, u32); 11] = [
    (0x105c9, 0x105c9),
    (0x105e4, 0x105e4),
    (0x11383, 0x11383),
    (0x11385, 0x11385),
    (0x1138e, 0x1138e),
    (0x11391, 0x11391),
    (0x113c5, 0x113c5),
    (0x113c7, 0x113c8),
    (0x11938, 0x11938),
    (0x16121, 0x16128),
    (0x16d68, 0x16d6a),
];

/// Marks that got a combining class after Unicode 9.
#[rustfmt::skip]
const LATER_MARKS: [(u32, u32); 52] = [
    (0x5c8, 0x5c9), (0x7fd, 0x7fd), (0x897, 0x89f), (0x8ca, 0x8d3), (0x9fe, 0x9fe), (0xc3c, 0xc3c),
    (0xd3b, 0xd3c), (0xeba, 0xeba), (0x1715, 0x1715), (0x1abf, 0x1af0), (0x1df6, 0x1dfa), (0xa82c, 0xa82c),
    (0x10d24, 0x10d27), (0x10d69, 0x10d6d), (0x10eab, 0x10eac), (0x10ecb, 0x10ecf), (0x10ef0, 0x10efb),
    (0x10efd, 0x10eff), (0x10f46, 0x10f50), (0x10f82, 0x10f85), (0x11070, 0x11070), (0x1133b, 0x1133b),
    (0x113ce, 0x113d0), (0x1145e, 0x1145e), (0x11839, 0x1183a), (0x1193d, 0x1193e), (0x11943, 0x11943),
    (0x119e0, 0x119e0), (0x11a34, 0x11a34), (0x11a47, 0x11a47), (0x11a99, 0x11a99), (0x11d42, 0x11d42),
    (0x11d44, 0x11d45), (0x11d97, 0x11d97), (0x11f41, 0x11f42), (0x1612f, 0x1612f), (0x16ff0, 0x16ff1),
    (0x1d127, 0x1d128), (0x1d250, 0x1d252), (0x1d25b, 0x1d25c), (0x1d25f, 0x1d25f), (0x1d280, 0x1d281),
    (0x1e08f, 0x1e08f), (0x1e130, 0x1e136), (0x1e2ae, 0x1e2ae), (0x1e2ec, 0x1e2ef), (0x1e4ec, 0x1e4ef),
    (0x1e5ee, 0x1e5ef), (0x1e6e3, 0x1e6e3), (0x1e6e6, 0x1e6e6), (0x1e6ee, 0x1e6ef), (0x1e6f5, 0x1e6f5),
];

fn within(c: char, ranges: &[(u32, u32)]) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= c as u32);
    after > 0 && c as u32 <= ranges[after - 1].1
}

/// 0 for a letter (a "starter"); else the class that orders the marks behind a letter.
fn combining_class(c: char) -> u8 {
    match canonical_combining_class(c) {
        0 => 0,
        _ if within(c, &LATER_MARKS) => 0,
        class => class,
    }
}

fn take_apart(c: char, emit: impl FnMut(char)) {
    let mut emit = emit;
    if within(c, &LATER_DECOMPOSITIONS) {
        return emit(c);
    }
    decompose_canonical(c, emit);
}

/// Whether decomposition leaves `c` as it is and where it is.
pub(crate) fn is_stable(c: char) -> bool {
    let mut same = true;
    take_apart(c, |part| same &= part == c);
    same && combining_class(c) == 0
}

/// Takes characters in the order of the text, gives them decomposed, in canonical order.
#[derive(Default)]
pub(crate) struct Decomposer {
    /// What came since the last starter: combining class, character, is it the first part of its original?
    pending: Vec<(u8, char, bool)>,
    /// The originals' places, in the order of the text: one for each first part that is pending.
    sources: Vec<u32>,
    last_source: u32,
}

impl Decomposer {
    /// Takes `c`, which came from `source`, and emits what is certain by now.
    pub(crate) fn push(&mut self, (c, source): Sourced, emit: &mut impl FnMut(Sourced)) {
        let mut is_first = true;
        take_apart(c, |part| {
            let class = combining_class(part);
            if class == 0 {
                self.flush(emit);
            }
            self.pending.push((class, part, is_first));
            if is_first {
                self.sources.push(source);
            }
            is_first = false;
        });
    }

    /// Takes a character that [`is_stable`]: nothing before it can move past it.
    pub(crate) fn push_stable(&mut self, sourced: Sourced, emit: &mut impl FnMut(Sourced)) {
        self.flush(emit);
        emit(sourced);
    }

    /// Emits what still waits, marks in the order of their classes. Call it at the end of the text.
    ///
    /// Sources are handed out by place, as the judge does: where two marks change places, the first keeps the
    /// first source.
    pub(crate) fn flush(&mut self, emit: &mut impl FnMut(Sourced)) {
        self.pending.sort_by_key(|&(class, _, _)| class);
        let mut sources = self.sources.drain(..);
        for (_, c, is_first) in self.pending.drain(..) {
            if is_first {
                self.last_source = sources.next().unwrap_or(self.last_source);
            }
            emit((c, self.last_source));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decompose(text: &str) -> Vec<Sourced> {
        let mut out = Vec::new();
        let mut decomposer = Decomposer::default();
        for (c, source) in text.chars().zip(0..) {
            decomposer.push((c, source), &mut |sourced| out.push(sourced));
        }
        decomposer.flush(&mut |sourced| out.push(sourced));
        out
    }

    #[test]
    fn a_letter_with_an_accent_becomes_two_characters_of_one_source() {
        assert_eq!(decompose("aé"), [('a', 0), ('e', 1), ('\u{301}', 1)]);
    }

    #[test]
    fn marks_are_ordered_by_class_and_sources_by_place() {
        let (acute, dot_below) = ('\u{301}', '\u{323}');
        assert_eq!(decompose("a\u{301}\u{323}"), [('a', 0), (dot_below, 1), (acute, 2)]);
        assert_eq!(decompose("á\u{323}"), [('a', 0), (dot_below, 1), (acute, 1)]);
    }

    #[test]
    fn hangul_syllables_become_their_letters() {
        assert_eq!(decompose("한"), [('ᄒ', 0), ('ᅡ', 0), ('ᆫ', 0)]);
    }
}
