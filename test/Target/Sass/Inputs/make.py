"""Prints a kernel, k or as the argument says, whose body is the standard input:
one instruction or label a line; addresses and the frame are added."""
import sys
name = sys.argv[1] if len(sys.argv) > 1 else "k"
print(f"\t.target\tsm_90a\n\t.section\t.text.{name},\"ax\",@progbits\n{name}:\n.text.{name}:")
address = 0
for line in sys.stdin.read().splitlines():
    line = line.strip()
    if line.endswith(":") or not line:
        print(line)
        continue
    print(f"        /*{address:04x}*/                   {line}")
    address += 16
