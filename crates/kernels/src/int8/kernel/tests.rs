//! The kernels' edges: what they multiply, and where the sums go, ends directly at a page that nobody may touch.

use memmap2::MmapMut;

use super::*;

/// Bytes with a forbidden page directly behind them.
struct Guarded {
    map: MmapMut,
    start: usize,
    end: usize,
}

impl Guarded {
    fn filled(len: usize, byte: impl Fn(usize) -> u8) -> Self {
        // SAFETY: this only asks.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let end = len.next_multiple_of(page);
        let mut map = MmapMut::map_anon(end + page).unwrap();
        // SAFETY: the last page of our mapping, which `bytes` leaves out.
        let done =
            unsafe { libc::mprotect(map.as_mut_ptr().add(end).cast(), page, libc::PROT_NONE) };
        assert_eq!(done, 0);
        let mut guarded = Self { map, start: end - len, end };
        guarded.bytes().iter_mut().enumerate().for_each(|(i, to)| *to = byte(i));
        guarded
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: what lies before the forbidden page.
        unsafe {
            let start = self.map.as_mut_ptr().add(self.start);
            std::slice::from_raw_parts_mut(start, self.end - self.start)
        }
    }
}

fn kernels() -> Vec<&'static Kernel> {
    let forms = [
        (&AVX2, Isa::Avx2.is_available()),
        (&VNNI, Isa::Avx512.is_available() && is_x86_feature_detected!("avx512vnni")),
        (&TILES, Isa::Amx.is_available()),
    ];
    let there = forms.into_iter().filter(|(_, is_available)| *is_available);
    [&PORTABLE].into_iter().chain(there.map(|(kernel, _)| kernel)).collect()
}

#[test]
fn sums_are_right_and_nothing_outside_is_touched() {
    for kernel in kernels() {
        for rows in 1..=kernel.rows {
            for inputs in [0, 1, 2, 3].map(|steps| steps * kernel.step) {
                check(kernel, rows, inputs, inputs + rows % 2 * 3);
            }
        }
    }
}

fn check(kernel: &Kernel, rows: usize, inputs: usize, stride: usize) {
    let what = format!("{kernel:?}, {rows} rows of {inputs}");
    assert_eq!(kernel.rows_at_once(rows), rows);
    let touched = kernel.rows_touched(rows);
    let sums_stride = kernel.columns + 5;
    let mut codes = Guarded::filled(touched * stride, |i| (i * 37 + i / 5) as u8);
    let mut panel = Guarded::filled(kernel.columns * inputs, |i| (i * 91 + i / 7) as u8);
    let room = (touched - 1) * sums_stride + kernel.columns;
    let mut sums = Guarded::filled(room * size_of::<i32>(), |_| 0x55);
    // SAFETY: any bytes make whole numbers.
    let (before, sums, behind) = unsafe { sums.bytes().align_to_mut::<i32>() };
    assert!(before.is_empty() && behind.is_empty());
    let (codes, panel) = (codes.bytes(), panel.bytes());
    let _ready = kernel.make_ready();
    kernel.sum(codes, stride, panel, (0, rows), Sums { sums, stride: sums_stride, rows });
    for (r, sums) in sums.chunks(sums_stride).take(rows).enumerate() {
        let (sums, between) = sums.split_at(kernel.columns);
        for (column, &sum) in sums.iter().enumerate() {
            let product = |k: usize| {
                let place = (k / kernel.group * kernel.columns + column) * kernel.group;
                let weight = panel[place + k % kernel.group] as i8;
                i32::from(codes[r * stride + k]) * i32::from(weight)
            };
            assert_eq!(sum, (0..inputs).map(product).sum(), "{what}, row {r}, column {column}");
        }
        assert!(between.iter().all(|&sum| sum == 0x5555_5555), "{what}: written between rows");
    }
}
