//! Threads that stand ready between one parallel step and the next.
//!
//! A thread pool puts its idle threads to sleep, and waking one takes longer (16 to 112 µs were measured) than many a product of
//! matrices. A forward pass is a hundred parallel steps with nothing between them, so its threads had better stay awake.

use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst},
    },
};

use rayon::prelude::*;

/// What this thread is doing for a team.
#[derive(Clone)]
enum Role {
    /// Nothing.
    None,
    /// It hands out the steps of this team.
    Leads(Arc<Team>),
    /// It works on an item of a step.
    InStep,
}

thread_local! {
    static ROLE: RefCell<Role> = const { RefCell::new(Role::None) };
}

/// Gives this thread a role until the value is dropped, also by a panic.
struct Playing(Role);

impl Playing {
    fn new(role: Role) -> Self {
        Self(ROLE.replace(role))
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        ROLE.replace(std::mem::replace(&mut self.0, Role::None));
    }
}

/// Does `work`, and has the other threads of the current rayon pool stand ready all the while: each parallel step of the
/// kernels inside begins at once. They spin, so this is for work without long serial stretches: a forward pass, a training step.
/// A team within a team is the same team. The results do not depend on it.
///
/// `work` must not call rayon itself: the pool's threads are busy standing ready.
pub fn team<R>(work: impl FnOnce() -> R) -> R {
    let members = rayon::current_num_threads() - 1;
    if members == 0 || !matches!(ROLE.with_borrow(Role::clone), Role::None) {
        return work();
    }
    let team = Arc::new(Team::default());
    for _ in 0..members {
        let team = Arc::clone(&team);
        // One that comes late, after the end, finds itself dismissed. Nobody waits for it.
        rayon::spawn(move || team.stand_ready());
    }
    let _dismiss = Dismiss(&team);
    let _leading = Playing::new(Role::Leads(Arc::clone(&team)));
    work()
}

/// `function` of every item, on all threads or on this one. The items must not depend on the number of threads, nor
/// one item's result on another's: then the results do not either. A step within a step is its thread's own.
pub(crate) fn for_each<T: Send>(parallel: bool, items: Vec<T>, function: impl Fn(T) + Send + Sync) {
    if !parallel || items.len() < 2 || rayon::current_num_threads() == 1 {
        return items.into_iter().for_each(function);
    }
    match ROLE.with_borrow(Role::clone) {
        Role::None => items.into_par_iter().for_each(function),
        Role::InStep => items.into_iter().for_each(function),
        Role::Leads(team) => team.share_out(items, function),
    }
}

/// A step in progress: its items by number, handed out one by one.
struct Step<'a> {
    function: &'a (dyn Fn(usize) + Sync),
    items: usize,
    next: AtomicUsize,
    /// The first panic of any item.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Step<'_> {
    /// Never panics.
    fn work(&self) {
        let _playing = Playing::new(Role::InStep);
        loop {
            let item = self.next.fetch_add(1, SeqCst);
            if item >= self.items {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.function)(item))) {
                let mut first = self.panic.lock().expect("no panic while it is locked");
                if first.is_none() {
                    *first = Some(panic);
                } else if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                    // Dropping what was thrown has thrown once more, here where nothing may.
                    std::mem::forget(again);
                }
            }
        }
    }
}

#[derive(Default)]
struct Team {
    /// The step in progress, or null.
    step: AtomicPtr<Step<'static>>,
    /// How many members may be looking at it.
    inside: AtomicUsize,
    dismissed: AtomicBool,
}

/// Spinning this often takes some 100 µs; after that a thread lets others have the core.
const PATIENCE: usize = 4096;

impl Team {
    fn share_out<T: Send>(&self, items: Vec<T>, function: impl Fn(T) + Sync) {
        let items: Vec<_> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
        let by_number = |number: usize| {
            let item = items[number].lock().expect("locked once").take();
            function(item.expect("each number is handed out once"));
        };
        let step = Step {
            function: &by_number,
            items: items.len(),
            next: AtomicUsize::new(0),
            panic: Mutex::new(None),
        };
        self.step.store(ptr::from_ref(&step).cast_mut().cast(), SeqCst);
        step.work();
        // All items are handed out. A member that still has one is counted in `inside`; one that comes now sees null.
        self.step.store(ptr::null_mut(), SeqCst);
        wait_until(|| self.inside.load(SeqCst) == 0);
        if let Some(panic) = step.panic.into_inner().expect("no panic while it is locked") {
            resume_unwind(panic);
        }
    }

    fn stand_ready(&self) {
        loop {
            wait_until(|| self.dismissed.load(SeqCst) || !self.step.load(SeqCst).is_null());
            if self.dismissed.load(SeqCst) {
                return;
            }
            self.inside.fetch_add(1, SeqCst);
            // SAFETY: the leader keeps the step alive until it has taken the pointer away and then seen `inside` at zero; nothing
            // panics between. We are counted since before we read the pointer, so we have read null or a step that waits for us.
            if let Some(step) = unsafe { self.step.load(SeqCst).as_ref() } {
                step.work();
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }
}

/// Lets the members go, even when the work panics.
struct Dismiss<'a>(&'a Team);

impl Drop for Dismiss<'_> {
    fn drop(&mut self) {
        self.0.dismissed.store(true, SeqCst);
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    let mut tries = 0;
    while !condition() {
        tries += 1;
        if tries < PATIENCE {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::current;

    /// Hands out `steps` times 64 items and counts them.
    fn counts(steps: usize) -> Vec<usize> {
        let counts: Vec<_> = (0..64).map(|_| AtomicUsize::new(0)).collect();
        for _ in 0..steps {
            for_each(true, counts.iter().collect(), |count: &AtomicUsize| {
                count.fetch_add(1, SeqCst);
            });
        }
        counts.into_iter().map(AtomicUsize::into_inner).collect()
    }

    #[test]
    fn every_item_of_many_short_steps_is_done_once() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| team(|| counts(20_000))), [20_000; 64]);
    }

    #[test]
    fn a_step_within_a_step_stays_on_its_thread() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let work = || (0..20_000).for_each(|i| _ = std::hint::black_box(i));
        let within = |_: usize| {
            let outer = current().id();
            let item = |()| {
                work();
                assert_eq!(current().id(), outer);
            };
            for _ in 0..100 {
                team(|| for_each(true, vec![(); 8], item));
            }
        };
        // One thread has no item of its own and would gladly take another's.
        pool.install(|| team(|| for_each(true, (0..2).collect(), within)));
    }
}
