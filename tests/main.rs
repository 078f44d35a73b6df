//! Whole-program tests.
//!
//! - [`support`]: running the program, and breaking copies of the fixtures for it
//! - [`commands`]: what each subcommand prints and writes
//! - [`checking`]: the subcommands that prove the numbers, trace and verify
//! - [`backward_commands`]: the subcommands that show gradients
//! - [`instances`]: instances of pre-training, as files and for the eye
//! - [`bad_input`]: one clear message for whatever is wrong with the input
//! - [`vocabulary`]: vocabularies made of a text
//! - [`windows`]: what is longer than the model, and the best of many answers
//! - [`n_best`]: the n best of many answers against the SQuAD program of transformers 4
//! - [`explaining`]: which words speak for an answer, against PyTorch's autograd
//! - `limits`: what the system refuses, memory and disk (on Linux)
//! - [`finetuning`]: models for tasks of one's own, and what they say
//! - [`finetuning_tasks`]: the same for tags, answers and choices
//! - [`finetuning_input`]: what is refused before a fine-tuning
//! - [`genuine`]: genuine trained weights, where this machine has them
//! - [`saving`]: what is saved is what was loaded
//! - [`parity`]: every tensor of a forward pass against transformers
//! - [`gradients`]: every gradient against PyTorch's autograd
//! - [`pretraining`]: what `bert pretrain` leaves behind, whatever happens to it
//! - [`pretraining_input`]: what is refused before a training
//! - [`quantising`]: weights of 8 bits against NumPy, and what `bert quantize` leaves behind
//! - [`showing`]: the tour and the lab
//! - [`training`]: ten steps of training against PyTorch and Google's formula
//! - [`loss_curve`]: a hundred steps of pre-training against PyTorch
//! - [`finetune_curves`]: fifty steps of each task against PyTorch
//! - [`weights`]: weights in every published form, and names on the Hub
//! - [`pipelines`]: the answers of every task against transformers' pipelines
mod backward_commands;
mod bad_input;
mod bfloat16;
mod checking;
mod commands;
mod explaining;
mod finetune_curves;
mod finetuning;
mod finetuning_input;
mod finetuning_tasks;
mod genuine;
mod gradients;
mod instances;
#[cfg(target_os = "linux")]
mod limits;
mod loss_curve;
mod n_best;
mod parity;
mod pipelines;
mod pretraining;
mod pretraining_input;
mod quantising;
mod saving;
mod showing;
mod support;
mod telling;
mod training;
mod vocabulary;
mod weights;
mod windows;
