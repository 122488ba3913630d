"""`quantise`, `encode`, `decode`, `prune`, `search`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from ..codec.books import KINDS
from ..errors import KitError
from ..files import write_bytes, write_json
from ..onnxfile.graph import save
from ..onnxfile.model import ModelFile, open_model
from ..onnxfile.runtime import Floats, Runner
from ..progress import Stop, say
from .common import Subparsers, command, data_arguments, fresh, model_arguments, pictures, the_dataset, the_model

if TYPE_CHECKING:
    from ..data.pictures import Dataset
    from ..search import Trained

METHODS = ("uniform", "nncf", "mixed", "qat")


def add(parsers: Subparsers) -> None:
    quantise = command(
        parsers, "quantise", quantise_model, "int8: uniform (ONNX Runtime), nncf, mixed (accuracy-controlled), qat"
    )
    model_arguments(quantise)
    data_arguments(quantise)
    quantise.add_argument("--out", type=Path, required=True)
    quantise.add_argument("--method", choices=METHODS, default="uniform")
    quantise.add_argument("--keep-float", default="", help="names of nodes that stay in float, with commas (uniform)")
    quantise.add_argument("--ranges", default="minmax", help="minmax, entropy or percentile (uniform)")
    quantise.add_argument(
        "--eight-bits", action="store_true", help="weights of full width: only for processors with VNNI (uniform)"
    )
    quantise.add_argument("--calibration", type=int, default=200, help="training pictures that set the ranges")
    quantise.add_argument("--max-drop", type=float, default=0.5, help="points of validation accuracy (mixed)")
    quantise.add_argument("--float-model", type=Path, help="float twin of the quantised MODEL (qat)")
    quantise.add_argument("--steps", type=int, default=60, help="of training (qat)")
    quantise.add_argument("--rate", type=float, default=2e-5, help="of training (qat)")
    quantise.add_argument("--force", action="store_true")
    encode = command(
        parsers, "encode", encode_model, "Round weights to powers of two or a codebook, and pack: smaller, not faster"
    )
    model_arguments(encode)
    encode.add_argument(
        "--out", type=Path, required=True, help="container to write, .awc; the ONNX it decodes to lands beside it"
    )
    encode.add_argument("--kind", choices=KINDS, default="codebook")
    encode.add_argument("--bits", type=int, default=4)
    decode = command(parsers, "decode", decode_model, "Write the ONNX file inside a container")
    model_arguments(decode)
    decode.add_argument("--out", type=Path, required=True)
    prune = command(
        parsers, "prune", prune_model, "Take channels out of a checkpoint and train on, or zero weights of an ONNX file"
    )
    prune.add_argument("model", type=Path, help="checkpoint (structured) or ONNX file (--unstructured)")
    prune.add_argument("--data", type=Path, help="folder of a data set (structured)")
    prune.add_argument("--layout", default="auto")
    prune.add_argument("--limit", type=int, default=0)
    prune.add_argument("--out", type=Path, required=True)
    prune.add_argument("--criterion", choices=["magnitude", "apoz", "taylor"], default="taylor")
    prune.add_argument("--keep-macs", type=float, default=0.5, help="share of multiply-adds to keep")
    prune.add_argument("--steps", type=int, default=200, help="of training afterwards")
    prune.add_argument("--rate", type=float, default=4e-4)
    prune.add_argument("--teacher", type=Path, help="checkpoint whose opinion it learns while it recovers")
    prune.add_argument(
        "--unstructured", type=float, metavar="SHARE", help="set this share of the weights to zero instead"
    )
    search = command(
        parsers,
        "search",
        search_models,
        "Try combinations under limits of size, time and accuracy; plot the Pareto front",
    )
    model_arguments(search)
    data_arguments(search)
    search.add_argument("--out", type=Path, required=True, help="folder of the candidates, search.json and pareto.png")
    search.add_argument("--max-mb", type=float, default=10.0)
    search.add_argument("--max-ms", type=float, default=100.0)
    search.add_argument("--backend", choices=["onnxruntime", "openvino"], default="onnxruntime")
    search.add_argument("--max-drop", type=float, default=1.0, help="points of test accuracy")
    search.add_argument("--calibration", type=int, default=100)
    _training_arguments(search)


def _training_arguments(search: argparse.ArgumentParser) -> None:
    search.add_argument(
        "--train", type=Path, metavar="CHECKPOINT", help="the MODEL's checkpoint: try pruned and distilled networks too"
    )
    search.add_argument(
        "--keep-macs", default="0.7,0.5,0.35", help="shares of multiply-adds that pruning keeps (--train)"
    )
    search.add_argument(
        "--pupils", default="lite0:9,lite0:6", help="networks that learn from it, cut after so many blocks (--train)"
    )
    search.add_argument("--train-steps", type=int, default=200, help="of every training (--train)")
    search.add_argument("--train-rate", type=float, default=4e-4, help="learning rate (--train)")
    search.add_argument(
        "--train-minutes",
        type=float,
        default=60.0,
        help="most of one call for all trainings; the next call goes on (--train)",
    )


def calibration_inputs(args: argparse.Namespace, model: ModelFile) -> Floats:
    dataset = the_dataset(args, "train")
    return Runner(model).normalise(pictures(args, dataset, "train", model.size, args.calibration).pixels)


def quantise_model(args: argparse.Namespace, stop: Stop) -> None:
    fresh(args.out, args.force)
    model = the_model(args)
    save(_quantised(args, model, stop), args.out)
    after = args.out.stat().st_size
    print(
        f"{args.out}: {model.stored_bytes / 1e6:.2f} -> {after / 1e6:.2f} MB ({model.stored_bytes / after:.1f} times smaller)"
    )


def _quantised(args: argparse.Namespace, model: ModelFile, stop: Stop) -> onnx.ModelProto:
    from ..quantise.uniform import quantise_uniform

    if args.method == "qat":
        return _aware(args, model, stop)
    inputs = calibration_inputs(args, model)
    name = model.input.name
    if args.method == "nncf":
        from ..quantise.by_nncf import quantise_nncf

        return quantise_nncf(model.proto, name, inputs)
    if args.method == "mixed":
        return _mixed(args, model, inputs, stop)
    keep = [node for node in args.keep_float.split(",") if node]
    return quantise_uniform(model.proto, name, inputs, keep, args.ranges, eight_bits=args.eight_bits)


def _mixed(args: argparse.Namespace, model: ModelFile, inputs: Floats, stop: Stop) -> onnx.ModelProto:
    from ..quantise.mixed import quantise_mixed

    dataset = the_dataset(args, "train")
    judged = pictures(args, dataset, "val", model.size)
    judge = (Runner(model).normalise(judged.pixels), judged.labels)
    found = quantise_mixed(model.proto, model.input.name, model.logits, inputs, judge, args.max_drop / 100, stop)
    record = {"kept_float": found.kept_float, "sensitivity": found.sensitivity}
    write_json(
        args.out.with_suffix(".mixed.json"),
        {**record, "accuracy_float": found.accuracy_float, "accuracy": found.accuracy},
    )
    say(
        f"{len(found.kept_float)} layers stay in float; validation accuracy {found.accuracy_float:.4f} -> {found.accuracy:.4f}"
    )
    return found.model


def _aware(args: argparse.Namespace, model: ModelFile, stop: Stop) -> onnx.ModelProto:
    import torch

    from ..quantise.aware import Awareness, train_aware

    torch.set_num_threads(args.threads)
    dataset = the_dataset(args, "train")
    train = pictures(args, dataset, "train", model.size)
    twin = open_model(args.float_model, args.mean, args.scale).proto if args.float_model else None
    how = Awareness(args.steps, rate=args.rate, seed=args.seed)
    return train_aware(model, twin, train.pixels, train.labels, how, stop)


def encode_model(args: argparse.Namespace, stop: Stop) -> None:
    from ..codec.model import encode_model as encode

    del stop
    model = the_model(args)
    found = encode(model.proto, args.kind, args.bits)
    write_bytes(args.out.with_suffix(".onnx"), found.onnx)
    write_bytes(args.out, found.container)
    print(f"{args.out}: {len(found.onnx)} -> {len(found.container)} bytes, {found.tensors} tensors of {args.bits} bits")
    print(f"it decodes to {args.out.with_suffix('.onnx')}: take the figures from that file (`assay-models report`)")


def decode_model(args: argparse.Namespace, stop: Stop) -> None:
    del stop
    model = the_model(args)
    write_bytes(args.out, model.data)
    print(f"{args.out}: {len(model.data)} bytes")


def prune_model(args: argparse.Namespace, stop: Stop) -> None:
    if args.unstructured is not None:
        _prune_unstructured(args)
        return
    if args.data is None:
        raise KitError("structured pruning trains the network further: --data is needed (or --unstructured SHARE)")
    from ..prune.structured import prune_structured
    from ..train import checkpoint
    from ..train.objectives import Distil, Labels, Objective
    from .training import phases, run_training

    saved = checkpoint.load(args.model)
    dataset = the_dataset(args, "train")
    train = pictures(args, dataset, "train", saved.size)
    some = train.take(slice(0, None, max(1, len(train) // 128)))
    found = prune_structured(saved.net, some.pixels, some.labels, args.keep_macs, args.criterion)
    say(
        f"multiply-adds {found.macs_before / 1e6:.1f} -> {found.macs_after / 1e6:.1f} M, "
        f"parameters {found.parameters_before:,} -> {found.parameters_after:,}; now it has to be trained"
    )
    objective: Objective = Distil(checkpoint.load(args.teacher).net) if args.teacher else Labels()
    run_training(
        args,
        found.net,
        train,
        saved.labels,
        saved.size,
        phases(args.steps, saved.size, args.rate, fresh=1),
        objective,
        stop,
    )


def _prune_unstructured(args: argparse.Namespace) -> None:
    from ..prune.unstructured import NOTE, prune_unstructured

    found = prune_unstructured(open_model(args.model).proto, args.unstructured)
    save(found.model, args.out)
    print(f"{args.out}: {100 * found.zeros:.1f} % of the weights are zero. Note: {NOTE}")


def search_models(args: argparse.Namespace, stop: Stop) -> None:
    from ..search import NOTHING_TRAINED, Limits, search

    model = the_model(args)
    dataset = the_dataset(args, "train", "test")
    limits = Limits(args.max_mb, args.max_ms, args.backend, args.max_drop)
    trained = _trained(args, model, dataset, stop) if args.train else NOTHING_TRAINED
    inputs = Runner(model).normalise(pictures(args, dataset, "train", model.size, args.calibration).pixels)
    rows = search(model, inputs, pictures(args, dataset, "test", model.size), limits, args.out, stop, trained)
    for row in rows:
        mark = "*" if row["pareto"] else " "
        fits = "within the limits" if row["fits"] else f"outside: {', '.join(row['outside'])}"
        print(
            f"{mark} {row['name']:28} {row['mb']:7.3f} MB {row['p50_ms']:7.2f} ms {100 * row['accuracy']:6.2f} %  {fits}"
        )
    if trained.left:
        print(f"not trained in {args.train_minutes:g} minutes: {', '.join(trained.left)}; the same command goes on")


def _trained(args: argparse.Namespace, model: ModelFile, dataset: Dataset, stop: Stop) -> Trained:
    """The candidates that have to be trained first. torch is needed here and nowhere else in the search."""
    from ..search import Trained
    from ..search_training import Trainings, train_candidates
    from .training import phases

    try:
        keep = tuple(float(word) for word in args.keep_macs.split(",") if word)
    except ValueError as error:
        raise KitError(f"--keep-macs {args.keep_macs!r} is no list such as 0.7,0.5") from error
    if not (args.train_steps > 0 and args.train_minutes > 0):
        raise KitError("--train-steps and --train-minutes have to be above 0")
    wish = Trainings(
        args.train, keep, tuple(word for word in args.pupils.split(",") if word),
        lambda fresh: phases(args.train_steps, model.size, args.train_rate, fresh=fresh),
        args.train_minutes, args.seed, args.threads,
    )  # fmt: skip
    learnt_on = pictures(args, dataset, "train", model.size)
    found = train_candidates(model, learnt_on, dataset.labels, wish, args.out / "trained", stop)
    return Trained(found.files, found.left)
