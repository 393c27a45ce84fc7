"""Search for the values with which a cell trains the best model: KerasTuner with a record and a view."""
