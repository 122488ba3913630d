"""The same job as a station's, as a fairly tuned Python script: OpenCV + OpenVINO + sqlite3.

Per frame: SHA-256 of the file, decode, letterbox to 224x224, image statistics, inference, three squeezed variants in
one batched inference, a verdict, a hash-chained row in SQLite (WAL, synchronous=FULL) and the picture in a
content-addressed folder. Like the station it releases a verdict only after its row is committed, and commits what
waits as a group, in a thread of its own.

    python3 python_station.py --model M.onnx --pictures DIR --frames N --threads T --data DIR

Prints one JSON object: frames, seconds, frames_per_s, cpu_s, infer_s (seconds inside the four inferences).
"""

import argparse
import hashlib
import json
import os
import queue
import sqlite3
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import openvino as ov

SIDE = 224
MEAN, SCALE = 127.0, 128.0
LABELS = ["good", "scratch", "pit", "stain", "crack"]
GROUP_ROWS = 64
DEPTH_LUT = np.rint(np.rint(np.arange(256) * 31 / 255) * 255 / 31).astype(np.uint8)


def compile_model(path: Path, batch: int, threads: int) -> ov.InferRequest:
    """The model with a fixed batch, at full f32 precision, tuned for latency."""
    core = ov.Core()
    model = core.read_model(path)
    model.reshape([batch, 3, SIDE, SIDE])
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    return core.compile_model(model, "CPU", config).create_infer_request()


def letterbox(picture: np.ndarray) -> np.ndarray:
    """The picture scaled into SIDE x SIDE with its aspect kept, RGB u8 HWC."""
    height, width = picture.shape[:2]
    if (height, width) == (SIDE, SIDE):
        return picture
    scale = min(SIDE / width, SIDE / height)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    filter_ = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, (new_width, new_height), interpolation=filter_)
    out = np.full((SIDE, SIDE, 3), 127, np.uint8)
    top, left = (SIDE - new_height) // 2, (SIDE - new_width) // 2
    out[top : top + new_height, left : left + new_width] = small
    return out


def to_tensor(pictures: list[np.ndarray]) -> np.ndarray:
    """NCHW f32, (pixel - mean) / scale."""
    return cv2.dnn.blobFromImages(pictures, 1.0 / SCALE, (SIDE, SIDE), (MEAN, MEAN, MEAN), swapRB=False)


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def squeezed(picture: np.ndarray) -> list[np.ndarray]:
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 75])
    return [cv2.LUT(picture, DEPTH_LUT), cv2.medianBlur(picture, 3), cv2.imdecode(jpeg, cv2.IMREAD_COLOR)]


def statistics(picture: np.ndarray) -> dict[str, float]:
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    mean, deviation = cv2.meanStdDev(luma)
    focus = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))[1][0, 0] ** 2
    extreme = np.count_nonzero(luma <= 4) + np.count_nonzero(luma >= 251)
    return {"brightness": mean[0, 0], "contrast": deviation[0, 0], "focus": focus, "saturation": extreme / luma.size}


class Journal:
    """A writer thread that commits what waits as one group."""

    def __init__(self, folder: Path) -> None:
        self.pictures = folder / "pictures"
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.waiting: queue.Queue = queue.Queue(maxsize=64)
        self.released = 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.folder / "journal.sqlite", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(
            "CREATE TABLE inspections (row INTEGER PRIMARY KEY, at REAL, verdict TEXT, score REAL, picture TEXT,"
            " detail TEXT, hash BLOB) STRICT"
        )
        db.execute("CREATE INDEX by_verdict ON inspections (verdict, row)")
        return db

    def store(self, digest: str, data: bytes) -> None:
        path = self.pictures / digest[:2] / digest[2:]
        if path.exists():
            return
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, path)

    def run(self) -> None:
        db, previous = self.open(), b"\0" * 32
        done = False
        while not done:
            group = [self.waiting.get()]
            while len(group) < GROUP_ROWS and not self.waiting.empty():
                group.append(self.waiting.get())
            done = group[-1] is None
            rows = []
            for digest, data, verdict, score, detail in filter(None, group):
                self.store(digest, data)
                text = json.dumps(detail)
                previous = hashlib.sha256(previous + text.encode()).digest()
                rows.append((time.time(), verdict, score, digest, text, previous))
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "INSERT INTO inspections (at, verdict, score, picture, detail, hash) VALUES (?,?,?,?,?,?)", rows
            )
            db.execute("COMMIT")
            self.released += len(rows)
        db.close()

    def close(self) -> None:
        self.waiting.put(None)
        self.thread.join()


class Model:
    """A compiled model that counts the seconds of its runs."""

    def __init__(self, path: Path, batch: int, threads: int) -> None:
        self.request = compile_model(path, batch, threads)
        self.seconds = 0.0

    def logits(self, tensor: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        found = self.request.infer({0: tensor}, share_inputs=True, share_outputs=True)["logits"]
        self.seconds += time.perf_counter() - start
        return found


def inspect(path: Path, one: Model, three: Model, journal: Journal) -> None:
    times = [time.perf_counter()]
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    times.append(time.perf_counter())
    small = letterbox(picture)
    tensor = to_tensor([small])
    times.append(time.perf_counter())
    probabilities = softmax(one.logits(tensor))[0]
    times.append(time.perf_counter())
    variants = softmax(three.logits(to_tensor(squeezed(small))))
    distance = float(np.abs(variants - probabilities).sum(axis=1).max())
    quality = statistics(picture)
    times.append(time.perf_counter())
    top = int(probabilities.argmax())
    score = float(probabilities[top])
    verdict = "undecided" if distance > 1.0 or score < 0.5 else "pass" if top == 0 else "fail"
    detail = {
        "file": path.name,
        "probabilities": [float(p) for p in probabilities],
        "labels": LABELS,
        "squeeze": distance,
        "quality": {name: float(value) for name, value in quality.items()},
        "stages": [int((b - a) * 1e6) for a, b in zip(times, times[1:])],
    }
    journal.waiting.put((digest, data, verdict, score, detail))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    one, three = (Model(options.model, batch, options.threads) for batch in (1, 3))
    paths = sorted(path for path in options.pictures.iterdir() if path.suffix in {".png", ".jpg"})
    journal = Journal(options.data)
    for path in paths[:10]:
        inspect(path, one, three, journal)
    one.seconds = three.seconds = 0.0
    start, cpu = time.perf_counter(), time.process_time()
    for number in range(options.frames):
        inspect(paths[number % len(paths)], one, three, journal)
    journal.close()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    answer = {"frames": options.frames, "seconds": seconds, "frames_per_s": options.frames / seconds, "cpu_s": cpu}
    print(json.dumps(answer | {"infer_s": one.seconds + three.seconds}))


if __name__ == "__main__":
    main()
