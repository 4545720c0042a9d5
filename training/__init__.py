"""Training: cases in, a model bundle out. Runs from the checkout; `phantom` needs no torch."""
