"""Train the networks in ``polyrelu/examples`` from data that comes with scikit-learn.

Run ``python benchmarks/train_examples.py`` from the root of the repository (some seconds). Seeds are
fixed, but another version of scikit-learn or of BLAS may round differently and give other weights; the
counts in the tests belong to the committed files.

moons
    Two interleaved half circles, ``make_moons(1000, noise=0.15)``. 2-16-16-1, the logit of class 1.
digits
    The 1797 images of 8 x 8 pixels of ``load_digits``, divided by 16. 64-32-16-10, ten logits.
swiss_roll
    A rolled-up sheet in space, ``make_swiss_roll(1500, noise=0.3)``, its coordinates divided by 16; how far along
    the roll a point lies, divided by 10. 3-16-16-1.
digits_sample
    Twenty test images of the digits, two of each class, as uint8 from 0 to 16; divide them by 16.

Weights are rounded to float32; the accuracies printed are those of the rounded networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, make_moons, make_swiss_roll
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

import polyrelu as pr

FOLDER = Path(__file__).parent.parent / "polyrelu" / "examples"


def rounded(model: Any) -> pr.ReluNetwork:
    weights = [w.T.astype(np.float32) for w in model.coefs_]
    return pr.ReluNetwork(weights, [b.astype(np.float32) for b in model.intercepts_])


def write(name: str, model: Any) -> pr.ReluNetwork:
    net = rounded(model)
    pr.save(net, FOLDER / f"{name}.npz")
    print(f"{name}: {net}, {(FOLDER / f'{name}.npz').stat().st_size} bytes")
    return net


def moons() -> None:
    X, y = make_moons(1000, noise=0.15, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
    model = MLPClassifier(hidden_layer_sizes=(16, 16), solver="lbfgs", alpha=0.1, max_iter=500, random_state=2)
    net = write("moons", model.fit(X_train, y_train))
    print("  test accuracy", np.mean((net(X_test)[:, 0] > 0) == y_test))


def digits() -> None:
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    model = MLPClassifier(
        hidden_layer_sizes=(32, 16), alpha=0.01, learning_rate_init=0.003, max_iter=400, random_state=0
    )
    net = write("digits", model.fit(X_train / 16, y_train))
    right = net(X_test / 16).argmax(axis=1) == y_test
    print("  test accuracy", right.mean())
    chosen = np.concatenate([np.flatnonzero(y_test == k)[:2] for k in range(10)])
    images, labels = X_test[chosen].astype(np.uint8), y_test[chosen].astype(np.uint8)
    np.savez(FOLDER / "digits_sample.npz", images=images, labels=labels)
    print("  sample right", right[chosen].sum(), "of 20")


def swiss_roll() -> None:
    X, y = make_swiss_roll(1500, noise=0.3, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y / 10, test_size=0.3, random_state=0)
    model = MLPRegressor(hidden_layer_sizes=(16, 16), solver="lbfgs", alpha=0.0001, max_iter=2000, random_state=0)
    net = write("swiss_roll", model.fit(X_train, y_train))
    residual = net(X_test)[:, 0] - y_test
    print("  test R^2", 1 - residual @ residual / np.sum((y_test - y_test.mean()) ** 2))


if __name__ == "__main__":
    moons()
    digits()
    swiss_roll()
