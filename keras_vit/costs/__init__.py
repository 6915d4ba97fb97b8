"""What a model or a run costs: operations, memory, time, hardware."""
