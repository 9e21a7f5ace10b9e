"""Penalties and their gradients against NumPy and finite differences in float64."""

import numpy as np
import pytest

from tests.contracts.objective import settings_of

COUNT, FEATURES, HIDDEN, UNITS = 4, 6, 5, 3


def slopes(function, arrays, step=1e-5):
    """Return the derivatives of function(*arrays) by every number, by central differences."""
    found = []
    for array in arrays:
        slope = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + step
            above = function(*arrays)
            array[place] = kept - step
            below = function(*arrays)
            array[place] = kept
            slope[place] = (above - below) / (2 * step)
        found.append(slope)
    return found


def gradients(function, arrays):
    """Return function(*arrays) and its derivatives as TensorFlow finds them."""
    import tensorflow as tf

    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        for tensor in tensors:
            tape.watch(tensor)
        value = function(*tensors)
    return float(value), [slope.numpy() for slope in tape.gradient(value, tensors)]


def check(function, reference, arrays):
    value, found = gradients(function, arrays)
    assert value == pytest.approx(reference(*arrays), rel=1e-6)
    for one, other in zip(found, slopes(reference, arrays), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-8)


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def factors(log_var, lower):
    """Return the Cholesky factors (n, d, d), filled entry by entry."""
    made = np.zeros((*log_var.shape, log_var.shape[1]))
    for n in range(len(log_var)):
        entries = iter(lower[n])
        for i in range(log_var.shape[1]):
            for j in range(i):
                made[n, i, j] = next(entries)
            made[n, i, i] = np.exp(log_var[n, i] / 2)
    return made


def gaussian_kl(mean, log_var, lower=None):
    """KL(N(mean, LL') || N(0, I)) by determinant and trace of the covariance."""
    total = 0.0
    lower = (
        np.zeros((len(mean), mean.shape[1] * (mean.shape[1] - 1) // 2)) if lower is None else lower
    )
    for m, factor in zip(mean, factors(log_var, lower), strict=True):
        covariance = factor @ factor.T
        total += np.trace(covariance) + m @ m - len(m) - np.linalg.slogdet(covariance)[1]
    return total / (2 * len(mean))


def test_the_divergence_of_a_diagonal_posterior_and_its_gradient_are_numpys():
    from evoae.models.objectives.variational import divergence

    arrays = [normal(0, COUNT, UNITS), normal(1, COUNT, UNITS)]
    check(lambda *posterior: divergence(posterior), gaussian_kl, arrays)


@pytest.mark.parametrize("units", [1, 2, 4])
def test_the_divergence_of_a_full_posterior_and_its_gradient_are_numpys(units):
    from evoae.models.objectives.variational import divergence

    below = units * (units - 1) // 2
    arrays = [normal(0, COUNT, units), normal(1, COUNT, units), normal(2, COUNT, below)]
    check(lambda *posterior: divergence(posterior), gaussian_kl, arrays)


@pytest.mark.parametrize("units", [1, 4])
def test_a_sampled_code_and_its_gradient_are_the_cholesky_factors(units):
    from evoae.models.objectives.variational import sample

    noise, weights = normal(3, COUNT, units), normal(4, COUNT, units)

    def reference(mean, log_var, lower):
        codes = mean + np.einsum("nij,nj->ni", factors(log_var, lower), noise)
        return np.sum(codes * weights)

    def found(*posterior):
        import tensorflow as tf

        return tf.reduce_sum(sample(posterior, tf.constant(noise)) * weights)

    below = units * (units - 1) // 2
    check(
        found,
        reference,
        [normal(0, COUNT, units), normal(1, COUNT, units), normal(2, COUNT, below)],
    )


def test_sampled_codes_have_the_covariance_of_the_posterior():
    from evoae.models.objectives.noise import NumberedNoise
    from evoae.models.objectives.variational import sample

    many = 20_000
    log_var, lower = np.float32([[0.3, -0.5, 0.1]]), np.float32([[0.7, -0.4, 0.9]])
    posterior = [np.repeat(np.float32(a), many, 0) for a in (np.zeros((1, 3)), log_var, lower)]
    noise = NumberedNoise(1, "test").normal(posterior[0], np.arange(many, dtype=np.int32))
    codes = sample([np.asarray(part) for part in posterior], noise).numpy()
    (factor,) = factors(log_var, lower)
    np.testing.assert_allclose(np.cov(codes.T), factor @ factor.T, atol=0.05)


def test_the_sparse_divergence_and_its_gradient_are_numpys():
    from evoae.models.objectives.sparse import divergence

    def reference(activity):
        odds = 0.05 * np.log(0.05 / activity) + 0.95 * np.log(0.95 / (1 - activity))
        return odds.sum()

    def found(activity):
        import tensorflow as tf

        return tf.reduce_sum(divergence(0.05, activity))

    check(found, reference, [np.array([0.02, 0.1, 0.3, 0.9])])


def test_a_unit_that_is_always_on_or_off_has_a_finite_divergence_that_pulls_it_back():
    from evoae.models.objectives.sparse import divergence

    value, (slope,) = gradients(
        lambda activity: divergence(0.05, activity)[0] + divergence(0.05, activity)[1],
        [np.array([0.0, 1.0], np.float32)],
    )
    assert np.isfinite(value)
    assert slope[0] < -1e3
    assert slope[1] > 1e3


def contractive(first, bias, second, images):
    """The squared norm of d sigmoid(tanh(x A + b) B) / dx by the chain rule, a mean over x."""
    hidden = np.tanh(images @ first + bias)
    code = 1 / (1 + np.exp(-hidden @ second))
    jacobians = np.einsum("fh,nh,hu,nu->nfu", first, 1 - hidden**2, second, code * (1 - code))
    return np.sum(jacobians**2) / len(images)


def test_the_contractive_penalty_and_its_gradient_are_numpys():
    import keras
    import tensorflow as tf

    from evoae.config.objectives import ReconstructionConfig
    from evoae.models.objectives.base import objective_for

    arrays = [normal(1, FEATURES, HIDDEN), normal(2, HIDDEN), normal(3, HIDDEN, UNITS)]
    images = normal(0, COUNT, FEATURES)
    inputs, code = keras.Input((FEATURES,)), keras.Input((UNITS,))
    hidden = keras.layers.Dense(HIDDEN, "tanh")(inputs)
    encoder = keras.Model(
        inputs, keras.layers.Dense(UNITS, "sigmoid", use_bias=False)(hidden), name="encoder"
    )
    decoder = keras.Model(code, keras.layers.Dense(FEATURES)(code), name="decoder")
    model = keras.Model(inputs, decoder(encoder(inputs)))
    encoder.set_weights(arrays)

    def gradient(config):
        objective = objective_for(config, 0, bounded=False)
        numbers = np.arange(COUNT, dtype=np.int32)
        with tf.GradientTape() as tape:
            loss = objective.loss(model, tf.constant(images, "float32"), numbers, epoch=0.0)
        weights = [weight.value for weight in encoder.trainable_variables]
        return float(loss), tape.gradient(loss, weights)

    plain, of_error = gradient(ReconstructionConfig())
    loss, of_both = gradient(settings_of(kind="contractive", contraction=0.5))
    assert (loss - plain) / 0.5 == pytest.approx(contractive(*arrays, images), rel=1e-5)
    expected = slopes(lambda *weights: contractive(*weights, images), arrays)
    for both, error, slope in zip(of_both, of_error, expected, strict=True):
        np.testing.assert_allclose((both - error) / 0.5, slope, rtol=1e-4, atol=1e-5)


ENCODERS = {
    "max pooling": lambda layers: [
        layers.Conv2D(2, 3, padding="same", activation="tanh"),
        layers.MaxPooling2D(2, padding="same"),
    ],
    "strides": lambda layers: [layers.Conv2D(3, 3, strides=2, padding="same", activation="gelu")],
    "average pooling": lambda layers: [
        layers.Conv2D(2, 3, padding="same", activation="selu"),
        layers.AveragePooling2D(2, padding="same"),
    ],
    "batch normalisation": lambda layers: [
        layers.Conv2D(2, 3, padding="same", activation="elu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
    ],
    "leaky": lambda layers: [layers.Conv2D(2, 3, activation="leaky_relu")],
}


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_contractive_penalty_of_any_encoder_agrees_with_finite_differences(kind, compiled):
    import keras
    import tensorflow as tf

    from evoae.models.objectives.contractive import jacobian_norm

    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy("float64")
    try:
        chain = [keras.Input((5, 4, 1), dtype="float64"), *ENCODERS[kind](keras.layers)]
        flat = [keras.layers.Flatten(), keras.layers.Dense(2, "sigmoid")]
        encoder = keras.Sequential([*chain, *flat], name="encoder")
    finally:
        keras.config.set_dtype_policy("float32")
    images = normal(0, 3, 5, 4, 1)
    for _ in range(3):  # moves the moving statistics away from their start
        encoder(images, training=True)
    weights = [weight.value for weight in encoder.trainable_variables]
    norm = tf.function(jacobian_norm) if compiled else jacobian_norm
    found, by_weights = norm(encoder, tf.constant(images), weights)

    def reference(*values):
        """The norm, of derivatives by differences of the encoder's output."""
        for weight, value in zip(weights, values, strict=True):
            weight.assign(value)
        total, step = 0.0, 1e-5
        for place in np.ndindex(images.shape[1:]):
            change = np.zeros(images.shape[1:])
            change[place] = step
            above, below = encoder(images + change), encoder(images - change)
            total += np.sum(((above - below) / (2 * step)) ** 2)
        return total / len(images)

    start = [weight.numpy() for weight in weights]
    assert float(found) == pytest.approx(reference(*start), rel=1e-5)
    # Along one random direction through all weights at once.
    direction = [normal(k, *value.shape) for k, value in enumerate(start)]
    step = 1e-4
    above = reference(*(v + step * d for v, d in zip(start, direction, strict=True)))
    below = reference(*(v - step * d for v, d in zip(start, direction, strict=True)))
    slope = sum(np.sum(s * d) for s, d in zip(by_weights, direction, strict=True))
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-4)
