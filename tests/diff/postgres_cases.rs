//! Single features on PostgreSQL.
