//! The cache counter against cases worked out by hand, and against the table of a simulator written in
//! Python.

use bert_kernels::{
    Real,
    cache::{
        Cache, LOOP_ORDERS, Memory, Traced, in_blocks, in_micro_tiles, in_order, in_packed_blocks,
    },
    naive, steps,
};
use ndarray::{Array2, array};

use crate::support::*;

/// h for a hit, m for a miss.
fn trace(cache: &mut Cache, addresses: &[usize]) -> String {
    addresses.iter().map(|&address| if cache.touch(address) { 'h' } else { 'm' }).collect()
}

#[test]
fn a_line_is_fetched_once_and_serves_its_neighbours() {
    let mut cache = Cache::new(16, 4, 2);
    // Lines of 16 bytes: 0..16, 16..32.
    assert_eq!(trace(&mut cache, &[0, 4, 15, 16, 31, 0]), "mhhmhh");
    assert_eq!((cache.hits(), cache.misses()), (4, 2));
    cache.clear();
    assert_eq!((cache.hits(), cache.misses()), (0, 0));
    assert_eq!(trace(&mut cache, &[0]), "m");
}

#[test]
fn lines_of_the_same_set_drive_each_other_out() {
    // Two sets of one line: the lines 0 and 2 share set 0, line 1 has set 1 for itself.
    assert_eq!(trace(&mut Cache::new(16, 2, 1), &[0, 16, 32, 0, 16]), "mmmmh");
    // One set of two lines has the same size.
    assert_eq!(trace(&mut Cache::new(16, 1, 2), &[0, 16, 32, 0, 16]), "mmmmm");
    assert_eq!(trace(&mut Cache::new(16, 2, 2), &[0, 16, 32, 0, 16]), "mmmhh");
}

#[test]
fn the_line_that_was_used_longest_ago_makes_room() {
    // Room for two. Line 0 came first but was used again, so line 16 goes, and is missed.
    assert_eq!(trace(&mut Cache::new(16, 1, 2), &[0, 16, 0, 32, 0, 16]), "mmhmhm");
}

/// A, B and C [2, 2], a row to a line: worked out on paper in the comments.
#[test]
fn a_product_of_two_by_two_is_counted_as_on_paper() {
    let number = size_of::<Real>();
    let count = |order| {
        // A line holds a row of two numbers; one set of three lines. Lines: A 0 1, B 2 3, C 4 5.
        let memory = Memory::new(Cache::new(2 * number, 1, 3));
        let [a, b] = [array![[1.0, 2.0], [3.0, 4.0]], array![[5.0, 6.0], [7.0, 8.0]]]
            .map(|x| memory.matrix(x.view()));
        let mut c = memory.zeros(2, 2);
        assert_eq!((b.address(1, 1), c.address(0, 0)), (7 * number, 8 * number));
        in_order(order, &a, &b, &mut c);
        assert_eq!(c.values(), array![[19.0, 22.0], [43.0, 50.0]]);
        (memory.accesses(), memory.misses())
    };
    // Each of the eight steps touches C, A, B, C. Order ikj, the lines of C A B of each step, misses with a star:
    // 4* 0* 2* | 4 0 2 | 4 0 3* | 4 0 3 | 5* 1* 2* | 5 1 2 | 5 1 3* | 5 1 3
    assert_eq!(count("ikj"), (32, 8));
    // Order jki: 4* 0* 2* | 5* 1* 2* | 4* 0* 3* | 5* 1* 3* | and the same once more. Every second step could share a line of B
    // with the step before it, but the lines of C and A that come in between have just driven it out.
    assert_eq!(count("jki"), (32, 24));
}

#[test]
fn reading_n_numbers_in_order_misses_once_for_each_line() {
    let memory = Memory::new(Cache::new(64, 64, 8));
    let row = memory.matrix(Array2::zeros((1, 1000)).view());
    (0..1000).for_each(|j| _ = row.get(0, j));
    assert_eq!(memory.misses(), (1000 * size_of::<Real>()).div_ceil(64) as u64);
    assert_eq!(memory.accesses(), 1000);
}

/// One line of cache_misses.csv: the form of the product, then whole numbers.
fn table() -> Vec<(String, Vec<usize>)> {
    let text = reference_file("cache_misses.csv");
    let rows = text.lines().skip(1).map(|line| {
        let (form, numbers) = line.split_once(',').unwrap();
        (form.to_owned(), numbers.split(',').map(|word| word.parse().unwrap()).collect())
    });
    rows.collect()
}

/// The generator of cache_misses.py.
fn random_addresses(length: usize, limit: usize) -> impl Iterator<Item = usize> {
    let mut state = 1_u32;
    (0..length).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % limit
    })
}

#[test]
fn counts_are_those_of_the_other_simulator() {
    let (mut random, mut products) = (0, 0);
    for (form, numbers) in table() {
        let [p, q, element, line, sets, ways, m, k, n, accesses, misses] = numbers[..] else {
            panic!("{form} {numbers:?}")
        };
        let cache = Cache::new(line, sets, ways);
        let counts = if form == "random" {
            random += 1;
            let mut cache = cache;
            random_addresses(m, k).for_each(|address| _ = cache.touch(address));
            (cache.hits() + cache.misses(), cache.misses())
        } else if element == size_of::<Real>() {
            products += 1;
            let memory = Memory::new(cache);
            product(&memory, &form, (p, q), (m, k, n));
            (memory.accesses(), memory.misses())
        } else {
            continue;
        };
        assert_eq!(counts, (accesses as u64, misses as u64), "{form} {numbers:?}");
    }
    assert_eq!((random, products), (12, 123));
}

/// Runs one form, and compares the numbers with the definition's: all add up in the same order, so to the
/// last bit.
fn product(
    memory: &Memory,
    form: &str,
    sizes: (usize, usize),
    (m, k, n): (usize, usize, usize),
) -> Traced {
    let mut random = Random(7);
    let (a, b) = (random.matrix(m, k), random.matrix(k, n));
    let [traced_a, traced_b] = [&a, &b].map(|x| memory.matrix(x.view()));
    let mut c = memory.zeros(m, n);
    match form {
        "blocks" => in_blocks(sizes, &traced_a, &traced_b, &mut c),
        "packed" => in_packed_blocks(memory, sizes, &traced_a, &traced_b, &mut c),
        "tiles" => in_micro_tiles(sizes, &traced_a, &traced_b, &mut c),
        order => in_order(order, &traced_a, &traced_b, &mut c),
    }
    assert_eq!(c.values(), naive::matmul(a.view(), b.view()), "{form} {sizes:?}");
    c
}

#[test]
fn every_loop_order_has_a_line_in_the_table() {
    for order in LOOP_ORDERS {
        assert!(table().iter().any(|(form, _)| form == order), "{order}");
    }
}

#[test]
#[should_panic(expected = "\"iij\" is none of")]
fn an_unknown_loop_order_is_refused() {
    let memory = Memory::new(Cache::new(64, 1, 1));
    let (a, mut c) = (memory.zeros(1, 1), memory.zeros(1, 1));
    in_order("iij", &a, &a, &mut c);
}

/// What is counted is what is timed: the traced loops and the chapter's steps give the same bits.
#[test]
fn traced_products_are_the_steps_of_the_chapter() {
    let sizes = (40, 300, 270); // more than a block of the steps
    let memory = Memory::new(Cache::new(64, 64, 8));
    let mut random = Random(7);
    let (a, b) = (random.matrix(sizes.0, sizes.1), random.matrix(sizes.1, sizes.2));
    let counted = product(&memory, "blocks", (128, 256), sizes);
    let mut c = Array2::zeros((sizes.0, sizes.2));
    steps::blocked(a.view(), b.view(), c.view_mut());
    assert_eq!(counted.values(), c);
}
