"""The numbers of the chapter on PyTorch's files: the bytes of a file that torch 1.13.1 wrote; worked_numbers.py prints and checks them.

Standard library only.
"""

import pathlib
import pickletools
import struct

DOCS = pathlib.Path(__file__).resolve().parent
FILE = DOCS.parent / "tests/fixtures/weights/pytorch/worked-1.13.1-zip-2.bin"
# What an instruction does, where the table of the chapter says it.
MEANING = {
    "PROTO": "pickle, version 2",
    "EMPTY_TUPLE": "push ()",
    "MARK": "push a mark",
    "TUPLE": "all above the last mark, which goes, becomes a tuple",
    "TUPLE2": "the two upper values become a tuple",
    "REDUCE": "call: the function below with the arguments on top; the result takes their place",
    "BINPERSID": "ask the reader for what this tuple describes",
    "NEWFALSE": "push False",
    "SETITEM": "dictionary, key, value: set it",
    "STOP": "the top of the stack is the result",
}


def dump(data, start, end):
    """Rows of 16 bytes, as xxd prints them."""
    lines = []
    for at in range(start, end, 16):
        row = data[at : min(at + 16, end)]
        numbers = " ".join(f"{byte:02x}" for byte in row)
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:08x}: {numbers:<47}  {letters}")
    return "\n".join(lines)


def ends(data):
    """From the end of the file to the entries: (place of the last record, of zip64's, of the directory, entries)."""
    last = data.rindex(b"PK\x05\x06")
    (record,) = struct.unpack_from("<Q", data, last - 20 + 8)
    count, length, start = struct.unpack_from("<3Q", data, record + 32)
    entries, at = [], start
    for _ in range(count):
        size, name_length, extra, comment = struct.unpack_from("<I3H", data, at + 24)
        (header,) = struct.unpack_from("<I", data, at + 42)
        name = data[at + 46 : at + 46 + name_length].decode()
        local_name, local_extra = struct.unpack_from("<2H", data, header + 26)
        entries.append((name, header, header + 30 + local_name + local_extra, size))
        at += 46 + name_length + extra + comment
    assert at == start + length
    return last, record, start, entries


def table(entries):
    lines = ["entry                              header   bytes from      to"]
    for name, header, start, size in entries:
        lines.append(f"{name:<33}{header:>8}{start:>13}{start + size:>8}")
    return "\n".join(lines)


def program(pickle):
    lines = []
    instructions = list(pickletools.genops(pickle))
    places = [place for _, _, place in instructions[1:]] + [len(pickle)]
    for (opcode, argument, place), end in zip(instructions, places):
        code = " ".join(f"{byte:02x}" for byte in pickle[place:end])
        shown = code if len(code) <= 17 else f"{code[:14]} …"
        meaning = MEANING.get(opcode.name)
        if opcode.name == "BINPUT":
            meaning = f"keep the top as number {argument}"
        elif opcode.name == "BINGET":
            meaning = f"push number {argument} again"
        elif opcode.name == "GLOBAL":
            meaning = f"push what is called {argument.replace(' ', '.')}"
        elif meaning is None:
            meaning = f"push {argument!r}"
        lines.append(f"{place:>4}  {shown:<17}  {opcode.name:<12} {meaning}")
    return "\n".join(lines)


def weights_pytorch():
    data = FILE.read_bytes()
    last, record, directory, entries = ends(data)
    _, header, start, size = entries[0]
    storage = entries[1]
    numbers = struct.unpack_from("<6f", data, storage[2])
    assert storage[0].endswith("/data/0") and storage[2] % 64 == 0 and start % 64 == 0
    return [
        dump(data, last, len(data)),
        dump(data, record, last),
        f"The list begins at byte {directory} and has {len(entries)} entries.",
        table(entries),
        dump(data, header, start),
        program(data[start : start + size]),
        dump(data, storage[2], storage[2] + storage[3]),
        " ".join(f"{number:g}" for number in numbers),
    ]
