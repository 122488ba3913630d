"""`search --train`: pruned and distilled candidates, bounded in time, seeded, and taken up again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay_models import search_training
from assay_models.cli import main
from assay_models.commands.training import phases
from assay_models.data.layouts import open_dataset
from assay_models.data.pictures import load
from assay_models.errors import Interrupted, KitError
from assay_models.onnxfile.model import open_model
from assay_models.progress import Stop
from assay_models.search_training import Found, OutOfTime, Trainings, train_candidates


def candidates(
    checkpoint: Path, model: Path, folder: Path, out: Path, seed: int = 3, stop: Stop | None = None
) -> Found:
    """One pruned network and one pupil, a few steps each."""
    dataset = open_dataset(folder)
    pictures = load(dataset.split("train")[::2], dataset.labels, 32)
    wish = Trainings(checkpoint, (0.75,), ("tiny",), lambda fresh: phases(8, 32, 1e-3, fresh=fresh), 60, seed, 1)
    return train_candidates(open_model(model), pictures, dataset.labels, wish, out, stop or Stop())


def words(checkpoint: Path, model: Path, folder: Path, out: Path) -> list[str]:
    few = ["--limit", "45", "--calibration", "20", "--train-steps", "8", "--keep-macs", "0.75", "--pupils", "tiny"]
    return ["search", str(model), "--data", str(folder), "--out", str(out), "--train", str(checkpoint), *few]


def test_search_trains_pruned_and_distilled_candidates_and_measures_them(
    checkpoint: Path, model: Path, folder: Path, tmp_path: Path
) -> None:
    command = words(checkpoint, model, folder, tmp_path)
    assert main(command) == 0
    found = json.loads((tmp_path / "search.json").read_text())
    rows = {row["name"]: row for row in found["rows"]}
    trained = [
        f"{net}{kind}" for net in ("pruned 0.75", "pupil tiny") for kind in ("", ", int8", ", int8, codebook 5 bit")
    ]
    assert len(rows) == 16 + len(trained) and set(trained) <= rows.keys()
    assert found["not_trained"] == []
    assert rows["pruned 0.75"]["mb"] < rows["float"]["mb"]
    for name in trained:
        assert round(rows[name]["mb"] * 1e6) == (tmp_path / rows[name]["file"]).stat().st_size
    made = {path: path.read_bytes() for path in (tmp_path / "trained").iterdir()}
    assert main(command) == 0
    assert {path: path.read_bytes() for path in (tmp_path / "trained").iterdir()} == made, "trained anew"


def test_what_the_minutes_do_not_suffice_for_is_named(
    checkpoint: Path, model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words(checkpoint, model, folder, tmp_path), "--train-minutes", "1e-9"]) == 0
    found = json.loads((tmp_path / "search.json").read_text())
    assert found["not_trained"] == ["pruned 0.75", "pupil tiny"] and len(found["rows"]) == 16
    assert "not trained in 1e-09 minutes: pruned 0.75, pupil tiny" in capsys.readouterr().out


class EndsAfter(Stop):
    """The time is over after so many steps."""

    def __init__(self, steps: int, error: type[Interrupted]):
        super().__init__()
        self.left, self.error = steps, error

    def check(self, how_to_go_on: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.error(how_to_go_on)


def test_a_training_whose_time_is_over_goes_on_with_the_next_call(
    checkpoint: Path, model: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    candidates(checkpoint, model, folder, whole)
    with monkeypatch.context() as patch:
        patch.setattr(search_training, "_Until", lambda stop, end: EndsAfter(5, OutOfTime))
        first = candidates(checkpoint, model, folder, halves)
    assert first.files == {} and first.left == ["pruned 0.75", "pupil tiny"]
    assert (halves / "pruned-0.75.state").exists() and not (halves / "pruned-0.75.pt").exists()
    capsys.readouterr()
    second = candidates(checkpoint, model, folder, halves)
    assert second.left == [] and list(second.files) == ["pruned 0.75", "pupil tiny"]
    assert "pruned 0.75: going on at phase 1, step 4" in capsys.readouterr().err
    for name, file in second.files.items():
        assert file.read_bytes() == (whole / file.name).read_bytes(), f"{name} came out differently in two halves"


def test_ctrl_c_ends_the_search_and_not_only_its_training(
    checkpoint: Path, model: Path, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted) as error:
        candidates(checkpoint, model, folder, tmp_path, stop=EndsAfter(3, Interrupted))
    assert not isinstance(error.value, OutOfTime)
    assert (tmp_path / "pruned-0.75.state").exists()


def test_the_seed_decides(checkpoint: Path, model: Path, folder: Path, tmp_path: Path) -> None:
    first, again, other = (
        candidates(checkpoint, model, folder, tmp_path / name, seed).files["pupil tiny"].read_bytes()
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again != other


def test_a_folder_keeps_the_trainings_of_one_wish(checkpoint: Path, model: Path, folder: Path, tmp_path: Path) -> None:
    candidates(checkpoint, model, folder, tmp_path, seed=3)
    with pytest.raises(KitError, match="seed differ"):
        candidates(checkpoint, model, folder, tmp_path, seed=4)


def test_a_checkpoint_of_another_network_is_refused(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from assay_models.nets import tiny
    from assay_models.train import checkpoint as checkpoints

    other = tmp_path / "other.pt"
    checkpoints.save(other, tiny(3, seed=9), list(open_dataset(folder).labels), 32)
    assert main(words(other, model, folder, tmp_path / "out")) == 1
    assert "other.pt is not the network of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--keep-macs", "1.5"], "1.5 is no share"),
        (["--keep-macs", "half"], "no list"),
        (["--pupils", "resnet"], "--pupils resnet"),
        (["--pupils", "lite0:none"], "--pupils lite0:none"),
        (["--pupils", "tiny", "--keep-macs", ",".join(f"0.{k}" for k in range(11, 31))], "1 to 16 are possible"),
        (["--pupils", "", "--keep-macs", ""], "0 trainings"),
        (["--train-steps", "0"], "above 0"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_before_anything_is_trained(
    more: list[str], message: str, checkpoint: Path, model: Path, folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main([*words(checkpoint, model, folder, tmp_path), *more]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
