"""Training: it learns, it stops and goes on, it refuses what makes no sense."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import LABELS

from assay_models.cli import main
from assay_models.errors import Interrupted, KitError
from assay_models.nets import tiny
from assay_models.progress import Stop
from assay_models.train import checkpoint as checkpoints
from assay_models.train.loop import Phase, Training, predict, train
from assay_models.train.objectives import Adversarial, Distil, Labels, settings

PIXELS = np.random.default_rng(0).integers(0, 255, (12, 32, 32, 3), dtype=np.uint8)
TRUTH = np.arange(12) % 3


def job(out: Path, steps: int = 6, **changes: Any) -> Training:
    settings: dict[str, Any] = {"objective": Labels(), "seed": 3} | changes
    return Training("test", list(LABELS), 32, (Phase(steps, 32, 1e-3, batch=4),), out=out, **settings)


class StopAfter(Stop):
    """Ctrl-C after so many looks."""

    def __init__(self, looks: int):
        super().__init__()
        self.looks = looks

    def check(self, how_to_go_on: str) -> None:
        self.looks -= 1
        self.asked = self.looks < 0
        super().check(how_to_go_on)


def test_a_tiny_network_learns_the_three_classes(checkpoint: Path, folder: Path) -> None:
    from assay_models.data.layouts import open_dataset
    from assay_models.data.pictures import load

    dataset = open_dataset(folder)
    test = load(dataset.split("test"), dataset.labels, 32)
    assert (predict(checkpoints.load(checkpoint).net, test.pixels).argmax(1) == test.labels).mean() > 0.9


def test_a_training_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = train(tiny(3), PIXELS, TRUTH, job(tmp_path / "whole.pt"), Stop())
    with pytest.raises(Interrupted, match="goes on"):
        train(tiny(3), PIXELS, TRUTH, job(tmp_path / "parts.pt"), StopAfter(4))
    assert not (tmp_path / "parts.pt").exists(), "a stopped training left a result"
    parts = train(tiny(3, seed=9), PIXELS, TRUTH, job(tmp_path / "parts.pt"), Stop())
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert not (tmp_path / "parts.state").exists()


def test_the_state_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(tiny(3), PIXELS, TRUTH, job(tmp_path / "a.pt"), StopAfter(2))
    with pytest.raises(KitError, match="other settings"):
        train(tiny(3), PIXELS, TRUTH, job(tmp_path / "a.pt", steps=9), Stop())


def test_a_state_with_another_objective_is_not_taken_up(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(tiny(3), PIXELS, TRUTH, job(tmp_path / "a.pt", objective=Adversarial(4.0)), StopAfter(2))
    with pytest.raises(KitError, match="other settings"):
        train(tiny(3), PIXELS, TRUTH, job(tmp_path / "a.pt", objective=Adversarial(6.0)), Stop())


def test_settings_name_networks_and_reach_into_the_inner_objective() -> None:
    found = settings(Adversarial(4.0, clean=Distil(tiny(3), alpha=0.5)))
    assert (found["objective"], found["eps"], found["clean"]["alpha"]) == ("Adversarial", 4.0, 0.5)
    assert found["clean"]["teacher"] == "LiteNet"


def test_freed_memory_is_used_again_instead_of_asked_for_anew() -> None:
    # In a process of its own: the setting is the process's, and other tests' leftovers would be counted too.
    code = """
import resource, numpy as np
from assay_models.train.memory import keep_freed_memory
kept = keep_freed_memory()
def touch(): np.empty(64 << 20, np.uint8).fill(1)
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20): touch()
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kept, faults = map(int, done.stdout.split())
    assert kept == (platform.libc_ver()[0] == "glibc")
    # 20 times 64 MiB are 640 pages even of the largest size.
    assert not kept or faults < 100


def test_the_record_says_what_a_training_saw_and_for_how_long_both_times(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(tiny(3), PIXELS, TRUTH, job(tmp_path / "a.pt"), StopAfter(4))
    state = torch.load(tmp_path / "a.state", weights_only=True)
    state["seconds"], state["processor_seconds"] = 5000.0, 3000.0
    torch.save(state, tmp_path / "a.state")
    train(tiny(3), PIXELS, TRUTH, job(tmp_path / "a.pt"), Stop())
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["pictures"] == len(TRUTH) and record["objective"] == {"objective": "Labels"}
    assert record["seconds"] >= 5000 and record["processor_seconds"] >= 3000


def test_a_loss_that_is_no_number_ends_the_training_and_leaves_no_result(tmp_path: Path) -> None:
    def broken(net: torch.nn.Module, x: torch.Tensor, labels: torch.Tensor, share: float) -> torch.Tensor:
        return net(x)[0].sum() * float("nan")

    with pytest.raises(KitError, match="the loss is nan"):
        train(tiny(3), PIXELS, TRUTH, job(tmp_path / "a.pt", objective=broken), Stop())
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    net = tiny(3)
    checkpoints.save(tmp_path / "a.pt", net, list(LABELS), 32)
    saved = checkpoints.load(tmp_path / "a.pt")
    assert (saved.labels, saved.size) == (list(LABELS), 32)
    assert np.allclose(predict(saved.net, PIXELS), predict(net, PIXELS), atol=1e-5)


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    torch.save({"schema": 1, "state": Path}, tmp_path / "a.pt")
    with pytest.raises(KitError, match="no checkpoint"):
        checkpoints.load(tmp_path / "a.pt")


def test_distillation_pulls_towards_the_teacher() -> None:
    teacher, x, y = tiny(3, seed=5).eval(), torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    same, other = (
        Distil(teacher, alpha=1.0)(teacher, x, y, 0.0),
        Distil(teacher, alpha=1.0)(tiny(3, seed=6).eval(), x, y, 0.0),
    )
    assert float(same) == pytest.approx(0, abs=1e-5)
    assert float(other) > 1e-4


def test_a_teacher_may_be_shown_a_smaller_picture() -> None:
    teacher, x, y = tiny(3, seed=5).eval(), torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    assert torch.isfinite(Distil(teacher, teacher_size=16)(tiny(3), x, y, 0.0))


@pytest.mark.parametrize("steps", [1, 4])
def test_the_training_attack_raises_the_loss_within_its_budget(steps: int) -> None:
    net, eps = tiny(3, seed=2).eval(), 8 / 128
    torch.manual_seed(0)
    x, y = (torch.rand(6, 3, 32, 32) * 1.9 - 0.95), torch.arange(6) % 3
    worst = Adversarial(8.0, steps).worst(net, x, y, eps)
    before, after = (torch.nn.functional.cross_entropy(net(v)[0], y) for v in (x, worst))
    assert float(after) > float(before)
    # One step starts from noise of twice the budget (N-FGSM), so it may end three budgets away.
    assert float((worst - x).abs().max()) <= (3 if steps == 1 else 1) * eps + 1e-5


def test_hardening_makes_the_model_hold_longer(checkpoint: Path, folder: Path, made: Path) -> None:
    from assay_models.data.layouts import open_dataset
    from assay_models.data.pictures import load

    out = made / "hard.pt"
    words = [
        "harden",
        str(checkpoint),
        "--data",
        str(folder),
        "--out",
        str(out),
        "--attack",
        "pgd",
        "--attack-steps",
        "3",
    ]
    assert main([*words, "--eps", "10", "--steps", "60", "--rate", "0.005", "--seed", "2", "--clean-share", "0.3"]) == 0
    dataset = open_dataset(folder)
    test = load(dataset.split("test")[::2], dataset.labels, 32)
    held = []
    for path in (checkpoint, out):
        net = checkpoints.load(path).net.requires_grad_(False)
        torch.manual_seed(0)
        x = torch.from_numpy((test.pixels.transpose(0, 3, 1, 2).astype(np.float32) - 127) / 128)
        worst = Adversarial(16.0, 10).worst(net, x, torch.from_numpy(test.labels), 16 / 128)
        held.append(float((net(worst)[0].argmax(1).numpy() == test.labels).mean()))
    assert held[1] > held[0]


def test_a_distilled_network_is_written(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    words = [
        "distil",
        "--teacher",
        str(checkpoint),
        "--data",
        str(folder),
        "--out",
        str(tmp_path / "s.pt"),
        "--net",
        "tiny",
    ]
    assert main([*words, "--steps", "8"]) == 0
    assert checkpoints.load(tmp_path / "s.pt").labels == list(LABELS)


def test_a_result_is_not_written_over_by_chance(
    checkpoint: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(folder), "--out", str(checkpoint), "--net", "tiny"]) == 1
    assert "--force" in capsys.readouterr().err


def test_ctrl_c_leaves_a_state_to_go_on_from_and_no_result(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.pt"
    words = ["train", "--data", str(folder), "--out", str(out), "--net", "tiny", "--size", "32", "--steps", "100000"]
    with subprocess.Popen([sys.executable, "-m", "assay_models", *words], stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("net: seed"):
                run.send_signal(signal.SIGINT)
                break
        rest = run.stderr.read()
    assert run.returncode == 130, rest
    assert "the same command goes on" in rest
    assert out.with_suffix(".state").exists() and not out.exists()
