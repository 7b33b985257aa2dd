import pytest

from tf_facegan.tdgan.config import Train
from tf_facegan.tdgan.schedule import Schedule


def phases(schedule):
    images = 0
    while images < schedule.total_images:
        phase = schedule.at(images)
        images += phase.images
        yield phase


def test_epochs_keep_their_last_batch_and_count_gaps_anew():
    found = list(phases(Schedule(Train(epochs=2, batch_size=4, D_gap_FR=2, D_gap_ER=3), 14)))
    assert [(p.epoch, p.step) for p in found] == [(e, s) for e in (0, 1) for s in range(4)]
    assert [p.images for p in found] == [4, 4, 4, 2] * 2
    assert [p.update_FR for p in found] == [True, False, True, False] * 2
    assert [p.update_ER for p in found] == [True, False, False, True] * 2
    assert [p.ends_epoch for p in found] == [False, False, False, True] * 2
    assert len({p.key for p in found}) == 1
    assert found[5].describe() == "epoch 2/2 step 2/4"


def test_gaps_may_be_counted_from_the_start_of_the_run():
    train = Train(epochs=2, batch_size=4, D_gap_FR=3, D_gap_ER=8, gap_counter="run")
    found = list(phases(Schedule(train, 14)))
    assert [p.update_FR for p in found] == [n % 3 == 0 for n in range(8)]
    assert [p.update_ER for p in found] == [n % 8 == 0 for n in range(8)]


def test_invariance_may_begin_later():
    found = list(phases(Schedule(Train(epochs=3, batch_size=7, invariance_start=2), 14)))
    assert [p.invariance for p in found] == [False] * 4 + [True] * 2
    assert all(p.invariance for p in phases(Schedule(Train(epochs=1), 14)))


def test_devices_share_the_last_batch_evenly():
    schedule = Schedule(Train(epochs=1, batch_size=8), 15, replicas=4)
    assert [p.images for p in phases(schedule)] == [8, 4]


def test_published_numbers_of_raf_db():
    schedule = Schedule(Train(), 12271)
    found = schedule.at(12271 - 15)
    assert schedule.steps == 384 and found.images == 15 and found.ends_epoch
    assert (schedule.at(32 * 5).update_FR, schedule.at(32 * 5).update_ER) == (True, False)


@pytest.mark.parametrize(
    "changes, count, replicas, message",
    [
        ({"gap_counter": "day"}, 9, 1, "train.gap_counter is 'day', expected one of epoch, run"),
        ({"batch_size": 6}, 9, 4, "train.batch_size is 6, a multiple of the 4 devices"),
        ({"D_gap_ER": 0}, 9, 1, "train.D_gap_ER is 0, at least 1 expected"),
        ({"invariance_start": -1}, 9, 1, "train.invariance_start is -1, at least 0 expected"),
        ({"batch_size": 4}, 3, 4, "make 3 pairs, at least one for each of the 4 devices"),
    ],
)
def test_schedules_that_cannot_be_are_refused(changes, count, replicas, message):
    with pytest.raises(ValueError, match=message):
        Schedule(Train(**changes), count, replicas)
