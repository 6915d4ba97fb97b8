"""What features know: few-shot, linear and neighbour probes."""
