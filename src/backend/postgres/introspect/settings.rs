//! The settings on which the texts of definitions depend, for the length of one message.
//!
//! They are set for the transaction only, and what was there is kept beside them on the server, in
//! settings of our own that end with the transaction, too.

/// Setting and value, as rows. The search path is as good as empty, which makes every name
/// fully qualified, but temporary tables come last in it and cannot hide a catalogue. The others
/// shape how constants and identifiers are written; compiling such queries costs more than it saves.
macro_rules! settings {
    () => {
        "(VALUES ('search_path', 'pg_catalog, pg_temp'), ('quote_all_identifiers', 'off'), ('standard_conforming_strings', 'on'), \
         ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('TimeZone', 'UTC'), \
         ('bytea_output', 'hex'), ('extra_float_digits', '1'), ('lc_monetary', 'C'), ('jit', 'off'), ('statement_timeout', '0')) \
         AS s (name, value)"
    };
}

/// Keeps the values.
pub(super) const SAVE: &str = concat!(
    "SELECT pg_catalog.set_config('db_migrations.' || s.name, pg_catalog.current_setting(s.name), true) FROM ",
    settings!()
);

/// Sets ours.
pub(super) const SET: &str =
    concat!("SELECT pg_catalog.set_config(s.name, s.value, true) FROM ", settings!());

/// Puts the kept ones back.
pub(super) const RESTORE: &str = concat!(
    "SELECT pg_catalog.set_config(s.name, pg_catalog.current_setting('db_migrations.' || s.name), true) FROM ",
    settings!()
);
