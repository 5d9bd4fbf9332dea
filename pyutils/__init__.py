"""GPU compute as a real-world asset: meter, lease, revenue, shares and credit on chain."""
