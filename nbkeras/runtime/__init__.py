"""Where this code runs: the Keras line, the front end, the hardware; and how nbkeras refuses."""
