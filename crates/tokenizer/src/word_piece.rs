//! WordPiece: a word is cut into the longest pieces that the vocabulary has, from left to right.
//!
//! Schuster and Nakajima 2012; the greedy cut is BERT's (`WordpieceTokenizer` of google-research/bert). Pieces that
//! do not begin the word are spelled `##piece` in the vocabulary. If some rest of the word has no piece at all, the
//! whole word becomes `[UNK]`: there is no half-known word.

use crate::Vocab;
use crate::vocab::CONTINUATION;

/// Words of more characters are unknown, unless a tokenizer's files say another number.
pub(crate) const LONGEST_WORD: usize = 100;

/// A piece of a word: the token's id, and where it begins and ends in the word's bytes.
pub(crate) type Piece = (u32, usize, usize);

// ANCHOR: greedy
/// Cuts `word` into pieces, or says `None`: the word is unknown. Tries the whole rest first, then one letter less.
pub(crate) fn greedy(vocab: &Vocab, word: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < word.len() {
        let (id, end) = longest_piece(vocab, word, start)?;
        pieces.push((id, start, end));
        start = end;
    }
    Some(pieces)
}

fn longest_piece(vocab: &Vocab, word: &str, start: usize) -> Option<(u32, usize)> {
    let prefix = if start == 0 { "" } else { CONTINUATION };
    let rest = &word[start..];
    let ends = rest.char_indices().map(|(index, c)| index + c.len_utf8());
    ends.rev().find_map(|length| {
        let token = format!("{prefix}{}", &rest[..length]);
        Some((vocab.piece(&token)?, start + length))
    })
}
// ANCHOR_END: greedy

// ANCHOR: walk
/// The same as [`greedy`], but one walk through the tree of tokens finds the longest piece, and no string is built.
/// Gives each piece to `emit`; `false` means that the word is unknown and that what was emitted is void.
pub(crate) fn walk(vocab: &Vocab, word: &[u8], mut emit: impl FnMut(Piece)) -> bool {
    let mut found = vocab.longest_first(word);
    let mut start = 0;
    while let Some((id, length)) = found {
        emit((id, start, start + length));
        start += length;
        if start == word.len() {
            return true;
        }
        found = vocab.longest_continuation(&word[start..]);
    }
    false
}
// ANCHOR_END: walk

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn vocab() -> Vocab {
        Vocab::from_bytes(
            "un\nunaff\n##aff\n##able\n##ab\nü\n##ü\n#".as_bytes(),
            Path::new("vocab.txt"),
        )
        .unwrap()
    }

    fn tokens(vocab: &Vocab, pieces: &[Piece]) -> Vec<String> {
        pieces.iter().map(|&(id, ..)| vocab.token(id).unwrap().to_owned()).collect()
    }

    #[test]
    fn the_longest_piece_wins_even_if_a_shorter_one_would_do() {
        let vocab = vocab();
        let pieces = greedy(&vocab, "unaffable").unwrap();
        assert_eq!(tokens(&vocab, &pieces), ["unaff", "##able"]);
        assert_eq!(pieces[1], (3, 5, 9));
    }

    #[test]
    fn a_rest_without_a_piece_makes_the_whole_word_unknown() {
        assert_eq!(greedy(&vocab(), "unaffx"), None);
    }

    #[test]
    fn the_walk_finds_the_same_pieces() {
        let vocab = vocab();
        for word in
            ["unaffable", "unaffab", "unab", "üün", "ü", "unü", "xun", "#", "##", "able", "unaffx"]
        {
            let mut pieces = Vec::new();
            let known = walk(&vocab, word.as_bytes(), |piece| pieces.push(piece));
            assert_eq!(known.then_some(pieces), greedy(&vocab, word), "{word}");
        }
    }
}
