"""The soak's judgement: growth is found, noise and warming up are not taken for it."""

from bench.load.soak import Sample, judge


def samples(memory: list[float], descriptors: list[int] | None = None) -> list[Sample]:
    opened = descriptors or [40] * len(memory)
    return [
        Sample(5.0 * number, int(megabytes * 1e6), count)
        for number, (megabytes, count) in enumerate(zip(memory, opened, strict=True), 1)
    ]


def met(found: list[Sample]) -> list[bool]:
    return [target.is_met for target in judge(found)]


def test_what_stays_is_no_growth() -> None:
    assert met(samples([90.0, 91.5] * 60)) == [True, True]


def test_steady_growth_of_memory_is_found() -> None:
    assert met(samples([90 + 0.25 * number for number in range(120)])) == [False, True]


def test_steady_growth_of_descriptors_is_found() -> None:
    assert met(samples([90.0] * 120, [40 + number // 10 for number in range(120)])) == [True, False]


def test_warming_up_does_not_count() -> None:
    assert met(samples([50 + 2.0 * min(number, 20) for number in range(120)])) == [True, True]


def test_one_large_sample_decides_nothing() -> None:
    memory = [90.0] * 120
    memory[-10] = 140.0

    assert met(samples(memory)) == [True, True]
