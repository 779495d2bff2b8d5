//! Random values of every format of keyhop, as proptest strategies: one set for tests, fuzz targets and benchmarks.
