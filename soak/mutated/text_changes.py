"""Changes of the text files of 3DC."""

import random
from pathlib import Path


def change_text(rng: random.Random, folder: Path) -> str:
    """Changes a line of a 3DC file, or its name."""
    path = rng.choice(sorted(folder.rglob("*.txt")))
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    row, column = rng.randrange(len(rows)), rng.randrange(10)
    kind = rng.choice(("value", "value", "drop", "add", "blank", "separator", "rename", "double", "few", "encoding"))
    odd = ("nan", "inf", "1e400", "0x10", "5.5", "", " ", "99999999999", "1_000", "--3", "١", "\0", "1;2", "True")
    match kind:
        case "value":
            rows[row][column] = rng.choice(odd)
        case "drop":
            del rows[row][column]
        case "add":
            rows[row].insert(column, "7")
        case "blank":
            rows[row] = [""]
        case "separator":
            rows[row] = [rng.choice((";", "\t", " ")).join(rows[row])]
        case "rename":
            path = path.rename(path.with_name(rng.choice(("3dc_EMG_gesture_0_11.txt", "3dc_EMG_gesture_0_1.TXT", "x"))))
        case "double":
            other = folder / "copy" / path.relative_to(folder)
            other.parent.mkdir(parents=True)
            other.write_bytes(path.read_bytes())
        case "few":
            rows = rows[: rng.choice((0, 1, 15))]
    content = "\n".join(",".join(row) for row in rows)
    path.write_text(content, encoding="utf-16" if kind == "encoding" else "utf-8")
    return f"{kind} in {path.name}"
