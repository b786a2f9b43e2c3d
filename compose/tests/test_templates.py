"""What the templates of compose say of the router's directory."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_only_the_routers_block_of_our_templates_mounts_all_of_its_directory() -> None:
    whole: list[str] = []
    for file in (*ROOT.glob("compose/docker-compose.yaml"), *ROOT.glob("compose/multi-node/several*.yaml")):
        block = ""
        for line in file.read_text().splitlines():
            if re.fullmatch(r"(  )?[\w-]+:.*", line):
                block = line.strip().partition(":")[0]
            if re.search(r"\./\.crossbar/?:", line):
                whole.append(block)
    assert whole == ["sisock-crossbar"]
