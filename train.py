"""Trains a system, resumes a run, or runs a utility on a trained one.

Examples:
  python train.py --preset v2-4gpus --dataset data/faces
  python train.py --preset demo --dataset data/faces --num_gpus 1 --set train.total_kimg=40
  python train.py --preset tdgan-toy --dataset faces=data/faces --dataset expressions=data/toy
  python train.py --resume latest
  python train.py --utility generate_interpolation_video --run_id 0 --set duration_sec=10
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import configs
from tf_facegan import command_line, systems
from tf_facegan import config as configuration
from tf_facegan.engine import run_folder

FOLD_FLAGS = ("folds", "fold")
SIGNAL_EXIT = 128  # plus the signal's number, as shells report it


def main(argv=None):
    """Parses the command line and runs it; returns the exit code."""
    args = parse(argv)
    if args.list_presets or args.list_utilities:
        return command_line.run(lambda args: print("\n".join(listed(args))), args)
    command_line.quiet_tensorflow()
    if args.utility:
        return command_line.run(run_utility, args)
    return command_line.run(run_training, args)


def parse(argv=None):
    parser = command_line.ArgumentParser(
        prog="train.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    training = parser.add_argument_group("training")
    training.add_argument(
        "--preset",
        help=f"one of {', '.join(configs.PRESETS)} (default: {configs.DEFAULT_PRESET})",
    )
    training.add_argument(
        "--mod",
        action="append",
        default=[],
        metavar="NAME",
        help="modifier of the preset, repeatable (default: none): "
        + "; ".join(f"{s}: {', '.join(mods)}" for s, mods in configs.MODIFIERS.items())
        + "; or a published data set: "
        + "; ".join(f"{s}: {', '.join(sets)}" for s, sets in configs.DATA_SETS.items()),
    )
    training.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="[ROLE=]DIR",
        help="folder that dataset_tool.py made; repeatable for systems that train on several, with "
        f"what each is for: {role_help()} (default: {configs.DATASET}, for the first role)",
    )
    training.add_argument(
        "--num_gpus",
        type=int,
        metavar="N",
        help="GPUs; 1 without a GPU is the CPU (default: the preset's)",
    )
    training.add_argument(
        "--logical_cpus",
        type=int,
        metavar="N",
        help="split the CPU into N devices and train on them (default: 0, do not)",
    )
    training.add_argument(
        "--folds",
        type=int,
        metavar="N",
        help="divide the subjects into N test sets (tdgan; default: the preset's)",
    )
    training.add_argument(
        "--fold",
        metavar="K",
        help="which of them is left out for testing, counted from 0, or all: a run for each, and "
        "mean and deviation of their accuracies (default: the preset's)",
    )
    training.add_argument(
        "--on_corrupt",
        choices=("stop", "skip"),
        help="what a corrupt record does: stop the run (default), or give way to the next good one",
    )
    training.add_argument(
        "--resume",
        metavar="RUN_ID",
        help="go on with a run: number, folder or `latest` (default: a new run)",
    )
    utilities = parser.add_argument_group("utility runs")
    utilities.add_argument(
        "--utility",
        metavar="NAME",
        help=f"one of {', '.join(systems.UTILITIES)} (default: none, train)",
    )
    utilities.add_argument(
        "--run_id",
        default="latest",
        metavar="RUN_ID",
        help="trained run: number, folder or `latest` (default)",
    )
    utilities.add_argument(
        "--snapshot", type=int, metavar="KIMG", help="network snapshot (default: the newest)"
    )
    both = parser.add_argument_group("both")
    both.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change any field, repeatable: section.field=value, or a utility's option=value "
        "(default: none)",
    )
    both.add_argument(
        "--result_dir",
        default="results",
        metavar="DIR",
        help="folder of run folders (default: %(default)s)",
    )
    both.add_argument(
        "--dry_run",
        action="store_true",
        help="print the configuration (and memory a device) and stop",
    )
    lists = parser.add_argument_group("lists")
    lists.add_argument("--list_presets", action="store_true", help="print presets and modifiers")
    lists.add_argument("--list_utilities", action="store_true", help="print utility runs")
    command_line.add_debug_flag(both)
    return parser.parse_args(sys.argv[1:] if argv is None else argv)


def listed(args):
    """Lines of --list_presets and --list_utilities, system by system."""
    lines = []
    for name, system in systems.SYSTEMS.items():
        presets = [preset for preset, (of, _) in configs.PRESETS.items() if of == name]
        mods = [*configs.MODIFIERS.get(name, ()), *configs.DATA_SETS.get(name, ())]
        if args.list_presets:
            lines.append(f"{name}: {', '.join(presets) or 'no presets'}")
            lines += [f"  --mod {', '.join(mods)}"] * bool(mods)
        if args.list_utilities:
            lines += [f"{name}: {', '.join(system.utilities) or 'no utility runs'}"]
    return lines


def run_training(args):
    """Starts or resumes a training run, or prints its configuration.

    Returns:
      int exit code: 0, or 128 + the signal's number when a signal stopped the run.
    """
    if args.resume:
        run, config = resumed(args)
    else:
        run, config = None, new_config(args)
    if args.dry_run:
        print("\n".join(configuration.describe(config)))
        if systems.get(config.system).estimate:
            print(systems.get(config.system).part("estimate")(config))
        return 0
    from tf_facegan.engine import training

    try:
        systems.get(config.system).part("train")(config, args.result_dir, run)
    except training.Stopped as stop:
        return SIGNAL_EXIT + stop.signal
    return 0


def new_config(args):
    """Makes the configuration of a new run: preset, data set, modifiers, flags, then --set."""
    preset = args.preset or configs.DEFAULT_PRESET
    if preset not in configs.PRESETS:
        known = ", ".join(configs.PRESETS)
        near = configuration.nearest(preset, configs.PRESETS)
        raise ValueError(f"--preset {preset}: unknown{near}; there are: {known}")
    name, changes = configs.PRESETS[preset]
    system, changes = systems.get(name), dict(changes)
    published = [mod for mod in args.mod if mod in configs.DATA_SETS.get(name, {})]
    mods = [mod for mod in args.mod if mod not in published]
    for mod in [*published, *mods]:
        changes.update(modifier(name, mod))
    datasets = args.dataset or [configs.DATASET] * bool(configs.DATASET)
    changes.update(dataset_changes(system, datasets))
    changes.update(runtime_changes(args))
    changes.update(fold_changes(system, args))
    changes.update(configuration.parse_assignments(args.set))
    config = configuration.override(system.part("config")(), changes)
    sets = config.data.sets
    missing = [role for role in system.roles if not sets.get(role)]
    is_synthetic = getattr(config.data, "synthetic", None) is not None
    if missing and not (is_synthetic or args.dry_run):
        several = len(system.roles) > 1
        flags = [f"--dataset {f'{role}=' * several}DIR" for role in missing]
        raise ValueError(
            f"no data set: give {' and '.join(flags)} (dataset_tool.py -h says how to make one)"
        )
    names = [Path(sets[system.roles[0]]).name] if sets.get(system.roles[0]) else []
    if published and not datasets:
        names, published = published, []
    words = [config.desc, *names, f"preset-{preset}", *published, *mods]
    return dataclasses.replace(config, desc="-".join(word for word in words if word))


def dataset_changes(system, words):
    """Turns words of --dataset, `DIR` or `ROLE=DIR`, into changes of `data.sets`.

    A folder without a role is the system's first one's.
    """
    known, changes = (*system.roles, *system.optional_roles), {}
    for word in words:
        role, equals, path = word.partition("=")
        if not equals or (role not in known and Path(word).exists()):
            role, path = known[0], word
        if role not in known:
            near = configuration.nearest(role, known)
            raise ValueError(
                f"--dataset {word}: {system.name} has no role {role!r}{near}; "
                f"it has: {', '.join(known)}"
            )
        if f"data.sets.{role}" in changes:
            raise ValueError(f"--dataset {word}: there is a set for the role {role!r} already")
        changes[f"data.sets.{role}"] = path
    return changes


def fold_changes(system, args):
    """What --folds and --fold change."""
    given = {name: getattr(args, name) for name in FOLD_FLAGS if getattr(args, name) is not None}
    for name in given:
        if not hasattr(system.part("config")().data, name):
            raise ValueError(f"--{name}: {system.name} has no folds")
    if "fold" in given:
        if given["fold"] != "all" and not given["fold"].isdigit():
            raise ValueError(f"--fold {given['fold']}: expected a number from 0, or all")
        given["fold"] = -1 if given["fold"] == "all" else int(given["fold"])
    return {f"data.{name}": value for name, value in given.items()}


def role_help():
    """What --dataset takes for systems of several roles, as one phrase."""
    several = [s for s in systems.SYSTEMS.values() if len(s.roles + s.optional_roles) > 1]
    return "; ".join(
        f"{s.name}: {', '.join([*s.roles, *(f'{role} (optional)' for role in s.optional_roles)])}"
        for s in several
    )


def resumed(args):
    """Returns (run folder, configuration) of --resume, changed by --set and device flags."""
    for flag in ("preset", "dataset", "mod", *FOLD_FLAGS):
        if getattr(args, flag):
            raise ValueError(f"--{flag} cannot be given with --resume: the run has its own")
    run = run_folder.locate(args.resume, args.result_dir)
    changes = {**runtime_changes(args), **configuration.parse_assignments(args.set)}
    return run, configuration.override(run.load_config(), changes)


def runtime_changes(args):
    given = {name: getattr(args, name) for name in ("num_gpus", "logical_cpus", "on_corrupt")}
    return {f"runtime.{name}": value for name, value in given.items() if value is not None}


def modifier(system, name):
    known = {**configs.MODIFIERS.get(system, {}), **configs.DATA_SETS.get(system, {})}
    if name not in known:
        near = configuration.nearest(name, known)
        raise ValueError(f"--mod {name}: unknown for {system}{near}; there are: {', '.join(known)}")
    return known[name]


def run_utility(args):
    """Runs a utility on a trained run and prints what it wrote."""
    module = systems.utility(args.utility)
    options = configuration.override(module.Options(), configuration.parse_assignments(args.set))
    if args.dry_run:
        print("\n".join(configuration.describe(options)))
        return
    run = run_folder.locate(args.run_id, args.result_dir)
    system = systems.get(run.load_config().system)
    if args.utility not in system.utilities:
        known = ", ".join(system.utilities) or "none"
        raise ValueError(f"{args.utility} is not for {system.name}; it has: {known}")
    if getattr(module, "TAKES_RUN", False):
        subject, more = run, {"snapshot": args.snapshot}
    else:
        subject, more = system.part("pipeline").from_run(run.path, snapshot=args.snapshot), {}
    with run_folder.utility_folder(args.result_dir, module.describe(run.name)) as folder:
        for path in module.run(subject, folder.path, options, **more):
            print(path)


if __name__ == "__main__":
    sys.exit(main())
