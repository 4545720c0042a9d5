"""A run: everything that training carries from one iteration to the next, and its checkpoint.

A checkpoint names the patients whose images or labels went into its weights, also through a run it
started from or a teacher: so no figure can come from weights that saw the patient by a detour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from monai.bundle import ConfigParser
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.evaluation.metadata import read_metadata, trained_on

__all__ = ["Run", "is_bundle", "load_average", "patients_seen", "read_config"]


def read_config(path: Path) -> ConfigParser:
    """MONAI's parser of a training configuration."""
    parser = ConfigParser()
    parser.read_config(str(path))
    parser.parse()
    return parser


@dataclass(slots=True)
class Run:
    """A network in training, alone or as one of several processes that torchrun started.

    Attributes:
        config: The configuration, parsed.
        folder: Where checkpoint and logs lie.
        device: Where the network lies.
        iterations: How many updates make the run.
        seen: Patients that the weights saw as pixels, labels or pseudo-labels.
        iteration: Updates made.
    """

    config: ConfigParser
    folder: Path
    device: torch.device
    iterations: int
    seen: frozenset[str] = frozenset()
    network: nn.Module = field(init=False)
    average: AveragedModel = field(init=False)
    loss: nn.Module = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)
    schedule: torch.optim.lr_scheduler.LRScheduler = field(init=False)
    iteration: int = 0

    def __post_init__(self) -> None:
        get = self.config.get_parsed_content
        network = get("network").to(self.device, memory_format=torch.channels_last)
        self.network = _shared(network, self.device)
        self.average = AveragedModel(
            network,
            multi_avg_fn=get_ema_multi_avg_fn(float(get("average"))),  # type: ignore[no-untyped-call]
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

    @property
    def plain(self) -> nn.Module:
        """The network itself, without what shares it among processes."""
        shared = isinstance(self.network, DistributedDataParallel)
        return self.network.get_submodule("module") if shared else self.network

    def resume(self) -> None:
        """Take up an interrupted run; nothing happens to a new one.

        Raises:
            SystemExit: The run was begun with another number of iterations: its learning rate
                has followed that one's curve.
        """
        if not self.checkpoint.exists():
            return
        state = _read(self.checkpoint, self.device)
        if (begun := int(state["schedule"]["total_steps"])) != self.iterations:
            raise SystemExit(
                f"{self.folder.name} was begun for {begun} iterations, {self.iterations} are asked "
                "for; begin another run from it with --from"
            )
        self.plain.load_state_dict(state["network"])
        for name in ("average", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        self.iteration = int(state["iteration"])
        self.seen |= set(state["seen"])

    def start_from(self, other: Path) -> None:
        """Begin with the averaged weights of another run; what it saw, this one has seen.

        The other's network may see fewer slices at once: the new ones' weights begin at zero.
        """
        state = _read(other / "checkpoint.pt", self.device)
        own = self.plain.state_dict()
        weights = {
            name.removeprefix("module."): _widened(value, own[name.removeprefix("module.")])
            for name, value in state["average"].items()
            if name.startswith("module.")
        }
        self.plain.load_state_dict(weights)
        self.average.module.load_state_dict(weights)
        self.seen |= set(state["seen"])

    def save(self) -> None:
        """Write the checkpoint so that an interruption never leaves half of one."""
        state = {name: getattr(self, name).state_dict() for name in ("average", "optimizer")}
        state |= {"network": self.plain.state_dict(), "schedule": self.schedule.state_dict()}
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({**state, "iteration": self.iteration, "seen": sorted(self.seen)}, partial)
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
        self.average.update_parameters(self.plain)
        self.iteration += 1
        return float(loss.detach())

    def autocast(self) -> torch.autocast:
        """bf16 where the configuration asks for it."""
        wanted = self.config.get_parsed_content("precision") == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bool(wanted))


def load_average(run_folder: Path, config: ConfigParser) -> nn.Module:
    """The averaged network of a run's checkpoint, ready to infer on the CPU."""
    run = Run(config, run_folder, torch.device("cpu"), iterations=1)
    if not run.checkpoint.exists():
        raise SystemExit(f"{run_folder.name} has no checkpoint: train it first")
    state = _read(run.checkpoint, run.device)
    run.average.load_state_dict(state["average"])
    network: nn.Module = run.average.module.eval()
    return network


def patients_seen(run_folder: Path, left_out: Iterable[str] = ()) -> frozenset[str]:
    """The patients that a run's weights, or a bundle's, saw.

    Args:
        run_folder: The run, with a checkpoint; or a bundle, that says whom it was trained on.
        left_out: Patients that must not be among them.

    Raises:
        SystemExit: One of those is.
    """
    if is_bundle(run_folder):
        seen = trained_on(read_metadata(run_folder))
    else:
        seen = frozenset(_read(run_folder / "checkpoint.pt", torch.device("cpu"))["seen"])
    if both := sorted(seen & set(left_out)):
        raise SystemExit(f"{run_folder.name} was trained on {', '.join(both)}, to be left out here")
    return seen


def is_bundle(folder: Path) -> bool:
    """Whether a folder is an exported model and no run."""
    return (folder / "configs" / "metadata.json").exists()


def _read(checkpoint: Path, device: torch.device) -> dict[str, Any]:
    if not checkpoint.exists():
        raise SystemExit(f"{checkpoint.parent.name} has no checkpoint: train it first")
    state: dict[str, Any] = torch.load(checkpoint, map_location=device, weights_only=True)
    if "seen" not in state:
        raise SystemExit(f"{checkpoint.parent.name} does not tell its patients: train it anew")
    return state


def _shared(network: nn.Module, device: torch.device) -> nn.Module:
    """The network, its gradients averaged over all processes that torchrun started."""
    if not torch.distributed.is_initialized():
        return network
    if device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(network, device_ids=[device])
    return DistributedDataParallel(network)


def _widened(narrow: Tensor, wide: Tensor) -> Tensor:
    """A first convolution's weights (out, 4 x slice, 3, 3) for more slices of context."""
    if narrow.shape == wide.shape:
        return narrow
    result = torch.zeros_like(wide)
    more = (wide.shape[1] - narrow.shape[1]) // 2
    result[:, more : more + narrow.shape[1]] = narrow
    return result
