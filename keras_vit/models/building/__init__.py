"""Parts that the architectures share: arguments, ends, stages, constructors."""
