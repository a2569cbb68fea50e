#!/usr/bin/env bash
# Installs what tests need, builds, runs every test and ends with one line `N passed, N failed`:
#   tests/run.sh                    everything; as root or with sudo the first time
#   tests/run.sh --quick            the rules of the source, the dev build, its unit tests, black-box smoke tests
#   tests/run.sh --changed [BASE]   what the files ask for by which the tree differs from BASE (from main)
#   tests/run.sh --only STEP        one step, may be given several times
#   tests/run.sh --list             the steps, and what each does
# Each step writes build/logs/STEP.log. A step that fails stops none of the others.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/scripts/counts.sh
source "$repo/tests/scripts/counts.sh"
steps_dir=$repo/tests/scripts/steps
logs=$repo/build/logs
# Cheap and telling steps first; those that need other steps' builds after them.
steps=(packages format source sdk tidy models release documents bench cost
  metrics browser hardening installed systemd container asan tsan fuzz)
# For --quick, --changed and --only: the sanitizer builds of a whole run do the same tests and more.
developer_steps=(dev debug)

usage() { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

# The second line of each step's file says what it does.
list_steps() {
  local step
  for step in "${steps[@]}" "${developer_steps[@]}"; do
    printf '%-10s %s\n' "$step" "$(sed -n '2s/^# *//p' "$steps_dir/$step.sh")"
  done
}

# take_changed [BASE]: the steps, in their usual order, and the parts of the step dev.
take_changed() {
  local key values base='' parts='' count=0 wanted=' ' step
  local plan
  plan=$("$repo/tests/scripts/selection/changes.py" "$@") || exit 2
  while read -r key values; do
    case $key in
      base) base=$values ;;
      changed) count=$values ;;
      steps) wanted=" $values " ;;
      parts) parts=$values ;;
    esac
  done <<<"$plan"
  for step in source format dev "${steps[@]}" debug; do
    [[ $wanted != *" $step "* ]] || {
      only+=("$step")
      wanted=${wanted/" $step "/ }
    }
  done
  printf '%d files differ from %.10s: %s%s\n' "$count" "$base" "${only[*]:-nothing to run}" "${parts:+ ($parts)}"
  ((${#only[@]} > 0)) || exit 0
  export SLUICE_PRESET=dev SLUICE_PARTS=$parts SLUICE_BASE=$base
}

parse_arguments() {
  local only=()
  while (($# > 0)); do
    case $1 in
      --quick)
        only=(source dev)
        export SLUICE_PRESET=dev
        ;;
      --changed)
        if [[ ${2:-} == [!-]* ]]; then
          take_changed "$2"
          shift
        else
          take_changed
        fi
        ;;
      --only)
        [[ -x $steps_dir/${2:-}.sh ]] || {
          echo "no step '${2:-}'; there are: ${steps[*]}" >&2
          exit 2
        }
        only+=("$2")
        shift
        ;;
      --list)
        list_steps
        exit 0
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        exit 2
        ;;
    esac
    shift
  done
  ((${#only[@]} == 0)) || steps=("${only[@]}")
}

run_step() {
  local step=$1 counts=$logs/$1.counts log=$logs/$1.log code=0 began=$SECONDS
  : >"$counts"
  printf '%-10s ' "$step"
  # With job control the step has a process group of its own, which an interrupt can end as
  # a whole, and its programs do not start with SIGINT ignored.
  set -m
  SLUICE_COUNTS=$counts SLUICE_STEPS=${steps[*]} "$steps_dir/$step.sh" >"$log" 2>&1 </dev/null {lock}>&- &
  current=$!
  set +m
  wait "$current" || code=$?
  current=
  # A step that died before it could say what failed.
  if ((code != 0)) && (($(counted failed "$counts") == 0)); then
    echo "failed 1" >>"$counts"
    echo "FAILED: the step ended with exit code $code" >>"$log"
  fi
  printf '%s (%d s)\n' "$(closing_line "$counts")" "$((SECONDS - began))"
  sed -nE 's/^(skipped: |unsteady, )/           \1/p' "$log"
  if (($(counted failed "$counts") > 0)); then
    # Failures and their reasons come first: an excerpt of the output often is its beginning.
    grep -hE '^FAILED: |VIOLATION|^(FAIL|ERROR): |: ERROR: |SUMMARY: .*Sanitizer' "$log" | cut -c 1-300 |
      head -n 20 | sed 's/^/           /' || true
    printf -- '----- the end of %s\n' "${log#"$repo"/}"
    tail -n 40 "$log"
    printf -- '-----\n'
  fi
}

# Beside the closing line: an excerpt of a long output often is its end.
name_failures() {
  local step names
  for step in "${steps[@]}"; do
    [[ -s $logs/$step.counts && -s $logs/$step.log ]] || continue
    (($(counted failed "$logs/$step.counts") > 0)) || continue
    names=$(grep -hE '^FAILED: |^--- [a-z_0-9]+\.[A-Za-z_0-9.]+$|^(FAIL|ERROR): |^TEST CASE: |SUMMARY: .*Sanitizer' \
      "$logs/$step.log" | cut -c 1-200 | head -n 20) || true
    printf 'failed in %s:\n%s\n' "$step" "$names"
  done
}

finish() {
  trap - EXIT INT TERM
  [[ -z ${current:-} ]] || {
    kill -TERM -- "-$current" 2>/dev/null || true
    wait "$current" || true
    echo "failed 1" >>"$logs/interrupted.counts"
    echo "interrupted${signal:+ by SIG$signal}"
  }
  local ran=("$logs"/*.counts)
  name_failures
  closing_line "${ran[@]}"
  echo
  (($(counted failed "${ran[@]}") == 0 && $(counted passed "${ran[@]}") > 0)) || exit 1
}

parse_arguments "$@"
mkdir -p "$logs"
# Two runs in one tree would build, log and count over each other.
exec {lock}>"$logs/lock"
flock --nonblock "$lock" || {
  echo "another tests/run.sh is at work in this tree" >&2
  exit 2
}
rm -f "$logs"/*.counts
current=''
signal=''
trap finish EXIT
trap 'signal=INT; exit 130' INT
trap 'signal=TERM; exit 143' TERM
for step in "${steps[@]}"; do run_step "$step"; done
