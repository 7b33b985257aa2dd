"""The one training loop: restore, iterate, tick, snapshot, summarise, stop.

A trainer gives the loop what differs between systems:

  phase(progress)           what to run now: an object with `key` (data are opened anew when it
                            changes), `images` (consumed by an iteration), `tick_kimg`,
                            `describe()` (words of the log line) and `scalars()` (for the
                            `Progress/...` summaries)
  total_images              int, training ends when that many were shown
  batches(phase, position)  iterator over global batches, starting at that example of the stream
  iteration(phase, batches, progress)   one iteration; dict of scalar tensors
  end_iteration(run, phase, progress, log)   optional; what is due after it, such as a validation;
                            `log` takes a line; dict of floats to summarise at once
  checkpoint_items()        dict of trackables
  write_reals(run)          the sheet of real images, once
  write_samples(run, kimg)  the sheet of samples, named by whole kimg (`run_folder.sheet_name`);
                            `kimg` is a float
  networks()                {network: {published name: array}} for a snapshot
  saves_graph               bool, optional: the graph of a step is written to the event file
  histograms()              optional: {name: array} written to the event file at every tick
  scales_losses             bool, optional: steps that overflow are part of the method (dynamic loss
                            scaling), and terms that are not finite no reason to stop

On several machines all workers run the loop in step; `end_iteration` and what writes are called on
the chief only, so that no step may depend on them, nor they wait for other workers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tf_facegan.engine.checkpoints import Checkpoints
from tf_facegan.engine.disk import resumable
from tf_facegan.engine.eager import release, releasing
from tf_facegan.engine.progress import Progress, format_time
from tf_facegan.engine.run_folder import DONE, FINAL_SNAPSHOT
from tf_facegan.engine.summaries import Averages, EventFile, is_skipped_share
from tf_facegan.engine.workers import Workers
from tf_facegan.files import named, write_text

if TYPE_CHECKING:
    from tf_facegan.config import Runtime
    from tf_facegan.engine.run_folder import RunFolder


class Stopped(Exception):
    """Training ended early on a signal, after a checkpoint.

    Attributes:
      signal: int, the signal's number.
    """

    def __init__(self, number: int):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number


class Loop:
    """Trains until the end, or until a signal asks to stop.

    Args:
      trainer: see the module.
      run: `RunFolder` of the run, with its `config.json` written.
      settings: configuration with `checkpoint_minutes` and `keep_checkpoints`.
      image_snapshot_ticks, network_snapshot_ticks: int, ticks between sheets and snapshots.
      workers: `Workers` of the run; None is this process alone.
    """

    def __init__(
        self,
        trainer: Any,
        run: RunFolder,
        settings: Runtime,
        image_snapshot_ticks: int,
        network_snapshot_ticks: int,
        workers: Workers | None = None,
    ):
        self._trainer, self._run, self._settings = trainer, run, settings
        self._workers = workers or Workers()
        self._image_ticks, self._network_ticks = image_snapshot_ticks, network_snapshot_ticks
        self._checkpoints = Checkpoints(
            run.checkpoints, trainer.checkpoint_items(), settings.keep_checkpoints
        )
        self._averages = Averages()
        self._maintenance = 0.0
        self._saved_kimg = None  # where the newest checkpoint is

    def train(self) -> None:
        """Runs the loop.

        Raises:
          Stopped: after a signal to any worker; the run can be resumed.
          ValueError: when the run is finished already, or its checkpoints cannot be read.
          OSError: when the disk does not take a file; the run can be resumed.
          ConnectionError: when another worker is gone; the run can be resumed.
        """
        if (self._run.path / DONE).exists():
            raise ValueError(f"{self._run.path} is finished ({DONE} is there): nothing to resume")
        with resumable(self._run.path, lambda: self._saved_kimg):
            self._train()

    def _train(self):
        folder = self._run.path if self._workers.is_chief else None
        with _Log(folder) as self._log, EventFile(folder) as self._events, _Signals() as signals:
            try:
                with self._workers.watched():
                    self._progress = self._restore()
                    self._loop(signals)
            except ConnectionError as error:
                self._log.keep_if_possible(str(error))
                raise

    def _restore(self):
        chief = self._workers.is_chief
        if chief:
            self._run.remove_leftovers()
        progress = self._checkpoints.restore(cleans=chief)
        # Nothing is written before all have read.
        self._check_agreement(progress)
        if progress is not None:
            self._saved_kimg = progress.kimg
            self._log.write(f"Resumed at {progress.kimg:.1f} kimg")
            return progress
        progress = Progress()
        if chief:
            self._trainer.write_reals(self._run)
            self._trainer.write_samples(self._run, 0.0)
            self._checkpoints.save(progress)
        self._saved_kimg = 0.0
        return progress

    def _check_agreement(self, progress):
        images = self._workers.gather([-1 if progress is None else progress.images])[:, 0]
        if len(set(images)) > 1:
            found = ("none" if n < 0 else f"{n / 1000:.3f} kimg" for n in images.tolist())
            raise ValueError(
                f"{self._run.path}: the workers read different checkpoints ({', '.join(found)}); "
                "--result_dir has to be a folder that all of them share"
            )

    def _loop(self, signals):
        progress, trainer = self._progress, self._trainer
        self._tick_began = self._checkpointed = time.monotonic()
        key, batches = None, None
        iterate = self._first_iteration
        total = trainer.total_images / 1000.0
        with _progress_bar(total, progress.kimg, self._workers.is_chief) as bar:
            while progress.images < trainer.total_images:
                phase = trainer.phase(progress)
                if phase.key != key:
                    key = phase.key
                    batches = map(release, trainer.batches(phase, progress.images))
                self._averages.add(iterate(phase, batches, progress))
                iterate = trainer.iteration
                progress.images += phase.images
                progress.iteration += 1
                bar.update(phase.images / 1000.0)
                self._end_iteration(phase)
                done = progress.images >= trainer.total_images
                ticks = progress.images >= progress.tick_start + phase.tick_kimg * 1000
                if done or ticks:
                    self._tick(phase, done)
                signal_number, is_due = self._requests(signals)
                if signal_number and not done:
                    self._stop(signal_number)
                elif is_due and not (done or ticks):
                    self._check_finite()
                    self._checkpoint()
        self._finish()

    def _first_iteration(self, phase, batches, progress):
        """An iteration, with the graph that it traces in the event file where one is wanted."""
        if not (self._workers.is_chief and getattr(self._trainer, "saves_graph", False)):
            return self._trainer.iteration(phase, batches, progress)
        with self._events.graph_of("step", progress.images):
            return self._trainer.iteration(phase, batches, progress)

    def _requests(self, signals):
        """Returns (number of a signal that some worker received, or 0; whether the chief's clock
        asks for a checkpoint): the same on all workers."""
        own = [signals.received or 0, self._checkpoint_due()]
        received, is_due = self._workers.gather(own).T
        return int(received.max()), bool(is_due[0])

    def _end_iteration(self, phase):
        end = getattr(self._trainer, "end_iteration", None) if self._workers.is_chief else None
        values = end(self._run, phase, self._progress, self._log.write) if end else None
        if values:
            self._events.scalars(values, self._progress.images)

    def _tick(self, phase, done):
        self._check_finite()
        progress, now = self._progress, time.monotonic()
        tick_seconds = now - self._tick_began
        tick_kimg = (progress.images - progress.tick_start) / 1000.0
        progress.tick += 1
        progress.tick_start = progress.images
        progress.seconds += tick_seconds + self._maintenance
        timing = {
            "sec_per_tick": tick_seconds,
            "sec_per_kimg": tick_seconds / tick_kimg,
            "maintenance_sec": self._maintenance,
        }
        means = self._averages.flush()
        if self._workers.is_chief:
            self._report(phase, means, timing)
            if done or progress.tick % self._image_ticks == 0:
                self._write_samples()
            if done or progress.tick % self._network_ticks == 0:
                self._snapshot(f"network-snapshot-{int(progress.kimg):06d}.npz")
        self._checkpoint()
        self._tick_began = time.monotonic()
        self._maintenance = self._tick_began - now

    def _write_samples(self):
        """Writes the sheet of samples, named by whole kimg as published; one that has the name
        already gets a longer one."""
        progress = self._progress
        if progress.sheet_images // 1000 == progress.images // 1000:
            self._run.keep_sheet(progress.sheet_images)
        with releasing():
            self._trainer.write_samples(self._run, progress.kimg)
        progress.sheet_images = progress.images

    def _report(self, phase, means, timing):
        progress = self._progress
        self._log.write(
            f"tick {progress.tick:<5d} kimg {progress.kimg:<8.1f} {phase.describe()} "
            f"time {format_time(progress.seconds):<12s} sec/tick {timing['sec_per_tick']:<7.1f} "
            f"sec/kimg {timing['sec_per_kimg']:<7.2f} maintenance {self._maintenance:.1f}"
        )
        self._warn_of_skipped(means)
        values = dict(means)
        values.update({f"Progress/{name}": value for name, value in phase.scalars().items()})
        values.update({"Progress/tick": progress.tick, "Progress/kimg": progress.kimg})
        values.update({f"Timing/{name}": value for name, value in timing.items()})
        values["Timing/total_sec"] = progress.seconds
        values["Timing/total_hours"] = progress.seconds / 3600
        values["Timing/total_days"] = progress.seconds / 86400
        self._events.scalars(values, progress.images)
        histograms = getattr(self._trainer, "histograms", None)
        if histograms:
            self._events.histograms(histograms(), progress.images)

    def _warn_of_skipped(self, means):
        """Says which steps were skipped, where that is no part of the method."""
        shares = {n: share for n, share in means.items() if is_skipped_share(n) and share > 0}
        if shares and not getattr(self._trainer, "scales_losses", False):
            listed = ", ".join(f"{share:.1%} ({name})" for name, share in shares.items())
            self._log.write(f"warning: steps skipped, as gradients were not finite: {listed}")

    def _snapshot(self, name):
        with releasing():
            self._run.save_snapshot(name, self._trainer.networks())

    def _checkpoint_due(self):
        return time.monotonic() - self._checkpointed > self._settings.checkpoint_minutes * 60

    def _check_finite(self):
        """Ends the run before anything is saved that a term which is not finite has spoilt."""
        if getattr(self._trainer, "scales_losses", False):
            return
        terms = self._averages.not_finite()
        terms += [f"gradients ({name})" for name in self._averages.stuck()]
        if terms:
            now, saved = self._progress.kimg, self._saved_kimg
            message = (
                f"{self._run.path}: not finite at {now:.1f} kimg: {', '.join(terms)}; the last "
                f"good checkpoint is at {saved:.1f} kimg. Lower the learning rates or raise the "
                f"minibatch: python train.py --resume {self._run.path} --set FIELD=VALUE"
            )
            self._log.keep_if_possible(message)
            raise ValueError(message)

    def _checkpoint(self):
        if self._workers.is_chief:
            self._checkpoints.save(self._progress)
        self._checkpointed = time.monotonic()
        self._saved_kimg = self._progress.kimg

    def _stop(self, number):
        self._check_finite()
        self._progress.seconds += time.monotonic() - self._tick_began + self._maintenance
        self._checkpoint()
        self._log.write(
            f"Stopped by {signal.Signals(number).name} at {self._progress.kimg:.1f} kimg; "
            f"go on with: python train.py --resume {self._run.path}"
        )
        self._workers.wait()
        raise Stopped(number)

    def _finish(self):
        if self._workers.is_chief:
            self._snapshot(FINAL_SNAPSHOT)
            write_text(self._run.path / DONE, "")
            self._log.write(f"Done in {format_time(self._progress.seconds)}: {self._run.path}")
        self._workers.wait()


class _Log:
    """Lines to the terminal, above the progress bar, and to the end of `log.txt` in a folder; None
    drops them."""

    def __init__(self, folder):
        self._path = os.devnull if folder is None else folder / "log.txt"
        self._is_silent = folder is None

    def __enter__(self):
        # Unbuffered: what a full disk does not take is not tried again when the file is closed.
        self._file = open(self._path, "ab", buffering=0)
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, line):
        if not self._is_silent:
            with tqdm.external_write_mode(file=sys.stdout):
                print(line, flush=True)
        self.keep(line)

    def keep(self, line):
        """Writes a line to `log.txt` only."""
        with named(self._path):
            self._file.write(f"{line}\n".encode())

    def keep_if_possible(self, line):
        """`keep` for the reason why a run ends, which a full disk shall not hide."""
        with contextlib.suppress(OSError):
            self.keep(line)


class _Signals:
    """Notes SIGTERM and SIGINT instead of dying; the second one acts at once."""

    def __enter__(self):
        self.received = None
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number, _):
        if self.received:
            self.__exit__()
            os.kill(os.getpid(), number)
        self.received = number
        # os.write, since a signal may interrupt a print that holds the stream's lock.
        os.write(2, b"\nstopping after this step and a checkpoint; again: stop at once\n")


def _progress_bar(total_kimg, done_kimg, is_shown):
    return tqdm(
        total=round(total_kimg, 3),
        initial=round(done_kimg, 3),
        unit="kimg",
        file=sys.stderr,
        disable=None if is_shown else True,
        dynamic_ncols=True,
        bar_format="{l_bar}{bar}| {n:.1f}/{total:.1f} kimg [{elapsed}<{remaining}]",
    )
