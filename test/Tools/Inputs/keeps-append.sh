#!/bin/sh
# Exits 1 while the file still has the op that the bug needs.
if grep -q kvc.append "$1"; then exit 1; else exit 0; fi
