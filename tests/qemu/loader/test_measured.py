"""Compare the model with recorded results of QEMUs for mutants of the fixture `none`."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import mappedram
from mappedram.fuzz.mutate import apply
from mappedram.io.opening import open_source
from mappedram.qemu.loader import RELEASES, Destination, verdicts
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tools.campaign.emulators import release_of
from tools.campaign.record import mutations_of, read
from tools.campaign.trial import MEMORY


def test_the_model_says_what_they_did(fixtures: Fixtures, tmp_path: Path) -> None:
    fixture, mutants = fixtures["none"], read()
    outcomes, words = Counter[str](), Counter[bool]()
    differing = []
    with mappedram.open(fixture.path) as snapshot:
        local = replace(Destination.of(snapshot, memory=MEMORY), reference=snapshot)
        for number, mutant in enumerate(mutants):
            path = copy_sparse(fixture.path, tmp_path / "mutant")
            with path.open("r+b") as stream:
                apply(stream.fileno(), mutations_of(mutant["patches"]))
            with open_source(path) as source:
                found = verdicts(source, 0, local)
            for version, did in mutant["qemu"].items():
                release = release_of(version.split("."))
                assert release in RELEASES
                verdict = found[release]
                outcomes[did["outcome"]] += 1
                if verdict.outcome != did["outcome"]:
                    differing.append((number, version, did, verdict))
                elif verdict.message and did["message"]:
                    words[
                        "".join(verdict.message[:60].split()) in "".join(did["message"].split())
                    ] += 1
    assert differing == []
    assert set(outcomes) >= {"loads", "wrong-memory", "refuses", "crashes"}
    assert words[True] > 100 * words[False]
