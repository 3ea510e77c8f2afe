//! The command line: parse, run, exit. Everything else is in the library.

fn main() -> std::process::ExitCode {
    db_migrations::cli::main()
}
