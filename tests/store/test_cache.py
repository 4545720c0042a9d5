"""The cache keeps within its bound."""

import os
from uuid import uuid4

from opacimeter.store import Store


def test_what_was_not_looked_at_for_longest_goes_first(tmp_path):
    store = Store(tmp_path)
    studies = [uuid4() for _ in range(3)]
    for age, study in enumerate(studies):
        folder = store.files.cache(study, 1)
        (folder / "volume.npy").write_bytes(bytes(100))
        os.utime(folder, (1_000 - age, 1_000 - age))
    store.files.cache(studies[2], 1)  # used again: the newest now
    # Three of 100 bytes in 250: the oldest of the other two goes.
    store.files.trim_cache(250)
    left = [study for study in studies if any(store.files.cache(study, 1).iterdir())]
    assert left == [studies[0], studies[2]]
    store.close()


def test_the_one_in_use_stays_however_large_it_is(tmp_path):
    store = Store(tmp_path)
    study = uuid4()
    (store.files.cache(study, 1) / "volume.npy").write_bytes(bytes(100))
    store.files.trim_cache(10)
    assert any(store.files.cache(study, 1).iterdir())
    store.close()
