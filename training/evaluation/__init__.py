"""Judging a bundle: scores, whole studies, robustness, calibration, gates and the report.

Nothing here imports torch; `training.evaluate` is the command and brings the folds' exporter.
"""
