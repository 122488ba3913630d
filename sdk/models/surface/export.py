"""Writes the trained network as ONNX: constants folded, padding absorbed, batch size free.

    python -m surface.export --weights build/surface.pt --out build/surface-fp32.onnx

Input `input` float32 [N, 3, 224, 224], (RGB - 127) / 128; outputs `logits` [N, 5] and `embedding` [N, 256].
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch

from . import INPUT_SIZE
from .network import SurfaceNet, load

OPSET = 17
OUTPUTS = ("logits", "embedding")


def export(net: SurfaceNet, path: Path) -> None:
    """Writes `net` to `path` and checks the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE)
    torch.onnx.export(
        net.eval(),
        (example,),
        str(path),
        input_names=["input"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "N"} for name in ("input", *OUTPUTS)},
        opset_version=OPSET,
        do_constant_folding=True,
        dynamo=False,
    )
    model = _tidy(onnx.load(path))
    model.producer_name, model.doc_string = "assay model kit", "synthetic defects on real and procedural textures"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _tidy(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turns constant nodes into initialisers and explicit padding into the convolution's own."""
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        source = producers.get(node.input[0]) if node.op_type == "Conv" else None
        if source is not None and source.op_type == "Pad":
            _absorb_padding(node, source)
        for name in node.input:
            constant = producers.get(name)
            if constant is not None and constant.op_type == "Constant":
                tensor = graph.initializer.add()
                tensor.CopyFrom(constant.attribute[0].t)
                tensor.name = name
                del producers[name]
    _drop_unused(graph)
    return model


def _absorb_padding(conv: onnx.NodeProto, pad: onnx.NodeProto) -> None:
    """SAME padding of a strided convolution: kernel - stride in all, the odd pixel right and bottom."""
    attributes = {attribute.name: attribute for attribute in conv.attribute}
    total = attributes["kernel_shape"].ints[0] - attributes["strides"].ints[0]
    before = total // 2
    attributes["pads"].ints[:] = [before, before, total - before, total - before]
    conv.input[0] = pad.input[0]


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Removes nodes and initialisers that nothing reads, and constant nodes, which are initialisers by now."""
    wanted, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if node.op_type != "Constant" and wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    initializers = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(initializers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("build/surface.pt"))
    parser.add_argument("--out", type=Path, default=Path("build/surface-fp32.onnx"))
    args = parser.parse_args()
    export(load(args.weights), args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
