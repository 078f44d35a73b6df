//! Text inside markup, and text that must fit somewhere.

/// What a text looks like where `<`, `&` and quotes have a meaning of their own. Characters that no
/// page may hold (most controls) become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text among others, as markup: whichever way it is read, what stands around it keeps its order.
pub fn isolated(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text))
}

/// The first `most` characters, and `…` if there are more.
pub fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    // Of an emoji that is put together, half is an emoji again, but not with the glue at its end.
    let kept = text[..end].trim_end_matches('\u{200d}').trim_end();
    format!("{kept}…")
}

/// The beginning of a text that is no wider than `most`, in the font's size; `…` stands for the rest.
pub fn fit(text: &str, most: f64) -> String {
    // The text may be very long, and its end makes no difference.
    let text = cut(text, (most * 4.0) as usize + 40);
    if width(&text) <= most {
        return text;
    }
    let mut left = most - 1.0; // the ellipsis
    let fits = |character: &char| {
        left -= character_width(*character);
        left >= 0.0
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end_matches('\u{200d}').trim_end_matches('…').trim_end())
}

/// About how wide a text is, in the font's size. Fonts differ, so rather too wide than too narrow.
pub fn width(text: &str) -> f64 {
    text.chars().map(character_width).sum()
}

fn character_width(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        'A'..='Z' => 0.74,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => 0.0,
        ..'\u{1100}' => 0.57,
        // Chinese, Korean and Japanese letters, emoji.
        _ => 1.1,
    }
}

/// `12345` as `12k`: four places at most.
pub fn short_count(count: u64) -> String {
    let scaled = |unit: f64, name: &str| match count as f64 / unit {
        few if few < 9.95 => format!("{few:.1}{name}"),
        many => format!("{many:.0}{name}"),
    };
    match count {
        0..1_000 => count.to_string(),
        1_000..999_500 => scaled(1e3, "k"),
        999_500..999_500_000 => scaled(1e6, "M"),
        _ => scaled(1e9, "G"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_hostile_text_is_markup_and_controls_are_gone() {
        let hostile = "<script>\"x\" & 'y'\u{0}\u{7}\u{ffff}\n</script>";
        let expected =
            "&lt;script&gt;&quot;x&quot; &amp; 'y'\u{fffd}\u{fffd}\u{fffd}\n&lt;/script&gt;";
        assert_eq!(escape(hostile), expected);
    }

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis_and_not_with_half_a_character() {
        assert_eq!(cut("four", 4), "four");
        assert_eq!(cut("four and", 5), "four…");
        assert_eq!(cut("👩\u{200d}👧", 2), "👩…");
        assert_eq!(cut(&"é".repeat(100_000), 400).chars().count(), 401);
    }

    #[test]
    fn what_was_made_to_fit_is_no_wider() {
        for text in
            ["short", "a name that is much too long", "統一碼統一碼統一碼統一碼", "MMMMMMMMMMMMM"]
        {
            for most in [3.0, 6.0, 10.0] {
                let fitted = fit(text, most);
                assert!(width(&fitted) <= most, "{fitted} is wider than {most}");
                assert_eq!(fitted == text, width(text) <= most, "{fitted}");
            }
        }
        assert!(fit(&"x".repeat(100_000), 10.0).chars().count() < 20);
    }

    #[test]
    fn counts_have_four_places_at_most() {
        let counts = [0, 999, 1_000, 9_949, 9_950, 999_499, 999_500, 12_345_678, 7_000_000_000];
        let short = ["0", "999", "1.0k", "9.9k", "10k", "999k", "1.0M", "12M", "7.0G"];
        assert_eq!(counts.map(short_count), short);
    }
}
