"""Changes of bytes, whatever they mean, and of the numbers in an archive's directory."""

import random
from pathlib import Path


def _random_block(rng: random.Random, content: bytes) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, min(len(content), start + rng.choice((1, 4, 16, 64, 512, 4096)))


def flip_bits(rng: random.Random, content: bytes) -> bytes:
    """Flips one to eight bits."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flip_early_bits(rng: random.Random, content: bytes) -> bytes:
    """Flips bits of the first kilobyte, where headers are."""
    return flip_bits(rng, content[:1024]) + content[1024:]


def overwrite(rng: random.Random, content: bytes) -> bytes:
    """Writes random bytes, zeros or ones over a block."""
    start, stop = _random_block(rng, content)
    fill = rng.choice((rng.randbytes(stop - start), bytes(stop - start), b"\xff" * (stop - start)))
    return content[:start] + fill + content[stop:]


def truncate(rng: random.Random, content: bytes) -> bytes:
    """Cuts the end off."""
    return content[: rng.randrange(len(content))]


def remove_block(rng: random.Random, content: bytes) -> bytes:
    """Leaves a block out."""
    start, stop = _random_block(rng, content)
    return content[:start] + content[stop:]


def repeat_block(rng: random.Random, content: bytes) -> bytes:
    """Writes a block twice."""
    start, stop = _random_block(rng, content)
    return content[:stop] + content[start:]


def insert_bytes(rng: random.Random, content: bytes) -> bytes:
    """Inserts random bytes."""
    offset = rng.randrange(len(content) + 1)
    return content[:offset] + rng.randbytes(rng.choice((1, 3, 8, 100))) + content[offset:]


def append_bytes(rng: random.Random, content: bytes) -> bytes:
    """Adds bytes, or the whole content once more, to the end."""
    return content + rng.choice((rng.randbytes(rng.choice((1, 50, 3000))), content))


BYTES = (
    flip_bits,
    flip_bits,
    flip_early_bits,
    overwrite,
    truncate,
    remove_block,
    repeat_block,
    insert_bytes,
    append_bytes,
)


def change_bytes(rng: random.Random, folder: Path) -> str:
    """Changes bytes of one file below a folder; returns what was done."""
    path = rng.choice([path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size])
    change = rng.choice(BYTES)
    path.write_bytes(change(rng, path.read_bytes()))
    return f"{change.__name__} in {path.relative_to(folder)}"


def change_directory(rng: random.Random, folder: Path) -> str:
    """Changes the numbers in an archive's directory: methods, times, checksums, sizes, lengths, offsets."""
    (path,) = [path for path in folder.iterdir() if path.suffix in (".zip", ".finjax")]
    content = bytearray(path.read_bytes())
    signature = rng.choice((b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"))
    offset = content.index(signature) + 2 * rng.randrange(2, 21)
    number = rng.choice((0, 1, 8, 9, 12, 14, 99, 2**15, 2**16 - 1))
    content[offset : offset + 2] = number.to_bytes(2, "little")
    path.write_bytes(content)
    return f"{number} at byte {offset}"
