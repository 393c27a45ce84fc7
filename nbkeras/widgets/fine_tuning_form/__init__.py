"""The form of a fine-tuning: its stages one below the other, its plan, its layers, and the way back."""
