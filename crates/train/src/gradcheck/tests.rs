use super::*;

fn check(subject: Subject) {
    let report = subject.check().unwrap();
    let wrong = report.rows.iter().find(|row| !subject.passed(row, &report));
    assert!(wrong.is_none(), "{}: {wrong:?}\n{report}", subject.case.name());
    let names = |tensors: Vec<bert_nn::TensorRef>| -> Vec<String> {
        tensors.into_iter().map(|tensor| tensor.name).collect()
    };
    let checked: Vec<_> = report.rows.into_iter().map(|row| row.name).collect();
    assert_eq!(checked, names(subject.model.tensors()));
}

/// Heads are checked with dropout on, which leaves nothing out that would be in without it.
fn check_heads(kinds: &[HeadKind]) {
    let cases = Case::all().into_iter().filter(|case| kinds.contains(&case.kind));
    cases.for_each(|case| check(Subject { dropout: true, ..Subject::new(case) }));
}

#[test]
fn gradients_of_the_pre_training_heads_are_what_finite_differences_say() {
    check_heads(&[HeadKind::MaskedLm, HeadKind::NextSentence, HeadKind::PreTraining]);
}

#[test]
fn gradients_of_the_sequence_classifiers_are_what_finite_differences_say() {
    check_heads(&[HeadKind::SequenceClassification]);
}

#[test]
fn gradients_of_the_other_heads_are_what_finite_differences_say() {
    check_heads(&[
        HeadKind::TokenClassification,
        HeadKind::QuestionAnswering,
        HeadKind::MultipleChoice,
    ]);
}

#[test]
fn gradients_without_dropout_are_what_finite_differences_say() {
    check(Subject::new(Case { kind: HeadKind::PreTraining, problem_type: None }));
}

/// A model without a part, and a step of one small batch.
fn without(ablation: Ablation, dropout: bool) -> Subject {
    let case = Case { kind: HeadKind::PreTraining, problem_type: None };
    let plain = Subject::new(case);
    let step = vec![labelled(case, &[5, 1, 3], &plain.config)];
    Subject { step, ablation, dropout, ..plain }
}

fn check_every_part(dropout: bool) {
    for part in Ablation::ALL {
        let mut subject = without(part.ablation, dropout);
        if part.ablation.no_residual && size_of::<Real>() == size_of::<f32>() {
            // LayerNorm bends most where its input is small, as a block's result by itself is.
            // Two layers of that are too much for f32: at its best step some gradients of the
            // second are 3e-3 off. In f64 both are checked.
            subject.model.bert.encoder.layer.truncate(1);
            subject.config.num_hidden_layers = 1;
        }
        let whole = Subject { ablation: Ablation::NONE, ..subject.clone() };
        let loss = |subject: &Subject| subject.loss(&subject.model);
        let apart = (loss(&subject) - loss(&whole)).abs();
        assert!(apart > 1e-3, "{} changes the loss by {apart}", part.name);
        check(subject);
    }
}

#[test]
fn gradients_of_a_model_without_a_part_are_what_finite_differences_say() {
    check_every_part(false);
}

#[test]
fn gradients_without_a_part_and_under_dropout_are_what_finite_differences_say() {
    check_every_part(true);
}

#[test]
fn a_model_without_a_part_has_the_same_gradients_when_activations_are_computed_again() {
    for part in Ablation::ALL {
        let subject = without(part.ablation, true);
        let (mut again, context) = (subject.model.zeros_like(), subject.context());
        let Subject { model, step, .. } = &subject;
        gradients(model, step, &context, Keep::InputOnly, &mut again).unwrap();
        assert_eq!(again, subject.gradients().unwrap(), "{}", part.name);
    }
}

#[test]
fn gradients_under_class_weights_and_smoothing_are_what_finite_differences_say() {
    let problem_type = Some("single_label_classification");
    for case in [
        Case { kind: HeadKind::SequenceClassification, problem_type },
        Case { kind: HeadKind::TokenClassification, problem_type: None },
    ] {
        let plain = Subject::new(case);
        // Powers of two: weights that are all the same cancel to the last bit.
        let weighted =
            |weights: [Real; 3]| Subject { class_weights: Some(weights.into()), ..plain.clone() };
        let loss = |subject: &Subject| subject.loss(&subject.model);
        assert_eq!(loss(&weighted([4.0; 3])), loss(&plain));
        let subject = weighted([0.5, 4.0, 1.0]);
        assert!((loss(&subject) - loss(&plain)).abs() > 0.01, "the weights count for nothing");
        check(subject.clone());
        let smooth = Subject { label_smoothing: 0.1, ..subject.clone() };
        assert!((loss(&smooth) - loss(&subject)).abs() > 0.001, "smoothing counts for nothing");
        check(smooth);
    }
}

#[test]
fn what_is_not_frozen_has_the_gradients_that_it_had_and_the_rest_has_none() {
    for case in Case::all() {
        let plain = Subject { dropout: true, ..Subject::new(case) };
        let expected = plain.gradients().unwrap();
        // The table of words is also the decoder of masked words, above all layers.
        let tied = matches!(case.kind, HeadKind::MaskedLm | HeadKind::PreTraining);
        let tied = |name: &str| tied && name == "bert.embeddings.word_embeddings.weight";
        for freeze in [Freeze::EMBEDDINGS, Freeze::layers(1), Freeze::ALL] {
            let found = Subject { freeze, ..plain.clone() }.gradients().unwrap();
            for (found, expected) in found.tensors().iter().zip(expected.tensors()) {
                if tied(&found.name) {
                    continue;
                }
                if freeze.parameter(&found.name) {
                    assert!(found.values.iter().all(|&g| g == 0.0), "{freeze}: {}", found.name);
                } else {
                    assert_eq!(found.values, expected.values, "{freeze}: {}", found.name);
                }
            }
        }
    }
}

#[test]
fn every_head_with_a_loss_is_among_the_cases() {
    for kind in HeadKind::ALL {
        let found = Case::all().iter().any(|case| case.kind == kind);
        assert_eq!(found, kind != HeadKind::None);
    }
}

#[test]
fn what_is_called_zero_is_zero_and_nothing_else_is() {
    let parts = Ablation::ALL.map(|part| part.ablation).into_iter().chain([Ablation::NONE]);
    let subjects = Case::all().into_iter().flat_map(|case| {
        parts.clone().map(move |ablation| Subject { ablation, ..Subject::new(case) })
    });
    for subject in subjects {
        let grads = subject.gradients().unwrap();
        let norms = grads.tensors().into_iter().map(|tensor| {
            let squares = tensor.values.iter().map(|&g| f64::from(g).powi(2));
            (tensor.name, squares.sum::<f64>().sqrt())
        });
        let norms: Vec<_> = norms.collect();
        let all = norms.iter().map(|(_, norm)| norm * norm).sum::<f64>().sqrt();
        for (name, norm) in norms {
            let zero = subject.zero(&name).is_some();
            let (case, ablation) = (subject.case.name(), subject.ablation);
            let found = format!("{case}, without {ablation}: {name}: {norm:e} of {all}");
            assert_eq!(zero, norm <= NOISE * all, "{found}");
        }
    }
}

#[test]
fn gradients_that_are_absent_at_first_are_those_that_begin_with_zeros() {
    let cases = Case::all().into_iter().map(|case| Subject { dropout: true, ..Subject::new(case) });
    let parts = Ablation::ALL.into_iter().map(|part| without(part.ablation, true));
    let pre_training = Case { kind: HeadKind::PreTraining, problem_type: None };
    let frozen = Subject { freeze: Freeze::layers(1), ..Subject::new(pre_training) };
    for subject in cases.chain(parts).chain([frozen]) {
        let (mut made, context) = (subject.model.absent_like(), subject.context());
        let Subject { model, step, .. } = &subject;
        gradients(model, step, &context, Keep::All, &mut made).unwrap();
        let from_zeros = subject.gradients().unwrap();
        let mut absent = 0;
        for (made, expected) in made.tensors().iter().zip(from_zeros.tensors()) {
            if made.values.is_empty() {
                absent += 1;
                let zero = expected.values.iter().all(|&x| x == 0.0);
                assert!(zero, "{} is absent and should not be", expected.name);
            } else {
                assert_eq!(made.values, expected.values, "{}", expected.name);
            }
        }
        let left_out = subject.freeze != Freeze::NOTHING || subject.ablation != Ablation::NONE;
        let name = subject.case.name();
        assert!(absent == 0 || left_out, "{name}: {absent} tensors are absent");
    }
}
