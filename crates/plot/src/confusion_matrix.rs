//! Which class was taken for which: a table of counts, shaded by the share of each row.

use crate::text::{escape, fit, short_count, width as width_of};
use bert_metrics::Confusion;
use std::fmt::Write;

const FONT: f64 = 12.0;
const LONGEST_NAME: f64 = 13.0; // in the font's size
const MARGIN: f64 = 30.0;
/// With so many classes a cell still has room for its share.
const LARGE: usize = 12;

/// A row for each gold class, a column for each predicted one. What is right is blue, what is wrong is
/// orange, the darker, the larger its share of the row. Each cell has its count, and its share too if
/// there are few classes (if there are many, an empty cell is a 0); whoever points at it is told both. Readable up to about 30 classes. An SVG of
/// its natural size.
pub fn confusion_matrix(names: &[&str], confusion: &Confusion) -> String {
    assert_eq!(names.len(), confusion.classes(), "a name for each class");
    let names: Vec<String> = names.iter().map(|name| fit(name, LONGEST_NAME)).collect();
    let longest = names.iter().map(|name| width_of(name)).fold(3.0, f64::max) * FONT;
    let cell = if names.len() <= LARGE { 54.0 } else { 28.0 };
    let (left, top) = (MARGIN + longest + 8.0, MARGIN + longest + 8.0);
    let side = cell * names.len() as f64;
    let (width, height) = (left + side + 10.0, top + side + 10.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"{FONT}\">\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n\
         <text x=\"{left:.1}\" y=\"18\" font-weight=\"bold\">predicted</text>\n\
         <text transform=\"translate(18 {:.1}) rotate(-90)\" text-anchor=\"end\" \
         font-weight=\"bold\">right answer</text>\n",
        top
    );
    for (place, name) in names.iter().enumerate() {
        let middle = (place as f64 + 0.5) * cell + 4.0;
        let name = escape(name);
        let _ = writeln!(
            svg,
            "<text transform=\"translate({:.1} {:.1}) rotate(-90)\">{name}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            left + middle,
            top - 8.0,
            left - 8.0,
            top + middle
        );
    }
    for gold in 0..names.len() {
        let row = confusion.row(gold);
        let total: usize = row.iter().sum();
        for (predicted, &count) in row.iter().enumerate() {
            let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
            let place = (left + predicted as f64 * cell, top + gold as f64 * cell);
            let title =
                format!("{} taken for {}: {count} of {total}", names[gold], names[predicted]);
            draw_cell(
                &mut svg,
                place,
                cell,
                Cell { count, share, right: gold == predicted, title },
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

struct Cell {
    count: usize,
    share: f64,
    right: bool,
    title: String,
}

fn draw_cell(svg: &mut String, (x, y): (f64, f64), side: f64, cell: Cell) {
    let Cell { count, share, right, title } = cell;
    if count == 0 && side < 40.0 {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side}\" height=\"{side}\" fill=\"none\" \
             stroke=\"#eeeeee\"/>"
        );
        return;
    }
    let _ = write!(
        svg,
        "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side}\" height=\"{side}\" \
         fill=\"{}\" stroke=\"#dddddd\"/>",
        escape(&title),
        shade(share, right)
    );
    let ink = match (count, share > 0.55) {
        (0, _) => "#aaaaaa",
        (_, true) => "#ffffff",
        (_, false) => "#222222",
    };
    let large = side > 40.0;
    let (size, down) = if large { (13, 0.46) } else { (9, 0.6) };
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{ink}\" font-size=\"{size}\">{}</text>",
        x + side / 2.0,
        y + down * side,
        short_count(count as u64)
    );
    if large && count > 0 {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{ink}\" font-size=\"10\">{:.0} %</text>",
            x + side / 2.0,
            y + 0.76 * side,
            100.0 * share
        );
    }
    svg.push_str("</g>\n");
}

/// White at 0; at 1 dark blue if right, dark orange if not.
fn shade(share: f64, right: bool) -> String {
    let dark = if right { [8.0, 69.0, 130.0] } else { [176.0, 62.0, 0.0] };
    // A root: a few per cent should be seen.
    let strength = share.clamp(0.0, 1.0).sqrt();
    let [red, green, blue] = dark.map(|dark| (255.0 + (dark - 255.0) * strength).round() as u8);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_says_its_count_and_its_share_of_the_row() {
        let confusion = Confusion::of(&[0, 0, 0, 0, 1], &[0, 0, 0, 1, 1], 2);
        let svg = confusion_matrix(&["bug", "a<b"], &confusion);
        assert!(svg.contains("bug taken for a&lt;b: 1 of 4") && svg.contains(">75 %<"));
        assert!(svg.contains("a&lt;b taken for bug: 0 of 1") && !svg.contains("a<b"));
        assert_eq!(svg.matches("<g>").count(), 4);
    }

    #[test]
    fn thirty_classes_and_classes_without_examples_are_drawn() {
        let names: Vec<String> = (0..30).map(|n| format!("class {n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let svg = confusion_matrix(&names, &Confusion::new(30));
        assert!(svg.matches("fill=\"none\"").count() == 900 && !svg.contains("NaN"));
        assert!(confusion_matrix(&[], &Confusion::new(0)).ends_with("</svg>\n"));
    }
}
