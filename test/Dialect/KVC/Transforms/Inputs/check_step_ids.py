"""Every id of a missed remark of kvc-introduce-cache has a row in docs/step.md,
and no other.

usage: check_step_ids.py SOURCE_ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
text = (root / "lib/Dialect/KVC/Transforms/IntroduceCache.cpp").read_text()
given = set(re.findall(r'(?:refuse|missed)\(\s*"([a-z-]+)"', text))
page = (root / "docs/step.md").read_text()
explained = set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M))
for name in sorted(given ^ explained):
    print(f"{name}: expected in both the pass and docs/step.md")
print(f"{len(given)} ids, {'all explained' if given == explained else 'not all explained'}")
sys.exit(given != explained or len(given) < 8)
