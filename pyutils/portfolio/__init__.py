"""What an account has, what it earned and why: read from one block of the chain and the events before it."""
