#!/usr/bin/env python3
"""Instructions of each kind of answer, counted by valgrind's callgrind, against the committed table.

    tests/bench/instructions.py BUILD            prints the table; fails where a kind grew by more than 5%, or its answers changed
    tests/bench/instructions.py BUILD --write    writes it

The count is of the pipeline alone (tests/bench/answer_path.cpp): from a packet to its answer, no sockets, no kernel. It
is the same each time for the same program, so it can be compared where seconds cannot.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TABLE = Path(__file__).with_name('instructions.tsv')
ROUNDS = (2, 12)
NAMES = 512  # kNames
MAY_GROW = 1.05


def count(program, workload, rounds):
    run = subprocess.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', program, workload, str(rounds)],
                         capture_output=True, text=True, check=True, env={**os.environ, 'GLIBC_TUNABLES': ''})
    return int(re.search(r'Collected : (\d+)', run.stderr)[1]), int(run.stdout)


def per_answer(program, workload):
    (few, _), (many, octets) = (count(program, workload, rounds) for rounds in ROUNDS)
    return round((many - few) / ((ROUNDS[1] - ROUNDS[0]) * NAMES)), octets


def main():
    if not shutil.which('valgrind'):
        print('skipped: there is no valgrind')
        sys.exit(77)
    program = Path(sys.argv[1]) / 'tests/bench/answer_path'
    workloads = subprocess.run([program, 'list'], capture_output=True, text=True, check=True).stdout.split()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(workloads, pool.map(lambda workload: per_answer(program, workload), workloads)))
    if '--write' in sys.argv:
        TABLE.write_text('# kind of answer, instructions and octets each (tests/bench/instructions.py --write)\n'
                         + ''.join(f'{workload}\t{counts[workload][0]}\t{counts[workload][1]}\n' for workload in workloads))
    known = {workload: (int(most), int(octets)) for workload, most, octets in
             (line.split('\t') for line in TABLE.read_text().splitlines() if not line.startswith('#'))}
    grown = [w for w in workloads if counts[w][0] > MAY_GROW * known.get(w, (0, 0))[0]]
    others = [w for w in workloads if counts[w][1] != known.get(w, (0, 0))[1]]
    for workload in workloads:
        print(f'{workload:24} {counts[workload][0]:6} instructions an answer, {known.get(workload, (0, 0))[0]} in the table')
    for workload in others:
        print(f'{workload} has other answers than when the table was written: {counts[workload][1]} octets', file=sys.stderr)
    for workload in grown:
        print(f'{workload} grew by more than 5%: make it smaller, or write the table anew and say why', file=sys.stderr)
    sys.exit(1 if grown or others else 0)


if __name__ == '__main__':
    main()
