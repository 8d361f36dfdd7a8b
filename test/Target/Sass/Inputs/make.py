"""Prints a kernel whose body is the standard input: one instruction or label a
line; addresses and the frame are added."""
import sys
print("\t.target\tsm_90a\n\t.section\t.text.k,\"ax\",@progbits\nk:\n.text.k:")
address = 0
for line in sys.stdin.read().splitlines():
    line = line.strip()
    if line.endswith(":") or not line:
        print(line)
        continue
    print(f"        /*{address:04x}*/                   {line}")
    address += 16
