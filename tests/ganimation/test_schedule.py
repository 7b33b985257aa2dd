import pytest

from tf_facegan.ganimation.config import Train
from tf_facegan.ganimation.schedule import phase_at, rate_factor, steps_per_epoch


def test_published_rates():
    published = [rate_factor(epoch, Train()) for epoch in range(30)]
    assert published[:21] == [1.0] * 21
    assert published[21:23] == pytest.approx([0.9, 0.81])
    assert 1e-4 * published[29] == pytest.approx(3.874e-5, rel=1e-4)
    authors = [rate_factor(epoch, Train(lr_decay="linear")) for epoch in range(30)]
    assert authors[:21] == [1.0] * 21
    assert authors[21:] == pytest.approx([k / 10 for k in range(9, 0, -1)])
    assert rate_factor(29, Train(num_epochs=30, num_epochs_decay=30)) == 1.0


def test_generator_steps_are_counted_anew_every_epoch():
    train = Train(batch_size=4, n_critic=5)
    phases = [phase_at(4 * n, train, steps=7) for n in range(16)]
    assert [n for n, p in enumerate(phases) if p.trains_generator] == [4, 11]
    assert [(p.epoch, p.step) for p in phases[6:9]] == [(0, 6), (1, 0), (1, 1)]
    assert phases[6].key != phases[7].key == phases[13].key
    assert phases[8].describe() == "epoch 2/30 step 2/7"


def test_the_critic_may_begin_alone():
    train = Train(batch_size=4, n_critic=2, reading_epochs=1)
    phases = [phase_at(4 * n, train, steps=4) for n in range(12)]
    assert [n for n, p in enumerate(phases) if p.reads_only] == [0, 1, 2, 3]
    assert [n for n, p in enumerate(phases) if p.trains_generator] == [5, 7, 9, 11]
    with pytest.raises(ValueError, match="train.reading_epochs is 3, expected 0 or more and less"):
        steps_per_epoch(Train(reading_epochs=3, num_epochs=3), 1000)


def test_rates_and_ticks():
    train = Train(g_lr=2e-4, d_lr=1e-4, num_epochs_decay=1, sample_step=50)
    phase = phase_at(2 * 16 * 10, train, steps=10)
    assert (phase.g_lr, phase.d_lr) == pytest.approx((1.8e-4, 0.9e-4))
    assert phase.scalars() == {"epoch": 2, "g_lr": phase.g_lr, "d_lr": phase.d_lr}
    assert phase.images == 16 and phase.tick_kimg == 0.8
    assert train.network_snapshot_ticks == 20 and Train().network_snapshot_ticks == 5


def test_schedules_without_a_generator_step_are_refused():
    assert steps_per_epoch(Train(batch_size=16), 95) == 5
    message = "train.batch_size=16 makes 4 steps an epoch of 79 images: at least train.n_critic=5"
    with pytest.raises(ValueError, match=message):
        steps_per_epoch(Train(batch_size=16), 79)
    with pytest.raises(ValueError, match="'cosine', expected one of multiply, linear"):
        steps_per_epoch(Train(lr_decay="cosine"), 1000)
