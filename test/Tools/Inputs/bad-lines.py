"""Runs a command once for each line "LINE ..." of a test, with that line as the
prompt file: bad-lines.py TEST PROMPTS COMMAND... . Prints the errors and how many
were refused with exit status 1."""
import subprocess
import sys

test, prompts, command = sys.argv[1], sys.argv[2], sys.argv[3:]
lines = [l[5:] for l in open(test) if l.startswith("LINE ")]
refused = 0
for line in lines:
    open(prompts, "w").write(line)
    result = subprocess.run(command, capture_output=True, text=True)
    refused += result.returncode == 1
    print(result.stderr, end="")
print(f"{refused} of {len(lines)} refused")
