"""A short storm of kill -9 over each shape; `make chaos` is the long one."""

import pytest
from chaos.storm import Options, Storm
from chaos.victims import VICTIMS


@pytest.mark.parametrize("shape", VICTIMS)
def test_a_storm_loses_nothing_and_repeats_nothing(shape, tmp_path):
    report = Storm(VICTIMS[shape](tmp_path), tmp_path, Options(seed=1, runs=60, seconds=20), print).run()
    assert not report.wrong, str(report)
    assert len(report.kills) >= 5, str(report)
