//! Questions checked one after the other.

use super::format::{Answers, Asked, File, Line};
use super::{GoldAnswer, Misplaced, Place, Question, SquadFile, SquadOptions};
use crate::Error;
use crate::json::Text;
use crate::text::count;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Takes questions in and says what is wrong with them.
pub(super) struct Reader<'a> {
    options: &'a SquadOptions,
    file: SquadFile,
    /// Where each id was given.
    places: HashMap<String, Place>,
    /// How many questions have no text.
    empty: usize,
    /// How many questions have an empty list of answers, and are not said to be unanswerable.
    unanswered: usize,
    /// How many are said to be, and have answers.
    answered: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &Path, options: &'a SquadOptions) -> Self {
        let file = SquadFile {
            path: path.to_owned(),
            version: None,
            questions: Vec::new(),
            misplaced: Vec::new(),
            notes: Vec::new(),
        };
        Self { options, file, places: HashMap::new(), empty: 0, unanswered: 0, answered: 0 }
    }

    /// A whole file.
    pub(super) fn file(&mut self, file: File) -> Result<(), Error> {
        self.file.version = file.version.map(String::from);
        for (article, texts) in file.data.into_iter().enumerate() {
            let title: Arc<str> = texts.title.into();
            for (paragraph, text) in texts.paragraphs.into_iter().enumerate() {
                let context: Arc<str> = text.context.into();
                for (question, asked) in text.qas.into_iter().enumerate() {
                    let place = Place::Json { article, paragraph, question };
                    self.question(asked, &title, &context, place)?;
                }
            }
        }
        Ok(())
    }

    /// A line of its own.
    pub(super) fn line(&mut self, line: Line, number: u64) -> Result<(), Error> {
        let Line { id, title, question, context, answers, is_impossible } = line;
        let id = id.unwrap_or_else(|| Text::Number(number.into()));
        let asked = Asked { id, question, answers, is_impossible };
        self.question(asked, &title.into(), &context.into(), Place::Line(number))
    }

    fn question(
        &mut self,
        asked: Asked,
        title: &Arc<str>,
        context: &Arc<str>,
        place: Place,
    ) -> Result<(), Error> {
        let Asked { id, question, answers, is_impossible } = asked;
        let id = self.new_id(id.into(), place)?;
        if context.trim().is_empty() {
            return Err(self.error(place, "a text to ask about", "an empty context".to_owned()));
        }
        self.empty += usize::from(question.trim().is_empty());
        let given = answers.is_some();
        if !given && !is_impossible && !self.options.without_answers {
            return Err(self.error(place, "the key `answers`", "none".to_owned()));
        }
        let mut answers = self.answers(answers, place)?;
        if is_impossible && !answers.is_empty() {
            self.answered += 1;
            answers.clear();
        }
        let none_given = given && answers.is_empty();
        self.unanswered += usize::from(none_given && !is_impossible);
        let mut gold = Vec::with_capacity(answers.len());
        for (text, start) in answers {
            let start = self.check(&text, start, context, &id, gold.len(), place)?;
            gold.push(GoldAnswer { text, start });
        }
        self.file.questions.push(Question {
            id,
            title: Arc::clone(title),
            question,
            context: Arc::clone(context),
            answers: gold,
            is_impossible: is_impossible || none_given,
            place,
        });
        Ok(())
    }

    /// The id, if no question before has it.
    fn new_id(&mut self, id: String, place: Place) -> Result<String, Error> {
        match self.places.insert(id.clone(), place) {
            None => Ok(id),
            Some(first) => {
                Err(Error::DuplicateId { path: self.file.path.clone(), id, first, second: place })
            }
        }
    }

    fn answers(
        &self,
        answers: Option<Answers>,
        place: Place,
    ) -> Result<Vec<(String, usize)>, Error> {
        match answers {
            None => Ok(Vec::new()),
            Some(Answers::List(list)) => {
                Ok(list.into_iter().map(|answer| (answer.text, answer.answer_start)).collect())
            }
            Some(Answers::Columns { text, answer_start }) if text.len() == answer_start.len() => {
                Ok(text.into_iter().zip(answer_start).collect())
            }
            Some(Answers::Columns { text, answer_start }) => {
                let found = format!("{} for {}", answer_start.len(), count(text.len(), "text"));
                Err(self.error(place, "an answer_start for each text of `answers`", found))
            }
        }
    }

    /// The start of an answer, if it stands there.
    fn check(
        &mut self,
        text: &str,
        start: usize,
        context: &str,
        id: &str,
        answer: usize,
        place: Place,
    ) -> Result<Option<usize>, Error> {
        let from = nth_character(context, start).unwrap_or(context.len());
        if !text.trim().is_empty() && context[from..].starts_with(text) {
            return Ok(Some(start));
        }
        let found: String = context[from..].chars().take(text.chars().count()).collect();
        if self.options.strict {
            let expected = format!("the answer {text:?} of question {id} at character {start}");
            return Err(self.error(place, &expected, format!("{found:?}")));
        }
        self.file.misplaced.push(Misplaced {
            id: id.to_owned(),
            place,
            question: self.file.questions.len(),
            answer,
            start,
            found,
            elsewhere: only_place(context, text),
        });
        Ok(None)
    }

    fn error(&self, place: Place, expected: &str, found: String) -> Error {
        let expected = expected.to_owned();
        Error::Question { path: self.file.path.clone(), place, expected, found }
    }

    pub(super) fn finish(self) -> Result<SquadFile, Error> {
        let Self { mut file, empty, unanswered, answered, .. } = self;
        if file.questions.is_empty() {
            return Err(Error::Nothing { path: file.path, what: "question" });
        }
        let notes = [
            (empty, "question", "without any text"),
            (unanswered, "question", "with an empty list of answers: taken for unanswerable"),
            (answered, "question", "said to be unanswerable and with answers: these are left out"),
        ];
        let notes = notes.iter().filter(|(number, ..)| *number > 0);
        file.notes =
            notes.map(|&(number, noun, what)| format!("{} {what}", count(number, noun))).collect();
        Ok(file)
    }
}

/// Where a text's character begins, in bytes; also the one after the last, which has no place.
fn nth_character(text: &str, number: usize) -> Option<usize> {
    text.char_indices().nth(number).map(|(place, _)| place)
}

/// Where a piece stands in a text, in characters, if exactly once.
fn only_place(text: &str, piece: &str) -> Option<usize> {
    let place = text.find(piece).filter(|_| !piece.trim().is_empty())?;
    (text.rfind(piece) == Some(place)).then(|| text[..place].chars().count())
}
