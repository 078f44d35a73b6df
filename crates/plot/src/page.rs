//! One self-contained HTML page: no script, no font, no picture that would have to be fetched.

use crate::text::escape;

/// Built piece by piece, from top to bottom.
#[derive(Debug)]
pub struct Page {
    html: String,
}

/// What stands in a cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Somebody's text. It keeps its own direction, and breaks where it must.
    Text(String),
    /// Set to the right.
    Number(String),
    /// Markup already.
    Markup(String),
}

impl Cell {
    /// A text, as it is.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number, so many places behind the point.
    pub fn number(number: f64, places: usize) -> Self {
        Self::Number(format!("{number:.places$}"))
    }

    /// A whole number.
    pub fn count(count: usize) -> Self {
        Self::Number(count.to_string())
    }

    fn html(&self) -> String {
        match self {
            Self::Text(text) => format!("<td dir=\"auto\">{}</td>", escape(text)),
            Self::Number(number) => format!("<td class=\"number\">{}</td>", escape(number)),
            Self::Markup(html) => format!("<td>{html}</td>"),
        }
    }
}

const STYLE: &str = "\
body { font: 17px/1.55 Georgia, serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; overflow-wrap: break-word }
h1, h2, h3 { font-family: sans-serif; line-height: 1.2 } h2 { margin-top: 2.5rem } h3 { margin-top: 1.8rem }
table { border-collapse: collapse; font: 14px/1.4 sans-serif; margin: 1rem 0 }
th, td { text-align: left; padding: .25rem .8rem; border-bottom: 1px solid #ddd; vertical-align: top }
td[dir] { overflow-wrap: anywhere; min-width: 4.5rem } td.number { white-space: nowrap }
td.number { text-align: right; font-variant-numeric: tabular-nums }
pre, code { font: 14px/1.45 monospace; background: #f6f6f4 } pre { padding: .7rem; overflow-x: auto }
figure { margin: 1.2rem 0; overflow-x: auto } figure svg { max-width: 100%; height: auto } figure svg:not([width]) { max-width: min(100%, 44rem) }
figure.row { display: flex; flex-wrap: wrap; gap: 1rem } figure.row svg { max-width: none }
figcaption { font: 14px/1.4 sans-serif; color: #555; flex-basis: 100% }
.note { color: #555 }
.scores { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.2rem 0 }
.scores div { border: 1px solid #ddd; border-radius: .4rem; padding: .6rem 1rem; font: 14px/1.4 sans-serif; max-width: 17rem }
.scores b { display: block; font-size: 2rem; line-height: 1.2 }
";

impl Page {
    /// A page with a heading.
    pub fn new(title: &str) -> Self {
        let title = escape(title);
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        Self { html }
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        self.push(&format!("<h2>{}</h2>", escape(text)));
    }

    /// A heading of a part of a section.
    pub fn subheading(&mut self, text: &str) {
        self.push(&format!("<h3>{}</h3>", escape(text)));
    }

    /// Numbers that everybody looks for, set large: the number, what it is called, what it means.
    pub fn scores(&mut self, scores: &[[String; 3]]) {
        let score = |[number, name, meaning]: &[String; 3]| {
            let [number, name, meaning] = [number, name, meaning].map(|text| escape(text));
            format!("<div><b>{number}</b>{name}<br><span class=\"note\">{meaning}</span></div>\n")
        };
        let scores: String = scores.iter().map(score).collect();
        self.push(&format!("<div class=\"scores\">\n{scores}</div>"));
    }

    /// A paragraph of plain text; what stands between `backticks` is set as code.
    pub fn paragraph(&mut self, text: &str) {
        let parts = text.split('`').map(escape).enumerate();
        let set = |(number, part)| match number % 2 {
            0 => part,
            _ => format!("<code>{part}</code>"),
        };
        let text: String = parts.map(set).collect();
        self.push(&format!("<p>{text}</p>"));
    }

    /// Lines as they are.
    pub fn preformatted(&mut self, text: &str) {
        self.push(&format!("<pre>{}</pre>", escape(text)));
    }

    /// A table; cells that are numbers are set to the right.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let cell = |text: &String| match text.parse::<f64>() {
            Ok(_) => Cell::Number(text.clone()),
            Err(_) => Cell::Markup(escape(text)),
        };
        let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        self.table_of(head, &rows);
    }

    /// A table whose cells say themselves what they are.
    pub fn table_of(&mut self, head: &[&str], rows: &[Vec<Cell>]) {
        let head: String = head.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
        let row = |row: &Vec<Cell>| {
            format!("<tr>{}</tr>\n", row.iter().map(Cell::html).collect::<String>())
        };
        let rows: String = rows.iter().map(row).collect();
        self.push(&format!("<table>\n<tr>{head}</tr>\n{rows}</table>"));
    }

    /// Pictures side by side, as SVG, with a caption.
    pub fn figures(&mut self, pictures: &[String], caption: &str) {
        let class = if pictures.len() > 1 { " class=\"row\"" } else { "" };
        let caption = escape(caption);
        self.push(&format!(
            "<figure{class}>\n{}<figcaption>{caption}</figcaption>\n</figure>",
            pictures.concat()
        ));
    }

    /// A part that is markup already, such as a [`crate::shaded_text()`].
    pub fn fragment(&mut self, html: &str) {
        self.push(html);
    }

    fn push(&mut self, html: &str) {
        self.html.push_str(html);
        self.html.push('\n');
    }

    /// The whole page.
    pub fn finish(self) -> String {
        self.html + "</body>\n</html>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup_and_every_element_is_closed() {
        let mut page = Page::new("a < b");
        page.heading("x & y");
        page.paragraph("see `<i>` here");
        page.table(&["word", "p"], &[vec!["<b>".to_owned(), "0.5".to_owned()]]);
        page.figures(&["<svg></svg>".to_owned()], "\"quoted\"");
        let html = page.finish();
        for part in ["<h1>a &lt; b</h1>", "<code>&lt;i&gt;</code>", "<td>&lt;b&gt;</td>"] {
            assert!(html.contains(part), "{part}");
        }
        for element in ["html", "head", "body", "p", "table", "tr", "figure", "h1", "h2"] {
            let count = |tag: &str| html.matches(tag).count();
            let opened = count(&format!("<{element}>")) + count(&format!("<{element} "));
            assert_eq!((opened, opened > 0), (count(&format!("</{element}>")), true), "{element}");
        }
    }
}
