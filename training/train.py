"""Train the network: `python -m training.train [--fold NAME] [--run DIR]`.

Without a fold it trains on everything but the gate: the model that may ship. With one it leaves
out the fold's patients and is good for figures on them only. A run resumes from its checkpoint,
writes TensorBoard logs, and ends with the moving average of the weights; no checkpoint is selected
by a look at held-out patients.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.utils import set_determinism
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from training.cases import Case, Target, data_folder, read_cases
from training.sample import Samples

__all__ = ["CONFIG", "load_average", "main", "read_config", "train"]

CONFIG = Path(__file__).resolve().parents[1] / "models" / "lung-lesion" / "configs" / "train.yaml"
RUNS = Path(__file__).resolve().parents[1] / "runs"


def read_config(path: Path) -> ConfigParser:
    """MONAI's parser of a training configuration."""
    parser = ConfigParser()
    parser.read_config(str(path))
    parser.parse()
    return parser


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


@dataclass(slots=True)
class Run:
    """Everything a run carries from one iteration to the next."""

    config: ConfigParser
    folder: Path
    device: torch.device
    iterations: int
    network: nn.Module = field(init=False)
    average: AveragedModel = field(init=False)
    loss: nn.Module = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)
    schedule: torch.optim.lr_scheduler.LRScheduler = field(init=False)
    iteration: int = 0

    def __post_init__(self) -> None:
        get = self.config.get_parsed_content
        network = get("network").to(self.device, memory_format=torch.channels_last)
        self.network = network
        decay = float(get("average"))
        self.average = AveragedModel(
            network,
            multi_avg_fn=get_ema_multi_avg_fn(decay),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        self.loss = get("loss").to(self.device)
        rate, decay = float(get("learning_rate")), float(get("weight_decay"))
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, rate, total_steps=self.iterations, pct_start=0.1
        )

    @property
    def checkpoint(self) -> Path:
        """Where the run can be taken up again."""
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Take up an interrupted run; nothing happens to a new one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        for name in ("network", "average", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        self.iteration = int(state["iteration"])

    def save(self) -> None:
        """Write the checkpoint so that an interruption never leaves half of one."""
        parts = ("network", "average", "optimizer", "schedule")
        state = {name: getattr(self, name).state_dict() for name in parts}
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({**state, "iteration": self.iteration}, partial)
        partial.replace(self.checkpoint)

    def step(self, batch: Mapping[str, Tensor]) -> float:
        """One update of the weights; the loss."""
        hu = batch["image"].to(self.device, memory_format=torch.channels_last)
        with self.autocast():
            logits = self.network(hu)
        loss = self.loss(logits, batch["target"].to(self.device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        self.iteration += 1
        return float(loss.detach())

    def autocast(self) -> torch.autocast:
        """bf16 where the configuration asks for it."""
        wanted = self.config.get_parsed_content("precision") == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bool(wanted))


def train(run: Run, cases: Sequence[Case], held_out: Sequence[Case], workers: int) -> None:
    """Train until the configured number of iterations, resuming where a checkpoint stands."""
    get = run.config.get_parsed_content
    run.resume()
    total, logs = run.iterations, SummaryWriter(str(run.folder / "logs"))
    batches = _batches(run, cases, workers)
    bar = tqdm(total=total, initial=run.iteration, desc=run.folder.name, mininterval=5)
    running = 0.0
    for batch in islice(batches, total - run.iteration):
        loss = run.step(batch)
        running = loss if running == 0.0 else 0.98 * running + 0.02 * loss
        bar.update()
        if run.iteration % 25 == 0:
            bar.set_postfix(loss=f"{running:.3f}", refresh=False)
            logs.add_scalar("loss", running, run.iteration)
        if run.iteration % int(get("checkpoint_every")) == 0 or run.iteration == total:
            run.save()
        if run.iteration % int(get("validate_every")) == 0 and held_out:
            for name, dice in lesion_dice(run, held_out).items():
                logs.add_scalar(f"dice/{name}", dice, run.iteration)
                bar.write(f"{run.iteration} {name} {dice:.3f}")
    logs.close()


def _batches(run: Run, cases: Sequence[Case], workers: int) -> Iterator[Mapping[str, Tensor]]:
    """Batches of the stream; its seed moves with the iteration, so a resumed run sees new ones."""
    get = run.config.get_parsed_content
    seed = int(get("seed")) + run.iteration
    samples = Samples(cases, get("shares"), get("augment"), seed, int(get("context")))
    loader = DataLoader(samples, int(get("batch")), num_workers=workers, collate_fn=_collate)
    return iter(loader)


def _collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    return {key: torch.stack([sample[key] for sample in samples]) for key in ("image", "target")}


@torch.no_grad()
def lesion_dice(run: Run, cases: Sequence[Case]) -> dict[str, float]:
    """Lesion Dice of the averaged weights on whole cases, slices as given: a look, no selection."""
    run.average.eval()
    result = {}
    for case in cases:
        both = torch.zeros(2)
        for index in range(len(case.hu)):
            around = [max(index - 1, 0), index, min(index + 1, len(case.hu) - 1)]
            hu = torch.from_numpy(case.hu[around].astype("float32"))[None].to(run.device)
            with run.autocast():
                found = run.average(hu).argmax(1)[0].cpu() == 2
            truth = torch.from_numpy(case.target[index] == Target.LESION)
            both += torch.tensor([2 * (found & truth).sum(), found.sum() + truth.sum()])
        result[case.name] = float(both[0] / both[1].clamp_min(1))
    run.average.train()
    return result


def load_average(run_folder: Path, config: ConfigParser) -> nn.Module:
    """The averaged network of a run's checkpoint, ready to infer on the CPU."""
    run = Run(config, run_folder, torch.device("cpu"), iterations=1)
    if not run.checkpoint.exists():
        raise SystemExit(f"{run_folder.name} has no checkpoint: train it first")
    run.resume()
    network: nn.Module = run.average.module.eval()
    return network


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--fold", help="train without this fold's patients")
    parser.add_argument("--run", type=Path, help="folder of the run; default runs/<fold or ship>")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=1, help="processes that make samples")
    asked = parser.parse_args()
    config = read_config(asked.config)
    set_determinism(int(config.get_parsed_content("seed")))
    torch.set_num_threads(asked.threads)
    folds = config.get_parsed_content("folds")
    if asked.fold and asked.fold not in folds:
        parser.error(f"no fold {asked.fold!r}; the configuration has {', '.join(folds)}")
    pixel_mm = float(config.get_parsed_content("pixel_mm"))
    cases, held_out = split(
        read_cases(asked.data, pixel_mm=pixel_mm), folds[asked.fold] if asked.fold else None
    )
    folder = asked.run or RUNS / (f"fold-{asked.fold}" if asked.fold else "ship")
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    iterations = int(config.get_parsed_content("fold_iterations" if asked.fold else "iterations"))
    train(Run(config, folder, device, iterations), cases, held_out, asked.workers)


if __name__ == "__main__":
    main()
