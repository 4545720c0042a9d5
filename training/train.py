"""Train the network: `python -m training.train [--cases FOLDER …] [--fold NAME] [--out DIR]`.

Your own cases join those of the data folder, or stand alone where there is none. Without a fold it
trains on everything but the gate: the model that may ship. With one it leaves out the fold's
patients and is good for figures on them only. A run resumes from its checkpoint, writes TensorBoard
logs, and ends with the moving average of the weights; no checkpoint is selected by a look at
held-out patients. A GPU is used when there is one, several under torchrun:
`torchrun --nproc-per-node=4 -m training.train` gives four batches an iteration.
"""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed
from monai.bundle import ConfigParser
from monai.utils import set_determinism
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from training.cases import Case, CaseFolderError, Target, folders_of, join, read_cases
from training.run import Run, is_bundle, load_average, patients_seen, read_config
from training.sample import Samples
from training.teach import taught
from training.thaw import thaw

__all__ = ["CONFIG", "RUNS", "main", "split", "train"]

CONFIG = Path(__file__).resolve().parents[1] / "models" / "lung-lesion" / "configs" / "train.yaml"
_THAWING = 16
"""Batches by which the statistics of a bundle's normalisations are found again."""

RUNS = Path(__file__).resolve().parents[1] / "runs"


def split(cases: Sequence[Case], left_out: Sequence[str] | None) -> tuple[list[Case], list[Case]]:
    """Cases to train on, and to validate on.

    Args:
        cases: All cases.
        left_out: Patients of a fold; None for the model that ships, which leaves out the gate.
    """
    if left_out is None:
        return [case for case in cases if not case.gate], []
    names = set(left_out)
    unknown = names - {case.patient for case in cases}
    if unknown:
        raise SystemExit(f"the fold names patients that are not there: {sorted(unknown)}")
    kept = [case for case in cases if case.patient not in names]
    return kept, [case for case in cases if case.patient in names and case.kind == "lesion"]


def train(run: Run, cases: Sequence[Case], held_out: Sequence[Case], workers: int) -> None:
    """Train until the configured number of iterations, resuming where a checkpoint stands.

    Of several processes the first alone writes.
    """
    get = run.config.get_parsed_content
    run.resume()
    run.seen |= {case.patient for case in cases}
    total, first = run.iterations, _rank() == 0
    logs = SummaryWriter(str(run.folder / "logs")) if first else None
    batches = _batches(run, cases, workers)
    bar = tqdm(
        total=total, initial=run.iteration, desc=run.folder.name, mininterval=5, disable=not first
    )
    running = 0.0
    for batch in islice(batches, total - run.iteration):
        loss = run.step(batch)
        bar.update()
        if logs is None:
            continue
        running = loss if running == 0.0 else 0.98 * running + 0.02 * loss
        if run.iteration % 25 == 0:
            bar.set_postfix(loss=f"{running:.3f}", refresh=False)
            logs.add_scalar("loss", running, run.iteration)
        if run.iteration % int(get("checkpoint_every")) == 0 or run.iteration == total:
            run.save()
        if run.iteration % int(get("validate_every")) == 0 and held_out:
            for name, dice in lesion_dice(run, held_out).items():
                logs.add_scalar(f"dice/{name}", dice, run.iteration)
                bar.write(f"{run.iteration} {name} {dice:.3f}")
    if logs is not None:
        logs.close()


def _batches(run: Run, cases: Sequence[Case], workers: int) -> Iterator[Mapping[str, Tensor]]:
    """Batches of the stream.

    Its seed moves with the iteration, so a resumed run sees new ones, and with the process.
    """
    get = run.config.get_parsed_content
    samples = Samples(
        cases,
        get("shares"),
        get("augment"),
        int(get("seed")) + run.iteration + 1_000_003 * _rank(),
        int(get("context")),
    )
    loader = DataLoader(samples, int(get("batch")), num_workers=workers, collate_fn=_collate)
    return iter(loader)


def _collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    return {key: torch.stack([sample[key] for sample in samples]) for key in ("image", "target")}


def _rank() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


@torch.no_grad()
def lesion_dice(run: Run, cases: Sequence[Case]) -> dict[str, float]:
    """Lesion Dice of the averaged weights on whole cases, slices as given: a look, no selection."""
    run.average.eval()
    half, result = int(run.config.get_parsed_content("context")) // 2, {}
    for case in cases:
        both = torch.zeros(2)
        for index in range(len(case.hu)):
            around = np.clip(index + np.arange(-half, half + 1), 0, len(case.hu) - 1)
            hu = torch.from_numpy(case.hu[around].astype("float32"))[None].to(run.device)
            with run.autocast():
                found = run.average(hu).argmax(1)[0].cpu() == 2
            truth = torch.from_numpy(case.target[index] == Target.LESION)
            both += torch.tensor([2 * (found & truth).sum(), found.sum() + truth.sum()])
        result[case.name] = float(both[0] / both[1].clamp_min(1))
    run.average.train()
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    asked = _arguments(arguments)
    config = read_config(asked.config)
    get = config.get_parsed_content
    set_determinism(int(get("seed")))
    torch.set_num_threads(asked.threads)
    folds = get("folds")
    if asked.fold and asked.fold not in folds:
        raise SystemExit(f"no fold {asked.fold!r}; the configuration has {', '.join(folds)}")
    cases, held_out, left_out = _divided(asked, config)
    folder = asked.out or RUNS / (f"fold-{asked.fold}" if asked.fold else "ship")
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(
        config, folder, _device(), int(get("fold_iterations" if asked.fold else "iterations"))
    )
    if asked.start and not run.checkpoint.exists():
        _begin(run, asked.start, cases, left_out)
    if asked.teacher:
        run.seen |= patients_seen(asked.teacher, left_out)
        teacher, sure = load_average(asked.teacher, config), tuple(get("teacher_sure"))
        cases = taught(cases, teacher, context=int(get("context")), sure=sure)
    with _denormals_flushed():
        train(run, cases, held_out, asked.workers)


def _begin(run: Run, start: Path, cases: Sequence[Case], left_out: set[str]) -> None:
    """Begin with the averaged weights of another run, or with those of a bundle."""
    run.seen |= patients_seen(start, left_out)
    if not is_bundle(start):
        run.start_from(start)
        return
    batches = islice(_batches(run, cases, workers=0), _THAWING)
    images = (batch["image"].to(run.device) for batch in batches)
    thaw(run.plain, start / "models" / "model.onnx", images)
    if torch.distributed.is_initialized():  # each process has drawn other slices
        for value in run.plain.state_dict().values():
            torch.distributed.broadcast(value, 0)
    run.average.module.load_state_dict(run.plain.state_dict())


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Numbers too small to matter count as zero: on a CPU they slow a network down many times."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)  # the processor's own state, and not only torch's


def _divided(
    asked: argparse.Namespace, config: ConfigParser
) -> tuple[list[Case], list[Case], set[str]]:
    """Cases to train on, cases to validate on, and the patients that the weights must not see."""
    get = config.get_parsed_content
    grid = {name: float(get(name)) for name in ("pixel_mm", "plane_mm")}
    try:
        folders = folders_of(asked.data, asked.cases)
        every = join(read_cases(folder, **grid) for folder in folders)
    except CaseFolderError as error:
        raise SystemExit(str(error)) from error
    cases, held_out = split(every, get("folds")[asked.fold] if asked.fold else None)
    if not cases:
        raise SystemExit("every case is left out: there is nothing to train on")
    left_out = {case.patient for case in every} - {case.patient for case in cases}
    if int(os.environ.get("RANK", "0")) == 0:
        told = f"without {', '.join(sorted(left_out))}" if left_out else "nobody left out"
        print(f"{len(cases)} of {len(every)} cases in {len(folders)} folder(s), {told}")
    return cases, held_out, left_out


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    # No name may be the beginning of an option of torchrun's, which would take it for its own.
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--data", type=Path, help="data or case folder; by default OPACIMETER_DATA")
    parser.add_argument(
        "--cases", type=Path, nargs="+", action="extend", default=[], metavar="FOLDER",
        help="case folders of your own, besides",
    )  # fmt: skip
    parser.add_argument("--fold", help="train without this fold's patients")
    parser.add_argument("--out", type=Path, help="folder of the run; default runs/<fold or ship>")
    parser.add_argument(
        "--from", dest="start", type=Path, help="run, or bundle, whose weights to begin with"
    )
    parser.add_argument("--teacher", type=Path, help="run that completes the unmarked slices")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=1, help="processes that make samples")
    return parser.parse_args(arguments)


def _device() -> torch.device:
    """This process's GPU, else the CPU; joins the others where torchrun started several."""
    gpu = torch.cuda.is_available()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        torch.distributed.init_process_group("nccl" if gpu else "gloo")
    if not gpu:
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


if __name__ == "__main__":
    main()
