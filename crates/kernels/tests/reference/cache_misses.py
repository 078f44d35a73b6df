"""Makes cache_misses.csv: what a cache counts for matrix products, by a simulator that shares no code with ours.

python3 cache_misses.py, in this folder; takes a minute. Standard library only. Each set is an ordered dictionary here, and the
products are generators of addresses, written from the definition of each loop order.
"""

from collections import OrderedDict
from itertools import product


def count(addresses, line, sets, ways):
    """Accesses and misses of a cache with the least recently used line replaced."""
    held = [OrderedDict() for _ in range(sets)]
    accesses = misses = 0
    for address in addresses:
        accesses += 1
        tag, index = divmod(address // line, sets)
        lines = held[index]
        if tag in lines:
            lines.move_to_end(tag)
        else:
            misses += 1
            lines[tag] = True
            if len(lines) > ways:
                lines.popitem(last=False)
    return accesses, misses


class Layout:
    """Addresses of A [m, k], B [k, n] and C [m, n], one behind the other, each from a new line on."""

    def __init__(self, line, element, m, k, n, packed=0):
        self.element, self.k, self.n = element, k, n
        up = lambda size: -(-size * element // line) * line
        self.start_b = up(m * k)
        self.start_c = self.start_b + up(k * n)
        self.start_packed = self.start_c + up(m * n)

    def a(self, i, k):
        return (i * self.k + k) * self.element

    def b(self, k, j):
        return self.start_b + (k * self.n + j) * self.element

    def c(self, i, j):
        return self.start_c + (i * self.n + j) * self.element

    def packed(self, at):
        return self.start_packed + at * self.element


def order(name, at, m, k, n):
    length = {"i": m, "j": n, "k": k}
    for place in product(*(range(length[x]) for x in name)):
        p = dict(zip(name, place))
        i, j, kk = p["i"], p["j"], p["k"]
        yield at.c(i, j)  # C[i, j] + A[i, k] · B[k, j]: read from left to right, then written
        yield at.a(i, kk)
        yield at.b(kk, j)
        yield at.c(i, j)


def blocks(at, m, k, n, kc, nc):
    for jc, pc in product(range(0, n, nc), range(0, k, kc)):
        for i, kk, j in product(range(m), range(pc, min(k, pc + kc)), range(jc, min(n, jc + nc))):
            yield from (at.c(i, j), at.a(i, kk), at.b(kk, j), at.c(i, j))


def packed(at, m, k, n, kc, nc):
    for jc, pc in product(range(0, n, nc), range(0, k, kc)):
        ks, js = range(pc, min(k, pc + kc)), range(jc, min(n, jc + nc))
        for kk, j in product(ks, js):
            yield at.b(kk, j)
            yield at.packed((kk - pc) * len(js) + j - jc)
        for i, kk, j in product(range(m), ks, js):
            # The product is computed before the old sum is read.
            yield from (at.a(i, kk), at.packed((kk - pc) * len(js) + j - jc), at.c(i, j), at.c(i, j))


def tiles(at, m, k, n, mr, nr):
    for jr, ir in product(range(0, n, nr), range(0, m, mr)):
        rows, columns = range(ir, min(m, ir + mr)), range(jr, min(n, jr + nr))
        for kk in range(k):
            yield from (at.b(kk, j) for j in columns)
            yield from (at.a(i, kk) for i in rows)
        for i, j in product(rows, columns):
            yield from (at.c(i, j), at.c(i, j))


def random_addresses(length, limit):
    """Numerical Recipes' generator, its upper bits."""
    state = 1
    for _ in range(length):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        yield (state >> 8) % limit


ORDERS = ["ijk", "ikj", "jik", "jki", "kij", "kji"]
BLOCKS = [(8, 8), (16, 16), (24, 16), (16, 32), (8, 48), (32, 32), (24, 24)]
TILES = [(4, 4), (4, 8), (12, 16), (12, 32)]
# Line, sets, ways: the book's toy; one with a single set; one with a single way; an odd one.
CACHES = {"book": (64, 8, 8), "full": (32, 1, 24), "direct": (16, 64, 1), "odd": (48, 7, 3)}
SHAPES = {"book": [(96, 96, 96)], "full": [(13, 7, 21), (24, 24, 24)], "direct": [(16, 32, 16)], "odd": [(9, 31, 17)]}


def rows():
    for name, cache in CACHES.items():
        for length, limit in [(1, 1), (5000, 3000), (5000, 20000)]:
            # Length and limit stand in the columns m and k.
            yield ["random", 0, 0, 1, *cache, length, limit, 0, *count(random_addresses(length, limit), *cache)]
        for shape, element in product(SHAPES[name], (4, 8)):
            at = Layout(cache[0], element, *shape)
            for loops in ORDERS:
                yield [loops, 0, 0, element, *cache, *shape, *count(order(loops, at, *shape), *cache)]
            for form, function, sizes in [("blocks", blocks, BLOCKS), ("packed", packed, BLOCKS), ("tiles", tiles, TILES)]:
                for p, q in sizes:
                    yield [form, p, q, element, *cache, *shape, *count(function(at, *shape, p, q), *cache)]
    # A power of two: the rows of a block fall into the same sets, and packing shows what it is good for.
    cache, shape = CACHES["book"], (128, 128, 128)
    for element in (4, 8):
        at = Layout(cache[0], element, *shape)
        yield ["ikj", 0, 0, element, *cache, *shape, *count(order("ikj", at, *shape), *cache)]
        for form, function in [("blocks", blocks), ("packed", packed)]:
            yield [form, 16, 32, element, *cache, *shape, *count(function(at, *shape, 16, 32), *cache)]


if __name__ == "__main__":
    with open("cache_misses.csv", "w") as file:
        file.write("form,p,q,element,line,sets,ways,m,k,n,accesses,misses\n")
        for row in rows():
            file.write(",".join(map(str, row)) + "\n")
