"""What happens to one ``fit``: options, arming, callbacks, the plain code that does the same."""
