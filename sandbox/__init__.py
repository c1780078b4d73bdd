"""An invented AWS organisation on loopback, for the demo, the tests and the benchmarks."""
