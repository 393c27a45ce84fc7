"""What the benchmarks run inside a kernel, or in a process of its own."""
