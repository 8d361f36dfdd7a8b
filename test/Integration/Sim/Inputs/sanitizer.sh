#!/bin/sh
# Plays compute-sanitizer: runs the program and ends as the tool would.
[ "$1" = --tool ] && [ "$3" = --error-exitcode ] || exit 64
tool=$2
code=$4
shift 4
"$@" || exit
errors=0
[ "${SANITIZER_FINDS:-}" = "$tool" ] && errors=3
[ "${SANITIZER_FINDS:-}" = silence ] && exit 0
case $tool in
  racecheck) echo "========= RACECHECK SUMMARY: $errors hazards displayed ($errors errors, 0 warnings)" ;;
  *) echo "========= ERROR SUMMARY: $errors errors" ;;
esac
[ $errors -eq 0 ] || exit "$code"
