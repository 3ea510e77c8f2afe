#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| db_migrations_fuzz::lock_edit(data));
