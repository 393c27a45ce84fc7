"""Each optimizer moves its own part only, both parts learn, and the losses are those of the two games."""

import numpy as np

from tests.recipes.watched import end, watch

OWN = [
    (
        {"x": "images", "epochs": 1, "noise": 5, "generator_rate": 0.002, "discriminator_rate": 0.003},
        """
import numpy as np
images = np.random.default_rng(2).random((40, 4, 4, 1), dtype="float32")
""",
    ),
]


def before(values, variables):
    return watch(variables, ("generator", "discriminator"))


def kept(values, variables, line):
    end()
    generator, discriminator = variables["generator"], variables["discriminator"]
    began = {id(each.optimizer): each for each in variables["before"]}
    gan, x = variables["gan"], variables[values["x"] or "x"]
    for part, optimizer, rate in (
        (generator, gan.generator_optimizer, values["generator_rate"]),
        (discriminator, gan.discriminator_optimizer, values["discriminator_rate"]),
    ):
        np.testing.assert_allclose(float(optimizer.learning_rate.numpy()), rate, rtol=1e-6)
        seen = began[id(optimizer)]
        assert seen.given == {id(w) for w in part.trainable_weights}
        assert all(not np.array_equal(seen.value(w), w.numpy()) for w in part.trainable_weights)
    assert len(variables["history"].history["generator_loss"]) == values["epochs"]
    made = gan.predict(np.zeros((3, values["noise"]), "float32"), verbose=0)
    assert made.shape == (3, *x.shape[1:])
    a_step_by_hand(values, gan, x[:10], generator, discriminator)


def a_step_by_hand(values, gan, real, generator, discriminator):
    """One step, piece by piece: same noise, same verdicts, same losses."""
    import tensorflow as tf

    def softplus(z):
        return np.log1p(np.exp(-abs(z))) + np.maximum(z, 0)

    tf.random.set_seed(5)
    noise = tf.random.normal((len(real), values["noise"]))
    on_real = discriminator(real).numpy().ravel()
    on_fake = discriminator(generator(noise)).numpy().ravel()
    true = 1 - values["smoothing"]
    by_hand = np.concatenate([softplus(on_real) - true * on_real, softplus(on_fake)]).mean()
    still = [w.numpy() for w in generator.weights]

    gan.discriminator_loss.reset_state()
    gan.generator_loss.reset_state()
    tf.random.set_seed(5)
    said = gan.train_step(tf.constant(real))
    np.testing.assert_allclose(float(said["discriminator_loss"]), by_hand, rtol=1e-4)
    # The generator's loss is about the discriminator after its step, and the generator before its own.
    tf.random.set_seed(5)
    tf.random.normal((len(real), values["noise"]))
    noise = tf.random.normal((len(real), values["noise"]))
    for weight, value in zip(generator.weights, still, strict=True):
        weight.assign(value)
    fooled = softplus(-discriminator(generator(noise)).numpy()).mean()
    np.testing.assert_allclose(float(said["generator_loss"]), fooled, rtol=1e-4)
