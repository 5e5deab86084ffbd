"""A short storm of kill -9 over each shape; `make chaos` is the long one."""

import pytest
from chaos.storm import Options, Storm
from chaos.victims import VICTIMS


@pytest.mark.parametrize("shape", VICTIMS)
def test_a_storm_loses_nothing_and_repeats_nothing(shape, tmp_path):
    runs = 0 if VICTIMS[shape].loses else 60
    options = Options(seed=1, runs=runs, seconds=20, jobs=8)
    report = Storm(VICTIMS[shape](tmp_path), tmp_path, options, print).run()
    assert not report.wrong, str(report)
    assert len(report.kills) >= (3 if VICTIMS[shape].loses else 5), str(report)
