"""Quantisation, pruning and search on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from assay_models.cli import main
from assay_models.data.layouts import open_dataset
from assay_models.data.pictures import load
from assay_models.errors import KitError
from assay_models.nets import tiny
from assay_models.onnxfile.model import open_model
from assay_models.onnxfile.runtime import Runner
from assay_models.progress import Stop
from assay_models.prune.structured import CRITERIA, _gradients, macs_and_parameters, prune_structured
from assay_models.prune.unstructured import prune_unstructured
from assay_models.quantise.mixed import measure_sensitivity, quantise_mixed
from assay_models.quantise.uniform import quantise_uniform
from assay_models.train import checkpoint as checkpoints


def accuracy(path: Path, folder: Path) -> float:
    dataset = open_dataset(folder)
    test = load(dataset.split("test"), dataset.labels, 32)
    return float((Runner(open_model(path)).logits(test.pixels).argmax(1) == test.labels).mean())


def inputs(folder: Path, model: Path, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    dataset = open_dataset(folder)
    found = load(dataset.split(split)[::3], dataset.labels, 32)
    return Runner(open_model(model)).normalise(found.pixels), found.labels


def test_int8_has_int8_weights_per_channel_and_answers_alike(model: Path, int8: Path, folder: Path) -> None:
    graph = onnx.load(int8).graph
    kept = {t.name: t for t in graph.initializer}
    scales = [kept[n.input[1]] for n in graph.node if n.op_type == "DequantizeLinear" and n.input[0] in kept]
    weights = [t for t in graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 4]
    assert len(weights) == 7, "every convolution"
    assert any(len(numpy_helper.to_array(scale).reshape(-1)) > 1 for scale in scales)
    assert accuracy(int8, folder) >= accuracy(model, folder) - 0.05


def test_every_processor_gives_the_same_int8_answers(int8: Path, folder: Path) -> None:
    """Seven-bit weights cannot overflow the 16-bit sums of processors without VNNI: fused and plain arithmetic agree."""
    x, _ = inputs(folder, int8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = onnxruntime.InferenceSession(int8, options).run(["logits"], {"input": x})[0]
    fused = onnxruntime.InferenceSession(int8).run(["logits"], {"input": x})[0]
    assert np.abs(plain - fused).max() < 0.1 * np.abs(plain).max()
    weights = [
        numpy_helper.to_array(t) for t in onnx.load(int8).graph.initializer if t.data_type == onnx.TensorProto.INT8
    ]
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) <= 64


def test_quantising_twice_is_refused(
    int8: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quantise", str(int8), "--data", str(folder), "--out", str(tmp_path / "x.onnx")]) == 1
    assert "quantised already" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "a half-written output was left"


def test_a_layer_that_is_kept_in_float_stays_so(model: Path, folder: Path) -> None:
    x, _ = inputs(folder, model)
    proto = onnx.load(model)
    first = next(node.name for node in proto.graph.node if node.op_type == "Conv")
    found = quantise_uniform(proto, "input", x, [first])
    count = sum(t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 4 for t in found.graph.initializer)
    assert count == 6
    with pytest.raises(KitError, match="no node is called nobody"):
        quantise_uniform(proto, "input", x, ["nobody"])


def test_the_spoilt_layer_is_the_most_sensitive_and_goes_back_to_float(model: Path, folder: Path) -> None:
    proto = onnx.load(model)
    convs = [node for node in proto.graph.node if node.op_type == "Conv"]
    victim = convs[-1]
    kept = {t.name: t for t in proto.graph.initializer}
    # Channels of wildly different size share one scale of their output: what per-channel weights cannot mend.
    weight = numpy_helper.to_array(kept[victim.input[1]]).copy()
    bias = numpy_helper.to_array(kept[victim.input[2]]).copy()
    weight[0] *= 4000
    bias[0] = 3e5
    kept[victim.input[1]].CopyFrom(numpy_helper.from_array(weight, victim.input[1]))
    kept[victim.input[2]].CopyFrom(numpy_helper.from_array(bias, victim.input[2]))
    for node in proto.graph.node:  # no clip hides it
        if node.op_type == "Clip" and node.input[0] == victim.output[0]:
            node.op_type = "Identity"
            del node.input[1:]
    gemm = next(node for node in proto.graph.node if node.op_type == "Gemm")
    classifier = numpy_helper.to_array(kept[gemm.input[1]]).copy()
    classifier[:, [0, 48]] = 0  # the loud channel counts for nothing
    kept[gemm.input[1]].CopyFrom(numpy_helper.from_array(classifier, gemm.input[1]))
    x, _ = inputs(folder, model)
    found = measure_sensitivity(proto, "input", "logits", x, Stop())
    assert max(found, key=lambda name: found[name]) == victim.name
    judged, _ = inputs(folder, model, "val")
    truth = _answers(proto, judged)
    mixed = quantise_mixed(proto, "input", "logits", x, (judged, truth), 0.02, Stop())
    assert mixed.kept_float[0] == victim.name and len(mixed.kept_float) < len(found)
    assert mixed.accuracy >= 0.98


def _answers(proto: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    from assay_models.onnxfile.runtime import session

    return session(proto.SerializeToString(), "it").run(["logits"], {"input": x})[0].argmax(1)


def test_training_behind_the_rounding_changes_the_integers_and_keeps_the_scales(
    model: Path, int8: Path, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "qat.onnx"
    words = [
        "quantise",
        str(int8),
        "--data",
        str(folder),
        "--out",
        str(out),
        "--method",
        "qat",
        "--float-model",
        str(model),
    ]
    assert main([*words, "--steps", "12", "--rate", "0.002"]) == 0
    before, after = (
        {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer} for path in (int8, out)
    )
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed, "nothing was learnt"
    assert all(before[name].dtype in (np.int8, np.int32) for name in changed), "a scale moved"
    assert accuracy(out, folder) > 0.8


def test_nncf_gives_a_graph_that_plain_engines_read(model: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "nncf.onnx"
    words = [
        "quantise",
        str(model),
        "--data",
        str(folder),
        "--out",
        str(out),
        "--method",
        "nncf",
        "--calibration",
        "30",
    ]
    assert main(words) == 0
    assert {node.domain for node in onnx.load(out).graph.node} == {""}
    assert accuracy(out, folder) >= accuracy(model, folder) - 0.05


@pytest.mark.parametrize("criterion", CRITERIA)
def test_pruned_channels_are_really_gone(checkpoint: Path, folder: Path, criterion: str) -> None:
    saved = checkpoints.load(checkpoint)
    dataset = open_dataset(folder)
    some = load(dataset.split("train")[::10], dataset.labels, 32)
    found = prune_structured(saved.net, some.pixels, some.labels, 0.75, criterion)
    assert found.macs_after <= 0.75 * found.macs_before
    assert macs_and_parameters(found.net, 32) == (found.macs_after, found.parameters_after)
    assert macs_and_parameters(saved.net, 32)[0] == found.macs_before, "the original was cut"


def test_a_share_that_makes_no_sense_is_refused(checkpoint: Path) -> None:
    saved = checkpoints.load(checkpoint)
    with pytest.raises(KitError, match="keep_macs is 1.5"):
        prune_structured(saved.net, np.zeros((1, 32, 32, 3), np.uint8), np.zeros(1, np.int64), 1.5, "taylor")


def test_gradients_of_pictures_do_not_cancel_out() -> None:
    """The same picture under each label in turn: a trained network's gradients add up to next to nothing, and would say
    that no channel is needed."""
    net = tiny(2, 1).eval()
    with torch.no_grad():
        net.classifier.weight.copy_(torch.cat([net.classifier.weight[:1], -net.classifier.weight[:1]]))
    picture = np.random.default_rng(1).integers(0, 255, (1, 32, 32, 3), np.uint8)
    found = []
    for labels in ([0], [1], [0, 1]):
        _gradients(net, np.repeat(picture, len(labels), axis=0), np.array(labels, np.int64))
        found.append(net.classifier.weight.grad.clone())
    torch.testing.assert_close(found[2], ((found[0] ** 2 + found[1] ** 2) / 2).sqrt())
    assert found[2].abs().max() > 0


def test_the_prune_command_trains_on(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.pt"
    words = [
        "prune",
        str(checkpoint),
        "--data",
        str(folder),
        "--out",
        str(out),
        "--keep-macs",
        "0.75",
        "--teacher",
        str(checkpoint),
    ]
    assert main([*words, "--steps", "20"]) == 0
    assert sum(p.numel() for p in checkpoints.load(out).net.parameters()) < sum(
        p.numel() for p in checkpoints.load(checkpoint).net.parameters()
    )


@pytest.mark.parametrize("name", ["model", "int8"])
def test_unstructured_pruning_leaves_the_file_as_large_and_its_archive_smaller(
    name: str, request: pytest.FixtureRequest
) -> None:
    import zlib

    path: Path = request.getfixturevalue(name)
    found = prune_unstructured(onnx.load(path), 0.6)
    assert found.zeros == pytest.approx(0.6, abs=0.08)
    before, after = path.read_bytes(), found.model.SerializeToString()
    assert abs(len(after) - len(before)) < 0.02 * len(before)
    assert len(zlib.compress(after, 9)) < 0.95 * len(zlib.compress(before, 9))


def test_search_marks_what_is_within_the_limits_and_what_nothing_beats(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    words = [
        "search",
        str(model),
        "--data",
        str(folder),
        "--out",
        str(tmp_path),
        "--limit",
        "45",
        "--calibration",
        "20",
    ]
    assert main([*words, "--max-mb", "0.012", "--max-ms", "1000", "--max-drop", "20"]) == 0
    rows = json.loads((tmp_path / "search.json").read_text())["rows"]
    assert (tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")
    assert len(rows) == 16
    for row in rows:
        assert round(row["mb"] * 1e6) == (tmp_path / row["file"]).stat().st_size
        assert row["fits"] == (not row["outside"])
        better = [o for o in rows if o["mb"] < row["mb"] and o["accuracy"] > row["accuracy"]]
        assert not (row["pareto"] and better)
    assert any(row["pareto"] for row in rows)
    assert any("MB" in what for row in rows for what in row["outside"])
