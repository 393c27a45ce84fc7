"""The wizard: a recipe's form with its code at the side, and the gallery of all of them."""
