//! A text whose words are shaded by what they say: blue speaks for something, red against it.
//!
//! Blue and red are told apart by nearly everybody; who cannot has the underline of what speaks
//! against, and the number under the pointer.

use crate::text::escape;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaded {
    /// As it stands in the text.
    pub text: String,
    /// From −1, wholly against, to 1, wholly for; none for what is not judged, such as the space
    /// between two words.
    pub weight: Option<f64>,
    /// Shown where somebody points at the piece; empty for nothing.
    pub title: String,
}

/// Less is no colour to the eye, and gets no underline.
const VISIBLE: f64 = 0.05;

/// A part of a page: the pieces one after the other, their background the darker the larger the weight.
/// Needs nothing of the page around it.
pub fn shaded_text(pieces: &[Shaded]) -> String {
    let pieces: String = pieces.iter().map(piece).collect();
    format!(
        "<p style=\"white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2\">{pieces}</p>\n"
    )
}

fn piece(Shaded { text, weight, title }: &Shaded) -> String {
    let text = escape(text);
    let Some(weight) = weight else {
        return text;
    };
    let ink = if weight.abs() > 0.5 { "#ffffff" } else { "#222222" };
    let underline = if *weight < -VISIBLE { "; border-bottom: 2px dashed #67001f" } else { "" };
    format!(
        "<span style=\"background: {}; color: {ink}; padding: .15em .1em; border-radius: .2em{underline}\" \
         title=\"{}\">{text}</span>",
        shade(*weight),
        escape(title)
    )
}

/// Dark red at −1, white at 0, dark blue at 1: the ends of ColorBrewer's RdBu.
fn shade(weight: f64) -> String {
    let weight = if weight.is_finite() { weight.clamp(-1.0, 1.0) } else { 0.0 };
    let [red, green, blue] = if weight < 0.0 { [178.0, 24.0, 43.0] } else { [33.0, 102.0, 172.0] };
    let mixed = |end: f64| (255.0 + (end - 255.0) * weight.abs()).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mixed(red), mixed(green), mixed(blue))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blue_is_for_red_is_against_and_nothing_is_white() {
        assert_eq!([shade(1.0), shade(0.0), shade(-1.0)], ["#2166ac", "#ffffff", "#b2182b"]);
        assert_eq!(shade(-0.0), "#ffffff");
        assert_eq!([shade(f64::NAN), shade(7.0)], ["#ffffff", "#2166ac"]);
    }

    #[test]
    fn pieces_keep_their_order_and_are_no_markup() {
        let piece = |text: &str, weight, title: &str| Shaded {
            text: text.to_owned(),
            weight,
            title: title.to_owned(),
        };
        let html = shaded_text(&[
            piece("a<b", Some(0.25), "+0.2 \"for\""),
            piece("  & ", None, ""),
            piece("not", Some(-1.0), "-0.8"),
            piece(".", Some(-0.01), "-0.0"),
        ]);
        let places = ["a&lt;b</span>  &amp; <span", ">not</span><span", "&quot;for&quot;"];
        assert!(places.iter().all(|part| html.contains(part)), "{html}");
        assert_eq!(
            html.matches("dashed").count(),
            1,
            "only what speaks against, and can be seen: {html}"
        );
        assert_eq!(html.matches("<span").count(), html.matches("</span>").count());
    }
}
