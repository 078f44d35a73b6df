//! Memory on huge pages, in a program of its own, which has that allocator.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{fs, hint::black_box, sync::Mutex};

use bert_kernels::{HugePages, give_back_dropped, keep_dropped};

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

#[test]
fn large_blocks_begin_where_a_huge_page_does_and_do_not_overlap() {
    let _alone = ALONE.lock(); // also after a test that failed
    let sizes = [HUGE, HUGE + 1, 3 * MIB, 9 * MIB, HUGE, 12 * MIB + 4095, 90 * MIB];
    let mut blocks: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0; size]).collect();
    for (i, block) in blocks.iter_mut().enumerate() {
        assert!(block.as_ptr().addr().is_multiple_of(HUGE), "{} bytes", block.len());
        block.fill(i as u8 + 1);
    }
    for (i, block) in blocks.iter().enumerate() {
        assert!(block.iter().all(|&byte| byte == i as u8 + 1), "{} bytes", block.len());
    }
}

#[test]
fn zeros_are_zeros_also_where_other_numbers_were() {
    let _alone = ALONE.lock(); // also after a test that failed
    for size in [HUGE - 1, HUGE, 5 * MIB, 40 * MIB] {
        for _ in 0..3 {
            let mut block = black_box(vec![0_u8; size]);
            assert!(block.iter().all(|&byte| byte == 0), "{size} bytes");
            block.fill(7);
        }
    }
}

#[test]
fn what_grows_or_shrinks_keeps_what_it_holds() {
    let _alone = ALONE.lock(); // also after a test that failed
    // Bytes: small to large, large to larger, and back, around the border.
    let sizes = [MIB, HUGE - 4, HUGE, HUGE + 4, 11 * MIB, 64 * MIB, 3 * MIB, HUGE, HUGE - 4, 4];
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
    let _alone = ALONE.lock(); // also after a test that failed
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
fn a_block_takes_no_more_than_it_is_long_and_few_wait_when_they_are_dropped() {
    let _alone = ALONE.lock(); // also after a test that failed
    let slack = 600 * KIB as isize; // what the test itself takes
    // 2.25 MiB is what a matrix of 768 × 768 takes.
    let (written, _) = more(|| [(); 16].map(|()| vec![1_u8; 9 * MIB / 4]));
    assert!((written - 36 * MIB as isize).abs() < slack, "{written} bytes for 36 MiB");
    let (zeros, _) = more(|| vec![0_u8; 512 * MIB]);
    assert!(zeros.abs() < slack, "{zeros} bytes for zeros that nobody wrote to");
    let (dropped, _) = more(|| drop(black_box(vec![1_u8; 64 * MIB])));
    assert!(dropped < slack, "{dropped} bytes are still there");
    // Of many, the last wait for the next who wants such.
    let (dropped, _) = more(|| drop(black_box([(); 40].map(|()| vec![1_u8; 9 * MIB]))));
    assert!(dropped < 24 * MIB as isize + slack, "{dropped} bytes are still there");
}

#[test]
fn what_is_kept_makes_room_for_what_comes_and_is_given_back_when_asked() {
    let _alone = ALONE.lock();
    let slack = 600 * KIB as isize;
    give_back_dropped();
    // Sizes that nobody else asks for.
    let old = [(); 10].map(|()| vec![1_u8; 13 * MIB]);
    let (kept, _) = more(|| keep_dropped(|| drop(black_box(old))));
    assert!(kept.abs() < slack, "{kept} bytes more or less: what was dropped should wait");
    let (new, _) = more(|| vec![1_u8; 50 * MIB]);
    assert!(new <= slack, "{new} bytes more for a block that has room");
    let (rest, _) = more(give_back_dropped);
    assert!(rest < -(40 * MIB as isize), "{rest} bytes: what still waits should go back");
    let (again, _) = more(|| vec![1_u8; 50 * MIB]);
    assert!(again > 49 * MIB as isize, "{again} bytes for 50 MiB: nothing should be waiting");
}
