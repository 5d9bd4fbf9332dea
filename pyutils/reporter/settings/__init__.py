"""What operators and verifiers configure, and what follows from it: folders, keys, meters, costs."""
