"""Every layout of folders, made tiny, and data from which nothing can be learnt."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import draw, save

from assay_models.cli import main
from assay_models.data.layouts import drawn_split, open_dataset, recognise
from assay_models.data.pictures import check_for_training, fit, load, read_picture
from assay_models.errors import KitError

BLANK = np.zeros((8, 8, 3), np.uint8)


def labels_of(root: Path) -> dict[str, str]:
    return {item.path.name: item.label for item in open_dataset(root).items}


def test_folders_per_split_and_class_are_read(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert (dataset.name, dataset.labels) == ("folder", ["good", "bar", "blob"])
    assert [len(dataset.split(split)) for split in ("train", "val", "test")] == [120, 72, 90]


def test_folders_without_splits_are_divided_by_the_names_of_the_files(tmp_path: Path) -> None:
    for k in range(200):
        save(tmp_path / ("good" if k % 2 else "bad") / f"{k}.png", BLANK)
    first = {item.path: item.split for item in open_dataset(tmp_path).items}
    save(tmp_path / "good" / "new.png", BLANK)
    again = {item.path: item.split for item in open_dataset(tmp_path).items}
    assert {split: list(first.values()).count(split) > 15 for split in ("train", "val", "test")} == {
        "train": True,
        "val": True,
        "test": True,
    }
    assert first.items() <= again.items(), "an added picture moved another"


def test_a_coco_picture_has_the_class_of_its_largest_mark_and_none_is_good(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "images" / name, BLANK)
    raw = {
        "images": [{"id": k, "file_name": name} for k, name in enumerate(("a.png", "b.png", "c.png"))],
        "categories": [{"id": 1, "name": "dent"}, {"id": 2, "name": "rust"}],
        "annotations": [
            {"image_id": 0, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4},
            {"image_id": 0, "category_id": 2, "bbox": [0, 0, 4, 4]},
            {"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4},
        ],
    }
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_test.json").write_text(json.dumps(raw))
    dataset = open_dataset(tmp_path)
    assert dataset.name == "coco"
    assert labels_of(tmp_path) == {"a.png": "rust", "b.png": "dent", "c.png": "good"}
    assert {item.split for item in dataset.items} == {"test"}
    assert dataset.labels[0] == "good"


def test_a_coco_file_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    raw = {"images": [{"id": 0, "file_name": "../secret.png"}], "categories": [], "annotations": []}
    (tmp_path / "train.json").write_text(json.dumps(raw))
    with pytest.raises(KitError, match="leads out"):
        open_dataset(tmp_path)


def test_neu_pictures_are_named_by_their_prefix(tmp_path: Path) -> None:
    for name in ("Cr_1.bmp", "In_12.bmp", "PS_3.bmp", "RS_4.bmp", "Sc_5.bmp", "Pa_6.bmp"):
        save(tmp_path / name, BLANK)
    assert open_dataset(tmp_path).name == "neu-cls"
    assert set(labels_of(tmp_path).values()) == {
        "crazing", "inclusion", "pitted-surface", "rolled-in-scale", "scratches", "patches",
    }  # fmt: skip


def test_mvtec_has_good_pictures_to_train_on_and_defects_in_every_split(tmp_path: Path) -> None:
    (tmp_path / "ground_truth" / "crack").mkdir(parents=True)
    for k in range(40):
        save(tmp_path / "train" / "good" / f"{k:03d}.png", BLANK)
        save(tmp_path / "test" / "crack" / f"{k:03d}.png", BLANK)
        save(tmp_path / "test" / "good" / f"{k:03d}.png", BLANK)
    dataset = open_dataset(tmp_path)
    assert (dataset.name, dataset.labels) == ("mvtec", ["good", "crack"])
    assert {item.split for item in dataset.items if item.label == "crack"} == {"train", "val", "test"}
    assert {
        item.split for item in dataset.items if item.path.parent.parent.name == "test" and item.label == "good"
    } == {"test"}


def test_kolektor_pictures_are_judged_by_their_masks(tmp_path: Path) -> None:
    mask = BLANK.copy()
    mask[2:4, 2:4] = 255
    for part, marked in (("kos01", BLANK), ("kos02", mask)):
        save(tmp_path / part / "Part0.png", draw("good", 1))
        save(tmp_path / part / "Part0_label.bmp", marked)
    found = {item.path.parent.name: item.label for item in open_dataset(tmp_path).items}
    assert (recognise(tmp_path), found) == ("kolektor", {"kos01": "good", "kos02": "defect"})


def test_kolektor_two_has_its_own_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        save(tmp_path / split / "10000.png", draw("good", 1))
        save(tmp_path / split / "10000_GT.png", BLANK)
    assert recognise(tmp_path) == "kolektor"
    assert {item.split for item in open_dataset(tmp_path, "kolektor").items} <= {"train", "val", "test"}


def test_kolektor_without_a_mask_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "kos01" / "Part0.png", BLANK)
    with pytest.raises(KitError, match="no mask"):
        open_dataset(tmp_path, "kolektor")


def test_pictures_that_cannot_be_read_are_listed_skipped_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "good" / "fine.png", BLANK)
    (tmp_path / "good" / "torn.png").write_bytes((tmp_path / "good" / "fine.png").read_bytes()[:40])
    (tmp_path / "good" / "text.jpg").write_text("no picture")
    dataset = open_dataset(tmp_path)
    found = load(dataset.items, dataset.labels, 8)
    assert (len(found), len(found.skipped)) == (1, 2)
    said = capsys.readouterr().err
    assert "2 of 3 pictures cannot be read" in said and "torn.png" in said and "text.jpg" in said


def test_a_folder_where_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.png").write_text("no picture")
    dataset = open_dataset(tmp_path)
    with pytest.raises(KitError, match="none of the 1"):
        load(dataset.items, dataset.labels, 8)


def test_one_class_is_refused_and_anomaly_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "test"):
        save(tmp_path / split / "good" / "a.png", BLANK)
    words = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "net.pt"), "--net", "tiny"]
    assert main(words) == 1
    assert "one class only" in (said := capsys.readouterr().err) and "anomaly" in said
    assert not list(tmp_path.glob("net*"))


def test_a_class_that_only_the_test_has_is_refused(tmp_path: Path) -> None:
    for path in ("train/good/a.png", "train/bar/a.png", "test/good/a.png", "test/rust/a.png"):
        save(tmp_path / path, BLANK)
    with pytest.raises(KitError, match="rust"):
        check_for_training(open_dataset(tmp_path))


def test_a_picture_that_is_not_square_is_fitted_as_the_station_does() -> None:
    wide = np.full((10, 20, 3), 200, np.uint8)
    found = fit(wide, 20)
    assert found.shape == (20, 20, 3)
    assert (found[:5] == 127).all() and (found[5:15] == 200).all() and (found[15:] == 127).all()


def test_sixteen_bits_are_brought_to_eight(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.full((4, 4), 0x8000, np.uint16)).save(tmp_path / "deep.png")
    assert (read_picture(tmp_path / "deep.png") == 0x80).all()


def test_the_split_of_a_name_never_changes() -> None:
    assert [drawn_split(f"{k}.png") for k in range(8)] == [drawn_split(f"{k}.png") for k in range(8)]
    shares = [drawn_split(f"{k}.png") for k in range(4000)]
    assert abs(shares.count("test") / 4000 - 0.2) < 0.03 and abs(shares.count("val") / 4000 - 0.15) < 0.03


def test_what_is_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="no folder"):
        open_dataset(tmp_path / "missing")
