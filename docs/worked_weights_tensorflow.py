"""The numbers of the chapter on Google's files: the bytes of a small checkpoint, one by one; worked_numbers.py prints and checks them.

Standard library only. It shares no code with the Rust crates, so it is also a second opinion on them.
"""

import struct
from pathlib import Path

HERE = Path(__file__).parent
CHECKPOINT = HERE.parent / "tests/fixtures/weights/tensorflow/worked"
INDEX = (CHECKPOINT / "worked.ckpt.index").read_bytes()
DATA = (CHECKPOINT / "worked.ckpt.data-00000-of-00001").read_bytes()
KINDS = {0: "varint", 2: "length and bytes", 5: "4 bytes"}


def crc32c(data):
    """Long division, bit by bit."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def masked(checksum):
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(place):
    number = shift = 0
    while True:
        byte = INDEX[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place


def line(start, end, meaning):
    """Where, which bytes, and what they mean; eight bytes on a line."""
    cells = [INDEX[at : min(at + 8, end)].hex(" ") for at in range(start, end, 8)]
    first = f"{start:4}  {cells[0]:23}  {meaning}".rstrip()
    return "\n".join([first, *(f"{'':4}  {cell}" for cell in cells[1:])])


def fields(start, end):
    """The fields of a message: (number, kind, where its contents begin, where they end)."""
    while start < end:
        key, place = varint(start)
        number, kind = key >> 3, key & 7
        if kind == 2:
            length, place = varint(place)
        finish = varint(place)[1] if kind == 0 else place + (length if kind == 2 else 4)
        yield start, number, kind, place, finish
        start = finish


def shape(start, end):
    return [varint(place + 1)[0] for _, _, _, place, _ in fields(start, end)]


def meaning(number, place, end):
    value = struct.unpack("<I", INDEX[place:end])[0] if number == 6 else varint(place)[0]
    return {
        1: lambda: f"field 1, type: {value}, DT_FLOAT",
        2: lambda: f"field 2, shape: {shape(place, end)}",
        4: lambda: f"field 4, offset: {value}",
        5: lambda: f"field 5, size: {value}",
        6: lambda: f"field 6, checksum: {value:08x}, masked",
    }[number]()


def entry(place, key, describe):
    """The lines of one entry of a block; also where the next begins, and its key."""
    start = place
    shared, place = varint(place)
    unshared, place = varint(place)
    length, place = varint(place)
    key = key[:shared] + INDEX[place : place + unshared]
    lines = [line(start, place, f"shared {shared}, unshared {unshared}, length {length}")]
    if unshared:
        lines.append(line(place, place + unshared, f'so the key is "{key.decode()}"'))
    place += unshared
    lines += describe(key, place, place + length)
    return lines, place + length, key


def tensor(key, start, end):
    if not key:
        return [line(start, end, "the header: field 1, 1 data file; field 3, the version")]
    return [line(begin, finish, meaning(number, place, finish)) for begin, number, _, place, finish in fields(start, end)]


def handle(key, start, end):
    offset, place = varint(start)
    size, _ = varint(place)
    return [line(start, end, f"the block at {offset} of {size} bytes")]


def block(offset, size, describe):
    restarts = struct.unpack_from("<I", INDEX, offset + size - 4)[0]
    place, end, key, lines = offset, offset + size - 4 - 4 * restarts, b"", []
    while place < end:
        found, place, key = entry(place, key, describe)
        lines += found
    checksum = struct.unpack_from("<I", INDEX, offset + size + 1)[0]
    assert checksum == masked(crc32c(INDEX[offset : offset + size + 1]))
    lines.append(line(end, end + 4 * restarts, "a restart point: the entry at 0"))
    lines.append(line(offset + size - 4, offset + size, f"there is {restarts} of them"))
    lines.append(line(offset + size, offset + size + 1, "type 0: not compressed"))
    lines.append(line(offset + size + 1, offset + size + 5, f"checksum {checksum:08x}, masked"))
    return "\n".join(lines)


def footer():
    start = len(INDEX) - 48
    return start, varint(start)[1], varint(varint(start)[1])[1]


def the_footer():
    start, _, index = footer()
    offset, place = varint(index)
    size, end = varint(place)
    return "\n".join(
        [
            line(start, index, "the meta-index block, at 80 of 8 bytes: empty"),
            line(index, end, f"the index block, at {offset} of {size} bytes"),
            line(end, start + 40, "zeros"),
            line(start + 40, len(INDEX), "the magic number db4775248b80fb57"),
        ]
    )


def the_index_block():
    offset, place = varint(footer()[2])
    return block(offset, varint(place)[0], handle)


def the_data_block():
    return block(0, 75, tensor)


def the_numbers():
    lines = []
    for place in range(0, len(DATA), 8):
        numbers = [f"{number:g}".replace("-", "−") for number in struct.unpack_from("<2f", DATA, place)]
        what = "dense/bias" if place == 0 else f"dense/kernel, row {place // 8 - 1}"
        lines.append(f"{place:4}  {DATA[place : place + 8].hex(' '):23}  {what}: {', '.join(numbers)}")
    return "\n".join(lines)


def the_checksum():
    plain = crc32c(DATA[:8])
    turned = (plain >> 15 | plain << 17) & 0xFFFFFFFF
    return "\n".join(
        [
            f"crc32c of the 8 bytes of dense/bias    {plain:08x}",
            f"turned right by 15 bits                {turned:08x}",
            f"plus a282ead8                          {masked(plain):08x}",
        ]
    )


def weights_tensorflow():
    return [the_footer(), the_index_block(), the_data_block(), the_numbers(), the_checksum()]
