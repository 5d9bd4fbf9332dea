"""The reporter: hourly reports that are signed once, witnessed by verifiers, carried to the chain and published."""
