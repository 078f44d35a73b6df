//! Making a text fit: where to cut, and which overlapping windows show what was cut off.

use std::ops::Range;

/// Which text of a pair gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The longer one, until both are of the same length; then both.
    #[default]
    LongestFirst,
    /// Only the first.
    OnlyFirst,
    /// Only the second: for question answering, where the question stays whole.
    OnlySecond,
}

/// How to make an input fit into a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation {
    /// The most tokens that an encoding may have, `[CLS]` and `[SEP]` included.
    pub max_length: usize,
    /// Which text gives way.
    pub strategy: Strategy,
    /// How many tokens neighbouring windows share (Hugging Face's meaning; Google's `doc_stride` is the *step*
    /// from one window to the next).
    pub stride: usize,
}

impl Truncation {
    /// At most `max_length` tokens, longest first, no overlap.
    pub fn to(max_length: usize) -> Self {
        Truncation { max_length, strategy: Strategy::LongestFirst, stride: 0 }
    }
}

// ANCHOR: lengths
/// How many tokens each text may keep. `room` is what the special tokens leave.
pub(crate) fn lengths(
    first: usize,
    second: usize,
    room: usize,
    strategy: Strategy,
) -> Result<(usize, usize), String> {
    if first + second <= room {
        return Ok((first, second));
    }
    match strategy {
        Strategy::LongestFirst => {
            let half = room / 2;
            // The odd token goes to the longer text; to the second if there is no longer one.
            let (short, long) = (half, room - half);
            Ok(match (first <= second, first.min(second) <= half) {
                (true, true) => (first, room - first),
                (false, true) => (room - second, second),
                (true, false) => (short, long),
                (false, false) => (long, short),
            })
        }
        Strategy::OnlyFirst if second < room => Ok((room - second, second)),
        Strategy::OnlySecond if first < room && second > 0 => Ok((first, room - first)),
        Strategy::OnlyFirst => {
            Err(format!("the second text alone has {second} tokens, and there is room for {room}"))
        }
        Strategy::OnlySecond => {
            Err(format!("the first text alone has {first} tokens, and there is room for {room}"))
        }
    }
}
// ANCHOR_END: lengths

// ANCHOR: windows
/// Windows of `room` tokens over `length`, each sharing `stride` tokens with the one before. The last is shorter.
pub(crate) fn windows(length: usize, room: usize, stride: usize) -> Vec<Range<usize>> {
    if length <= room || room == 0 {
        return std::iter::once(0..length.min(room)).collect();
    }
    let step = room - stride.min(room - 1);
    let mut windows = Vec::new();
    for start in (0..length).step_by(step) {
        let end = length.min(start + room);
        windows.push(start..end);
        if end == length {
            break;
        }
    }
    windows
}
// ANCHOR_END: windows

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_share_stride_tokens_and_reach_the_end() {
        assert_eq!(windows(10, 4, 1), [0..4, 3..7, 6..10]);
        assert_eq!(windows(10, 4, 2), [0..4, 2..6, 4..8, 6..10]);
        assert_eq!(windows(4, 4, 2), [Range { start: 0, end: 4 }]);
        assert_eq!(windows(9, 4, 0), [0..4, 4..8, 8..9]);
    }

    #[test]
    fn no_room_and_a_stride_as_wide_as_the_window_come_to_an_end() {
        assert_eq!(windows(3, 0, 5), [Range { start: 0, end: 0 }]);
        assert_eq!(windows(3, 2, 2), [0..2, 1..3]);
    }

    #[test]
    fn the_longer_text_gives_way_first() {
        assert_eq!(lengths(3, 20, 10, Strategy::LongestFirst), Ok((3, 7)));
        assert_eq!(lengths(20, 3, 10, Strategy::LongestFirst), Ok((7, 3)));
        assert_eq!(lengths(20, 21, 9, Strategy::LongestFirst), Ok((4, 5)));
        assert_eq!(lengths(21, 20, 9, Strategy::LongestFirst), Ok((5, 4)));
        assert_eq!(lengths(21, 20, 10, Strategy::OnlyFirst).ok(), None);
    }
}
