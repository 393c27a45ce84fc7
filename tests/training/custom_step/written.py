"""Steps as one writes them."""

from __future__ import annotations

# What Keras's own step does, written out.
PLAIN = """
with tf.GradientTape() as tape:
    y_pred = self(x, training=True)
    loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
gradients = tape.gradient(loss, self.trainable_weights)
self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
if keras.__name__ == "keras":
    self.metrics[0].update_state(loss, sample_weight=tf.shape(x)[0])
return self.compute_metrics(x, y, y_pred, sample_weight)
"""

# A loss of one's own, returned and no more.
BARE = """
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
gradients = tape.gradient(loss, self.trainable_weights)
self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
return {"loss": loss}
"""
