"""What `nbkeras.lr_find` and `nbkeras.batch_size_find` show."""
