"""Fuzzing that follows coverage, of what reads files from elsewhere; needs the package `atheris`.

    python -m tests.hostile.atheris_fuzz [KIND ...] [--seconds 120] [--folder DIR]

A kind is one of `readers.READERS`; without one all are fuzzed, in turn. A finding (an error that is
not documented or names no file, a file opened outside the folder, too much memory, a hang) is
printed with its traceback, and its file kept in DIR. Atheris need not be in the environment of the
project: one of its own with a `.pth` file that leads to the project's packages serves as well.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CORE = (
    *("record file", "record index", "set description", "set labels", "labels csv"),
    *("openface csv", "openface table", "action unit pickle", "pickle", "pickle of protocol 0"),
    *("array", "torch file", "torch file of old", "network pickle", "network snapshot"),
    *("mesh", "material", "mesh landmarks", "landmarks txt", "landmarks pts", "landmarks ljson"),
    *("configuration", "model description", "representations"),
)
_HANG, _MEGABYTES = 60, 8192
_COUNTS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+)")


def fuzz(kind, folder, seconds):
    """Fuzzes a kind in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=["tf_facegan"], enable_loader_override=False):
        from tests.hostile import guard
        from tests.hostile.readers import READERS
    from tests.hostile.test_damage import DOCUMENTED

    reader, corpus = READERS[kind], folder / "corpus"
    work = Path(tempfile.mkdtemp(dir=folder))
    path = reader.make(work)
    good = path.read_bytes()
    corpus.mkdir(exist_ok=True)
    (corpus / "good").write_bytes(good)
    reader.read(path)

    def read(content):
        path.write_bytes(content)
        with guard.watched(work):
            try:
                reader.read(path)
            except DOCUMENTED as error:
                assert str(work) in str(error), f"names no file: {error}"

    words = {
        "max_total_time": seconds,
        "max_len": 2 * len(good) + 4096,
        "len_control": 0,
        "timeout": _HANG,
        "rss_limit_mb": _MEGABYTES,
        "artifact_prefix": f"{folder}/",
        "close_fd_mask": 1,
    }
    words = [f"-{name}={value}" for name, value in words.items()]
    atheris.Setup([sys.argv[0], *words, str(corpus)], read)
    atheris.Fuzz()


def fuzz_apart(kind, folder, seconds):
    """Fuzzes a kind in a process of its own; returns (line of results, whether something was
    found)."""
    folder = folder / kind.replace(" ", "_").replace(",", "")
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.hostile.atheris_fuzz", kind, "--inside"]
    command += ["--seconds", str(seconds), "--folder", str(folder)]
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        code = subprocess.call(command, stdout=log, stderr=log)
    text = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    runs, coverage = _COUNTS.findall(text)[-1] if _COUNTS.findall(text) else ("0", "0")
    found = [path.name for path in folder.glob("*-*") if path.is_file()]
    end = f"FOUND ({', '.join(found) or f'exit code {code}'}), see {folder}" if code else "nothing"
    return f"{kind}: {runs} files, {coverage} branches: {end}", bool(code)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", default=list(CORE))
    parser.add_argument("--seconds", type=int, default=120, help="for each kind (default: 120)")
    parser.add_argument("--folder", type=Path, help="for findings (default: temporary)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp())
    if args.inside:
        fuzz(args.kinds[0], folder, args.seconds)
    failed = False
    for kind in args.kinds:
        line, is_finding = fuzz_apart(kind, folder, args.seconds)
        print(line, flush=True)
        failed |= is_finding
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
