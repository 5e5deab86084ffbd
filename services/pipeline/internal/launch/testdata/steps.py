"""Components for the tests of package launch; compiled by the real SDK."""
import functools
import sys
from typing import List, NamedTuple, Optional

from kfp import compiler, dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Model, Output

component = functools.partial(dsl.component, base_image='python:3.12', install_kfp_package=False)


@component
def make(count: int, ratio: float, word: str, flag: bool, items: list, table: dict,
         data: Output[Dataset], scores: Output[Metrics], hint: Optional[str] = None,
         named: str = 'default') -> NamedTuple('Made', [('total', int), ('text', str), ('parts', list),
                                                       ('share', float), ('yes', bool)]):
    from collections import namedtuple
    assert isinstance(count, int) and not isinstance(count, bool), repr(count)
    assert hint is None and named == 'default', (hint, named)
    # The placeholder is written in two parts: it would be replaced in this source.
    assert word == "it's {" + "{$}}-ish <&> \u00e9", repr(word)
    assert flag is True and items == [1, 'two'] and table == {'k': [1.5]}, (flag, items, table)
    with open(data.path, 'w') as f:
        f.write(word)
    data.metadata['rows'] = 3
    scores.log_metric('accuracy', 0.5)
    made = namedtuple('Made', ['total', 'text', 'parts', 'share', 'yes'])
    return made(count + 1, word.upper(), items, ratio / 2, not flag)


@component
def read(data: Input[Dataset], models: Input[List[Model]], moved: Output[Artifact]) -> str:
    import os
    moved.uri = dsl.get_uri('elsewhere')
    with open(moved.path, 'w') as f:
        f.write('moved')
    with open(data.path) as f:
        return f.read() + str(data.metadata['rows']) + os.path.basename(models[1].path)


@dsl.container_component
def shell(word: str, size: dsl.OutputPath(int), copy: Output[Artifact], hint: Optional[str] = None):
    return dsl.ContainerSpec(
        image='alpine',
        command=['sh', '-ec', 'printf %s "$1" > "$2"; printf %s ${#1} > "$3"; shift 3; printf " %s" "$@" >> "$OUT"', 'sh'],
        args=[word, copy.path, size, dsl.ConcatPlaceholder(['--word=', word]),
              dsl.IfPresentPlaceholder(input_name='hint', then=['--hint', hint], else_=['--none'])])


@dsl.pipeline(name='steps')
def steps(data: Input[Dataset], models: Input[List[Model]], word: str = 'w'):
    dsl.importer(artifact_uri='gs://bucket/data.csv', artifact_class=Dataset, metadata={'by': word})
    make(count=1, ratio=1.0, word=word, flag=True, items=[], table={})
    shell(word=f'say {word}').set_cpu_limit('500m').set_memory_request('1Gi').set_accelerator_type(
        'nvidia.com/gpu').set_accelerator_limit(2)
    read(data=data, models=models)


if __name__ == '__main__':
    compiler.Compiler().compile(steps, sys.argv[1])
