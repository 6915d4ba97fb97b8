"""What the architectures share: arguments, input and head, stages, constructors."""
