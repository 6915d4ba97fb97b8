"""What campaigns of commands share: their arguments, and the lines that they print."""

import argparse
import collections


def arguments(text, count):
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="a word of the cases to try")
    parser.add_argument("--show", action="store_true", help="print every verdict")
    return parser.parse_args()


def tell(title, cases, show=False, seed=0):
    """Tries cases: pairs of a name and a function that returns what fell short."""
    outcome, lines = collections.Counter(), []
    for name, case in cases:
        short = case()
        outcome["lost" if short else "held"] += 1
        if short:
            lines.append(f"lost: {name}: {short}")
        if short or show:
            print(lines[-1] if short else f"held: {name}", flush=True)
    held, lost = outcome["held"], outcome["lost"]
    print(f"{title}: {held + lost} tried, {held} held, {lost} lost (seed {seed})")
    return outcome, lines
