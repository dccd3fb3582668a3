"""Made-up images and studies with effects that are known, for the demo, benchmarks and tests."""
