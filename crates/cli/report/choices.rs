//! The right one of several endings.

use super::MOST_CHARACTERS;
use super::calibration::Calibration;
use super::results::{Results, Right, largest_first, tell_shown, wide};
use bert_data::ChoiceQuestion;
use bert_data::statistics::Sample as _;
use bert_kernels::softmax_row;
use bert_nn::Real;
use bert_plot::text::cut;
use bert_plot::{Cell, Page};
use bert_train::tasks::largest;

/// What a model chooses.
pub struct ChoiceResults<'a> {
    /// With what would be asked.
    pub questions: &'a [ChoiceQuestion],
    /// The number of the right ending of each, from 0.
    pub right: &'a [u32],
    /// The number that each ending gets.
    pub logits: &'a [Vec<Real>],
}

impl ChoiceResults<'_> {
    fn gold(&self, place: usize) -> usize {
        self.right[place] as usize
    }

    fn chosen(&self, place: usize) -> usize {
        largest(&self.logits[place])
    }

    fn is_right(&self, place: usize) -> bool {
        self.gold(place) == self.chosen(place)
    }

    fn probabilities(&self, place: usize) -> Vec<Real> {
        let mut row = self.logits[place].clone();
        softmax_row(&mut row);
        row
    }
}

impl Results for ChoiceResults<'_> {
    fn count(&self) -> usize {
        self.right.len()
    }

    fn right(&self) -> Option<Right> {
        let right = (0..self.count()).filter(|&place| self.is_right(place)).count();
        Some(Right { name: "Accuracy", right, total: self.count() })
    }

    fn remark(&self) -> Option<String> {
        let chance = |question: &ChoiceQuestion| 1.0 / question.seconds.len() as f64;
        let mean = self.questions.iter().map(chance).sum::<f64>() / self.count() as f64;
        Some(format!("Whoever chose at random would have an accuracy of {mean:.4}."))
    }

    fn title(&self) -> &'static str {
        "Which ending is chosen"
    }

    fn details(&self, page: &mut Page) {
        page.paragraph(
            "How often the ending in each place is right, how often it was chosen, and how many of the former were chosen \
             rightly. The place should make no difference.",
        );
        let most = self.questions.iter().map(|question| question.seconds.len()).max().unwrap_or(0);
        let row = |choice: usize| {
            let places = || 0..self.count();
            let gold = places().filter(|&place| self.gold(place) == choice).count();
            let chosen = places().filter(|&place| self.chosen(place) == choice).count();
            let both = places().filter(|&place| self.is_right(place) && self.gold(place) == choice);
            [choice + 1, gold, chosen, both.count()].map(Cell::count).to_vec()
        };
        let rows: Vec<_> = (0..most.min(super::MOST_CLASSES)).map(row).collect();
        page.table_of(&["place", "right", "chosen", "rightly chosen"], &rows);
    }

    fn calibration(&self) -> Option<Calibration> {
        let confidence = |place| wide(self.probabilities(place)[self.chosen(place)]);
        Some(Calibration {
            what: "answer",
            confidences: (0..self.count()).map(confidence).collect(),
            right: (0..self.count()).map(|place| self.is_right(place)).collect(),
            scores: Vec::new(),
        })
    }

    fn worst(&self, page: &mut Page) {
        let wrong = (0..self.count()).filter(|&place| !self.is_right(place));
        let loss = |place: usize| -wide(self.probabilities(place)[self.gold(place)]).ln();
        let wrong: Vec<_> = wrong.map(|place| (place, loss(place))).collect();
        tell_shown(page, wrong.len(), "questions have another right ending than the one chosen");
        if wrong.is_empty() {
            return;
        }
        let row = |place: usize| {
            let (question, probabilities) = (&self.questions[place], self.probabilities(place));
            let (gold, chosen) = (self.gold(place), self.chosen(place));
            vec![
                Cell::text(cut(&question.place(), 60)),
                Cell::text(cut(&question.first, MOST_CHARACTERS)),
                Cell::text(cut(&question.seconds[gold], MOST_CHARACTERS)),
                Cell::number(wide(probabilities[gold]), 3),
                Cell::text(cut(&question.seconds[chosen], MOST_CHARACTERS)),
                Cell::number(wide(probabilities[chosen]), 3),
            ]
        };
        let rows: Vec<_> = largest_first(wrong).into_iter().map(row).collect();
        let head = ["where", "question", "right", "its probability", "chosen", "its probability"];
        page.table_of(&head, &rows);
    }
}
