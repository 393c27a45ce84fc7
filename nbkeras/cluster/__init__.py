"""Workers on this machine and others: Jupyter kernels that train one model together by tf.distribute."""
