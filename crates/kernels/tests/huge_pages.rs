//! Memory on huge pages, in a program of its own, which has that allocator.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{
    fs,
    hint::black_box,
    sync::{Mutex, PoisonError},
};

use bert_kernels::{HugePages, keep_dropped};

#[global_allocator]
static ALLOCATOR: HugePages = HugePages;

/// One test at a time: what the process holds is that of all.
static ALONE: Mutex<()> = Mutex::new(());

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const HUGE: usize = 2 * MIB;

/// Bytes that the process holds, and how many of them are on huge pages.
fn held() -> (usize, usize) {
    let all = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let field = |name: &str| {
        let line = all.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * KIB
    };
    (field("Rss:"), field("AnonHugePages:"))
}

/// How many bytes more the process holds after `make`, in all and on huge pages; what was made still lives.
fn more<T>(make: impl FnOnce() -> T) -> (isize, isize) {
    let before = held();
    let made = make();
    let after = held();
    drop(black_box(made));
    (after.0 as isize - before.0 as isize, after.1 as isize - before.1 as isize)
}

/// The number at place `i`, of which no byte is 0 everywhere.
fn number(i: usize) -> u32 {
    (i as u32).wrapping_mul(0x9E37_79B9)
}

/// Has all that waits go back, but for the few blocks that always may, so that a test knows what it begins with.
fn begin() -> impl Drop {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner); // also after a test that failed
    give_back();
    alone
}

/// What waits makes room for a block that no place is large enough for. Nobody writes to that one.
fn give_back() {
    drop(black_box(vec![0_u8; 4 << 30]));
}

#[test]
fn large_blocks_begin_at_a_page_and_do_not_overlap() {
    let _alone = begin();
    let sizes = [128 * KIB, HUGE, HUGE + 1, 3 * MIB, 9 * MIB, HUGE, 12 * MIB + 4095, 90 * MIB];
    let mut blocks: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0; size]).collect();
    for (i, block) in blocks.iter_mut().enumerate() {
        assert!(block.as_ptr().addr().is_multiple_of(4096), "{} bytes", block.len());
        block.fill(i as u8 + 1);
    }
    for (i, block) in blocks.iter().enumerate() {
        assert!(block.iter().all(|&byte| byte == i as u8 + 1), "{} bytes", block.len());
    }
}

#[test]
fn zeros_are_zeros_also_where_other_numbers_were() {
    let _alone = begin();
    for size in [128 * KIB - 1, 128 * KIB, HUGE - 1, HUGE, 5 * MIB, 40 * MIB] {
        for _ in 0..3 {
            let mut block = black_box(vec![0_u8; size]);
            assert!(block.iter().all(|&byte| byte == 0), "{size} bytes");
            block.fill(7);
        }
    }
}

#[test]
fn what_grows_or_shrinks_keeps_what_it_holds() {
    let _alone = begin();
    // Bytes: small to large, large to larger, and back, around the border.
    let sizes = [
        KIB,
        128 * KIB - 4,
        128 * KIB,
        MIB,
        HUGE + 4,
        11 * MIB,
        64 * MIB,
        3 * MIB,
        HUGE,
        128 * KIB,
        4,
    ];
    let mut numbers = vec![number(0)];
    for len in sizes.map(|size| size / 4) {
        let kept = numbers.len().min(len);
        numbers.truncate(len);
        numbers.reserve_exact(len - kept);
        numbers.shrink_to(len);
        let same = numbers.iter().enumerate().all(|(i, &found)| found == number(i));
        assert!(same && numbers.len() == kept, "{kept} numbers in room for {len}");
        numbers.extend((kept..len).map(number));
    }
}

#[test]
fn what_is_written_to_lies_on_huge_pages_where_the_system_has_them() {
    let _alone = begin();
    let enabled = "/sys/kernel/mm/transparent_hugepage/enabled";
    let enabled = fs::read_to_string(enabled).unwrap_or_default();
    if !enabled.contains("[madvise]") && !enabled.contains("[always]") {
        eprintln!("skipped: this system has no huge pages ({enabled:?})");
        return;
    }
    let (_, huge) = more(|| vec![1_u8; 64 * MIB]);
    // Fewer only where memory is so cut up that no 2 MiB hang together.
    assert!(huge >= 48 * MIB as isize, "{huge} bytes of 64 MiB");
}

#[test]
fn what_grows_keeps_what_it_holds_where_others_are_in_its_way() {
    let _alone = begin();
    // 4 MiB are copied, 20 MiB are moved by their pages.
    for mib in [4, 20] {
        let mut growing: Vec<u32> = (0..mib * MIB / 4).map(number).collect();
        let mut others = Vec::new();
        for _ in 0..4 {
            others.push(vec![7_u8; 3 * MIB]); // behind it, perhaps
            let len = growing.len();
            growing.reserve_exact(MIB);
            growing.extend((len..len + MIB).map(number));
            let old_place = vec![0_u8; mib * MIB]; // where it was, perhaps
            assert!(old_place.iter().all(|&byte| byte == 0));
        }
        assert!(growing.iter().enumerate().all(|(i, &found)| found == number(i)), "{mib} MiB");
        assert!(others.iter().flatten().all(|&byte| byte == 7));
    }
}

#[test]
fn a_block_takes_no_more_than_it_is_long_and_few_wait_when_they_are_dropped() {
    let _alone = begin();
    let slack = 3 * MIB as isize; // two huge pages that are in use in part, and what the test itself takes
    // 2.25 MiB is what a matrix of 768 × 768 takes. They do not fit into what may wait from other tests.
    let (written, _) = more(|| [(); 64].map(|()| vec![1_u8; 9 * MIB / 4]));
    let most_waiting = 24 * MIB as isize;
    assert!(written < 144 * MIB as isize + slack, "{written} bytes for 144 MiB");
    assert!(written > 144 * MIB as isize - most_waiting - slack, "{written} bytes for 144 MiB");
    let (zeros, _) = more(|| vec![0_u8; 512 * MIB]);
    assert!(zeros.abs() < slack, "{zeros} bytes for zeros that nobody wrote to");
    let (dropped, _) = more(|| drop(black_box(vec![1_u8; 64 * MIB])));
    assert!(dropped < most_waiting + slack, "{dropped} bytes are still there");
    let (dropped, _) = more(|| drop(black_box([(); 40].map(|()| vec![1_u8; 9 * MIB]))));
    assert!(dropped < most_waiting + slack, "{dropped} bytes are still there");
}

#[test]
fn what_is_kept_makes_room_for_what_comes_and_is_given_back_for_it() {
    let _alone = begin();
    let slack = 3 * MIB as isize;
    let old = [(); 10].map(|()| vec![1_u8; 13 * MIB]);
    let (kept, _) = more(|| keep_dropped(|| drop(black_box(old))));
    assert!(kept.abs() < slack, "{kept} bytes more or less: what was dropped should wait");
    let (new, _) = more(|| keep_dropped(|| drop(black_box(vec![1_u8; 50 * MIB]))));
    assert!(new <= slack, "{new} bytes more for a block that has room");
    // Too large for what hangs together: it takes from the system, and as much goes back.
    let (large, _) = more(|| keep_dropped(|| drop(black_box(vec![1_u8; 400 * MIB]))));
    assert!(large < 300 * MIB as isize, "{large} bytes more for 400 MiB, with 100 MiB waiting");
    let (rest, _) = more(give_back);
    assert!(rest < -(300 * MIB as isize), "{rest} bytes: what still waits should go back");
    let (again, _) = more(|| vec![1_u8; 150 * MIB]);
    assert!(again > 120 * MIB as isize, "{again} bytes for 150 MiB: little should be waiting");
}

/// Many steps like those of training: gradients come in the place of what was computed before, and the other way around.
#[test]
fn many_steps_hold_no_more_than_the_first_ones() {
    let _alone = begin();
    // Odd sizes: pieces of huge pages are left everywhere.
    let mut after_some = 0;
    for step in 0..60 {
        keep_dropped(|| {
            let mut activations: Vec<_> =
                (0..40).map(|i| vec![1_u8; (800 + 300 * (i % 3)) * KIB]).collect();
            let mut gradients = Vec::new();
            while activations.pop().is_some() {
                let gradient = vec![0_u8; (576 + 144 * (gradients.len() % 7)) * KIB];
                assert!(gradient.iter().all(|&byte| byte == 0), "zeros in step {step}");
                gradients.push(gradient);
                gradients.last_mut().unwrap().fill(2);
            }
        });
        if step == 9 {
            after_some = held().0;
        }
    }
    let at_last = held().0;
    assert!(
        at_last < after_some + 8 * MIB,
        "{after_some} bytes after 10 steps, {at_last} after 60"
    );
}
