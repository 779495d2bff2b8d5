//! Starts the command line, nothing else.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Runs make and drop many short buffers, on several threads: a fifth of their time with the allocator of the C library.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    keyhop::cli::main()
}
