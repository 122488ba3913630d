"""What the kit takes for a model, what it counts in it, and its gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from assay_models.cli import main
from assay_models.errors import KitError
from assay_models.nets import LiteNet, published_shape, tiny
from assay_models.onnxfile.differentiable import OnnxNet
from assay_models.onnxfile.inspect import multiply_adds, parameters
from assay_models.onnxfile.model import open_model
from assay_models.onnxfile.runtime import Runner, session
from assay_models.prune.structured import macs_and_parameters


def written(
    path: Path, shape: list[object], node: str = "Relu", domain: str = "", type: int = TensorProto.FLOAT
) -> Path:
    """A file with one node."""
    graph = helper.make_graph(
        [helper.make_node(node, ["input"], ["logits"], domain=domain)],
        "one",
        [helper.make_tensor_value_info("input", type, shape)],
        [helper.make_tensor_value_info("logits", type, shape)],
    )
    opsets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (["N", 3, "H", "W"], "Nx|\\?x3x\\?x\\?"),
        (["N", 3, 32, 16], "square"),
        (["N", 1, 32, 32], "square"),
        ([3, 32, 32], "shape 3x32x32"),
    ],
)
def test_sizes_that_are_missing_or_strange_are_named(tmp_path: Path, shape: list[object], message: str) -> None:
    with pytest.raises(KitError, match=message):
        open_model(written(tmp_path / "m.onnx", shape))


def test_an_operator_of_a_domain_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="my.own.Magic"):
        open_model(written(tmp_path / "m.onnx", ["N", 3, 32, 32], "Magic", "my.own"))


def test_an_operator_that_a_backend_lacks_is_its_message(tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", ["N", 3, 32, 32], "Sigmoid")
    data = path.read_bytes().replace(b"Sigmoid", b"Sigmoix")
    with pytest.raises(KitError, match="ONNX Runtime .* cannot run it"):
        session(data, "it")


def test_what_is_no_onnx_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08nonsense")
    with pytest.raises(KitError, match="no valid ONNX"):
        open_model(tmp_path / "m.onnx")


def test_weights_in_another_file_are_refused(tmp_path: Path, model: Path) -> None:
    proto = onnx.load(model)
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(KitError, match="no valid ONNX|other files"):
        open_model(tmp_path / "m.onnx")


def test_the_graph_has_as_many_weights_and_multiply_adds_as_the_network(model: Path, int8: Path) -> None:
    from conftest import LABELS

    macs, count = macs_and_parameters(tiny(len(LABELS)), 32)
    for path in (model, int8):
        assert (multiply_adds(open_model(path)), parameters(open_model(path))) == (macs, count), path.name


@pytest.mark.parametrize("name", ["model", "int8"])
def test_the_differentiable_twin_answers_as_onnx_runtime(
    name: str, request: pytest.FixtureRequest, folder: Path
) -> None:
    opened = open_model(request.getfixturevalue(name))
    x = np.random.default_rng(3).uniform(-1, 1, (8, 3, 32, 32)).astype(np.float32)
    expected = Runner(opened).raw(x, ["logits", "embedding"])
    found = OnnxNet(opened)(torch.from_numpy(x))
    tolerance = 1e-4 if name == "model" else 0.15  # one step of rounding may fall the other way
    for mine, other in zip(found, expected, strict=True):
        assert np.abs(mine.detach().numpy() - other).max() <= tolerance * max(1.0, np.abs(other).max())


def test_gradients_reach_the_picture_through_the_rounding(int8: Path) -> None:
    x = torch.zeros(2, 3, 32, 32).uniform_(-1, 1).requires_grad_(True)
    OnnxNet(open_model(int8))(x)[0].sum().backward()
    assert x.grad is not None and float(x.grad.abs().sum()) > 0


def test_an_operator_without_a_gradient_here_is_named(tmp_path: Path) -> None:
    opened = open_model(written(tmp_path / "m.onnx", ["N", 3, 32, 32], "Softplus"))
    opened.outputs[0] = opened.outputs[0].__class__("logits", (None, 3), "float")
    with pytest.raises(KitError, match="Softplus"):
        OnnxNet(opened)


def test_a_model_with_a_fixed_batch_is_fed_in_that_batch(tmp_path: Path, model: Path) -> None:
    proto = onnx.load(model)
    for value in [*proto.graph.input, *proto.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(proto, tmp_path / "four.onnx")
    pixels = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), dtype=np.uint8)
    fixed, free = (Runner(open_model(path)).logits(pixels) for path in (tmp_path / "four.onnx", model))
    assert np.allclose(fixed, free, atol=1e-5)


def test_the_normalisation_can_move_into_the_first_layer(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "folded.onnx"
    assert main(["simplify", str(model), "--out", str(out), "--fold-input"]) == 0
    pixels = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), dtype=np.uint8)
    plain, folded = open_model(model), open_model(out, mean=0.0, scale=1.0)
    assert np.allclose(Runner(plain).logits(pixels), Runner(folded).logits(pixels), atol=2e-3)


def test_the_normalisation_of_a_quantised_model_stays_where_it_is(
    tmp_path: Path, int8: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simplify", str(int8), "--out", str(tmp_path / "x.onnx"), "--fold-input"]) == 1
    assert "before quantising" in capsys.readouterr().err


def test_a_network_can_be_built_again_from_its_shape() -> None:
    net = tiny(3)
    assert LiteNet(net.shape()).shape() == net.shape()


def test_the_shape_of_published_weights_is_read_from_them() -> None:
    from assay_models.nets import published_weights

    lite0 = published_shape(published_weights("lite0"), 5)
    # EfficientNet-Lite0: strides and widths of its sixteen blocks.
    assert [block.stride for block in lite0.blocks] == [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert [block.outputs for block in lite0.blocks] == [
        16,
        24,
        24,
        40,
        40,
        80,
        80,
        80,
        112,
        112,
        112,
        192,
        192,
        192,
        192,
        320,
    ]
    assert (lite0.stem, lite0.head) == (32, 1280)


def test_onnx_runtime_gives_the_logits_of_the_checkpoint(model: Path, checkpoint: Path) -> None:
    from assay_models.train import checkpoint as checkpoints
    from assay_models.train.loop import predict

    pixels = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    assert np.allclose(
        predict(checkpoints.load(checkpoint).net, pixels), Runner(open_model(model)).logits(pixels), atol=1e-4
    )
