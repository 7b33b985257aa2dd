"""Processes of `train.py` that begin with TensorFlow already imported, which is half of a tiny run.

A server imports TensorFlow and the trainer of a system, and does nothing with them: no operation is
run and no thread of TensorFlow's is started. For each start it forks; the fork runs the script as
`python train.py …` does, as `__main__` with the words on its command line, and is killed and waited
for like any process. Nothing is shared with the next one.
"""

import json
import os
import runpy
import select
import signal
import subprocess
import sys


class Server:
    """Starts processes, one at a time. Ends with the `with`.

    Args:
      root: folder of the scripts.
      environment: of the processes.
      system: name of the system whose trainer is imported beforehand.
    """

    def __init__(self, root, environment, system):
        command = [sys.executable, "-m", "tests.faults.preloaded", system]
        pipe = subprocess.PIPE
        # Unbuffered: what is not read yet has to be seen by `select`.
        self._server = subprocess.Popen(
            command, cwd=root, env=environment, stdin=pipe, stdout=pipe, bufsize=0
        )
        self._root, self._newest = root, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._newest:
            self._newest.send_signal(signal.SIGKILL)  # where a test has failed
        self._server.stdin.close()
        self._server.wait(timeout=600)

    def start(self, script, words, output):
        """Returns the `Process` of a script; both its outputs go to a file."""
        job = [str(self._root / script), list(map(str, words)), str(output)]
        self._server.stdin.write(f"{json.dumps(job)}\n".encode())
        self._newest = Process(int(self._server.stdout.readline()), self._server.stdout)
        return self._newest


class Process:
    """A process of the server's, with what is needed of `subprocess.Popen`."""

    def __init__(self, pid, answers):
        self.pid, self.returncode, self._answers = pid, None, answers

    def poll(self, timeout=0):
        if self.returncode is None and select.select([self._answers], [], [], timeout)[0]:
            self.returncode = int(self._answers.readline())
        return self.returncode

    def wait(self, timeout):
        if self.poll(timeout) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)


def _serve():
    """Forks for every line of the input; returns (script, words) in the forks, None at the end."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        script, words, output = json.loads(line)
        pid = os.fork()
        if not pid:
            answers.close()
            _redirect(output)
            return script, words
        print(pid, file=answers, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
    return None


def _redirect(output):
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for source, target in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(file)


def _check_fresh():
    """Fails if importing has started anything that a fork would not have."""
    from tensorflow.python.eager import context

    made = context.context_safe()
    assert made is None or not made._initialized, "TensorFlow has started"
    names = [_thread_name(task) for task in os.listdir("/proc/self/task")]
    assert len(names) == 1 or not any("tf_" in name for name in names), names


def _thread_name(task):
    with open(f"/proc/self/task/{task}/comm", encoding="ascii") as file:
        return file.read().strip()


def main():
    from tf_facegan import systems
    from tf_facegan.engine import training  # noqa: F401

    systems.get(sys.argv[1]).part("trainer")
    _check_fresh()
    job = _serve()
    if job is None:
        return
    script, words = job
    sys.argv = [script, *words]
    sys.path[0] = os.path.dirname(script)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
