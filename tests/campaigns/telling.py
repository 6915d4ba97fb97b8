"""What all campaigns share: their arguments, and the lines that they print."""

import argparse
import collections
import sys


def main(title, text, count, run, work=None):
    """Runs a campaign as a script: prints a line of all, exits with 1 if any is lost.

    Args:
        title: String, what the line begins with.
        text: String, the docstring of the script.
        count: Integer, how many cases are tried by default.
        run: Function of `count`, `seed`, `only` and `show` that returns
            `{"held" or "lost": number}` and lines.
        work: Function that judges the cases that come on stdin, in a process of its
            own, or `None`.
    """
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="a pattern of the cases to try")
    parser.add_argument("--show", action="store_true", help="print every verdict")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return work()
    outcome, _ = run(args.count, args.seed, args.only, args.show)
    held, lost = outcome["held"], outcome["lost"]
    print(f"{title}: {held + lost} tried, {held} held, {lost} lost (seed {args.seed})")
    sys.exit(1 if lost else 0)


def tell(cases, show=False):
    """Tries cases: pairs of a name and a function that returns what fell short."""
    outcome, lines = collections.Counter(), []
    for name, case in cases:
        short = case()
        outcome["lost" if short else "held"] += 1
        if short:
            lines.append(f"lost: {name}: {short}")
        if short or show:
            print(lines[-1] if short else f"held: {name}", flush=True)
    return outcome, lines
