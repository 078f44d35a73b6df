//! Threads that stand ready between one parallel step and the next.
//!
//! A thread pool puts its idle threads to sleep, and waking one takes longer (16 to 112 µs were measured) than many a product of
//! matrices. A forward pass is a hundred parallel steps with nothing between them, so its threads had better stay awake.

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst},
    },
};

use rayon::prelude::*;

thread_local! {
    /// The team that this thread leads, if any.
    static LEADS: Cell<*const Team> = const { Cell::new(ptr::null()) };
}

/// Does `work`, and has the other threads of the current rayon pool stand ready all the while: each parallel step of the
/// kernels inside begins at once. They spin, so this is for work without long serial stretches: a forward pass, a training step.
/// A team within a team is the same team. The results do not depend on it.
pub fn team<R>(work: impl FnOnce() -> R) -> R {
    let members = rayon::current_num_threads() - 1;
    if members == 0 || !LEADS.get().is_null() {
        return work();
    }
    let team = Team::default();
    rayon::in_place_scope(|scope| {
        for _ in 0..members {
            scope.spawn(|_| team.stand_ready());
        }
        let _dismiss = Dismiss(&team);
        LEADS.set(&team);
        work()
    })
}

/// `function` of every item, on all threads or on this one. The items must not depend on the number of threads, nor
/// one item's result on another's: then the results do not either.
pub(crate) fn for_each<T: Send>(parallel: bool, items: Vec<T>, function: impl Fn(T) + Send + Sync) {
    if !parallel || items.len() < 2 {
        return items.into_iter().for_each(function);
    }
    let leads = LEADS.replace(ptr::null()); // a step within a step is this thread's own
    if leads.is_null() {
        return items.into_par_iter().for_each(function);
    }
    // SAFETY: `leads` points to the team of a call of `team` further down this thread's stack; `Dismiss` clears it there.
    unsafe { &*leads }.share_out(items, function);
    LEADS.set(leads);
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
    fn work(&self) {
        loop {
            let item = self.next.fetch_add(1, SeqCst);
            if item >= self.items {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.function)(item))) {
                self.panic.lock().expect("no panic while it is locked").get_or_insert(panic);
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
            // SAFETY: the leader keeps the step alive until it has taken the pointer away and then seen `inside` at zero. We
            // are counted since before we read the pointer, so we have read null or a step that waits for us.
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
        LEADS.set(ptr::null());
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
