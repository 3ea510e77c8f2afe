//! Sample plugin: an audit log, with texts for each database.
