"""Fine-tuning in stages: what each trains, one run over all, and the way back."""
