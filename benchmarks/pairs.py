"""Which layers and which training recipe give the lowest loss for the same core-seconds?

    python benchmarks/pairs.py [--plan FILE] [--out FILE]

Trains the variants of a plan, one after the other on one thread, and appends a JSON line for each
to the results; those whose line is already there are passed over, and lines added to the plan
while it runs are found. Only training and validation images are used.

A line of the plan is a title and settings, `title key=value ...`, which are those of `DEFAULTS`.
A network is `encoder | decoder` around a code of 32, in words joined by commas: c64k4s2 is a
convolution of 64 filters, kernel 4, stride 2 with its activation, t64k4 a transposed one of
stride 2, p64k3 a convolution followed by depth-to-space, s64k3 a separable one, r3 a residual
block of two convolutions of kernel 3, i2 one of two 1×1 convolutions around a middle twice as
wide, d256 a dense layer, m7x7x64 a dense layer reshaped to a map, b, g and l batch, group and
layer normalisation, o.1 dropout, u doubles the sides, x7 cuts the last row and column. The last
word is the head: hc3 a convolution, ht4 a transposed one that reaches the image's size, hp2k3 and
hp4k1 convolutions with depth-to-space, hd a dense layer.

Core-seconds are the anchor's: the time of a step of each variant is measured in turns with that of
the anchor, whose image takes .642 ms of one core when nothing else runs (420 core-seconds for 11.9
epochs), so that a neighbour on the machine changes little.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

ANCHOR = "c32k4s2,c64k4s2|m7x7x64,t64k4,t32k4,hc3"
ANCHOR_MS = 0.642  # of one core, an image
LATENT = 32
DEFAULTS: dict[str, Any] = {
    "net": ANCHOR,
    "seconds": 100.0,  # of one core, as the anchor counts them
    "epochs": 0.0,  # in place of seconds
    "images": 55_000,
    "seed": 0,
    "act": "relu",
    "opt": "adamw",
    "rate": 0.002,
    "decay": 0.004,
    "beta2": 0.999,
    "clip": 0.0,
    "ema": 0.0,
    "batch": 64,
    "warmup": 0.05,
    "policy": "mixed_bfloat16",
    "flip": 0.0,  # share of the images mirrored left to right
    "shift": 0,  # most pixels
    "shifted": 1.0,  # share of the images that are
    "until": 1.0,  # share of the steps that vary the images; those after them do not
    "mask": 0.0,  # share of the 4×4 patches hidden from the input
    "noise": 0.0,  # standard deviation added to the input
    "mix": 0.0,  # share of the images mixed with another
    "znoise": 0.0,  # rate of multiplicative Gaussian noise on the code
    "zpen": 0.0,  # weight of the code's mean square in the loss
    "cycle": 0.0,  # weight of rebuilding what mixed codes decode to
    "loss": "mse",
}


def main() -> None:
    """Train what the plan has and the results lack."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--plan", type=Path, default=here / "pairs.txt")
    parser.add_argument("--out", type=Path, default=here / "results" / "pairs.jsonl")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    bench = Bench()
    while job := next(missing(options.plan, options.out), None):
        row = bench.run(job)
        with options.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(
            f"{row['title']:24s} seed {job['seed']}: val {row['validation']:.5f} train "
            f"{row['train']:.5f}, {row['epochs_done']:.1f} epochs, {row['parameters']} par, "
            f"{row['mflop']:.1f} M, cost {row['cost']:.2f}",
            flush=True,
        )


def missing(plan: Path, out: Path) -> Iterator[dict[str, Any]]:
    """Yield the jobs of the plan that have no line in the results."""
    lines = out.read_text().splitlines() if out.exists() else []
    done = {json.dumps(json.loads(line)["settings"], sort_keys=True) for line in lines}
    for line in plan.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            title, *words = line.split()
            given = dict(word.split("=", 1) for word in words)
            unknown = given.keys() - DEFAULTS.keys()
            if unknown:
                raise SystemExit(f"{plan}: {title}: unknown {', '.join(sorted(unknown))}")
            job = {k: type(v)(given.get(k, v)) for k, v in DEFAULTS.items()}
            if json.dumps(settings(job), sort_keys=True) not in done:
                yield {"title": title, **job}


def settings(job: dict[str, Any]) -> dict[str, Any]:
    """Return what differs from the defaults; with it a line of the results is found again."""
    return {k: v for k, v in job.items() if k != "title" and v != DEFAULTS[k]}


class Bench:
    """Holds the images, and the anchor's step for comparison."""

    def __init__(self) -> None:
        from evoae.config.data import DataConfig
        from evoae.data.load import load

        data = load(DataConfig(name="fashion_mnist", validation=5_000), seed=0)
        self._train, self._validation = data.train, data.validation
        self._anchor = _Training(dict(DEFAULTS), data.train[:1024], steps=10**6)
        self._costs: dict[str, float] = {}

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Train one variant and return its line."""
        import keras
        import tensorflow as tf

        images = self._train[: job["images"]]
        keras.utils.set_random_seed(job["seed"])
        trial = _Training(job, images, steps=10**6)
        cost = self._cost(job, trial)
        seen = job["epochs"] * len(images) or job["seconds"] * 1e3 / (ANCHOR_MS * cost)
        steps = max(20, round(seen / job["batch"]))
        trial.restart(steps)
        rng = np.random.default_rng(job["seed"])
        curve, process, wall, left = [], 0.0, time.time(), steps
        points = sorted({round(steps * i / 12) for i in range(1, 12)} | {steps})
        order = np.empty(0, np.int32)
        while left:
            until = next(point for point in points if point > steps - left)
            count = min(until - (steps - left), 400)
            while len(order) < count * job["batch"]:
                order = np.concatenate([order, rng.permutation(len(images)).astype(np.int32)])
            begin = time.process_time()
            running = trial.train(order[: count * job["batch"]])
            process += time.process_time() - begin
            order, left = order[count * job["batch"] :], left - count
            if steps - left == until:
                short = trial.evaluate(self._validation[:1500])
                curve.append([round(until / steps, 3), round(running, 6), round(short, 6)])
                print(job["title"], f"{process:.0f} s of", cost, *curve[-1], flush=True)
            if not np.isfinite(running):
                break
        row = {
            "title": job["title"],
            "settings": settings(job),
            "validation": round(trial.evaluate(self._validation), 6),
            "train": round(trial.evaluate(images[:5000]), 6),
            "epochs_done": round((steps - left) * job["batch"] / len(images), 2),
            "steps": steps - left,
            "cost": round(cost, 3),
            "core_seconds": round((steps - left) * job["batch"] * ANCHOR_MS * cost / 1e3, 1),
            "process_seconds": round(process, 1),
            "wall_seconds": round(time.time() - wall, 1),
            "parameters": trial.model.count_params(),
            "mflop": round(mflop(trial.model), 3),
            "curve": curve,
        }
        if job["ema"]:
            trial.use_ema()
            row["validation_ema"] = round(trial.evaluate(self._validation), 6)
        del trial
        tf.keras.backend.clear_session()
        return row

    def _cost(self, job: dict[str, Any], trial: _Training) -> float:
        """Return seconds an image, the anchor's being 1; measured in turns."""
        keys = set(DEFAULTS) - {"seconds", "epochs", "images", "seed", "rate", "decay", "warmup"}
        key = json.dumps({k: job[k] for k in sorted(keys)})
        if key not in self._costs:
            trial.train(np.arange(job["batch"], dtype=np.int32))
            trial.train(np.arange(2 * job["batch"], dtype=np.int32))
            self._anchor.train(np.arange(64, dtype=np.int32))
            ratios = [trial.per_image() / self._anchor.per_image() for _ in range(5)]
            self._costs[key] = (
                1.0 if settings({"net": job["net"]} | _bare(job)) == {} else median(ratios)
            )
        return self._costs[key]


def _bare(job: dict[str, Any]) -> dict[str, Any]:
    free = {"seconds", "epochs", "images", "seed", "rate", "decay", "warmup", "title"}
    return {k: v for k, v in job.items() if k not in free}


class _Training:
    """One network, its optimiser and its compiled steps."""

    def __init__(self, job: dict[str, Any], images: NDArray[np.uint8], steps: int) -> None:
        import tensorflow as tf

        self._job, self._batch = job, job["batch"]
        self.model = build(job)
        self._images = tf.constant(images)
        self._weights = [weight.value for weight in self.model.trainable_variables]
        self._start = [weight.numpy() for weight in self.model.variables]
        self._first = [tf.Variable(tf.zeros_like(weight)) for weight in self._weights]
        self._second = [tf.Variable(tf.zeros_like(weight)) for weight in self._weights]
        self._ema = [tf.Variable(weight) for weight in self._weights] if job["ema"] else []
        self._steps, self._total = tf.Variable(0.0), tf.Variable(float(steps))
        self._muon = [_is_hidden(v) for v in self.model.trainable_variables]
        self._code = self.model.get_layer("code")
        self._decoder: Any = None
        self._run = tf.function(self._trained, autograph=False).get_concrete_function(
            tf.TensorSpec((None,), tf.int32)
        )
        self._check = tf.function(self._checked, autograph=False, reduce_retracing=True)

    def restart(self, steps: int) -> None:
        """Forget what was learned; the schedule then spans so many steps."""
        for variable, start in zip(self.model.variables, self._start, strict=True):
            variable.assign(start)
        for slot in (*self._first, *self._second):
            slot.assign(slot * 0)
        for mean, weight in zip(self._ema, self._weights, strict=False):
            mean.assign(weight)
        self._steps.assign(0.0)
        self._total.assign(float(steps))

    def train(self, order: NDArray[np.int32]) -> float:
        """Take a step for each batch of `order`; return the mean loss."""
        return float(self._run(order)) * self._batch / len(order)

    def per_image(self) -> float:
        """Return process seconds an image, over about half a second."""
        count = max(3, round(1024 / self._batch)) * self._batch
        order = np.arange(count, dtype=np.int32) % int(self._images.shape[0])
        begin = time.process_time()
        self.train(order)
        return (time.process_time() - begin) / count

    def evaluate(self, images: NDArray[np.uint8]) -> float:
        """Return the mean square error a pixel."""
        import tensorflow as tf

        parts = [images[i : i + 500] for i in range(0, len(images), 500)]
        return float(sum(self._check(tf.constant(p)) for p in parts)) / len(images)

    def use_ema(self) -> None:
        """Put the averaged weights in place of the last ones."""
        for mean, weight in zip(self._ema, self._weights, strict=True):
            weight.assign(mean)

    def _checked(self, images: Any) -> Any:
        import tensorflow as tf

        batch = tf.cast(images, tf.float32) / 255
        rebuilt = self.model(batch, training=False)[0]
        return tf.reduce_sum(tf.reduce_mean(tf.square(rebuilt - batch), (1, 2, 3)))

    def _trained(self, order: Any) -> Any:
        import tensorflow as tf

        size = self._batch

        def step(start: Any, total: Any) -> tuple[Any, Any]:
            batch = tf.gather(self._images, order[start : start + size])
            target = self._varied(tf.cast(batch, tf.float32) / 255)
            with tf.GradientTape() as tape:
                loss = self._loss(target)
            self._apply(tape.gradient(loss, self._weights))
            return start + size, total + loss

        def goes_on(start: Any, total: Any) -> Any:
            return tf.logical_and(start < tf.shape(order)[0], tf.math.is_finite(total))

        return tf.while_loop(goes_on, step, (0, tf.constant(0.0)), parallel_iterations=1)[1]

    def _loss(self, target: Any) -> Any:
        import tensorflow as tf

        job = self._job
        rebuilt, code = self.model(self._spoiled(target), training=True)
        if job["loss"] == "bce":
            loss = tf.reduce_mean(tf.keras.losses.binary_crossentropy(target, rebuilt))
        else:
            loss = tf.reduce_mean(tf.square(rebuilt - target))
        if job["zpen"]:
            loss += job["zpen"] * tf.reduce_mean(tf.square(tf.cast(code, tf.float32)))
        if job["cycle"]:  # decode codes between two images' codes, and rebuild the result
            code = tf.stop_gradient(code)
            share = tf.random.uniform((tf.shape(code)[0], 1), dtype=code.dtype)
            between = code * share + tf.roll(code, 1, 0) * (1 - share)
            made = tf.stop_gradient(self.decode(between))
            loss += job["cycle"] * tf.reduce_mean(tf.square(self.model(made)[0] - made))
        return loss

    def decode(self, code: Any) -> Any:
        """Return the decoder's images of these codes."""
        import keras

        if self._decoder is None:
            self._decoder = keras.Model(self._code.output, self.model.outputs[0])
        return self._decoder(code, training=False)

    def _varied(self, images: Any) -> Any:
        """Return images changed in ways that the target shares."""
        import tensorflow as tf

        job, n = self._job, tf.shape(images)[0]
        if job["flip"]:
            chosen = tf.random.uniform((n, 1, 1, 1)) < job["flip"]
            images = tf.where(chosen, images[:, :, ::-1], images)
        if job["shift"]:
            most = job["shift"]
            wide = tf.pad(images, [[0, 0], [most, most], [most, most], [0, 0]])
            moved = tf.random.uniform((n, 1)) < job["shifted"]
            for axis in (1, 2):
                by = tf.random.uniform((n, 1), 0, 2 * most + 1, tf.int32)
                if job["shifted"] < 1 or job["until"] < 1:
                    early = self._steps < job["until"] * self._total
                    by = tf.where(moved & early, by, most)
                wide = tf.gather(wide, by + tf.range(28)[None], axis=axis, batch_dims=1)
            images = wide
        if job["mix"]:
            chosen = tf.random.uniform((n, 1, 1, 1)) < job["mix"]
            share = tf.random.uniform((n, 1, 1, 1))
            mixed = images * share + tf.roll(images, 1, 0) * (1 - share)
            images = tf.where(chosen, mixed, images)
        return tf.ensure_shape(images, (None, 28, 28, 1))

    def _spoiled(self, images: Any) -> Any:
        """Return images changed in ways that the target does not share."""
        import tensorflow as tf

        job, n = self._job, tf.shape(images)[0]
        if job["mask"]:
            kept = tf.cast(tf.random.uniform((n, 7, 7, 1)) >= job["mask"], tf.float32)
            images = images * tf.repeat(tf.repeat(kept, 4, 1), 4, 2)
        if job["noise"]:
            images = images + tf.random.normal(tf.shape(images), stddev=job["noise"])
        return images

    def _apply(self, gradients: list[Any]) -> None:
        import tensorflow as tf

        job = self._job
        warm = tf.maximum(1.0, job["warmup"] * self._total)
        share = (self._steps - warm) / (self._total - warm)
        falling = 0.5 * (1 + tf.cos(np.pi * tf.minimum(share, 1.0)))
        rate = job["rate"] * tf.where(self._steps < warm, self._steps / warm, falling)
        if job["clip"]:
            gradients, _ = tf.clip_by_global_norm(gradients, job["clip"])
        steps = self._steps.assign_add(1.0)
        scaled = rate * tf.sqrt(1 - job["beta2"] ** steps) / (1 - 0.9**steps)
        slots = zip(self._weights, self._first, self._second, gradients, self._muon, strict=True)
        for weight, first, second, gradient, hidden in slots:
            if job["decay"]:
                weight.assign_sub(weight * job["decay"] * rate)
            if job["opt"] == "muon" and hidden:
                moment = first.assign(first * 0.95 + gradient)
                weight.assign_sub(rate * orthogonal(gradient + 0.95 * moment))
                continue
            mean = first.assign_add((gradient - first) * (1 - 0.9))
            square = second.assign_add((tf.square(gradient) - second) * (1 - job["beta2"]))
            weight.assign_sub(mean * scaled / (tf.sqrt(square) + 1e-7))
        for mean, weight in zip(self._ema, self._weights, strict=False):
            keep = tf.minimum(job["ema"], steps / (steps + 10))
            mean.assign_add((weight - mean) * (1 - keep))


def _is_hidden(variable: Any) -> bool:
    return len(variable.shape) > 1 and min(_matrix(variable.shape)) > 1 and variable.shape[-2] > 1


def _matrix(shape: Any) -> tuple[int, int]:
    return int(np.prod(shape[:-1])), int(shape[-1])


def orthogonal(update: Any) -> Any:
    """Return the nearest orthogonal matrix, about as large as a step of Adam (Jordan 2024)."""
    import tensorflow as tf

    rows, columns = _matrix(update.shape)
    x = tf.reshape(update, (rows, columns))
    x = x if rows <= columns else tf.transpose(x)
    x = x / (tf.norm(x) + 1e-7)
    for _ in range(5):
        square = tf.matmul(x, x, transpose_b=True)
        x = 3.4445 * x + tf.matmul(-4.7750 * square + 2.0315 * tf.matmul(square, square), x)
    x = x if rows <= columns else tf.transpose(x)
    return tf.reshape(x, update.shape) * 0.2 * max(rows, columns) ** 0.5


def mflop(model: Any) -> float:
    """Return millions of multiply-adds of an image."""
    total = 0
    for layer in model.layers:
        kind = type(layer).__name__
        kernels = [w for w in layer.weights if len(w.shape) > 1]
        for kernel in kernels:
            places = layer.output.shape if kind != "Conv2DTranspose" else layer.input.shape
            area = int(np.prod(places[1:-1])) if len(kernel.shape) == 4 else 1
            total += area * int(np.prod(kernel.shape))
    return total / 1e6


def build(job: dict[str, Any]) -> Any:
    """Return the autoencoder, with the rebuilt image and the code as outputs."""
    import keras

    keras.config.set_dtype_policy(job["policy"])
    layers = keras.layers
    encoder, decoder = job["net"].split("|")
    x = image = keras.Input((28, 28, 1), dtype="float32")
    for word in filter(None, encoder.split(",")):
        x = _layer(word, x, job["act"])
    code = layers.Dense(LATENT)(_flat(x))
    x = code = layers.Activation("linear", name="code")(code)
    if job["znoise"]:
        x = layers.GaussianDropout(job["znoise"])(x)
    *words, head = decoder.split(",")
    for word in words:
        x = _layer(word, x, job["act"])
    return keras.Model(image, [_head(head, x), code])


def _flat(x: Any) -> Any:
    import keras

    return x if len(x.shape) == 2 else keras.layers.Flatten()(x)


def _wider(x: Any, by: int) -> Any:
    import keras

    _, h, w, c = x.shape
    x = keras.layers.Reshape((h, w, by, by, c // by**2))(x)
    x = keras.layers.Permute((1, 3, 2, 4, 5))(x)
    return keras.layers.Reshape((h * by, w * by, c // by**2))(x)


def _head(word: str, x: Any) -> Any:
    import keras

    layers, kind = keras.layers, word[:2]
    numbers = [int(n) for n in re.findall(r"\d+", word)]
    if kind == "hd":
        x = layers.Reshape((28, 28, 1))(layers.Dense(784)(_flat(x)))
    elif kind == "hc":
        x = layers.Conv2D(1, numbers[0], padding="same")(x)
    elif kind == "ht":
        by = 28 // x.shape[1]
        x = layers.Conv2DTranspose(1, numbers[0], by, padding="same")(x)
    else:
        by, kernel = numbers
        x = _wider(layers.Conv2D(by**2, kernel, padding="same")(x), by)
    return layers.Activation("sigmoid", dtype="float32")(x)


def _layer(word: str, x: Any, act: str) -> Any:  # noqa: C901
    import keras

    layers, kind = keras.layers, word[0]
    numbers = [int(n) for n in re.findall(r"\d+", word)]
    name = {"leaky": "leaky_relu"}.get(act, act)
    match kind:
        case "c":
            size, kernel, stride = (*numbers, 1)[:3]
            return layers.Conv2D(size, kernel, stride, "same", activation=name)(x)
        case "t":
            return layers.Conv2DTranspose(*numbers, 2, "same", activation=name)(x)
        case "s":
            size, kernel, stride = (*numbers, 1)[:3]
            return layers.SeparableConv2D(size, kernel, stride, "same", activation=name)(x)
        case "p":
            size, kernel = numbers
            return _wider(layers.Conv2D(4 * size, kernel, padding="same", activation=name)(x), 2)
        case "r" | "i":
            width, kernel = x.shape[-1], numbers[0] if kind == "r" else 1
            middle = width if kind == "r" else width * numbers[0]
            y = layers.Conv2D(middle, kernel, padding="same", activation=name)(x)
            return layers.Add()([x, layers.Conv2D(width, kernel, padding="same")(y)])
        case "d":
            return layers.Dense(numbers[0], activation=name)(_flat(x))
        case "m":
            y = layers.Dense(int(np.prod(numbers)), activation=name)(_flat(x))
            return layers.Reshape(numbers)(y)
        case "b":
            return layers.BatchNormalization(momentum=0.9)(x)
        case "g":
            return layers.GroupNormalization(8)(x)
        case "l":
            return layers.LayerNormalization()(x)
        case "o":
            return layers.Dropout(float(word[1:]))(x)
        case "x":
            return layers.Cropping2D(((0, 1), (0, 1)))(x)
        case "u":
            return layers.UpSampling2D()(x)
    raise SystemExit(f"unknown layer {word!r}")


if __name__ == "__main__":
    main()
