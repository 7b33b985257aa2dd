"""How the work of writing is shared out."""

import pytest

from tf_facegan.records import places, work


@pytest.mark.parametrize("counts", [[100], [1], [40, 0, 60], [33, 33, 34]])
def test_chunks_cover_all_examples_and_shrink_towards_the_end(counts):
    chunks = list(work._chunks(range(sum(counts)), counts, size=8, parts=8))
    assert [number for chunk in chunks for number in chunk.examples] == list(range(sum(counts)))
    shards = [[chunk for chunk in chunks if chunk.shard == shard] for shard in range(len(counts))]
    for shard, count in zip(shards, counts):
        places_taken = [chunk.place + k for chunk in shard for k in range(len(chunk.examples))]
        assert places_taken == list(range(count))
    assert all(chunk.first == chunk.examples[0] for chunk in chunks)
    sizes = [len(chunk.examples) for chunk in chunks]
    assert max(sizes) <= 8 and sizes[-1] == 1


def test_the_files_have_their_place_on_the_disk_from_the_start(tmp_path):
    with open(tmp_path / "probe", "wb") as probe:
        places._reserve(probe, 1 << 20)
    if (tmp_path / "probe").stat().st_size == 0:
        pytest.skip("this file system reserves nothing")
    stream = places.Stream(None, [3, 64, 64], "float32", [-1, 1], [])
    template = places.RecordTemplate.for_arrays(stream.shape, stream.dtype)
    stream.levels.append(places.Level([tmp_path / "r06"], stream.shape, template))
    places.allocate([stream], [20])
    status = (tmp_path / "r06").stat()
    assert status.st_size == 20 * template.size
    assert status.st_blocks * 512 >= status.st_size
