"""The mirrors alone, against what DESIGN promises and, where they are thin, against Solidity itself."""
