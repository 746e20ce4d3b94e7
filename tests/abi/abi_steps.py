"""The steps of the ABI test, one entry of ctest each, joined by a fixture.

    abi_steps.py walk|read_back|remove ABI_TEST NOTE

walk makes a folder below the system's temporary one, writes its name into the file NOTE and runs ABI_TEST there;
read_back reads what it left behind; remove removes it, after a failure as well.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile


def walk(program, note):
    remove(program, note)  # what a run that was killed left behind
    folder = tempfile.mkdtemp(prefix="weir_abi_")
    note.write_text(folder)
    return subprocess.run([program, folder], check=False).returncode


def read_back(_, note):
    script = pathlib.Path(__file__).with_name("read_back.py")
    return subprocess.run([sys.executable, "-B", script, note.read_text()], check=False).returncode


def remove(_, note):
    if note.exists():
        shutil.rmtree(note.read_text(), ignore_errors=True)
        note.unlink()
    return 0


if __name__ == "__main__":
    step, abi_test, note_file = sys.argv[1:]
    sys.exit({"walk": walk, "read_back": read_back, "remove": remove}[step](abi_test, pathlib.Path(note_file)))
